"""draft-cavage-http-signatures: `httpsig` from PyPI and `http-signature` from npm, and the gateways that speak it their own way,
signed here as their pages say."""

import base64
import hashlib
import hmac
import urllib.parse
from email.utils import formatdate

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from httpsig.sign import HeaderSigner
from httpsig.verify import HeaderVerifier
from standards.bench import URL, accepted, node, refused, signed

KEY, SECRET = "client-7", "fake-shared-secret-0123456789-abcdef"
BODY = b'{"a": 1}'
TARGETS = ["/", "/v1/x?b=2&a=1", "/a%20b?q=%2F+x"]
FIELDS = ["(request-target)", "host", "date", "digest"]


def digest(body=BODY, name="SHA-256"):
    made = hashlib.new(name.replace("-", "").lower(), body).digest()
    return f"{name}={base64.b64encode(made).decode()}"


def unsigned():
    return {"host": "api.example.com", "date": formatdate(usegmt=True), "digest": digest()}


def by_httpsig(algorithm, target, secret=SECRET, fields=FIELDS, headers=None):
    signer = HeaderSigner(KEY, secret, algorithm=algorithm, headers=fields)
    return signer.sign(headers or unsigned(), host="api.example.com", method="POST", path=target)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("algorithm", ["hmac-sha1", "hmac-sha256", "hmac-sha512"])
def test_what_httpsig_signs_with_a_shared_secret_is_accepted(tmp_path, algorithm, target):
    other_digest = {**unsigned(), "digest": digest(name="SHA-512")}
    accepted(
        tmp_path,
        "cavage",
        (SECRET, "POST", URL + target, by_httpsig(algorithm, target), BODY),
        (SECRET, "POST", URL + target, by_httpsig(algorithm, target, fields=["date", "(request-target)"]), BODY),
        (SECRET, "POST", URL + target, by_httpsig(algorithm, target, headers=other_digest), BODY),
    )


def keys():
    private = rsa.generate_private_key(65537, 2048)
    encoding, none = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = private.private_bytes(encoding, serialization.PrivateFormat.TraditionalOpenSSL, none).decode()
    return secret, private.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def test_what_either_library_signs_with_rsa_is_accepted_with_the_public_key(tmp_path):
    secret, public = keys()
    theirs = node(
        "cavageSigns",
        method="POST",
        url=URL + "/x?a=1",
        headers=unsigned(),
        key=KEY,
        secret=secret,
        algorithm="rsa-sha256",
        fields=FIELDS,
    )
    accepted(
        tmp_path,
        "cavage",
        (public, "POST", URL + "/x?a=1", by_httpsig("rsa-sha256", "/x?a=1", secret), BODY),
        (public, "POST", URL + "/x?a=1", by_httpsig("rsa-sha512", "/x?a=1", secret), BODY),
        (public, "POST", URL + "/x?a=1", theirs, BODY),
    )


def test_what_httpsig_signs_is_refused_once_changed(tmp_path):
    headers = by_httpsig("hmac-sha256", "/x?a=1")
    refused(
        tmp_path,
        "cavage",
        (SECRET, "PUT", URL + "/x?a=1", headers, BODY),
        (SECRET, "POST", URL + "/x?a=2", headers, BODY),
        (SECRET, "POST", URL + "/x?a=1", headers, b"{}"),
        (SECRET, "POST", URL + "/x?a=1", {**headers, "digest": digest(b"{}")}, b"{}"),
    )


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_library_from_npm_signs_is_accepted(tmp_path, target):
    ask = lambda algorithm: node(
        "cavageSigns",
        method="POST",
        url=URL + target,
        headers=unsigned(),
        key=KEY,
        secret=SECRET,
        algorithm=algorithm,
        fields=FIELDS,
    )
    accepted(
        tmp_path,
        "cavage",
        *((SECRET, "POST", URL + target, ask(algorithm), BODY) for algorithm in ["hmac-sha256", "hmac-sha512"]),
    )


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_dialect_signs_satisfies_both_libraries(tmp_path, target):
    host = {"Host": "api.example.com"}
    url, headers, _ = signed(tmp_path, "cavage", KEY, SECRET, "POST", URL + target, host, BODY)
    path = url.removeprefix(URL)
    assert HeaderVerifier(headers, SECRET, method="POST", path=path, required_headers=FIELDS).verify()
    assert not HeaderVerifier(headers, SECRET, method="PUT", path=path, required_headers=FIELDS).verify()
    assert node("cavageVerifies", method="POST", url=url, headers=headers, key=KEY, secret=SECRET) is True


def mac(text: str, algorithm="sha256") -> str:
    return base64.b64encode(hmac.new(SECRET.encode(), text.encode(), algorithm).digest()).decode()


def as_kong(method, target, listed, algorithm="sha256", scheme="Authorization", **headers):
    """As the page of Kong's plugin says: a line each, `request-line` and `@request-target` without a name."""
    asked = f"{method.lower()} {target}"
    lines = {"request-line": f"{method} {target} HTTP/1.1", "@request-target": asked}
    text = "\n".join(lines.get(name) or f"{name}: {headers[name]}" for name in listed.split())
    sent = f'hmac username="{KEY}", algorithm="hmac-{algorithm}", headers="{listed}", signature="{mac(text, algorithm)}"'
    return SECRET, method, URL + target, {**headers, scheme: sent}, BODY


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_signed_as_kong_s_page_says_is_accepted(tmp_path, target):
    date, body = formatdate(usegmt=True), digest()
    accepted(
        tmp_path,
        "kong",
        as_kong("POST", target, "date", date=date),
        as_kong("POST", target, "date request-line", date=date),
        as_kong("POST", target, "date @request-target digest", date=date, digest=body),
        as_kong("POST", target, "x-date host @request-target", **{"x-date": date, "host": "api.example.com"}),
        *(as_kong("POST", target, "date", algorithm, date=date) for algorithm in ["sha1", "sha224", "sha384", "sha512"]),
        as_kong("POST", target, "date", scheme="Proxy-Authorization", date=date),
    )
    secret, method, url, headers, _ = as_kong("POST", target, "date @request-target digest", date=date, digest=body)
    refused(tmp_path, "kong", (secret, "PUT", url, headers, BODY), (secret, method, url, headers, b"{}"))


def as_apisix(method, target, listed, algorithm="sha256", **headers):
    """As the page of APISIX's plugin says: the key id, a line each, and a line end behind."""
    asked = {"@request-target": f"{method} {target}"}
    lines = [KEY, *(asked.get(name) or f"{name}: {headers[name]}" for name in listed.split())]
    signature = mac("\n".join(lines) + "\n", algorithm)
    sent = f'Signature keyId="{KEY}",algorithm="hmac-{algorithm}",headers="{listed}",signature="{signature}"'
    return SECRET, method, URL + target, {**headers, "Authorization": sent}, BODY


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_signed_as_apisix_s_page_says_is_accepted(tmp_path, target):
    date, body = formatdate(usegmt=True), digest()
    accepted(
        tmp_path,
        "apisix",
        as_apisix("POST", target, "@request-target date", date=date),
        as_apisix("POST", target, "@request-target date digest", date=date, digest=body),
        *(as_apisix("GET", target, "@request-target date", algorithm, date=date) for algorithm in ["sha1", "sha512"]),
        as_apisix("POST", target, "date x-extra", **{"date": date, "x-extra": "a, b"}),
    )
    secret, method, url, headers, _ = as_apisix("POST", target, "@request-target date digest", date=date, digest=body)
    refused(tmp_path, "apisix", (secret, "PUT", url, headers, BODY), (secret, method, url, headers, b"{}"))


def as_tyk(method, target, listed, algorithm="sha256", **headers):
    """As Tyk's page says: the path without its query, and the signature escaped for a URL."""
    path = urllib.parse.unquote(target.partition("?")[0])
    dated = "x-aux-date" if "x-aux-date" in headers else "date"
    lines = []
    for name in (listed or "date").split():
        name = dated if name == "date" else name
        lines.append(f"{name}: {method.lower()} {path}" if name == "(request-target)" else f"{name}: {headers[name]}")
    signature = urllib.parse.quote_plus(mac("\n".join(lines), algorithm))
    listing = f'headers="{listed}",' if listed else ""
    sent = f'Signature keyId="{KEY}",algorithm="hmac-{algorithm}",{listing}signature="{signature}"'
    return SECRET, method, URL + target, {**headers, "Authorization": sent}, BODY


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_signed_as_tyk_s_page_says_is_accepted(tmp_path, target):
    date, body = formatdate(usegmt=True), digest()
    accepted(
        tmp_path,
        "tyk",
        as_tyk("POST", target, "", date=date),
        as_tyk("POST", target, "(request-target) date", date=date),
        as_tyk("POST", target, "(request-target) date", **{"x-aux-date": date}),
        as_tyk("POST", target, "date digest", date=date, digest=body),
        *(as_tyk("GET", target, "date", algorithm, date=date) for algorithm in ["sha1", "sha384", "sha512"]),
    )
    secret, method, url, headers, _ = as_tyk("POST", target, "(request-target) date digest", date=date, digest=body)
    refused(tmp_path, "tyk", (secret, "PUT", url, headers, BODY), (secret, method, url, headers, b"{}"))


@pytest.mark.parametrize("dialect", ["kong", "apisix", "tyk"])
def test_what_the_dialects_of_gateways_sign_they_accept(tmp_path, dialect):
    host = {"Host": "api.example.com"}
    url, headers, _ = signed(tmp_path, dialect, KEY, SECRET, "POST", URL + "/v1/x?a=1", host, BODY)
    accepted(tmp_path, dialect, (SECRET, "POST", url, headers, BODY))
