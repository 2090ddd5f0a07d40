"""OAuth 1.0a: `oauthlib` from PyPI, as client and as server, and `oauth-1.0a` from npm."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from oauthlib import oauth1
from oauthlib.oauth1 import RequestValidator, ResourceEndpoint
from standards.bench import URL, accepted, node, refused, signed

KEY, SECRET, TOKEN, TOKEN_SECRET = "dpf43f3p2l4k3l03", "kd94&hf93k423kf44+fake", "nnch734d00sl2jdk", "pfkk/dhi9sl3r4s00=fake"
BOTH = json.dumps({"secret": SECRET, "token_secret": TOKEN_SECRET})
ALONE = json.dumps({"secret": SECRET, "token_secret": ""})
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TARGETS = ["/photos", "/photos?file=vacation.jpg&size=original", "/x?b5=%3D%253D&a3=a&c%40=&a2=r%20b&a3=2%20q"]
HMACS = [oauth1.SIGNATURE_HMAC_SHA1, oauth1.SIGNATURE_HMAC_SHA256, oauth1.SIGNATURE_HMAC_SHA512]


def client(method=oauth1.SIGNATURE_HMAC_SHA256, token=True, **options):
    owner = {"resource_owner_key": TOKEN, "resource_owner_secret": TOKEN_SECRET} if token else {}
    return oauth1.Client(KEY, client_secret=SECRET, signature_method=method, **owner, **options)


def case(secret, client, method, target, body="", headers=None):
    url, headers, body = client.sign(URL + target, http_method=method, body=body or None, headers=headers or {})
    return secret, method, url, headers, (body or "").encode()


@pytest.mark.parametrize("method", HMACS)
@pytest.mark.parametrize("target", TARGETS)
def test_what_oauthlib_signs_is_accepted_wherever_it_writes_it(tmp_path, method, target):
    in_query = {"signature_type": oauth1.SIGNATURE_TYPE_QUERY}
    in_body = {"signature_type": oauth1.SIGNATURE_TYPE_BODY}
    accepted(
        tmp_path,
        "oauth1",
        case(BOTH, client(method), "GET", target),
        case(ALONE, client(method, token=False), "GET", target),
        case(BOTH, client(method), "POST", target, "a=1&b=%20+x&a=0", FORM),
        case(BOTH, client(method), "POST", target, '{"a": 1}', {"Content-Type": "application/json"}),
        case(BOTH, client(method, **in_query), "GET", target),
        case(BOTH, client(method, **in_body), "POST", target, "a=1&b=2", FORM),
        case(BOTH, client(method, realm="Photos"), "PUT", target),
    )


def test_what_oauthlib_signs_is_refused_once_changed_and_so_is_what_it_sends_in_the_clear(tmp_path):
    secret, method, url, headers, body = case(BOTH, client(), "POST", "/x?a=1", "b=2", FORM)
    refused(
        tmp_path,
        "oauth1",
        (secret, "PUT", url, headers, body),
        (secret, method, url + "&c=3", headers, body),
        (secret, method, url, headers, b"b=3"),
        case(BOTH, client(oauth1.SIGNATURE_PLAINTEXT), "GET", "/x"),
    )


def test_what_oauthlib_signs_with_rsa_is_accepted_with_the_public_key(tmp_path):
    private = rsa.generate_private_key(65537, 2048)
    none, encoding = serialization.NoEncryption(), serialization.Encoding.PEM
    pem = private.private_bytes(encoding, serialization.PrivateFormat.PKCS8, none).decode()
    public = private.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    signer = client(oauth1.SIGNATURE_RSA_SHA1, rsa_key=pem)
    accepted(
        tmp_path,
        "oauth1-rsa",
        case(public, signer, "GET", "/photos?size=original"),
        case(public, signer, "POST", "/photos", "a=1", FORM),
    )
    refused(tmp_path, "oauth1-rsa", case(public, client(), "GET", "/photos"))


@pytest.mark.parametrize("target", TARGETS[:2])
def test_what_the_library_from_npm_signs_is_accepted(tmp_path, target):
    token = {"key": TOKEN, "secret": TOKEN_SECRET}
    ask = lambda method, **more: node("oauthSigns", method=method, url=URL + target, key=KEY, secret=SECRET, **more)
    accepted(
        tmp_path,
        "oauth1",
        (ALONE, "GET", URL + target, {"Authorization": ask("GET")}, b""),
        (BOTH, "GET", URL + target, {"Authorization": ask("GET", token=token)}, b""),
        (BOTH, "POST", URL + target, {"Authorization": ask("POST", token=token, data={"a": "1 2"}), **FORM}, b"a=1%202"),
    )


class Validator(RequestValidator):
    """A server's side of oauthlib that knows one client."""

    allowed_signature_methods = HMACS
    dummy_client = "nobody"
    nonce_length = 20, 40

    def check_client_key(self, key):
        return True

    def validate_client_key(self, key, request):
        return key == KEY

    def validate_timestamp_and_nonce(self, *_, **__):
        return True

    def get_client_secret(self, key, request):
        return SECRET


class Endpoint(ResourceEndpoint):
    """Protected resources are asked for without a token here."""

    def valid(self, url, method, body, headers):
        request = self._create_request(url, method, body, headers)
        self._check_transport_security(request)
        self._check_mandatory_parameters(request)
        return self.request_validator.validate_client_key(request.client_key, request) and self._check_signature(request)


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_dialect_signs_satisfies_oauthlib(tmp_path, target):
    url, headers, body = signed(tmp_path, "oauth1", KEY, ALONE, "POST", URL + target, FORM, b"a=1&b=x%20y")
    headers = {name.title(): value for name, value in headers.items()}
    assert Endpoint(Validator()).valid(url, "POST", body.decode(), headers)
    assert not Endpoint(Validator()).valid(url, "POST", "a=2&b=x%20y", headers)
    assert dict(parse_qsl(urlsplit(url).query)).get("oauth_signature") is None
