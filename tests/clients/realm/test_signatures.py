"""Sensitive endpoints: the key and a signature."""

import random
import time

import pytest

from harness.problems import changed, refused
from harness.upstream import Seen
from harness.wait import until
from realm import client

LISTINGS = "/v1/marketplace/listings"
BODY = b'{"title": "Sword", "price": 100}'


@pytest.mark.parametrize("speak", client.EVERY_CLIENT, ids=lambda speak: speak.__name__)
def test_a_signed_listing_is_accepted_and_arrives_as_it_was_sent(gateway, realm, speak, tmp_path):
    seen = Seen.of(speak(gateway, realm, "POST", LISTINGS, BODY, tmp_path))
    assert (seen.method, seen.target, seen.body) == ("POST", LISTINGS, BODY)
    assert seen.one("X-Consumer-Username") == "realm-app"
    assert seen.one("X-Credential-Identifier") == realm.key_id
    assert seen.all("X-API-Key") == seen.all("X-Signature") == []


@pytest.mark.parametrize("speak", client.EVERY_CLIENT, ids=lambda speak: speak.__name__)
def test_without_a_body_the_empty_string_is_signed(gateway, realm, speak, tmp_path):
    assert Seen.of(speak(gateway, realm, "DELETE", f"{LISTINGS}/7", None, tmp_path)).body == b""


@pytest.mark.parametrize("speak", client.EVERY_CLIENT, ids=lambda speak: speak.__name__)
def test_a_wrong_secret_gets_403(gateway, realm, speak, tmp_path):
    forger = type(realm)(realm.key_id, realm.api_key, "not the secret of this key")
    assert refused(speak(gateway, forger, "POST", LISTINGS, BODY, tmp_path), 403) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("speak", client.EVERY_CLIENT, ids=lambda speak: speak.__name__)
def test_a_body_of_every_byte_value_is_signed_and_arrives_unchanged(gateway, realm, speak, tmp_path):
    body = bytes(range(256)) * 4
    assert Seen.of(speak(gateway, realm, "PUT", LISTINGS, body, tmp_path)).body == body


@pytest.mark.parametrize("speak", client.EVERY_CLIENT, ids=lambda speak: speak.__name__)
def test_the_path_is_signed_byte_for_byte_with_its_escapes(gateway, realm, speak, tmp_path):
    target = "/v1/marketplace/a%20b/%C3%A9/%c3%a9/%7Ex;y=1/~(z)!$&'*+,=:@"
    assert Seen.of(speak(gateway, realm, "POST", target, BODY, tmp_path)).target == target


def test_a_decoded_or_normalised_path_is_not_what_is_signed(gateway, realm):
    for sent, signed in [
        ("/v1/marketplace/a%20b", "/v1/marketplace/a b"),
        ("/v1/marketplace/%7Ea", "/v1/marketplace/~a"),
    ]:
        headers = client.headers(realm, "POST", signed, BODY)
        assert refused(gateway.send("POST", sent, headers, BODY), 403) == "SIGNATURE_INVALID"


def test_every_method_is_signed_as_it_is_sent(gateway, realm):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"):
        # A GET with a body is refused, however well it is signed.
        body = None if method == "GET" else b"x"
        assert Seen.of(client.call(gateway, realm, method, "/v1/signed/thing", body)).method == method


def test_a_missing_key_gets_401_even_with_a_signature(gateway, realm):
    headers = client.headers(realm, "POST", LISTINGS, BODY)
    del headers["X-API-Key"]
    assert refused(gateway.send("POST", LISTINGS, headers, BODY)) in ("CREDENTIAL_MISSING", "CREDENTIAL_INVALID")
    assert refused(gateway.send("POST", LISTINGS, {}, BODY)) == "CREDENTIAL_MISSING"


@pytest.mark.parametrize("spoil", [lambda k: "garbage", lambda k: k[:-1], lambda k: changed(k, 9), lambda k: ""])
def test_an_invalid_key_gets_401_even_with_a_signature(gateway, realm, spoil):
    headers = client.headers(realm, "POST", LISTINGS, BODY)
    headers["X-API-Key"] = spoil(realm.api_key)
    assert refused(gateway.send("POST", LISTINGS, headers, BODY)) == "CREDENTIAL_INVALID"


def test_a_key_that_signs_nothing_gets_401_where_a_signature_is_wanted(gateway, key, realm):
    stranger = type(key)(key.key_id, key.api_key, realm.secret)
    assert refused(client.call(gateway, stranger, "POST", LISTINGS, BODY)) == "CREDENTIAL_INVALID"


def test_the_key_alone_gets_403_where_a_signature_is_wanted(gateway, realm):
    assert refused(gateway.send("POST", LISTINGS, {"X-API-Key": realm.api_key}, BODY), 403) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("name", ["X-Signature", "X-Timestamp"])
def test_a_missing_signature_or_timestamp_gets_403(gateway, realm, name):
    headers = client.headers(realm, "POST", LISTINGS, BODY)
    del headers[name]
    assert refused(gateway.send("POST", LISTINGS, headers, BODY), 403) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("signature", ["", "x", "====", "AAAA", "A" * 44, "A" * 10_000, "\u00ff\u00fe"])
def test_a_signature_that_is_none_gets_403(gateway, realm, signature):
    headers = client.headers(realm, "POST", LISTINGS, BODY)
    headers["X-Signature"] = signature
    assert refused(gateway.send("POST", LISTINGS, headers, BODY), 403) == "SIGNATURE_INVALID"


@pytest.mark.parametrize(
    "timestamp", ["", "0", "-1", "now", "1e9", "1763769600.5", " ", "9" * 30, "0x6920", "\u0661\u0662", "+1763769600"]
)
def test_a_timestamp_that_is_none_gets_403_even_where_it_was_signed(gateway, realm, timestamp):
    sent = timestamp.encode("utf-8").decode("latin-1")
    signature = client.sign(realm.secret, "POST", LISTINGS, timestamp, BODY)
    headers = {"X-API-Key": realm.api_key, "X-Timestamp": sent, "X-Signature": signature}
    assert refused(gateway.send("POST", LISTINGS, headers, BODY), 403) == "SIGNATURE_INVALID"


def test_a_timestamp_in_milliseconds_gets_403(gateway, realm):
    timestamp = str(int(time.time() * 1000))
    signature = client.sign(realm.secret, "POST", LISTINGS, timestamp, BODY)
    headers = {"X-API-Key": realm.api_key, "X-Timestamp": timestamp, "X-Signature": signature}
    assert refused(gateway.send("POST", LISTINGS, headers, BODY), 403) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("offset", [-290, -60, 0, 60, 290])
def test_a_clock_that_is_off_by_less_than_five_minutes_is_accepted(gateway, realm, offset):
    assert client.call(gateway, realm, "POST", LISTINGS, BODY, offset).status == 200


@pytest.mark.parametrize("offset", [-86_400, -320, 320, 86_400])
def test_a_clock_that_is_off_by_more_than_five_minutes_gets_403(gateway, realm, offset):
    answer = client.call(gateway, realm, "POST", LISTINGS, BODY, offset)
    assert refused(answer, 403) == "SIGNATURE_INVALID"


def test_another_method_than_was_signed_gets_403(gateway, realm):
    headers = client.headers(realm, "POST", LISTINGS, BODY)
    for method in ("PUT", "PATCH", "DELETE"):
        assert refused(gateway.send(method, LISTINGS, headers, BODY), 403) == "SIGNATURE_INVALID"


def test_another_path_than_was_signed_gets_403(gateway, realm):
    headers = client.headers(realm, "POST", LISTINGS, BODY)
    for path in (
        LISTINGS + "/",
        LISTINGS + "x",
        "/v1/marketplace/listing",
        "/v1/marketplace/Listings",
        "/v1/marketplace/%6Cistings",
    ):
        assert refused(gateway.send("POST", path, headers, BODY), 403) == "SIGNATURE_INVALID", path


def test_another_timestamp_than_was_signed_gets_403(gateway, realm):
    headers = client.headers(realm, "POST", LISTINGS, BODY)
    headers["X-Timestamp"] = str(int(headers["X-Timestamp"]) + 1)
    assert refused(gateway.send("POST", LISTINGS, headers, BODY), 403) == "SIGNATURE_INVALID"


def test_a_body_with_any_one_byte_changed_gets_403(gateway, realm):
    headers = client.headers(realm, "POST", LISTINGS, BODY)
    chance = random.Random(1)
    for place in range(len(BODY)):
        other = bytearray(BODY)
        other[place] ^= 1 << chance.randrange(8)
        answer = gateway.send("POST", LISTINGS, headers, bytes(other))
        assert refused(answer, 403) == "SIGNATURE_INVALID", place
    for other in (b"", BODY[:-1], BODY + b"\n", b" " + BODY):
        assert refused(gateway.send("POST", LISTINGS, headers, other), 403) == "SIGNATURE_INVALID"


def test_what_is_not_signed_may_change(gateway, realm):
    answer = client.call(
        gateway, realm, "POST", LISTINGS, BODY, Content_Type="text/plain", User_Agent="other", X_Other="1"
    )
    assert answer.status == 200


def test_the_content_type_does_not_matter(gateway, realm):
    for kind in ("application/json", "application/x-www-form-urlencoded", "application/octet-stream", "nonsense"):
        assert client.call(gateway, realm, "POST", LISTINGS, BODY, Content_Type=kind).status == 200


def test_a_chunked_body_is_signed_like_any_other(gateway, realm):
    headers = client.headers(realm, "POST", LISTINGS, b"one two three")
    chunked = b"4\r\none \r\n9\r\ntwo three\r\n0\r\n\r\n"
    answer = gateway.send("POST", LISTINGS, {**headers, "Transfer-Encoding": "chunked"}, chunked)
    assert Seen.of(answer).body == b"one two three"


def test_a_query_is_not_covered_and_is_accepted(gateway, realm):
    target = f"{LISTINGS}?sort=price&x=%zz"
    assert Seen.of(client.call(gateway, realm, "POST", target, BODY)).target == target


def test_a_signature_over_the_path_with_its_query_gets_403(gateway, realm):
    target = f"{LISTINGS}?sort=price"
    headers = client.headers(realm, "POST", target, BODY)
    assert refused(gateway.send("POST", target, headers, BODY), 403) == "SIGNATURE_INVALID"


def test_a_route_can_refuse_a_query_that_no_signature_covers(gateway, realm):
    assert client.call(gateway, realm, "POST", "/v1/strict/a", BODY).status == 200
    for target in ("/v1/strict/a?x=1", "/v1/strict/a?"):
        assert refused(client.call(gateway, realm, "POST", target, BODY), 403) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("name, status", [("X-API-Key", 401), ("X-Timestamp", 403), ("X-Signature", 403)])
def test_a_header_of_the_signature_sent_twice_is_refused_even_where_both_are_the_same(gateway, realm, name, status):
    headers = client.headers(realm, "POST", LISTINGS, BODY)
    refused(gateway.send("POST", LISTINGS, [*headers.items(), (name, headers[name])], BODY), status)
    refused(gateway.send("POST", LISTINGS, [(name, "x"), *headers.items()], BODY), status)


def test_a_signature_may_be_used_again_within_its_time(gateway, realm):
    headers = client.headers(realm, "POST", LISTINGS, BODY)
    for _ in range(3):
        assert gateway.send("POST", LISTINGS, headers, BODY).status == 200


def test_a_route_can_have_each_signature_serve_once(start):
    route = 'path = "/{*rest}"\nrequire = "signature:realm"\nquery = "refuse"\nreplay = "once"\nupstream = "api"\n'
    server = start(f"[[route]]\n{route}")
    server.home.consumer("acme")
    credential = server.home.issue("acme", dialect="realm")
    headers = client.headers(credential, "POST", LISTINGS, BODY)
    # A wrong one spends nothing.
    refused(server.send("POST", LISTINGS, headers, BODY + b"x"), 403)
    assert server.send("POST", LISTINGS, headers, BODY).status == 200
    again = server.send("POST", LISTINGS, headers, BODY)
    assert refused(again, 403) == "SIGNATURE_INVALID"
    assert server.line_of(again)["reason"] == "replayed"
    assert client.call(server, credential, "POST", LISTINGS, BODY, 1).status == 200


def test_a_body_up_to_the_limit_is_accepted_and_one_byte_more_gets_413(gateway, realm):
    limit = 1024 * 1024
    assert len(Seen.of(client.call(gateway, realm, "POST", LISTINGS, b"\xff" * limit)).body) == limit
    answer = client.call(gateway, realm, "POST", LISTINGS, b"\xff" * (limit + 1))
    assert refused(answer, 413) == "BODY_TOO_LARGE"


def test_the_whole_life_of_a_signing_credential_is_followed(gateway, home, realm):
    ask = lambda credential: client.call(gateway, credential, "POST", LISTINGS, BODY).status
    old = home.issue("realm-app", dialect="realm")
    assert ask(old) == 200
    new = type(old).of(home.command("key", "rotate", old.key_id, "--overlap", "1h"))
    assert (ask(old), ask(new)) == (200, 200)
    mixed = type(old)(new.key_id, new.api_key, old.secret)
    assert ask(mixed) == 403
    home.command("key", "revoke", old.key_id)
    until("the old one is refused", lambda: ask(old) == 401, 1)
    assert ask(new) == 200
    home.command("key", "revoke", new.key_id)
    until("the new one is refused", lambda: ask(new) == 401, 1)


def test_an_expired_or_disabled_signing_credential_gets_401(gateway, home):
    ask = lambda credential: client.call(gateway, credential, "POST", LISTINGS, BODY).status
    short = home.issue("realm-app", dialect="realm", expires="3s")
    assert ask(short) == 200
    until("it expires", lambda: ask(short) == 401, 6)
    home.consumer("realm-sleeper")
    credential = home.issue("realm-sleeper", dialect="realm")
    assert ask(credential) == 200
    home.command("consumer", "disable", "realm-sleeper")
    until("it is refused", lambda: ask(credential) == 401, 1)


def test_a_signed_route_can_demand_scopes(gateway, home, realm):
    assert refused(client.call(gateway, realm, "POST", "/v1/scoped/signed", BODY), 403) == "SCOPE_MISSING"
    seller = home.issue("realm-app", dialect="realm", scopes=["marketplace:write"])
    seen = Seen.of(client.call(gateway, seller, "POST", "/v1/scoped/signed", BODY))
    assert seen.one("X-Authenticated-Scope") == "marketplace:write"


def test_a_wrong_signature_and_an_unknown_key_say_nothing_about_each_other(gateway, realm):
    """Which secret is wrong is not told: every 403 of a signature looks alike."""
    body = lambda answer: {k: v for k, v in answer.json().items() if k != "request_id"}
    wrong = client.headers(realm, "POST", LISTINGS, BODY)
    wrong["X-Signature"] = "A" * 43 + "="
    late = client.headers(realm, "POST", LISTINGS, BODY, -400)
    missing = {"X-API-Key": realm.api_key}
    answers = [gateway.send("POST", LISTINGS, headers, BODY) for headers in (wrong, late, missing)]
    assert len({str(sorted(body(answer).items())) for answer in answers}) == 1


def test_the_operator_finds_the_reason_in_the_log(gateway, realm):
    late = client.call(gateway, realm, "POST", LISTINGS, BODY, -400)
    assert gateway.line_of(late)["reason"] == "untimely"
    headers = client.headers(realm, "POST", LISTINGS, BODY)
    wrong = gateway.send("POST", LISTINGS, headers, BODY + b"x")
    line = gateway.line_of(wrong)
    assert (line["reason"], line["key_id"], line["status"]) == ("bad_signature", realm.key_id, 403)
