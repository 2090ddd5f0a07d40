"""What serves once: one signature, one nonce, however many send it and whatever becomes of the server."""

import hashlib
import hmac
import threading
import time
from collections import Counter

from harness.problems import refused
from realm import client

ROUTES = """
[[dialect]]
file = "growing.toml"
[[route]]
path = "/once/{*rest}"
require = "signature:realm"
query = "refuse"
replay = "once"
upstream = "api"
[[route]]
path = "/often/{*rest}"
require = "signature:realm"
query = "refuse"
upstream = "api"
[[route]]
path = "/growing"
require = "signature:growing"
query = "refuse"
upstream = "api"
"""
GROWING = """
[dialect.growing]
key_id         = "{header.X-Client}"
nonce          = "{header.X-Nonce}"
signature      = "{header.X-Sign}"
encoding       = "hex"
string_to_sign = "{method} {path} {nonce} {body}"
algorithm      = "hmac-sha256"
replay         = "increasing"
"""
MANY = 64


def growing(credential, nonce: int) -> dict[str, str]:
    text = f"POST /growing {nonce} ".encode()
    sign = hmac.new(credential.secret.encode(), text, hashlib.sha256).hexdigest()
    return {"X-Client": credential.api_key, "X-Nonce": str(nonce), "X-Sign": sign}


def at_once(sends) -> list:
    """Does all of them at once, each in a thread of its own, and gives what came back, in their order."""
    together, answers = threading.Barrier(len(sends)), [None] * len(sends)

    def run(place, send):
        together.wait()
        answers[place] = send()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(sends)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def two_servers(start, make_home):
    """Two servers on one database, as two processes have it."""
    homes = [make_home(ROUTES), make_home(ROUTES)]
    for home in homes:
        (home.folder / "growing.toml").write_text(GROWING)
    first = start(homes[0])
    shared = {
        "COUNTERSIGN__STORE__URL": f"sqlite://{homes[0].database}",
        "COUNTERSIGN__MASTER_KEY__FILE": str(homes[0].folder / "data" / "master.key"),
    }
    homes[0].consumer("acme")
    return first, start(homes[1], **shared)


def test_of_many_that_send_one_signature_at_once_one_passes_also_with_two_servers(start, make_home):
    servers = two_servers(start, make_home)
    credential = servers[0].home.issue("acme", dialect="realm")
    for path, passing in [("/once/x", 1), ("/often/x", MANY)]:
        signed = client.headers(credential, "POST", path, b"body")
        ask = lambda server: lambda: server.send("POST", path, signed, b"body").status
        answers = at_once([ask(servers[number % 2]) for number in range(MANY)])
        assert Counter(answers) == Counter({200: passing, 403: MANY - passing}), path


def test_of_many_growing_nonces_at_once_none_passes_twice_and_the_greatest_does(start, make_home):
    servers = two_servers(start, make_home)
    credential = servers[0].home.issue("acme", dialect="growing")
    base = int(time.time() * 1000)
    # Each twice, in no order.
    nonces = [base + number * 37 % (MANY // 2) for number in range(MANY)]
    ask = lambda server, nonce: lambda: server.send("POST", "/growing", growing(credential, nonce)).status
    answers = at_once([ask(servers[number % 2], nonce) for number, nonce in enumerate(nonces)])
    passed = Counter(nonce for nonce, status in zip(nonces, answers) if status == 200)
    assert set(passed.values()) == {1} and max(nonces) in passed
    assert servers[1].send("POST", "/growing", growing(credential, max(nonces))).status == 401
    assert servers[1].send("POST", "/growing", growing(credential, max(nonces) + 1)).status == 200


def test_what_was_used_stays_used_when_the_server_is_killed(start, make_home):
    home = make_home(ROUTES)
    (home.folder / "growing.toml").write_text(GROWING)
    server = start(home)
    home.consumer("acme")
    realm, grows = home.issue("acme", dialect="realm"), home.issue("acme", dialect="growing")
    signed = client.headers(realm, "POST", "/once/x", b"body")
    assert server.send("POST", "/once/x", signed, b"body").status == 200
    assert server.send("POST", "/growing", growing(grows, 5)).status == 200
    server.kill()
    server = start(home)
    answer = server.send("POST", "/once/x", signed, b"body")
    assert refused(answer, 403) == "SIGNATURE_INVALID"
    line = server.line_of(answer)
    assert (line["reason"], line["key_id"]) == ("replayed", realm.key_id)
    assert server.send("POST", "/growing", growing(grows, 5)).status == 401
    assert server.send("POST", "/growing", growing(grows, 6)).status == 200
