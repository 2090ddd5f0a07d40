"""What the upstream is told of the caller, and what it never hears from the caller."""

import itertools
import random

import pytest

from harness.upstream import Seen
from redreamer import wallets

NAMES = [
    "X-Consumer-ID",
    "X-Consumer-Username",
    "X-Credential-Identifier",
    "X-Authenticated-Scope",
    "X-Authenticated-Userid",
]


def spellings(name: str) -> list[str]:
    """Ways to write a header's name that some server takes for the same."""
    chance = random.Random(name)
    mixed = "".join(chance.choice((c.lower(), c.upper())) for c in name)
    separators = itertools.product("-_", repeat=name.count("-"))
    dashes = ["".join(p + s for p, s in zip(name.split("-"), [*separator, ""])) for separator in separators]
    return [name, name.lower(), name.upper(), mixed, *dashes, *(d.lower() for d in dashes), name.replace("-", ".")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", ["/v1/thing", "/open/thing"])
def test_a_forged_identity_header_never_reaches_the_upstream_in_any_spelling(gateway, key, name, target):
    for spelling in spellings(name):
        headers = [("X-API-Key", key.api_key), (spelling, "forged-value"), (spelling, "forged-again")]
        answer = gateway.send("GET", target, headers)
        if answer.status == 400:
            continue  # a name with an underscore may be refused outright
        seen = Seen.of(answer)
        assert not any("forged" in value for _, value in seen.headers), spelling
        assert len(seen.all(name)) == 1, spelling


@pytest.mark.parametrize("name", NAMES)
def test_naming_an_identity_header_in_connection_does_not_remove_ours(gateway, key, name):
    for connection in (name, name.lower(), f"keep-alive, {name}", f"close, {name}", f"{name}, X-Forwarded-For"):
        headers = [("X-API-Key", key.api_key), ("Connection", connection), (name, "forged-value")]
        seen = Seen.of(gateway.send("GET", "/v1/thing", headers))
        assert len(seen.all(name)) == 1 and "forged" not in seen.one(name)
        assert seen.one("X-Consumer-Username") == "gateway-app"


def test_every_identity_header_is_always_there_and_empty_where_there_is_nothing_to_say(gateway, key):
    known = Seen.of(gateway.send("GET", "/v1/thing", {"X-API-Key": key.api_key}))
    assert known.one("X-Consumer-Username") == "gateway-app"
    assert known.one("X-Credential-Identifier") == key.key_id
    assert known.one("X-Authenticated-Scope") == "thing:read"
    assert known.one("X-Authenticated-Userid") == ""
    assert len(known.one("X-Consumer-ID")) == 36
    unknown = Seen.of(gateway.send("GET", "/open/thing"))
    assert [unknown.one(name) for name in NAMES] == [""] * 5


OTHERS = [
    "X-Consumer-Custom-ID",
    "X-Consumer-Groups",
    "X-Credential-Username",
    "X-Anonymous-Consumer",
    "X_Authenticated_Groups",
]


@pytest.mark.parametrize("name", OTHERS)
def test_a_forged_identity_header_of_another_gateway_never_reaches_the_upstream(gateway, key, name):
    seen = Seen.of(gateway.send("GET", "/v1/thing", {"X-API-Key": key.api_key, name: "forged-value"}))
    assert seen.all(name) == []


PROVENANCE = ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X_Forwarded_For", "Forwarded", "X-Real-IP"]


@pytest.mark.parametrize("name", [*PROVENANCE, "X-Original-URL", "X-Rewrite-URL", "True-Client-IP", "Proxy"])
def test_what_a_client_says_of_where_it_comes_from_is_not_passed_on(gateway, name):
    for connection in ("close", f"close, {name}"):
        answer = gateway.send("GET", "/open/thing", [(name, "203.0.113.7"), (name, "b"), ("Connection", connection)])
        seen = Seen.of(answer)
        assert not any("203.0.113.7" in value for _, value in seen.headers)
        assert seen.one("X-Forwarded-For") == "127.0.0.1" and seen.one("X-Forwarded-Proto") == "http"
        assert seen.one("X-Forwarded-Host") == f"127.0.0.1:{gateway.home.public}"


@pytest.mark.parametrize(
    "name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "x_http_method_override"]
)
def test_a_header_that_asks_for_another_method_does_not_lead_past_the_route_of_that_method(
    gateway, upstream, key, name
):
    before = upstream.count
    answer = gateway.send("GET", "/v1/marketplace/listings/7", {"X-API-Key": key.api_key, name: "DELETE"})
    assert answer.status in (400, 401, 403, 404) and upstream.count == before
    assert gateway.send("GET", "/v1/marketplace/listings/7", {"X-API-Key": key.api_key}).status == 200


@pytest.mark.parametrize("name", ["X_API_Key", "x_api-key", "X.API.Key"])
def test_an_api_key_in_a_spelling_that_is_not_checked_opens_nothing_and_goes_no_further(gateway, key, name):
    assert gateway.send("GET", "/v1/thing", {name: key.api_key}).status in (400, 401)
    answer = gateway.send("GET", "/v1/thing", {"X-API-Key": key.api_key, name: "another"})
    assert answer.status == 400 or "another" not in str(Seen.of(answer))


def test_the_consumer_s_id_stays_the_same(gateway, home, key):
    ask = lambda credential: Seen.of(gateway.send("GET", "/v1/thing", {"X-API-Key": credential.api_key}))
    first, second = ask(key), ask(home.issue("gateway-app"))
    assert first.one("X-Consumer-ID") == second.one("X-Consumer-ID")


def test_a_secret_that_was_checked_goes_no_further(gateway, key):
    seen = Seen.of(gateway.send("GET", "/v1/thing", {"X-API-Key": key.api_key}))
    assert key.api_key not in str(seen)


def test_an_api_key_goes_no_further_from_a_route_that_asks_for_something_else(gateway, home, key):
    token, _ = wallets.login(gateway, wallets.EthAccount())
    seen = Seen.of(wallets.call(gateway, token, X_API_Key=key.api_key))
    assert key.api_key not in str(seen) and seen.all("X-API-Key") == []


def test_a_route_can_keep_the_credentials_for_a_reason(start):
    server = start(
        '[[route]]\npath = "/v1/{*rest}"\nrequire = "api-key"\nupstream = "api"\n'
        'danger_keep_credentials = "the upstream checks the key again"\n'
    )
    server.home.consumer("keeper")
    kept = server.home.issue("keeper")
    seen = Seen.of(server.send("GET", "/v1/thing", {"X-API-Key": kept.api_key}))
    assert seen.one("X-API-Key") == kept.api_key


def test_a_sensible_request_id_goes_along_and_comes_back_and_any_other_is_replaced(gateway):
    answer = gateway.send("GET", "/open/thing", {"X-Request-Id": "req-1_a.b"})
    assert answer.header("X-Request-Id") == Seen.of(answer).one("X-Request-Id") == "req-1_a.b"
    for odd in ("a b", "x" * 65, 'a"b', ""):
        answer = gateway.send("GET", "/open/thing", {"X-Request-Id": odd})
        name = Seen.of(answer).one("X-Request-Id")
        assert name != odd and len(name) == 36 and answer.header("X-Request-Id") == name


def test_a_traceparent_goes_along(gateway):
    sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert Seen.of(gateway.send("GET", "/open/thing", {"traceparent": sent})).one("traceparent") == sent
