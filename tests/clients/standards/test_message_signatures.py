"""HTTP Message Signatures (RFC 9421): `http-message-signatures` from PyPI and from npm."""

import base64
import datetime
import hashlib

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms
from standards.bench import URL, accepted, node, refused, signed

SECRET = "fake-shared-secret-0123456789-abcdef"
BODY = b'{"hello": "world"}'
TARGETS = ["/", "/foo?param=Value&Pet=dog", "/a%20b/c?q=%2F+x&empty="]

KEYS = {
    "hmac-sha256": (algorithms.HMAC_SHA256, None),
    "ed25519": (algorithms.ED25519, ed25519.Ed25519PrivateKey.generate()),
    "ecdsa-p256-sha256": (algorithms.ECDSA_P256_SHA256, ec.generate_private_key(ec.SECP256R1())),
    "rsa-pss-sha512": (algorithms.RSA_PSS_SHA512, rsa.generate_private_key(65537, 2048)),
    "rsa-v1_5-sha256": (algorithms.RSA_V1_5_SHA256, rsa.generate_private_key(65537, 2048)),
}


def secret_of(private) -> str:
    if private is None:
        return SECRET
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def pem(private) -> str:
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, form, none).decode()


class Resolver(HTTPSignatureKeyResolver):
    def __init__(self, private):
        self.private = private

    def resolve_private_key(self, key_id):
        return SECRET.encode() if self.private is None else self.private

    def resolve_public_key(self, key_id):
        return SECRET.encode() if self.private is None else self.private.public_key()


def digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def prepared(method, target, body=BODY):
    headers = {"Content-Type": "application/json", "Content-Digest": digest(body), "Host": "api.example.com"}
    return requests.Request(method, URL + target, headers=headers, data=body).prepare()


def by_python(name, target, covered, method="POST", **options):
    algorithm, private = KEYS[name]
    request = prepared(method, target)
    HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=Resolver(private)).sign(
        request,
        key_id="client-7",
        created=datetime.datetime.now(datetime.timezone.utc),
        covered_component_ids=covered,
        use_existing_digest=True,
        **options,
    )
    return secret_of(private), method, request.url, request.headers, request.body


FULL = ("@method", "@authority", "@target-uri", "@path", "@query", "@scheme", "@request-target", "content-type", "content-digest")


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("target", TARGETS)
def test_what_the_library_from_pypi_signs_is_accepted(tmp_path, name, target):
    cases = [
        by_python(name, target, FULL),
        by_python(name, target, ("@method", "content-digest"), nonce="n-1", tag="app"),
        by_python(name, target, FULL, expires=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=60)),
    ]
    if "Pet=" in target:
        cases.append(by_python(name, target, ("content-digest", '"@query-param";name="Pet"')))
    accepted(tmp_path, "rfc9421", *cases)


def test_a_request_that_names_no_algorithm_is_held_to_the_key(tmp_path):
    cases = [by_python(name, "/", FULL, include_alg=False) for name in KEYS if name != "rsa-v1_5-sha256"]
    accepted(tmp_path, "rfc9421", *cases)


def test_what_the_library_from_pypi_signs_is_refused_once_changed_or_ended(tmp_path):
    secret, method, url, headers, body = by_python("ed25519", "/foo?a=1", FULL)
    past = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=2)
    refused(
        tmp_path,
        "rfc9421",
        (secret, "PUT", url, headers, body),
        (secret, method, url + "2", headers, body),
        (secret, method, url, headers, b'{"hello": "World"}'),
        (secret, method, url, {**headers, "Content-Type": "text/plain"}, body),
        (secret, method, url, {**headers, "Content-Digest": digest(b"other")}, b"other"),
        by_python("ed25519", "/", FULL, expires=past),
    )


@pytest.mark.parametrize("name", ["hmac-sha256", "ed25519", "ecdsa-p256-sha256", "rsa-pss-sha512", "rsa-v1_5-sha256"])
@pytest.mark.parametrize("target", TARGETS)
def test_what_the_library_from_npm_signs_is_accepted(tmp_path, name, target):
    _, private = KEYS[name]
    headers = {"host": "api.example.com", "content-type": "application/json", "content-digest": digest(BODY)}
    fields = ["@method", "@authority", "@target-uri", "@path", "@query", "content-type", "content-digest"]
    made = node(
        "messageSigns",
        method="POST",
        url=URL + target,
        headers=headers,
        key=SECRET if private is None else pem(private),
        algorithm=name,
        keyid="client-7",
        fields=fields,
        params=["created", "keyid", "alg"],
    )
    # Its PSS salts are as long as the key has room for, where RFC 9421 section 3.3.1 has 64 bytes.
    judged = refused if name == "rsa-pss-sha512" else accepted
    judged(tmp_path, "rfc9421", (secret_of(private), "POST", URL + target, made, BODY))


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_dialect_signs_satisfies_both_libraries(tmp_path, target):
    kind = {"Content-Type": "application/json", "Host": "api.example.com"}
    url, headers, body = signed(tmp_path, "rfc9421", "client-7", SECRET, "POST", URL + target, kind, BODY)
    request = requests.Request("POST", url, headers=headers, data=body).prepare()
    request.headers.update(headers)
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Resolver(None))
    found = verifier.verify(request, max_age=datetime.timedelta(seconds=60), expect_tag=None)
    assert len(found) == 1
    asked = {name.lower(): value for name, value in headers.items()}
    assert node("messageVerifies", method="POST", url=url, headers=asked, key="client-7", secret=SECRET) is True
