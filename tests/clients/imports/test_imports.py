"""Credentials that exist already: imported, and used by the clients that their vendors' users have."""

import base64
import json
import time

import pytest
import stripe
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from harness import secrets
from harness.countersign import Credential, Refused
from harness.problems import refused
from harness.upstream import Seen
from harness.wait import until
from krakenex import API as Kraken
from realm import client as realm
from requests import Request
from requests_aws4auth import AWS4Auth
from slack_sdk.signature import SignatureVerifier
from standards.bench import node

ROUTES = """
[[route]]
path = "/0/private/{*rest}"
require = "signature:kraken"
query = "refuse"
upstream = "api"
[[route]]
path = "/aws/{*rest}"
require = "signature:aws-sigv4"
upstream = "api"
[[route]]
path = "/revolutx/{*rest}"
require = "signature:revolutx"
upstream = "api"
[[route]]
path = "/realm/{*rest}"
require = "signature:realm"
query = "refuse"
upstream = "api"
[[route]]
path = "/keys/{*rest}"
require = "api-key"
upstream = "api"
"""
HOOK = """
[[route]]
path = "/hooks/{dialect}"
require = "signature:{dialect}"
signed_by = "{dialect}"
query = "refuse"
upstream = "api"
"""
HOOKS = ["stripe", "github", "slack", "discord"]
BODY = b'{"id":"evt_1","amount":1234}'
WAIT_SECS = 5


@pytest.fixture(scope="module")
def server(upstream):
    from harness.countersign import Home, Server

    home = Home(ROUTES + "".join(HOOK.format(dialect=dialect) for dialect in HOOKS), upstream.port)
    server = Server(home)
    for name in [*HOOKS, "acme", "other"]:
        home.consumer(name)
    yield server
    assert server.stop() == 0
    home.clean()


def take_over(home, consumer, dialect=None, secret=None, *words, file="secret"):
    """`key import` with the secret in a file."""
    path = home.folder / "imported"
    path.write_bytes(secret if isinstance(secret, bytes) else secret.encode())
    if file != "public-key":
        secrets.remember(path.read_text())
    asked = ["key", "import", "--consumer", consumer, f"--{file}-file", str(path), *words]
    return home.command(*asked, *(["--dialect", dialect] if dialect else []))


def passes(server, ask):
    """What the upstream saw of a request that passes as soon as the server has heard of its credential."""
    return Seen.of(until("the credential is known", lambda: (answer := ask()).status == 200 and answer, WAIT_SECS))


def stripe_headers(secret, body=BODY):
    at = int(time.time())
    return {"Stripe-Signature": f"t={at},v1=" + stripe.WebhookSignature._compute_signature(f"{at}.{body.decode()}", secret)}


def github_headers(secret, body=BODY):
    return {"X-Hub-Signature-256": node("githubSigns", secret=secret, body=body.decode())}


def slack_headers(secret, body=BODY):
    at = str(int(time.time()))
    made = SignatureVerifier(secret).generate_signature(timestamp=at, body=body.decode())
    return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": made}


SIGNED = {"stripe": stripe_headers, "github": github_headers, "slack": slack_headers}


@pytest.mark.parametrize("dialect", SIGNED)
def test_a_webhook_passes_with_the_secret_that_its_sender_has_and_with_the_one_that_replaces_it(server, dialect):
    sign, path = SIGNED[dialect], f"/hooks/{dialect}"
    old, new = f"whsec_{dialect}_0123456789abcdef", f"whsec_{dialect}_fedcba9876543210"
    ask = lambda secret, body=BODY: server.send("POST", path, sign(secret), body)
    refused(ask(old))
    first = take_over(server.home, dialect, dialect, old, "--key-id", f"{dialect}-2025")
    assert first["key_id"] == f"{dialect}-2025" and first["origin"] == "imported"
    seen = passes(server, lambda: ask(old))
    assert (seen.one("X-Consumer-Username"), seen.one("X-Credential-Identifier")) == (dialect, f"{dialect}-2025")
    refused(ask(old, BODY + b" "))
    refused(ask(new))
    second = take_over(server.home, dialect, dialect, new, "--key-id", f"{dialect}-2026", "--replaces", f"{dialect}-2025")
    assert second["replaces"] == f"{dialect}-2025"
    assert passes(server, lambda: ask(new)).one("X-Credential-Identifier") == f"{dialect}-2026"
    assert Seen.of(ask(old)).one("X-Credential-Identifier") == f"{dialect}-2025"
    server.home.command("key", "revoke", f"{dialect}-2025")
    until("the old one has ended", lambda: ask(old).status == 401, WAIT_SECS)
    assert ask(new).status == 200
    # A secret that is made here does too, for senders that take one.
    issued = server.home.command("key", "rotate", f"{dialect}-2026")
    secrets.remember(issued["secret"])
    assert passes(server, lambda: ask(issued["secret"])).one("X-Credential-Identifier") == issued["key_id"]


def kraken_headers(key, secret, path, body):
    signer = Kraken(key, secret)
    return {"API-Key": key, "API-Sign": signer._sign(body, path), "Content-Type": "application/x-www-form-urlencoded"}


def test_kraken_s_python_library_passes_with_its_own_key(server):
    key, secret = "K/raKen+Key0123456789==", base64.b64encode(bytes(range(64))).decode()
    path = "/0/private/Balance"

    def ask(secret=secret, key=key):
        body = {"nonce": time.time_ns() // 1000}
        return server.send("POST", path, kraken_headers(key, secret, path, body), f"nonce={body['nonce']}".encode())

    refused(ask())
    answer = take_over(server.home, "acme", "kraken", secret, "--key-id", key, "--scope", "trade", "--expires", "90d")
    assert (answer["key_id"], answer["scopes"], answer["kind"]) == (key, ["trade"], "signature")
    seen = passes(server, ask)
    assert (seen.one("X-Consumer-Username"), seen.one("X-Credential-Identifier")) == ("acme", key)
    refused(ask(secret=base64.b64encode(b"x" * 64).decode()))
    refused(ask(key=key + "A"))
    # The same key id in another dialect is another credential, of somebody else.
    take_over(server.home, "other", "aws-sigv4", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "--key-id", key)
    with pytest.raises(Refused, match="KEY_AMBIGUOUS"):
        server.home.command("key", "revoke", key)
    server.home.command("key", "revoke", key, "--dialect", "aws-sigv4")
    assert ask().status == 200
    server.home.command("key", "revoke", key, "--dialect", "kraken")
    until("it has ended", lambda: ask().status == 401, WAIT_SECS)


def test_a_signer_of_aws_requests_passes_with_its_own_key(server):
    key, secret = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

    def ask(secret=secret, body=BODY):
        host = f"127.0.0.1:{server.home.public}"
        auth = AWS4Auth(key, secret, "us-east-1", "execute-api")
        signed = auth(Request("POST", f"http://{host}/aws/things?a=1&b=2", data=BODY, headers={"Host": host}).prepare())
        return server.send("POST", "/aws/things?a=1&b=2", dict(signed.headers), body)

    refused(ask())
    take_over(server.home, "acme", "aws-sigv4", secret, "--key-id", key)
    assert passes(server, ask).one("X-Credential-Identifier") == key
    # As long as the one that was signed: the signer has set the length.
    refused(ask(body=BODY.replace(b"1234", b"1235")))
    refused(ask(secret=secret + "x"))


def public(key, form):
    if form == "pem":
        encoding, kind = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return key.public_key().public_bytes(encoding, kind)
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return raw.hex().encode() if form == "hex" else base64.b64encode(raw)


@pytest.mark.parametrize("form", ["pem", "hex", "base64"])
def test_the_holder_of_an_ed25519_key_gives_the_public_one_and_passes(server, form):
    private, stranger = (ed25519.Ed25519PrivateKey.generate() for _ in range(2))
    key = f"{form}-0123456789abcdef"

    def ask(private=private, body=BODY):
        at = str(int(time.time() * 1000))
        made = private.sign(f"{at}POST/revolutx/orders".encode() + BODY)
        headers = {"X-Revx-API-Key": key, "X-Revx-Timestamp": at, "X-Revx-Signature": base64.b64encode(made).decode()}
        return server.send("POST", "/revolutx/orders", headers, body)

    take_over(server.home, "acme", "revolutx", public(private, form), "--key-id", key, file="public-key")
    assert passes(server, ask).one("X-Credential-Identifier") == key
    refused(ask(private=stranger))
    refused(ask(body=BODY + b" "))
    with pytest.raises(Refused, match="NO_SECRET"):
        server.home.command("key", "rotate", key)


def test_discord_s_key_is_taken_as_discord_shows_it(server):
    private = ed25519.Ed25519PrivateKey.generate()

    def ask(body=BODY):
        at = str(int(time.time()))
        headers = {"X-Signature-Timestamp": at, "X-Signature-Ed25519": private.sign(at.encode() + BODY).hex()}
        return server.send("POST", "/hooks/discord", headers, body)

    take_over(server.home, "discord", "discord", public(private, "hex"), file="public-key")
    assert passes(server, ask).one("X-Consumer-Username") == "discord"
    refused(ask(body=BODY + b" "))


def test_a_private_key_or_one_of_another_algorithm_is_refused(server):
    pem = serialization.Encoding.PEM
    private = ed25519.Ed25519PrivateKey.generate()
    text = private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    words = ("--key-id", "nobody")
    with pytest.raises(Refused, match="private key"):
        take_over(server.home, "acme", "revolutx", text, *words, file="public-key")
    other = public(ec.generate_private_key(ec.SECP256R1()), "pem")
    with pytest.raises(Refused, match="no public key that `revolutx` takes"):
        take_over(server.home, "acme", "revolutx", other, *words, file="public-key")
    # A public key as the secret of an HMAC would let everybody sign.
    with pytest.raises(Refused, match="public key, which everybody may know"):
        take_over(server.home, "acme", "kraken", other.decode(), *words)


def test_an_api_key_of_another_maker_passes_and_no_more_than_its_digest_is_kept(server):
    key = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
    ask = lambda key=key: server.send("GET", "/keys/thing", {"X-API-Key": key})
    refused(ask())
    answer = take_over(server.home, "acme", None, key, file="api-key")
    assert answer["key_id"].startswith("key_") and answer["kind"] == "api-key"
    assert passes(server, ask).all("X-API-Key") == []
    refused(ask(key + "x"))
    refused(ask("sk live"))
    held = b"".join(path.read_bytes() for path in server.home.database.parent.glob("countersign.db*"))
    assert key.encode() not in held


def test_a_key_of_another_maker_that_opens_routes_alone_signs_too(server):
    key, secret = "rk_live_0123456789abcdefghij", "rs_live_0123456789abcdefghij"
    file = server.home.folder / "realm.key"
    file.write_text(key + "\n")
    secrets.remember(key)
    with pytest.raises(Refused, match="is a secret of which a digest alone is kept"):
        take_over(server.home, "acme", "realm", secret, "--key-id", "rk")
    answer = take_over(server.home, "acme", "realm", secret, "--api-key-file", str(file))
    credential = Credential(answer["key_id"], key, secret)
    seen = passes(server, lambda: realm.call(server, credential, "POST", "/realm/x", BODY))
    assert seen.one("X-Credential-Identifier") == answer["key_id"]
    assert server.send("GET", "/keys/x", {"X-API-Key": key}).status == 200
    refused(realm.call(server, Credential(answer["key_id"], key, secret + "x"), "POST", "/realm/x", BODY), 403)


def test_a_secret_never_stands_on_the_command_line_and_a_weak_one_wants_a_reason(server):
    words = ["key", "import", "--consumer", "acme", "--dialect", "kraken", "--key-id", "weak"]
    with pytest.raises(Refused, match="SECRET_ON_COMMAND_LINE"):
        server.home.command(*words, "--secret", "c2VjcmV0")
    with pytest.raises(Refused, match="WEAK_SECRET"):
        take_over(server.home, "acme", "kraken", "c2VjcmV0", "--key-id", "weak")
    reason = ("--danger-weak-secrets", "a test")
    assert take_over(server.home, "acme", "kraken", "c2VjcmV0", "--key-id", "weak", *reason)["key_id"] == "weak"


def test_all_of_a_list_is_imported_or_none_and_every_mistake_is_told_at_once(server):
    home, secret = server.home, lambda number: f"kraken-{number}-0123456789abcdef"
    row = lambda number, **more: {
        "consumer": f"customer {number}",
        "dialect": "aws-sigv4",
        "key_id": f"AKIA{number}",
        "secret": secret(number),
        **more,
    }
    rows = [row(number) for number in range(50)]
    rows[10]["dialect"], rows[20]["key_id"], rows[30]["secret"] = "aws-sigv5", "AKIA19", "short"
    file = home.folder / "customers.jsonl"
    write = lambda: file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    secrets.remember(*(secret(number) for number in range(50)))
    write()
    words = ["key", "import", "--file", str(file), "--add-consumers"]
    with pytest.raises(Refused) as refusal:
        home.command(*words)
    told = json.loads(refusal.value.error)
    assert told["code"] == "WRONG_FILE" and "short" not in told["message"].replace("ShortSecret", "")
    assert [f"customers.jsonl:{line}:" in told["message"] for line in (11, 21, 31)] == [True] * 3
    assert told["message"].count("customers.jsonl:") == 3 and "line 20" in told["message"]
    assert not any(name["name"].startswith("customer") for name in home.command("consumer", "list"))
    rows[10]["dialect"], rows[20]["key_id"], rows[30]["secret"] = "aws-sigv4", "AKIA20", secret(30)
    write()
    dry = home.command(*words, "--dry-run")
    assert (dry["imported"], len(dry["consumers_added"]), dry["written"]) == (50, 50, False)
    assert home.command(*words)["written"] is True
    with pytest.raises(Refused, match="is there already"):
        home.command(*words)

    def ask():
        host = f"127.0.0.1:{home.public}"
        auth = AWS4Auth("AKIA49", secret(49), "us-east-1", "execute-api")
        signed = auth(Request("GET", f"http://{host}/aws/things", headers={"Host": host}).prepare())
        return server.send("GET", "/aws/things", dict(signed.headers))

    assert passes(server, ask).one("X-Consumer-Username") == "customer 49"
