"""The page of shapes: each of its dialects against a signer that is written here."""

import base64
import hashlib
import hmac
import json
import re
import time
import urllib.parse
import zlib
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import keccak
from standards import bench
from standards.bench import URL

PAGE = (Path(__file__).parents[3] / "docs" / "shapes.md").read_text()
SHAPES = {name: text for text, name in re.findall(r"```toml\n(\[dialect\.([\w-]+)\].*?)```", PAGE, re.DOTALL)}
SECRET = "fake-shared-secret-0123456789-abcdef-0123456789"
NOW = int(time.time())
JSON = b'{"b": {"d": [1, {"e": "x y"}], "c": 2.50}, "a": "\\u00e4\\"", "n": null}'


def mac(text, key=SECRET, algorithm="sha256"):
    text, key = (part.encode() if isinstance(part, str) else part for part in (text, key))
    return hmac.new(key, text, algorithm).digest()


def by_method(method="GET", target="/v1/x?b=2&a=1", body=b""):
    at = f"{NOW}123"
    payload = "?" + target.partition("?")[2] if method == "GET" else body.decode()
    sign = mac(f"{at}{method}{target.partition('?')[0]}{payload}").hex()
    return SECRET, method, URL + target, {"X-Key": "k", "X-Time": at, "X-Sign": sign}, body


def by_method_posted():
    return by_method("POST", "/v1/x", JSON)


FIELDS = {"app_id": "app1", "timestamp": str(NOW), "b": "2 +", "a": "\u00e4", "empty": ""}


def joined(fields):
    return "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if value)


def sorted_form():
    sign = hashlib.md5(f"{joined(FIELDS)}&key={SECRET}".encode()).hexdigest().upper()
    return SECRET, "POST", URL + "/pay", {}, urllib.parse.urlencode({**FIELDS, "sign": sign}).encode()


def sorted_xml():
    fields = {"appid": "app1", "nonce_str": "n1", "body": "1 & 2", "total_fee": "100", "attach": ""}
    sign = mac(f"{joined(fields)}&key={SECRET}").hex().upper()
    inside = "".join(f"<{name}><![CDATA[{value}]]></{name}>\n" for name, value in fields.items())
    return SECRET, "POST", URL + "/pay", {}, f"<xml>\n{inside}<sign>{sign}</sign></xml>".encode()


def nested():
    flat = {"b[d][0]": "1", "b[d][1][e]": "x y", "b[c]": "2.50", "a": '\u00e4"'}
    quoted = sorted((urllib.parse.quote_plus(name), urllib.parse.quote_plus(value)) for name, value in flat.items())
    text = f"{NOW}\n" + "&".join(f"{name}={value}" for name, value in quoted)
    sign = base64.b64encode(mac(text, algorithm="sha512")).decode()
    return SECRET, "POST", URL + "/x", {"X-Key": "k", "X-Time": str(NOW), "X-Sign": sign}, JSON


def rendered():
    body = b'{"b": {"d": [1, true], "c": "2"}, "a": "x"}'
    text = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"))
    sign = mac(f"{NOW}.{text}").hex()
    return SECRET, "POST", URL + "/x", {"X-Key": "k", "X-Time": str(NOW), "X-Sign": sign}, body


def sorted_values():
    sign = hashlib.sha1("".join(sorted([SECRET, str(NOW), "n-1"])).encode()).hexdigest()
    return SECRET, "GET", f"{URL}/hook?signature={sign}&timestamp={NOW}&nonce=n-1&echostr=1", {}, b""


def derived():
    at = datetime.fromtimestamp(NOW, timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    key = mac("request", mac("orders", mac(at[:8], "V1" + SECRET)))
    sign = mac(f"POST\n/x?a=1\n{at}\n{mac(JSON).hex()}", key).hex()
    return SECRET, "POST", URL + "/x?a=1", {"X-Key": "k", "X-Time": at, "X-Sign": sign}, JSON


def both():
    own, partner = "own-secret-0123456789", "partner-secret-0123456789"
    text = f"{NOW}".encode() + JSON
    headers = {"X-Key": "k", "X-Time": str(NOW), "X-Sign": mac(text, own).hex(), "X-Partner-Sign": mac(text, partner).hex()}
    return json.dumps({"own": own, "partner": partner}), "POST", URL + "/x", headers, JSON


def passphrase():
    secret = {"secret": SECRET, "passphrase": "fakePassphrase9"}
    sign = base64.b64encode(mac(f"{NOW}POST/x?a=1".encode() + JSON)).decode()
    headers = {"X-Key": "k", "X-Time": str(NOW), "X-Sign": sign, "X-Passphrase": "fakePassphrase9"}
    return json.dumps(secret), "POST", URL + "/x?a=1", headers, JSON


def local_time():
    at = datetime.fromtimestamp(NOW, timezone(timedelta(hours=8))).strftime("%Y%m%d%H%M%S")
    sign = mac(f"app1{at}data").hex()
    return SECRET, "POST", URL + "/x", {}, f"app=app1&time={at}&data=data&sign={sign}".encode()


ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58_of(raw: bytes) -> str:
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + text


def base58():
    private = ed25519.Ed25519PrivateKey.generate()
    raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    text = f"POST/x?a=1{NOW}{hashlib.sha256(JSON).hexdigest()}"
    headers = {"X-Key": "k", "X-Time": str(NOW), "X-Sign": base58_of(private.sign(text.encode()))}
    return base58_of(private.public_key().public_bytes(*raw)), "POST", URL + "/x?a=1", headers, JSON


def checksum():
    at = datetime.fromtimestamp(NOW, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    sign = base64.b64encode(mac(f"id-1|{at}|{zlib.crc32(JSON)}")).decode()
    return SECRET, "POST", URL + "/hook", {"X-Key": "k", "X-Id": "id-1", "X-Time": at, "X-Sign": sign}, JSON


def minted(key=SECRET, secret=SECRET, algorithm="HS256"):
    claims = {"iss": "k", "exp": NOW + 60, "jti": f"n-{algorithm}", "htm": "POST", "htu": "/x?a=1"}
    claims["body_sha256"] = hashlib.sha256(JSON).hexdigest()
    headers = {"Authorization": f"Bearer {jwt.encode(claims, key, algorithm)}"}
    return secret, "POST", URL + "/x?a=1", headers, JSON


def minted_with_a_key(make=lambda: ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"):
    private = make()
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return minted(private, private.public_key().public_bytes(*form).decode(), algorithm)


def minted_by_edwards():
    return minted_with_a_key(ed25519.Ed25519PrivateKey.generate, "EdDSA")


def account():
    owner = Account.create()
    text = f"POST /x?a=1 {NOW}\n{keccak(JSON).hex()}"
    signature = "0x" + Account.sign_message(encode_defunct(text=text), owner.key).signature.hex().removeprefix("0x")
    headers = {"X-Account": "k", "X-Time": str(NOW), "X-Signature": signature}
    return owner.address, "POST", URL + "/x?a=1", headers, JSON


def as_password():
    date = formatdate(NOW, usegmt=True)
    sent = base64.b64encode(f"k:{mac(date + chr(10) + '/x?a=1', algorithm='sha1').hex()}".encode()).decode()
    return SECRET, "GET", URL + "/x?a=1", {"Date": date, "Authorization": f"Basic {sent}"}, b""


SIGNERS = [
    by_method,
    by_method_posted,
    sorted_form,
    sorted_xml,
    nested,
    rendered,
    sorted_values,
    derived,
    both,
    passphrase,
    local_time,
    base58,
    checksum,
    minted,
    minted_with_a_key,
    minted_by_edwards,
    account,
    as_password,
]


def shape_of(signer) -> str:
    """A shape with several signers is the beginning of their names."""
    name = signer.__name__.replace("_", "-")
    return max((shape for shape in SHAPES if name.startswith(shape)), key=len)


@pytest.mark.parametrize("signer", SIGNERS, ids=lambda signer: signer.__name__)
def test_the_dialect_of_a_shape_accepts_what_its_signer_signs(tmp_path, signer, monkeypatch):
    name = shape_of(signer)
    folder = tmp_path / "dialects" / "shapes"
    folder.mkdir(parents=True)
    (folder / f"{name}.toml").write_text(SHAPES[name])
    monkeypatch.setattr(bench, "DIALECTS", folder.parent)
    bench.accepted(tmp_path, name, signer(), now=NOW)


def test_every_shape_of_the_page_has_a_signer():
    assert set(SHAPES) == {shape_of(signer) for signer in SIGNERS}


def test_a_token_for_another_request_or_with_another_algorithm_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "dialects" / "shapes"
    folder.mkdir(parents=True)
    (folder / "minted.toml").write_text(SHAPES["minted"])
    monkeypatch.setattr(bench, "DIALECTS", folder.parent)
    secret, method, url, headers, body = minted()
    bare = jwt.encode({"iss": "k", "exp": NOW + 60, "jti": "n"}, None, "none")
    bench.refused(
        tmp_path,
        "minted",
        (secret, "PUT", url, headers, body),
        (secret, method, url + "2", headers, body),
        (secret, method, url, headers, b"{}"),
        (secret, method, url, {"Authorization": f"Bearer {bare}"}, body),
        minted(algorithm="HS384"),
        # A public key as the key of an HMAC.
        (minted_with_a_key()[0], method, url, headers, body),
        now=NOW,
    )
