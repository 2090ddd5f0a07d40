# shellcheck shell=bash
# What PHP's curl does with CURLOPT_POSTFIELDS and a JSON text: the content type is that of a form.
timestamp=$(date +%s)
signature=$(printf '%s%s%s' "$KEY" "$SECRET" "$timestamp" | openssl md5 -r | cut -d' ' -f1)
json="{\"apiKey\":\"$KEY\",\"timestamp\":$timestamp,\"signature\":\"$signature\",${CALL#\{}"
curl -sS -D "$HEAD" -o "$CONTENT" --data "$json" "$URL"
