"""A client that signs with nothing but Python's standard library, and makes mistakes on request.

What is sent and what is signed are two views of one request; a mistake is a difference between them, or in how the
signature is made. Nothing here knows how the mistakes are found.
"""

import base64
import dataclasses
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from urllib.parse import quote

NOW = 1795262400
BODY = b'{"title":"Caf\xc3\xa9","price":10,"tags":["a","b"],"url":"https://x.example/y"}'


@dataclass
class View:
    """A request as somebody sees it."""

    method: str = "POST"
    scheme: str = "https"
    host: str = "api.example"
    path: str = "/api/v1/listings/a%20b"
    query: str | None = "limit=5&after=x%2Fy"
    time: str = str(NOW)
    nonce: str = str(NOW * 1000)
    body: bytes = BODY
    key_id: str = "kid-0123456789"
    headers: dict = field(default_factory=dict)

    @property
    def target(self):
        return self.path if self.query is None else f"{self.path}?{self.query}"

    def but(self, **changes):
        return dataclasses.replace(self, **changes)


@dataclass
class How:
    """How a signature is made of pieces."""

    join: bytes | None = None
    start: bytes = b""
    end: bytes = b""
    order: list | None = None
    drop: int | None = None
    extra: tuple | None = None
    hash: str | None = None
    make: str = "hmac"
    secret: bytes | None = None
    encode: object = None
    mangle: object = None


def hex_of(raw):
    return raw.hex()


def base64_of(raw):
    return base64.b64encode(raw).decode()


def base64url_of(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def text_of(pieces, join, how):
    """The pieces, joined as the client joins them."""
    pieces = list(pieces)
    if how.order:
        pieces = [pieces[at] for at in how.order]
    if how.drop is not None:
        del pieces[how.drop]
    if how.extra:
        at, piece = how.extra
        pieces.insert(at, piece)
    return how.start + (join if how.join is None else how.join).join(pieces) + how.end


def made(text, secret, how, name):
    """What the client takes for the signature."""
    name = how.hash or name
    secret = secret if how.secret is None else how.secret
    plain = lambda data: hashlib.new(name, data).digest()
    if how.make == "hmac":
        return hmac.new(secret, text, name).digest()
    if how.make == "swapped":
        return hmac.new(text, secret, name).digest()
    if how.make == "hashed first":
        return hmac.new(secret, hashlib.sha256(text).hexdigest().encode(), name).digest()
    return {"front": plain(secret + text), "back": plain(text + secret), "alone": plain(text)}[how.make]


def message(view, headers):
    """The request as HTTP/1.1 writes it."""
    lines = [f"{view.method} {view.target} HTTP/1.1", f"Host: {view.host}"]
    lines += [f"{name}: {value}" for name, value in {**headers, **view.headers}.items()]
    if view.body:
        lines.append(f"Content-Length: {len(view.body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + view.body


class Realm:
    """HMAC over method, path, time and body, in base64."""

    dialect = "dialects/realm/dialect.toml"
    secret = b"css_realm-secret-0123456789abcdef"
    encode = staticmethod(base64_of)
    view = View()

    def send(self, sent, signed, how):
        pieces = [signed.method.encode(), signed.path.encode(), signed.time.encode(), signed.body]
        signature = self._signature(pieces, b"\n", how, "sha256")
        return message(sent, {"X-API-Key": sent.key_id, "X-Timestamp": sent.time, "X-Signature": signature})

    def _signature(self, pieces, join, how, name):
        raw = made(text_of(pieces, join, how), self.secret, how, name)
        signature = (how.encode or self.encode)(raw)
        return how.mangle(signature) if how.mangle else signature


class Stripe(Realm):
    """HMAC over time and body, in hex, inside one header."""

    dialect = "dialects/webhooks/stripe.toml"
    secret = b"whsec_0123456789abcdefABCDEF"
    encode = staticmethod(hex_of)
    view = View(query=None)

    def send(self, sent, signed, how):
        signature = self._signature([signed.time.encode(), signed.body], b".", how, "sha256")
        return message(sent, {"Stripe-Signature": f"t={sent.time},v1={signature}"})


class Slack(Realm):
    """HMAC over a version, time and body, in hex behind a prefix."""

    dialect = "dialects/webhooks/slack.toml"
    secret = b"8f742231b10e8888abcd99yyyzzz85a5"
    encode = staticmethod(hex_of)
    view = View(query=None, body=b"token=x&team=T1&text=a+b")

    def send(self, sent, signed, how):
        signature = self._signature([b"v0", signed.time.encode(), signed.body], b":", how, "sha256")
        return message(sent, {"X-Slack-Request-Timestamp": sent.time, "X-Slack-Signature": "v0=" + signature})


class Okx(Realm):
    """HMAC over time, method, path with query and body, in base64, nothing between them."""

    dialect = "dialects/exchanges/okx.toml"
    secret = b"OKXsecret0123456789ABCDEF"
    written = json.dumps({"secret": secret.decode(), "passphrase": "pass"}).encode()
    view = View(time="2026-11-21T12:00:00.123Z")

    def send(self, sent, signed, how):
        pieces = [signed.time.encode(), signed.method.encode(), signed.target.encode(), signed.body]
        signature = self._signature(pieces, b"", how, "sha256")
        headers = {"OK-ACCESS-KEY": sent.key_id, "OK-ACCESS-PASSPHRASE": "pass", "OK-ACCESS-TIMESTAMP": sent.time}
        return message(sent, {**headers, "OK-ACCESS-SIGN": signature, "Content-Type": "application/json"})


class Kraken(Realm):
    """HMAC-SHA512 under a base64 secret, over the path and a hash of nonce and body."""

    dialect = "dialects/exchanges/kraken.toml"
    written = b"Y291bnRlcnNpZ24tZmFrZS1zZWNyZXQtZm9yLXRlc3RzLW9ubHktMDEyMzQ1Njc4OQ=="
    secret = base64.b64decode(written)
    view = View(query=None, path="/0/private/AddOrder", body=f"nonce={NOW * 1000}&pair=XBTUSD&type=buy".encode())

    def send(self, sent, signed, how):
        # The mistakes in putting together are made inside: that is where the pieces are.
        inner = hashlib.sha256(text_of([signed.nonce.encode(), signed.body], b"", how)).digest()
        raw = made(signed.path.encode() + inner, self.secret, how, "sha512")
        return message(sent, {"API-Key": sent.key_id, "API-Sign": (how.encode or self.encode)(raw)})


class PitchPrint:
    """A plain MD5 over key, secret and time, inside the JSON body."""

    dialect = "dialects/pitchprint/dialect.toml"
    secret = b"pp-secret-0123456789abcdef"
    view = View(query=None, path="/runtime/fetch-project")

    def send(self, sent, signed, how):
        secret = self.secret if how.secret is None else how.secret
        pieces = [signed.key_id.encode(), secret, signed.time.encode()]
        raw = hashlib.new(how.hash or "md5", text_of(pieces, b"", how)).digest()
        signature = (how.encode or hex_of)(raw)
        members = {"apiKey": sent.key_id, "timestamp": int(sent.time), "signature": signature, "page": 1}
        return message(sent.but(body=json.dumps(members).encode()), {"Content-Type": "application/json"})


class SigV4(Realm):
    """AWS Signature Version 4: a derived key, a canonical request, headers that the request lists."""

    dialect = "dialects/cloud/aws-sigv4.toml"
    secret = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    encode = staticmethod(hex_of)
    view = View(path="/v1/items", query="b=2&a=1", time="20261121T120000Z", key_id="AKIDEXAMPLE")

    def send(self, sent, signed, how):
        digest = hashlib.sha256(signed.body).hexdigest()
        query = "&".join(sorted(signed.query.split("&"))) if signed.query else ""
        names = "host;x-amz-date"
        canonical = text_of(
            [
                signed.method.encode(),
                quote(signed.path, safe="/-._~").encode(),
                query.encode(),
                f"host:{signed.host}\nx-amz-date:{signed.time}\n".encode(),
                names.encode(),
                digest.encode(),
            ],
            b"\n",
            how,
        )
        day = sent.time[:8]
        scope = f"{day}/us-east-1/execute-api/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{signed.time}\n{scope}\n".encode() + hashlib.sha256(canonical).hexdigest().encode()
        key = b"AWS4" + (self.secret if how.secret is None else how.secret)
        for part in (day, "us-east-1", "execute-api", "aws4_request"):
            key = hmac.new(key, part.encode(), "sha256").digest()
        signature = (how.encode or self.encode)(hmac.new(key, text, how.hash or "sha256").digest())
        credential = f"{sent.key_id}/{scope}"
        authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
        return message(sent, {"X-Amz-Date": sent.time, "Authorization": authorization})
