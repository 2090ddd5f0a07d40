#!/usr/bin/env python3
"""Makes the vectors of the dialects `realm` and `pitchprint`: requests as clients send them, signed here and not by the
code that they test, each with the string to sign, the signature and the verdict.

Usage: python3 dialects/vectors.py        (standard library only; writes dialects/*/vectors)
"""

import base64
import hashlib
import hmac
import pathlib
import shutil

HERE = pathlib.Path(__file__).resolve().parent
NOW = 1795262400  # 2026-11-21T12:00:00Z


def message(method, target, headers, body=b""):
    lines = [f"{method} {target} HTTP/1.1"] + [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def write(dialect, case, request, verdict, signed=None, signature=None):
    folder = HERE / dialect / "vectors" / case
    folder.mkdir(parents=True)
    (folder / "request.http").write_bytes(request)
    if signed is not None:
        (folder / "string-to-sign").write_bytes(signed)
        (folder / "signature").write_text(signature)
    lines = []
    for key, value in verdict.items():
        lines.append(f'{key} = {value}' if isinstance(value, int) else f'{key} = "{value}"')
    (folder / "verdict.toml").write_text("\n".join(lines) + "\n")


# --- realm -------------------------------------------------------------------------------------------------------------

KEY, SECRET = "rk_live_example", "sk_example_Zürich"


def realm_sign(method, path, timestamp, body, secret=SECRET):
    signed = f"{method}\n{path}\n{timestamp}\n".encode() + body
    mac = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return signed, mac


def realm(case, expect, *, method="POST", target="/v1/marketplace/listings", body=b'{"title":"Lamp","price":12}',
          at=NOW, now=NOW * 1000 + 123, headers=None, sent=None, part=None, key=KEY, secret=SECRET, written=None,
          checkpoints=True):
    """`sent` changes what goes out after signing: a dict with method, target, body or timestamp."""
    timestamp = str(at)
    signed, mac = realm_sign(method, target.split("?", 1)[0], timestamp, body, secret)
    text = base64.b64encode(mac).decode()
    sent = dict({"method": method, "target": target, "body": body, "timestamp": timestamp}, **(sent or {}))
    written = written(mac) if written else text
    if headers is None:
        headers = lambda sig, ts: [("X-API-Key", key), ("X-Timestamp", ts), ("X-Signature", sig)]
    lines = [("Host", "api.realm.example"), ("Content-Length", str(len(sent["body"])))]
    lines += headers(written, sent["timestamp"])
    verdict = {"now_ms": now, "key_id": KEY, "secret": SECRET, "expect": expect}
    if part:
        verdict["part"] = part
    request = message(sent["method"], sent["target"], lines, sent["body"])
    if checkpoints:
        # What the verifier must come to: the string and signature of what was received.
        received = realm_sign(sent["method"], sent["target"].split("?", 1)[0], sent["timestamp"], sent["body"])
        write("realm", case, request, verdict, received[0], base64.b64encode(received[1]).decode())
    else:
        write("realm", case, request, verdict)


def realm_all():
    realm("accepted-post", "accepted")
    realm("accepted-get-without-body", "accepted", method="GET", target="/v1/marketplace/listings/7", body=b"")
    realm("accepted-query-is-not-signed", "accepted", target="/v1/marketplace/listings?draft=1&q=a%20b")
    realm("accepted-query-changed-after-signing", "accepted", target="/v1/marketplace/listings?draft=1",
          sent={"target": "/v1/marketplace/listings?draft=0"})
    realm("accepted-binary-body", "accepted", body=bytes(range(256)) * 3)
    realm("accepted-body-with-line-ends", "accepted", body=b"a\r\nb\n\n\0")
    realm("accepted-path-as-sent", "accepted", target="/v1//a%2Fb/../%C3%BC%zz;x=1/")
    realm("accepted-question-mark-twice", "accepted", target="/v1/a?b?c")
    realm("accepted-unusual-method", "accepted", method="PURGE")
    realm("accepted-as-old-as-may-be", "accepted", at=NOW - 300, now=NOW * 1000 + 999)
    realm("accepted-as-early-as-may-be", "accepted", at=NOW + 300, now=NOW * 1000)
    realm("accepted-header-names-in-any-case", "accepted",
          headers=lambda sig, ts: [("x-api-key", KEY), ("X-TIMESTAMP", ts), ("x-SIGNATURE", sig)])

    realm("late-by-one-second", "late", at=NOW - 301, now=NOW * 1000)
    realm("early-by-one-second", "early", at=NOW + 301, now=NOW * 1000 + 999)
    realm("late-milliseconds-for-seconds", "malformed", part="timestamp", at=NOW * 1000, checkpoints=False)

    realm("mismatch-body-changed", "mismatch", sent={"body": b'{"title":"Lamp","price":13}'})
    realm("mismatch-body-missing", "mismatch", sent={"body": b""})
    realm("mismatch-body-with-a-line-end", "mismatch", sent={"body": b'{"title":"Lamp","price":12}\n'})
    realm("mismatch-path-changed", "mismatch", sent={"target": "/v1/marketplace/listing5"})
    realm("mismatch-path-decoded", "mismatch", target="/v1/a%2Fb", sent={"target": "/v1/a/b"})
    realm("mismatch-path-with-slash", "mismatch", sent={"target": "/v1/marketplace/listings/"})
    realm("mismatch-method-changed", "mismatch", sent={"method": "PUT"})
    realm("mismatch-method-in-lower-case", "mismatch", sent={"method": "post"})
    realm("mismatch-timestamp-changed", "mismatch", sent={"timestamp": str(NOW + 1)})
    realm("mismatch-other-secret", "mismatch", secret="sk_example_Zurich")
    realm("mismatch-line-ends-moved", "mismatch", target="/v1/a", body=b"x", sent={"target": "/v1/a%0A"})

    realm("mismatch-hex-for-base64", "mismatch", written=lambda mac: mac.hex())
    realm("mismatch-without-padding", "mismatch", written=lambda mac: base64.b64encode(mac).decode().rstrip("="))
    realm("mismatch-base64-of-other-bits", "mismatch",
          written=lambda mac: (lambda t: t[:-2] + chr(ord(t[-2]) + 1) + "=")(base64.b64encode(mac).decode()))
    realm("mismatch-base64url", "mismatch", written=lambda mac: "-_" + base64.b64encode(mac).decode()[2:])
    realm("mismatch-cut-short", "mismatch", written=lambda mac: base64.b64encode(mac[:30]).decode())
    realm("mismatch-too-long", "mismatch", written=lambda mac: base64.b64encode(mac + b"\0").decode())
    realm("mismatch-very-long", "mismatch", written=lambda mac: "A" * 4096)
    realm("mismatch-one-bit", "mismatch",
          written=lambda mac: base64.b64encode(mac[:-1] + bytes([mac[-1] ^ 1])).decode())
    realm("mismatch-blank-inside", "mismatch", written=lambda mac: base64.b64encode(mac).decode().replace("=", " ="))

    name = "refused-timestamp-"
    for case, shape in [("with-sign", f"+{NOW}"), ("negative", f"-{NOW}"), ("fraction", f"{NOW}.0"),
                        ("exponent", "1.7952624e9"), ("leading-zero", f"0{NOW}"), ("hex", hex(NOW)),
                        ("iso", "2026-11-21T12:00:00Z"), ("blank-inside", f"{NOW} 0"), ("too-many-digits", "9" * 40),
                        ("word", "now")]:
        realm(name + case, "malformed", part="timestamp", sent={"timestamp": shape}, checkpoints=False)

    both = lambda a, b: lambda sig, ts: [("X-API-Key", KEY), ("X-Timestamp", ts), ("X-Signature", sig), (a, b)]
    realm("refused-key-twice", "malformed", part="key_id", headers=both("X-API-Key", KEY), checkpoints=False)
    realm("refused-timestamp-twice", "malformed", part="timestamp", headers=both("x-timestamp", str(NOW)),
          checkpoints=False)
    realm("refused-signature-twice", "malformed", part="signature", headers=both("X-Signature", "AAAA"),
          checkpoints=False)
    realm("refused-key-not-utf8", "malformed", part="key_id", checkpoints=False,
          headers=lambda sig, ts: [("X-API-Key", "\xff\xfe"), ("X-Timestamp", ts), ("X-Signature", sig)])

    realm("incomplete-without-timestamp", "incomplete", part="timestamp", checkpoints=False,
          headers=lambda sig, ts: [("X-API-Key", KEY), ("X-Signature", sig)])
    realm("incomplete-without-signature", "incomplete", part="signature", checkpoints=False,
          headers=lambda sig, ts: [("X-API-Key", KEY), ("X-Timestamp", ts)])
    realm("incomplete-without-key", "incomplete", part="key_id", checkpoints=False,
          headers=lambda sig, ts: [("X-Timestamp", ts), ("X-Signature", sig)])
    realm("incomplete-signature-empty", "incomplete", part="signature", checkpoints=False,
          headers=lambda sig, ts: [("X-API-Key", KEY), ("X-Timestamp", ts), ("X-Signature", "")])
    realm("only-key-id", "only-key-id", method="GET", target="/v1/user/profile", body=b"", checkpoints=False,
          headers=lambda sig, ts: [("X-API-Key", KEY)])
    realm("not-presented", "not-presented", method="GET", body=b"", checkpoints=False, headers=lambda sig, ts: [])


# --- pitchprint --------------------------------------------------------------------------------------------------------

PKEY, PSECRET = "f80b84b4eb5cc81a140cb90f52e824f6", "7e2ed4a01d5ba0e3ed4b6b2a4f9c1d77"


def pitchprint(case, expect, body=None, *, at=NOW, now=NOW * 1000 + 500, method="POST", target="/runtime/fetch-project",
               content_type="application/json", part=None, secret=PSECRET, checkpoints=True, text=None):
    """`body` is made from the key, the timestamp and the signature by a function, or is bytes."""
    timestamp = str(at) if text is None else text
    signed = (PKEY + secret + timestamp).encode()
    digest = hashlib.md5(signed).hexdigest()
    fill = lambda made: made(PKEY, timestamp, digest) if callable(made) else made
    made = fill(body if body is not None else json_body)
    made = made.encode() if isinstance(made, str) else made
    lines = [("Host", "api.pitchprint.example"), ("Content-Length", str(len(made)))]
    if content_type:
        lines.append(("Content-Type", content_type))
    verdict = {"now_ms": now, "key_id": PKEY, "secret": PSECRET, "expect": expect}
    if part:
        verdict["part"] = part
    request = message(method, fill(target), lines, made)
    if checkpoints:
        signed = (PKEY + PSECRET + timestamp).encode()
        write("pitchprint", case, request, verdict, signed, hashlib.md5(signed).hexdigest())
    else:
        write("pitchprint", case, request, verdict)


def json_body(key, timestamp, signature):
    return f'{{"apiKey":"{key}","timestamp":{timestamp},"signature":"{signature}","projectId":"a1"}}'


def json_string(key, timestamp, signature):
    return f'{{"apiKey": "{key}", "timestamp": "{timestamp}", "signature": "{signature}"}}'


def form(key, timestamp, signature):
    return f"apiKey={key}&timestamp={timestamp}&signature={signature}&projectId=a+1"


def pitchprint_all():
    pitchprint("accepted-number", "accepted")
    pitchprint("accepted-string", "accepted", json_string)
    pitchprint("accepted-as-form-urlencoded", "accepted", content_type="application/x-www-form-urlencoded")
    pitchprint("accepted-without-content-type", "accepted", content_type=None)
    pitchprint("accepted-text-plain", "accepted", content_type="text/plain")
    pitchprint("accepted-blanks-around", "accepted",
               lambda k, t, s: f' \r\n{{ "signature" :\t"{s}" , "timestamp"\n: {t} , "apiKey" : "{k}" }}\n\n')
    pitchprint("accepted-look-alikes-inside", "accepted",
               lambda k, t, s: f'{{"options":{{"apiKey":"other","timestamp":1,"signature":"00"}},'
                               f'"list":[{{"apiKey":"third"}},"apiKey"],"note":"\\"apiKey\\":\\"fourth\\"",'
                               f'"apiKey":"{k}","timestamp":{t},"signature":"{s}"}}')
    pitchprint("accepted-other-members-twice", "accepted",
               lambda k, t, s: f'{{"x":1,"x":2,"apiKey":"{k}","timestamp":{t},"signature":"{s}"}}')
    pitchprint("accepted-name-escaped", "accepted",
               lambda k, t, s: f'{{"\\u0061pi\\u004bey":"{k}","timestamp":"{t[0]}\\u00{ord(t[1]):02x}{t[2:]}","signature":"{s}"}}')
    pitchprint("accepted-signature-in-upper-case", "accepted",
               lambda k, t, s: json_body(k, t, s.upper()))
    pitchprint("accepted-names-are-case-sensitive", "accepted",
               lambda k, t, s: f'{{"APIKEY":"x","apiKey":"{k}","timestamp":{t},"signature":"{s}"}}')
    pitchprint("accepted-as-old-as-may-be", "accepted", at=NOW - 3600, now=NOW * 1000 + 999)
    pitchprint("accepted-as-early-as-may-be", "accepted", at=NOW + 300, now=NOW * 1000)
    pitchprint("accepted-form", "accepted", form, content_type="application/x-www-form-urlencoded")
    pitchprint("accepted-query", "accepted", b"", method="GET", content_type=None,
               target=lambda k, t, s: f"/runtime/render?apiKey={k}&timestamp={t}&signature={s}&size=3")
    pitchprint("accepted-other-call-with-the-same-signature", "accepted", target="/runtime/delete-project?x=1")

    pitchprint("late-by-one-second", "late", at=NOW - 3601, now=NOW * 1000)
    pitchprint("early-by-one-second", "early", at=NOW + 301, now=NOW * 1000 + 999)
    pitchprint("mismatch-other-secret", "mismatch", secret=PSECRET[::-1])
    pitchprint("mismatch-cut-short", "mismatch", lambda k, t, s: json_body(k, t, s[:-2]))
    pitchprint("mismatch-odd-digits", "mismatch", lambda k, t, s: json_body(k, t, s[:-1]))
    pitchprint("mismatch-too-long", "mismatch", lambda k, t, s: json_body(k, t, s + "00"))
    pitchprint("mismatch-base64-for-hex", "mismatch",
               lambda k, t, s: json_body(k, t, base64.b64encode(bytes.fromhex(s)).decode()))
    pitchprint("mismatch-blank-after", "mismatch", lambda k, t, s: json_body(k, t, s + " "))

    wrong = lambda shape: lambda k, t, s: f'{{"apiKey":"{k}","timestamp":{shape},"signature":"{s}"}}'
    for case, shape in [("negative", f"-{NOW}"), ("fraction", f"{NOW}.0"), ("exponent", "1.7952624e9"),
                        ("string-leading-zero", f'"0{NOW}"'), ("string-sign", f'"+{NOW}"'),
                        ("string-blank", f'" {NOW}"'), ("too-many-digits", "1" * 30), ("milliseconds", f"{NOW}123"),
                        ("null", "null"), ("true", "true"), ("object", f'{{"t":{NOW}}}'), ("array", f"[{NOW}]")]:
        pitchprint("refused-timestamp-" + case, "malformed", wrong(shape), part="timestamp", checkpoints=False)
    bad = lambda case, body, **more: pitchprint("refused-" + case, "malformed", body, part="body", checkpoints=False,
                                                **more)
    bad("leading-zero", wrong(f"0{NOW}"))
    bad("key-twice", lambda k, t, s: json_body(k, t, s)[:-1] + f',"apiKey":"{k}"}}')
    bad("key-twice-escaped", lambda k, t, s: json_body(k, t, s)[:-1] + f',"\\u0061piKey":"{k}"}}')
    bad("signature-twice", lambda k, t, s: json_body(k, t, s)[:-1] + ',"signature":"00"}')
    bad("timestamp-twice", lambda k, t, s: json_body(k, t, s)[:-1] + ',"timestamp":1}')
    bad("something-after", lambda k, t, s: json_body(k, t, s) + "x")
    bad("cut-short", lambda k, t, s: json_body(k, t, s)[:-1])
    bad("byte-order-mark", lambda k, t, s: b"\xef\xbb\xbf" + json_body(k, t, s).encode())
    bad("not-utf8", lambda k, t, s: json_body(k, t, s).encode().replace(b"a1", b"\xff1"))
    bad("nested-too-deep", lambda k, t, s: json_body(k, t, s)[:-1] + ',"x":' + "[" * 100 + "]" * 100 + "}")
    bad("trailing-comma", lambda k, t, s: json_body(k, t, s)[:-1] + ",}")
    bad("control-character", lambda k, t, s: json_body(k, t, s).replace("a1", "a\t1"))
    pitchprint("refused-half-a-surrogate", "malformed", part="key_id", checkpoints=False,
               body=lambda k, t, s: f'{{"apiKey":"\\ud800","timestamp":{t},"signature":"{s}"}}')
    pitchprint("refused-form-key-twice", "malformed", part="key_id", checkpoints=False,
               body=lambda k, t, s: form(k, t, s) + f"&%61piKey={k}")
    pitchprint("refused-query-signature-twice", "malformed", b"", method="GET", part="signature", checkpoints=False,
               target=lambda k, t, s: f"/r?apiKey={k}&timestamp={t}&signature={s}&signature={s}")

    pitchprint("incomplete-without-signature", "incomplete", part="signature", checkpoints=False,
               body=lambda k, t, s: f'{{"apiKey":"{k}","timestamp":{t}}}')
    pitchprint("incomplete-without-timestamp", "incomplete", part="timestamp", checkpoints=False,
               body=lambda k, t, s: f'{{"apiKey":"{k}","signature":"{s}"}}')
    pitchprint("incomplete-without-key", "incomplete", part="key_id", checkpoints=False,
               body=lambda k, t, s: f'{{"timestamp":{t},"signature":"{s}"}}')
    pitchprint("only-key-id", "only-key-id", lambda k, t, s: f'{{"apiKey":"{k}"}}', checkpoints=False)
    pitchprint("not-presented-empty-body", "not-presented", b"", checkpoints=False)
    pitchprint("not-presented-other-json", "not-presented", b'{"a":{"apiKey":"x"}}', checkpoints=False)
    pitchprint("not-presented-array", "not-presented", b'[{"apiKey":"x"}]', checkpoints=False)
    pitchprint("not-presented-binary", "not-presented", bytes(range(128, 256)), checkpoints=False)
    pitchprint("not-presented-in-the-query-of-a-post", "not-presented", b"", checkpoints=False,
               target=lambda k, t, s: f"/r?apiKey={k}&timestamp={t}&signature={s}")


for dialect in ("realm", "pitchprint"):
    shutil.rmtree(HERE / dialect / "vectors", ignore_errors=True)
realm_all()
pitchprint_all()
