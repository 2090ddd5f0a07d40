"""Ordinary endpoints: the key alone."""

import pytest

from harness.problems import changed, refused
from harness.upstream import Seen
from harness.wait import until

PROFILE = "/v1/user/profile"


def test_a_key_opens_an_ordinary_endpoint_and_its_consumer_is_told_upstream(gateway, key):
    seen = Seen.of(gateway.send("GET", PROFILE, {"X-API-Key": key.api_key}))
    assert (seen.method, seen.target, seen.body) == ("GET", PROFILE, b"")
    assert seen.one("X-Consumer-Username") == "realm-app"
    assert seen.one("X-Credential-Identifier") == key.key_id
    assert seen.all("X-API-Key") == []


def test_the_key_of_a_signing_client_opens_an_ordinary_endpoint_without_a_signature(gateway, realm):
    seen = Seen.of(gateway.send("GET", PROFILE, {"X-API-Key": realm.api_key}))
    assert seen.one("X-Credential-Identifier") == realm.key_id


def test_the_name_of_the_key_header_may_be_written_in_any_case(gateway, key):
    for name in ("x-api-key", "X-API-KEY", "X-Api-Key"):
        assert gateway.send("GET", PROFILE, {name: key.api_key}).status == 200


def test_without_a_key_the_answer_is_401(gateway):
    assert refused(gateway.send("GET", PROFILE)) == "CREDENTIAL_MISSING"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: "",
        lambda key: "x",
        lambda key: "garbage garbage",
        lambda key: "k" * 4097,
        lambda key: key[:-1],
        lambda key: key + "A",
        lambda key: key.swapcase(),
        lambda key: changed(key, 10),
        lambda key: changed(key, len(key) - 1),
        lambda key: "csp_" + key[4:],
        lambda key: "caf\u00e9",
        lambda key: f"{key}, {key}",
        lambda key: f"Bearer {key}",
    ],
)
def test_a_key_that_is_none_gets_401(gateway, key, spoil):
    sent = spoil(key.api_key).encode("utf-8").decode("latin-1")
    assert refused(gateway.send("GET", PROFILE, {"X-API-Key": sent})) == "CREDENTIAL_INVALID"


def test_an_unknown_key_of_the_right_form_gets_401_that_looks_like_that_of_a_revoked_one(gateway, home, make_home):
    elsewhere = make_home('[[route]]\npath = "/"\nrequire = "nothing"\nupstream = "api"\n')
    elsewhere.consumer("stranger")
    unknown = elsewhere.issue("stranger")
    revoked = home.issue("realm-app")
    home.command("key", "revoke", revoked.key_id)

    def ask(credential):
        answer = gateway.send("GET", PROFILE, {"X-API-Key": credential.api_key, "X-Request-Id": "same"})
        refused(answer)
        return answer.status, sorted(h for h in answer.headers if h[0].lower() != "date"), answer.body

    until("the revoked key is refused", lambda: ask_status(gateway, revoked) == 401, 1)
    assert ask(unknown) == ask(revoked)


def ask_status(gateway, credential):
    return gateway.send("GET", PROFILE, {"X-API-Key": credential.api_key}).status


def test_a_key_sent_twice_gets_401_even_where_both_are_the_same_good_one(gateway, key):
    pair = ("X-API-Key", key.api_key)
    assert refused(gateway.send("GET", PROFILE, [pair, pair])) == "CREDENTIAL_INVALID"
    assert refused(gateway.send("GET", PROFILE, [("X-API-Key", "x"), pair])) == "CREDENTIAL_INVALID"


def test_a_key_in_the_query_or_as_a_bearer_token_opens_nothing(gateway, key):
    refused(gateway.send("GET", f"{PROFILE}?X-API-Key={key.api_key}&api_key={key.api_key}"))
    refused(gateway.send("GET", PROFILE, {"Authorization": f"Bearer {key.api_key}"}))


def test_a_revoked_key_gets_401_within_a_second_while_the_server_runs(gateway, home):
    credential = home.issue("realm-app")
    assert ask_status(gateway, credential) == 200
    home.command("key", "revoke", credential.key_id)
    until("the revoked key is refused", lambda: ask_status(gateway, credential) == 401, 1)
    for _ in range(20):
        assert ask_status(gateway, credential) == 401


def test_an_expired_key_gets_401(gateway, home):
    credential = home.issue("realm-app", expires="3s")
    assert ask_status(gateway, credential) == 200
    until("the key expires", lambda: ask_status(gateway, credential) == 401, 6)


def test_the_keys_of_a_disabled_consumer_get_401_until_it_is_enabled(gateway, home):
    home.consumer("sleeper")
    credential = home.issue("sleeper")
    assert ask_status(gateway, credential) == 200
    home.command("consumer", "disable", "sleeper")
    until("the keys are refused", lambda: ask_status(gateway, credential) == 401, 1)
    home.command("consumer", "enable", "sleeper")
    until("the keys work again", lambda: ask_status(gateway, credential) == 200, 1)


def test_the_keys_of_a_removed_consumer_get_401(gateway, home):
    home.consumer("leaver")
    credential = home.issue("leaver")
    assert ask_status(gateway, credential) == 200
    home.command("consumer", "remove", "leaver")
    until("the keys are refused", lambda: ask_status(gateway, credential) == 401, 1)


def test_after_a_rotation_both_keys_work_until_the_overlap_ends(gateway, home):
    old = home.issue("realm-app")
    assert ask_status(gateway, old) == 200
    new = home.command("key", "rotate", old.key_id, "--overlap", "4s")
    new = type(old).of(new)
    assert new.api_key != old.api_key and new.key_id != old.key_id
    assert ask_status(gateway, new) == 200
    assert ask_status(gateway, old) == 200
    until("the old key ends", lambda: ask_status(gateway, old) == 401, 7)
    assert ask_status(gateway, new) == 200


def test_a_route_that_asks_for_scopes_tells_the_holder_of_a_key_which_are_missing(gateway, home):
    some = home.issue("realm-app", scopes=["profile:read"])
    answer = gateway.send("GET", "/v1/scoped/key", {"X-API-Key": some.api_key})
    assert refused(answer, 403) == "SCOPE_MISSING"
    assert "profile:write" in answer.json()["detail"] and "profile:read" not in answer.json()["detail"]
    both = home.issue("realm-app", scopes=["profile:read", "profile:write"])
    seen = Seen.of(gateway.send("GET", "/v1/scoped/key", {"X-API-Key": both.api_key}))
    assert set(seen.one("X-Authenticated-Scope").split(",")) == {"profile:read", "profile:write"}
