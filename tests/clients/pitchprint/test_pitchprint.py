"""PitchPrint's runtime: the signature stands in the JSON body."""

import json
import time
import urllib.parse

import pytest

from harness.problems import changed, refused
from harness.upstream import Seen
from harness.wait import until
from pitchprint import client

CALL = {"projectId": "p-1", "designs": [{"id": 7}]}


@pytest.mark.parametrize("speak", client.EVERY_CLIENT, ids=lambda speak: speak.__name__)
def test_a_signed_call_is_accepted_and_arrives_as_it_was_sent(gateway, domain, speak, tmp_path):
    seen = Seen.of(speak(gateway, domain, CALL, tmp_path))
    body = json.loads(seen.body)
    assert {name: body[name] for name in CALL} == CALL
    assert body["apiKey"] == domain.api_key and body["signature"]
    assert seen.one("X-Consumer-Username") == "shop.example"
    assert seen.one("X-Credential-Identifier") == domain.key_id


@pytest.mark.parametrize("speak", client.EVERY_CLIENT, ids=lambda speak: speak.__name__)
def test_a_wrong_secret_gets_401(gateway, domain, speak, tmp_path):
    forger = type(domain)(domain.key_id, domain.api_key, "not the secret of this domain")
    assert refused(speak(gateway, forger, CALL, tmp_path)) == "CREDENTIAL_INVALID"


def test_php_sends_the_content_type_of_a_form_with_its_json(gateway, domain, tmp_path):
    seen = Seen.of(client.curl(gateway, domain, CALL, tmp_path))
    assert seen.one("Content-Type") == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data; boundary=x",
        "?",
    ],
)
def test_the_body_is_json_whatever_the_content_type_says(gateway, domain, content_type):
    assert client.post(gateway, {**client.members(domain), **CALL}, content_type).status == 200


def test_the_timestamp_may_be_a_number_or_a_string_and_its_digits_are_what_was_hashed(gateway, domain):
    now = int(time.time())
    assert client.post(gateway, client.members(domain, timestamp=now)).status == 200
    assert client.post(gateway, client.members(domain, timestamp=str(now))).status == 200
    signed = client.members(domain, timestamp=str(now))
    for other in (f"0{now}", f" {now}", f"{now}.0", f"{now}e0"):
        refused(client.post(gateway, {**signed, "timestamp": other}))


@pytest.mark.parametrize("offset", [-3_590, -1_800, 0, 60, 290])
def test_a_timestamp_is_good_for_an_hour_and_five_minutes_ahead(gateway, domain, offset):
    assert client.post(gateway, client.members(domain, offset)).status == 200


@pytest.mark.parametrize("offset", [-1_000_000_000, -86_400, -3_630, 320, 86_400])
def test_a_timestamp_outside_that_gets_401(gateway, domain, offset):
    assert refused(client.post(gateway, client.members(domain, offset))) == "CREDENTIAL_INVALID"


def test_one_signature_is_used_many_times(gateway, domain):
    signed = client.members(domain, -1_000)
    for number in range(5):
        assert client.post(gateway, {**signed, "call": number}).status == 200


def test_the_signature_may_be_in_upper_case(gateway, domain):
    signed = client.members(domain)
    assert client.post(gateway, {**signed, "signature": signed["signature"].upper()}).status == 200


def test_members_of_the_same_name_deeper_in_the_body_mean_nothing(gateway, domain):
    lies = {"apiKey": "csp_x", "timestamp": 1, "signature": "0"}
    for extra in ({"data": lies}, {"list": [lies, [lies]]}, {"": lies}, {"members": lies}):
        signed = client.members(domain)
        assert client.post(gateway, {**extra, **signed}).status == 200
        assert client.post(gateway, {**signed, **extra}).status == 200
    refused(client.post(gateway, {"data": client.members(domain)}))
    refused(client.post(gateway, [client.members(domain)]))
    refused(client.post(gateway, {"note": json.dumps(client.members(domain))}))


@pytest.mark.parametrize("name", ["apiKey", "timestamp", "signature"])
def test_a_member_of_the_signature_that_stands_twice_is_refused(gateway, domain, name):
    signed = client.members(domain)
    one = json.dumps(signed)[1:-1]
    again = json.dumps({name: signed[name]})[1:-1]
    escaped = again.replace(name, f"\\u{ord(name[0]):04x}{name[1:]}")
    for twice in (f"{{{one},{again}}}", f"{{{again},{one}}}", f"{{{one},{escaped}}}"):
        assert refused(client.post(gateway, twice.encode())) == "CREDENTIAL_INVALID", twice


def test_a_member_name_may_be_written_with_escapes(gateway, domain):
    body = json.dumps(client.members(domain)).replace("apiKey", "\\u0061pi\\u004bey")
    assert client.post(gateway, body.encode()).status == 200


def test_white_space_around_the_json_is_allowed(gateway, domain):
    body = json.dumps(client.members(domain), indent=4)
    assert client.post(gateway, f" \r\n\t{body}\n".encode()).status == 200


@pytest.mark.parametrize("name", ["apiKey", "timestamp", "signature"])
@pytest.mark.parametrize("value", ["remove", "", None, True, [], {}, "garbage", -1, 1.5], ids=repr)
def test_a_missing_or_malformed_credential_gets_401(gateway, domain, name, value):
    signed = client.members(domain)
    if value == "remove":
        del signed[name]
    else:
        signed[name] = value
    assert refused(client.post(gateway, signed)) in ("CREDENTIAL_MISSING", "CREDENTIAL_INVALID")


@pytest.mark.parametrize("name, place", [("apiKey", 10), ("apiKey", 37), ("signature", 0), ("signature", 31)])
def test_one_changed_character_gets_401(gateway, domain, name, place):
    signed = client.members(domain)
    assert refused(client.post(gateway, {**signed, name: changed(signed[name], place)})) == "CREDENTIAL_INVALID"


def test_another_timestamp_than_was_signed_gets_401(gateway, domain):
    signed = client.members(domain)
    refused(client.post(gateway, {**signed, "timestamp": str(int(signed["timestamp"]) - 1)}))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{}", b"null", b"[]", b'"x"', b"\xff\xfe", b'{"a":' * 5_000, b"[" * 100_000, b'{"apiKey":"\xff\xff"}'],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_that_is_no_signed_object_gets_401(gateway, domain, body):
    assert refused(client.post(gateway, body)) in ("CREDENTIAL_MISSING", "CREDENTIAL_INVALID")


def test_anything_after_the_object_is_refused(gateway, domain):
    body = json.dumps(client.members(domain)).encode()
    for rest in (b"x", b"{}", b",", body):
        refused(client.post(gateway, body + rest))


def test_an_unknown_key_a_wrong_signature_and_a_late_one_look_alike(gateway, domain, make_home):
    elsewhere = make_home('[[route]]\npath = "/"\nrequire = "nothing"\nupstream = "api"\n')
    elsewhere.consumer("stranger")
    stranger = elsewhere.issue("stranger", dialect="pitchprint")
    wrong = {**client.members(domain), "signature": "0" * 32}
    tell = lambda body: {k: v for k, v in client.post(gateway, body).json().items() if k != "request_id"}
    assert tell(client.members(stranger)) == tell(wrong) == tell(client.members(domain, -10_000))


def test_the_public_key_opens_no_route_that_asks_for_an_api_key(gateway, domain):
    for path in ("/v1/user/profile", "/api/v1/redeemcenter/items"):
        assert refused(gateway.send("GET", path, {"X-API-Key": domain.api_key})) == "CREDENTIAL_INVALID"
    refused(gateway.send("POST", client.RENDER, {"X-API-Key": domain.api_key}, b"{}"))


def test_the_secret_opens_nothing_either(gateway, domain):
    refused(gateway.send("GET", "/v1/user/profile", {"X-API-Key": domain.secret}))
    swapped = type(domain)(domain.key_id, domain.secret, domain.secret)
    refused(client.post(gateway, client.members(swapped)))


def test_the_key_of_another_scheme_does_not_work_here(gateway, home, domain):
    home.consumer("other-scheme")
    realm = home.issue("other-scheme", dialect="realm")
    refused(client.post(gateway, client.members(realm)))


def test_a_rendering_call_is_a_get_with_the_members_in_the_query(gateway, domain):
    target = f"{client.RENDER}?{urllib.parse.urlencode({**client.members(domain), 'size': 'A4 & more'})}"
    assert Seen.of(gateway.send("GET", target)).target == target
    refused(gateway.send("GET", f"{target}&signature=x"))
    refused(gateway.send("GET", f"{client.RENDER}?{urllib.parse.urlencode(client.members(domain, -4_000))}"))
    refused(gateway.send("GET", client.RENDER))


def test_older_clients_send_the_members_as_a_form(gateway, domain):
    form = urllib.parse.urlencode({**client.members(domain), "name": "A b"}).encode()
    kind = "application/x-www-form-urlencoded"
    assert Seen.of(client.post(gateway, form, kind)).body == form
    refused(client.post(gateway, form + b"&apiKey=x", kind))
    refused(client.post(gateway, form.replace(b"signature=", b"signature=0"), kind))


def test_members_in_the_query_of_a_post_open_nothing(gateway, domain):
    query = urllib.parse.urlencode(client.members(domain))
    refused(client.post(gateway, {"projectId": 1}, target=f"{client.RENDER}?{query}"))


def test_the_call_may_be_chunked(gateway, domain):
    body = json.dumps(client.members(domain)).encode()
    chunked = b"".join(f"{len(p):x}\r\n".encode() + p + b"\r\n" for p in (body[:5], body[5:])) + b"0\r\n\r\n"
    assert Seen.of(gateway.send("POST", client.RENDER, {"Transfer-Encoding": "chunked"}, chunked)).body == body


def test_a_body_up_to_the_limit_is_accepted_and_one_byte_more_gets_413(gateway, domain):
    limit = 1024 * 1024
    signed = json.dumps({"pad": "", **client.members(domain)}).encode()
    filled = lambda size: signed.replace(b'"pad": ""', b'"pad": "' + b"x" * (size - len(signed)) + b'"')
    assert client.post(gateway, filled(limit)).status == 200
    assert refused(client.post(gateway, filled(limit + 1)), 413) == "BODY_TOO_LARGE"


def test_a_revoked_domain_gets_401_within_a_second(gateway, home):
    home.consumer("closing.example")
    credential = home.issue("closing.example", dialect="pitchprint")
    ask = lambda: client.post(gateway, client.members(credential)).status
    assert ask() == 200
    home.command("key", "revoke", credential.key_id)
    until("it is refused", lambda: ask() == 401, 1)


def test_the_log_has_the_path_without_the_query_and_the_reason(gateway, domain):
    target = f"{client.RENDER}?{urllib.parse.urlencode(client.members(domain))}"
    line = gateway.line_of(gateway.send("GET", target.replace("signature=", "signature=0")))
    assert line["path"] == client.RENDER and line["status"] == 401 and line["reason"]
