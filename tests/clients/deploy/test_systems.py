"""The three systems' clients through each proxy, as its folder under `deploy/` sets it up."""

import pytest

from harness.problems import refused
from harness.upstream import Seen
from pitchprint import client as pitchprint
from realm import client as realm
from redreamer import wallets


def identity(seen: Seen) -> dict[str, str]:
    """What the upstream was told of the caller; what is not there is empty."""
    names = ["Consumer-Username", "Credential-Identifier", "Authenticated-Scope", "Authenticated-Userid"]
    return {name: (seen.all(f"X-{name}") or [""])[0] for name in names}


def test_an_api_key_opens_its_routes_and_nothing_else_does(deployment):
    key = deployment.holders.key
    seen = Seen.of(deployment.send("GET", "/v1/user/profile?page=2", {"X-API-Key": key.api_key}))
    assert (seen.method, seen.target) == ("GET", "/v1/user/profile?page=2")
    assert identity(seen) == {
        "Consumer-Username": "acme",
        "Credential-Identifier": key.key_id,
        "Authenticated-Scope": "thing:read",
        "Authenticated-Userid": "",
    }
    assert len(seen.one("X-Consumer-ID")) == 36 and key.api_key not in str(seen)
    assert refused(deployment.send("GET", "/v1/user/profile")) == "CREDENTIAL_MISSING"
    assert refused(deployment.send("GET", "/v1/user/profile", {"X-API-Key": "csk_x"})) == "CREDENTIAL_INVALID"


@pytest.mark.parametrize("client", realm.EVERY_CLIENT)
def test_a_realm_signature_passes_from_every_client(deployment, client, tmp_path):
    signer, body = deployment.holders.realm, b'{"price": 100}'
    answer = client(deployment, signer, "POST", "/v1/marketplace/listings", body, tmp_path)
    seen = Seen.of(answer)
    assert seen.body == body and identity(seen)["Credential-Identifier"] == signer.key_id
    signed = realm.headers(signer, "POST", "/v1/marketplace/listings", body)
    other = deployment.send("POST", "/v1/marketplace/listings", signed, b'{"price": 101}')
    assert refused(other, 403) == "SIGNATURE_INVALID"


def test_the_operator_is_told_what_a_client_got_wrong_wherever_its_request_was_decided(deployment):
    signer = deployment.holders.realm
    for method, body in [("POST", b'{"price": 100}'), ("GET", None)]:
        signed = realm.headers(signer, method.lower(), "/v1/marketplace/listings", body or b"")
        answer = deployment.send(method, "/v1/marketplace/listings", signed, body)
        assert refused(answer, 403) == "SIGNATURE_INVALID"
        report = deployment.server.admin(f"/refusals/{answer.json()['request_id']}").json()
        assert [finding["kind"] for finding in report["findings"]] == ["method-case"], report
    passed = realm.call(deployment, signer, "POST", "/v1/marketplace/listings", b"{}")
    kept = deployment.server.admin("/refusals").json()["refusals"]
    assert passed.status == 200 and passed.header("X-Request-Id") not in [one["request_id"] for one in kept]


@pytest.mark.parametrize("client", pitchprint.EVERY_CLIENT)
def test_a_pitchprint_signature_passes_from_every_client(deployment, client, tmp_path):
    signer = deployment.holders.pitchprint
    seen = Seen.of(client(deployment, signer, {"id": 7}, tmp_path))
    assert identity(seen)["Credential-Identifier"] == signer.key_id
    wrong = {**pitchprint.members(signer), "signature": "0" * 32}
    assert refused(pitchprint.post(deployment, wrong)) == "CREDENTIAL_INVALID"


@pytest.mark.parametrize("kind", wallets.EVERY_WALLET)
def test_a_wallet_logs_in_and_calls(deployment, kind):
    wallet = kind()
    token, refresh = wallets.login(deployment, wallet)
    seen = Seen.of(wallets.call(deployment, token, "/api/v1/redeemcenter/items"))
    assert identity(seen) == {
        "Consumer-Username": "",
        "Credential-Identifier": "",
        "Authenticated-Scope": "",
        "Authenticated-Userid": wallet.address.lower(),
    }
    assert token not in str(seen)
    wallets.pair_of(wallets.refresh(deployment, refresh))
    assert refused(wallets.call(deployment, token, "/api/v1/console/keys"), 403) == "SCOPE_MISSING"
    assert refused(wallets.call(deployment, token + "x", "/api/v1/redeemcenter/items")) == "AUTHORIZATION_ERROR"


def test_a_key_and_a_wallet_together_are_both_told_of(deployment):
    wallet = wallets.EthAccount()
    token, _ = wallets.login(deployment, wallet)
    seen = Seen.of(wallets.call(deployment, token, "/api/v1/redeemcenter/x", X_API_Key=deployment.holders.key.api_key))
    told = identity(seen)
    assert told["Consumer-Username"] == "acme" and told["Authenticated-Userid"] == wallet.address.lower()


def test_a_refusal_has_the_request_s_name_by_which_the_operator_finds_it(deployment):
    answer = deployment.send("GET", "/v1/thing", {"X-Request-Id": "seen-1"})
    assert answer.header("X-Request-Id") == answer.json()["request_id"] == "seen-1"
    assert deployment.server.line_of(answer)["reason"] == "not_presented"


def test_a_request_that_passed_has_a_name_too(deployment):
    answer = deployment.send("GET", "/open/thing", {"X-Request-Id": "seen-2"})
    assert Seen.of(answer).one("X-Request-Id") == "seen-2"


def test_what_no_route_names_is_404_everywhere(deployment):
    assert refused(deployment.send("GET", "/nowhere"), 404) == "NO_ROUTE"
