"""The tokens: what they say, and what is not taken for one."""

import time

import jwt
import pytest

from harness.problems import changed, refused
from harness.upstream import Seen
from harness.wait import until
from redreamer import tokens, wallets
from redreamer.wallets import call, login, refresh


def test_both_tokens_have_the_documented_header_and_claims_for_an_outside_reader(gateway, home, wallet):
    before = int(time.time())
    pair = login(gateway, wallet)
    for token, use, lifetime in zip(pair, ("access", "refresh"), (3_600, 86_400)):
        header = jwt.get_unverified_header(token)
        assert (header["alg"], header["typ"], sorted(header)) == ("HS512", "JWT", ["alg", "kid", "typ"])
        claims = tokens.read(home, token, use)
        assert claims["address"] == wallet.address.lower()
        assert claims["iss"] == "redreamer" and claims["scopes"] == ""
        assert before <= claims["iat"] <= time.time() and claims["exp"] - claims["iat"] == lifetime
        assert type(claims["iat"]) is type(claims["exp"]) is int
        assert claims["jti"] and claims["sid"] and claims["token_use"] == use
    access, fresh = (tokens.read(home, token, use) for token, use in zip(pair, ("access", "refresh")))
    assert access["sid"] == fresh["sid"] and access["jti"] != fresh["jti"]


def test_access_and_refresh_tokens_are_signed_with_different_keys(gateway, home, wallet):
    access, fresh = login(gateway, wallet)
    with pytest.raises(jwt.InvalidSignatureError):
        tokens.read(home, access, "refresh")
    with pytest.raises(jwt.InvalidSignatureError):
        tokens.read(home, fresh, "access")


def test_a_refresh_token_calls_nothing_and_an_access_token_refreshes_nothing(gateway, wallet):
    access, fresh = login(gateway, wallet)
    assert refused(call(gateway, fresh)) == "AUTHORIZATION_ERROR"
    assert refused(refresh(gateway, access)) == "AUTHORIZATION_ERROR"
    assert call(gateway, access).status == 200
    assert refresh(gateway, fresh).status == 200


def test_the_scheme_name_may_be_in_any_case(gateway, wallet):
    token, _ = login(gateway, wallet)
    for name in ("Bearer", "bearer", "BEARER"):
        assert gateway.send("GET", "/api/v1/user/me", {"Authorization": f"{name} {token}"}).status == 200


def test_a_missing_token_is_challenged_without_an_error_and_a_bad_one_with(gateway):
    none = gateway.send("GET", "/api/v1/user/me")
    assert refused(none) == "CREDENTIAL_MISSING"
    assert none.header("WWW-Authenticate").startswith("Bearer ") and "error=" not in none.header("WWW-Authenticate")
    bad = call(gateway, "garbage")
    assert refused(bad) == "AUTHORIZATION_ERROR"
    assert 'error="invalid_token"' in bad.header("WWW-Authenticate")


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer  ", "Basic dXNlcjpwYXNz", "Token x", "x"])
def test_another_authorization_than_a_bearer_token_gets_401(gateway, value):
    refused(gateway.send("GET", "/api/v1/user/me", {"Authorization": value}))


def test_a_token_sent_twice_or_elsewhere_gets_401(gateway, wallet):
    token, _ = login(gateway, wallet)
    good = ("Authorization", f"Bearer {token}")
    refused(gateway.send("GET", "/api/v1/user/me", [good, good]))
    refused(gateway.send("GET", f"/api/v1/user/me?access_token={token}"))
    refused(gateway.send("GET", "/api/v1/user/me", {"Cookie": f"token={token}"}))


# What is wrong with it, and the token: made from an honest one by somebody who holds the master key, so that nothing
# but the one thing is wrong.
ATTACKS = {
    "alg none without a signature": lambda t: t.forge(alg="none", algorithm=""),
    "alg None in another case": lambda t: t.forge(alg="nOnE", algorithm=""),
    "alg HS512 without a signature": lambda t: t.forge(algorithm=""),
    "alg HS256 under the same key": lambda t: t.forge(alg="HS256", algorithm="sha256"),
    "alg HS384 under the same key": lambda t: t.forge(alg="HS384", algorithm="sha384"),
    "alg HS256 that was signed with HS512": lambda t: t.forge(alg="HS256"),
    "alg in lower case": lambda t: t.forge(alg="hs512"),
    "no alg": lambda t: t.forge(alg=None),
    "no typ": lambda t: t.forge(typ=None),
    "another typ": lambda t: t.forge(typ="at+jwt"),
    "no kid": lambda t: t.forge(kid=None),
    "an unknown kid": lambda t: t.forge(kid="tk_unknown"),
    "a kid that is a path": lambda t: t.forge(kid="../../../../dev/null"),
    "a kid that is a number": lambda t: t.forge(kid=1),
    "an unknown crit": lambda t: t.forge(crit=["exp"]),
    "an empty crit": lambda t: t.forge(crit=[]),
    "a key of its own in the header": lambda t: t.forge(jwk={"kty": "oct", "k": "AAAA"}, key=b"\0\0\0"),
    "an empty key": lambda t: t.forge(key=b""),
    "the key of refresh tokens": lambda t: t.forge(key=t.key("refresh")),
    "the master key itself": lambda t: t.forge(key=bytes.fromhex(t.home.master_key)),
    "a header with a member twice": lambda t: t.forge(raw_header=b'{"alg":"none",' + t.header_bytes()[1:]),
    "claims with a member twice": lambda t: t.forge(raw_claims=t.claims_bytes()[:-1] + b',"exp":9999999999}'),
    "claims with white space and a second object": lambda t: t.forge(raw_claims=t.claims_bytes() + b"{}"),
    "claims that are a list": lambda t: t.forge(raw_claims=b"[]"),
    "claims that are no JSON": lambda t: t.forge(raw_claims=b"exp=9"),
    "no address": lambda t: t.forge(claims={"address": None}),
    "an address that is none": lambda t: t.forge(claims={"address": "0x1"}),
    "no exp": lambda t: t.forge(claims={"exp": None}),
    "an exp that is text": lambda t: t.forge(claims={"exp": str(int(time.time()) + 60)}),
    "an exp with a fraction": lambda t: t.forge(claims={"exp": time.time() + 60.5}),
    "an exp in scientific notation": lambda t: t.forge(raw_claims=t.claims_bytes(exp=None)[:-1] + b',"exp":9e9}'),
    "a negative exp": lambda t: t.forge(claims={"exp": -1}),
    "an exp beyond all bounds": lambda t: t.forge(claims={"exp": 2**64}),
    "an expired one": lambda t: t.forge(claims={"exp": int(time.time()) - 1, "iat": int(time.time()) - 3_600}),
    "no iat": lambda t: t.forge(claims={"iat": None}),
    "an iat in the future": lambda t: t.forge(claims={"iat": int(time.time()) + 3_000}),
    "no iss": lambda t: t.forge(claims={"iss": None}),
    "another iss": lambda t: t.forge(claims={"iss": "elsewhere"}),
    "a list of iss": lambda t: t.forge(claims={"iss": ["redreamer"]}),
    "no scopes": lambda t: t.forge(claims={"scopes": None}),
    "scopes that are a list": lambda t: t.forge(claims={"scopes": ["a:b"]}),
    "no session": lambda t: t.forge(claims={"sid": None}),
    "no jti": lambda t: t.forge(claims={"jti": None}),
    "no token_use": lambda t: t.forge(claims={"token_use": None}),
    "the use of a refresh token": lambda t: t.forge(claims={"token_use": "refresh"}),
    "padding": lambda t: t.token + "=",
    "a fourth part": lambda t: t.token + ".",
    "a part less": lambda t: t.token.rsplit(".", 1)[0],
    "nothing before the dots": lambda t: "..",
    "standard base64": lambda t: (
        t.token.replace("-", "+").replace("_", "/") + ("" if set("-_") & set(t.token) else "+")
    ),
    "a space in it": lambda t: t.token[:20] + " " + t.token[20:],
    "encrypted (five parts)": lambda t: t.token + ".AAAA.AAAA",
    "4,097 characters": lambda t: t.token + "A" * (4_097 - len(t.token)),
}


class Honest:
    """An honest access token, and forgeries of it."""

    def __init__(self, home, token):
        self.home, self.token = home, token
        self.header = jwt.get_unverified_header(token)
        self.claims = jwt.decode(token, options={"verify_signature": False})

    def key(self, use="access"):
        return tokens.key_of(self.home, self.token, use)

    def header_bytes(self):
        return tokens.compact(self.header)

    def claims_bytes(self, **changes):
        return tokens.compact(tokens.without(self.claims | changes))

    def forge(self, claims=None, key=None, algorithm="sha512", raw_header=None, raw_claims=None, **header):
        first = raw_header or tokens.without(self.header | header)
        second = raw_claims or tokens.without(self.claims | (claims or {}))
        return tokens.forge(first, second, self.key() if key is None else key, algorithm)


@pytest.fixture(scope="module")
def honest(gateway, home):
    token, _ = login(gateway, wallets.EthAccount())
    return Honest(home, token)


def test_the_forger_s_tools_make_a_good_token_where_nothing_is_wrong(gateway, honest):
    """Else every attack below would be refused for another reason than its own."""
    assert call(gateway, honest.forge()).status == 200
    assert call(gateway, honest.forge(claims={"jti": "00000000-0000-4000-8000-000000000000"})).status == 200


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_token_with_one_thing_wrong_gets_401(gateway, honest, attack):
    assert refused(call(gateway, attack(honest))) == "AUTHORIZATION_ERROR"


def test_a_token_with_any_character_changed_gets_401(gateway, honest):
    for place in range(0, len(honest.token), 7):
        if honest.token[place] != ".":
            assert call(gateway, changed(honest.token, place)).status == 401, place


def test_the_scopes_of_a_wallet_stand_in_the_token_and_go_upstream(gateway, home, wallet):
    home.command("wallet", "grant", wallet.address, "--scope", "console:apikey:write", "--scope", "console:apikey:read")
    token, _ = login(gateway, wallet)
    granted = {"console:apikey:read", "console:apikey:write"}
    assert set(tokens.read(home, token, "access")["scopes"].split(",")) == granted
    seen = Seen.of(call(gateway, token, "/api/v1/console/keys"))
    assert set(seen.one("X-Authenticated-Scope").split(",")) == granted
    assert seen.one("X-Authenticated-Userid") == wallet.address.lower()
    assert seen.all("Authorization") == []


def test_a_wallet_without_a_demanded_scope_gets_403_that_names_it(gateway, wallet):
    token, _ = login(gateway, wallet)
    answer = call(gateway, token, "/api/v1/console/keys")
    assert refused(answer, 403) == "SCOPE_MISSING"
    assert "console:apikey:write" in answer.json()["detail"]


def test_a_grant_counts_from_the_next_refresh(gateway, home, wallet):
    token, fresh = login(gateway, wallet)
    home.command("wallet", "grant", wallet.address, "--scope", "console:apikey:write")
    assert call(gateway, token, "/api/v1/console/keys").status == 403
    token, _ = wallets.pair_of(refresh(gateway, fresh))
    assert call(gateway, token, "/api/v1/console/keys").status == 200


def test_revoking_a_wallet_ends_its_sessions_within_a_second(gateway, home, wallet):
    home.command("wallet", "grant", wallet.address, "--scope", "console:apikey:write")
    token, fresh = login(gateway, wallet)
    assert call(gateway, token).status == 200
    home.command("wallet", "revoke", wallet.address)
    until("the token is refused", lambda: call(gateway, token).status == 401, 1)
    assert refused(refresh(gateway, fresh)) == "AUTHORIZATION_ERROR"
    token, _ = login(gateway, wallet)
    assert call(gateway, token, "/api/v1/console/keys").status == 403


def test_a_new_token_key_signs_from_now_on_and_older_tokens_stay_good(gateway, home, wallet):
    old, fresh = login(gateway, wallet)
    kid = lambda token: jwt.get_unverified_header(token)["kid"]
    home.command("token", "rotate")

    def signed_anew():
        token, _ = login(gateway, wallet)
        return kid(token) != kid(old) and token

    new = until("a login is signed with the new key", signed_anew, 2)
    assert tokens.read(home, new, "access")["address"] == wallet.address.lower()
    assert call(gateway, old).status == call(gateway, new).status == 200
    assert kid(wallets.pair_of(refresh(gateway, fresh))[0]) == kid(new)


def test_key_and_token_together_send_both_identities_upstream(gateway, app, wallet):
    token, _ = login(gateway, wallet)
    for target in ("/api/v1/redeemcenter/items", "/api/v1/both/items"):
        seen = Seen.of(call(gateway, token, target, X_API_Key=app.api_key))
        assert seen.one("X-Consumer-Username") == "redreamer-app"
        assert seen.one("X-Credential-Identifier") == app.key_id
        assert seen.one("X-Authenticated-Userid") == wallet.address.lower()
        assert seen.all("X-API-Key") == seen.all("Authorization") == []


def test_where_either_will_do_each_alone_is_enough(gateway, app, wallet):
    token, _ = login(gateway, wallet)
    target = "/api/v1/redeemcenter/items"
    alone = Seen.of(gateway.send("GET", target, {"X-API-Key": app.api_key}))
    assert alone.one("X-Consumer-Username") == "redreamer-app" and alone.one("X-Authenticated-Userid") == ""
    alone = Seen.of(call(gateway, token, target))
    assert alone.one("X-Consumer-Username") == "" and alone.one("X-Authenticated-Userid") == wallet.address.lower()


def test_a_bad_one_beside_a_good_one_is_a_refusal(gateway, app, wallet):
    token, _ = login(gateway, wallet)
    target = "/api/v1/redeemcenter/items"
    refused(call(gateway, token, target, X_API_Key="garbage"))
    refused(call(gateway, changed(token, 40), target, X_API_Key=app.api_key))
    none = gateway.send("GET", target)
    assert refused(none) == "CREDENTIAL_MISSING"
    assert sorted(value.split()[0] for value in none.all("WWW-Authenticate")) == ["ApiKey", "Bearer"]


def test_where_both_are_wanted_one_is_not_enough(gateway, app, wallet):
    token, _ = login(gateway, wallet)
    refused(call(gateway, token, "/api/v1/both/items"))
    refused(gateway.send("GET", "/api/v1/both/items", {"X-API-Key": app.api_key}))
