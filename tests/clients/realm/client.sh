# shellcheck shell=bash
# Signs with openssl and sends with curl.
timestamp=$(date +%s)
signature=$({ printf '%s\n%s\n%s\n' "$METHOD" "${TARGET%%\?*}" "$timestamp"; cat "$BODY"; } |
  openssl dgst -sha256 -mac HMAC -macopt "key:$SECRET" -binary | openssl base64 -A)
body=()
[ -s "$BODY" ] && body=(--data-binary "@$BODY")
curl -sS --path-as-is -D "$HEAD" -o "$CONTENT" -X "$METHOD" "$URL$TARGET" \
  -H "X-API-Key: $KEY" -H "X-Timestamp: $timestamp" -H "X-Signature: $signature" "${body[@]}"
