"""How many requests pass: fixed quotas under requests at once, what callers are told, and what strangers cannot run up."""

import re
import signal
import threading
import time
from collections import Counter

from harness import wire
from harness.ports import free_port
from harness.problems import refused
from harness.wait import until
from realm import client as realm
from redreamer import wallets

# One request in a day comes back: no test is so slow that it would see that.
FIXED = 40
ROUTES = f"""
[[limit]]
name  = "default"
rates = ["{FIXED}/d"]
[[limit.override]]
consumer = "gold"
rates    = ["{2 * FIXED}/d"]
[[limit]]
name  = "total"
per   = "route"
rates = ["5/d"]
[[limit]]
name  = "two"
rates = ["3/s burst 1000", "4/d"]
[[limit]]
name  = "open"
per   = "address"
rates = ["3/d"]
[[route]]
path = "/keys/{{*rest}}"
require = "api-key"
upstream = "api"
[[route]]
path = "/signed/{{*rest}}"
require = "signature:realm"
query = "refuse"
upstream = "api"
[[route]]
path = "/total/{{*rest}}"
require = "api-key"
limits = ["total"]
upstream = "api"
[[route]]
path = "/two/{{*rest}}"
require = "api-key"
limits = ["two"]
upstream = "api"
[[route]]
path = "/open/{{*rest}}"
require = "nothing"
limits = ["open"]
upstream = "api"
"""


def at_once(send, count: int) -> list:
    together, answers = threading.Barrier(count), []

    def run():
        together.wait()
        answers.append(send())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def get(server, credential, path="/keys/x"):
    return server.send("GET", path, {"X-API-Key": credential.api_key})


def test_of_any_number_of_requests_at_once_exactly_as_many_pass_as_may(start):
    server = start(ROUTES)
    server.home.consumer("acme")
    one, other = server.home.issue("acme"), server.home.issue("acme")
    answers = [answer for _ in range(2) for answer in at_once(lambda: get(server, one), FIXED)]
    assert Counter(answer.status for answer in answers) == {200: FIXED, 429: FIXED}
    assert get(server, other).status == 200


def test_a_caller_is_told_how_he_stands_and_when_he_may_come_again(start):
    server = start(ROUTES)
    server.home.consumer("acme")
    key = server.home.issue("acme")
    for left in (3, 2, 1, 0):
        before = time.time()
        answer = get(server, key, "/two/x")
        assert answer.status == 200
        assert answer.header("RateLimit-Policy") == '"two-s";q=3;w=1;countersign-burst=1000, "two-d";q=4;w=86400'
        window = int(re.search(rf'"two-d";r={left};t=(\d+)', answer.header("RateLimit"))[1])
        assert 0 <= 21600 * (4 - left if left else 1) - window <= 60
        assert answer.header("X-RateLimit-Limit") == "4"
        assert answer.header("X-RateLimit-Remaining") == str(left)
        reset = int(answer.header("X-RateLimit-Reset"))
        assert before + 21600 * (4 - left) - 60 <= reset <= time.time() + 21600 * (4 - left) + 60
    answer = get(server, key, "/two/x")
    assert refused(answer, 429) == "RATE_LIMITED"
    assert 21600 - 60 <= int(answer.header("Retry-After")) <= 21600
    assert answer.header("X-RateLimit-Remaining") == "0"
    line = server.line_of(answer)
    assert (line["verdict"], line["reason"], line["limit"]) == ("denied", "over_limit", "two-d")
    assert line["key_id"] == key.key_id
    metrics = server.admin("/metrics").body.decode()
    assert re.search(r'^countersign_over_limit_total\{limit="two-d"\} 1$', metrics, re.M)


def test_a_strangers_requests_use_up_nobodys_quota(start):
    server = start(ROUTES)
    server.home.consumer("acme")
    credential = server.home.issue("acme", dialect="realm")
    for _ in range(FIXED + 5):
        # He overheard the key, and a request that was signed with it a while ago.
        answer = realm.call(server, credential, "POST", "/signed/x", b"x", -400)
        assert answer.status == 403 and answer.header("RateLimit") is None
    good = [realm.call(server, credential, "POST", "/signed/x", b"%d" % number).status for number in range(FIXED + 1)]
    assert good == [200] * FIXED + [429]


def test_an_override_a_route_of_all_and_an_open_route(start):
    server = start(ROUTES)
    server.home.consumer("acme"), server.home.consumer("gold")
    acme, gold = server.home.issue("acme"), server.home.issue("gold")
    statuses = Counter(get(server, gold).status for _ in range(2 * FIXED + 1))
    assert statuses == {200: 2 * FIXED, 429: 1}
    assert [get(server, key, "/total/x").status for key in (acme, gold) * 3] == [200] * 5 + [429]
    assert [server.send("GET", "/open/x").status for _ in range(4)] == [200, 200, 200, 429]


def test_a_reload_keeps_what_was_used_and_a_changed_rate_begins_anew(start):
    server = start(ROUTES)
    server.home.consumer("acme")
    key = server.home.issue("acme")
    assert [get(server, key, "/total/x").status for _ in range(6)] == [200] * 5 + [429]
    new = '[[route]]\npath = "/new"\nrequire = "nothing"\nlimits = []\nupstream = "api"\n'
    server.home.configure(ROUTES + new)
    server.signal(signal.SIGHUP)
    until("the new route is there", lambda: server.send("GET", "/new").status == 200, 5)
    assert get(server, key, "/total/x").status == 429
    server.home.configure(ROUTES.replace("5/d", "7/d") + new.replace("/new", "/newer"))
    server.signal(signal.SIGHUP)
    until("the newer route is there", lambda: server.send("GET", "/newer").status == 200, 5)
    assert [get(server, key, "/total/x").status for _ in range(8)] == [200] * 7 + [429]


CLIENTS = """
[wallet]
issuer = "redreamer"
[clients]
trusted_proxies = ["127.0.0.1"]
logins   = ["6/d"]
failures = ["4/d"]
[[route]]
path = "/keys/{*rest}"
require = "api-key"
upstream = "api"
"""


def test_logins_of_one_address_are_bounded_and_others_go_on(start):
    server = start(CLIENTS)
    nonce = lambda **headers: server.send(
        "GET", "/api/v1/auth/nonce?address=0x" + "ab" * 20, {"X-Forwarded-For": "192.0.2.1", **headers}
    )
    answers = [nonce() for _ in range(7)]
    assert [answer.status for answer in answers] == [200] * 6 + [429]
    assert answers[0].header("X-RateLimit-Remaining") == "5"
    assert refused(answers[-1], 429) == "RATE_LIMITED" and answers[-1].header("Retry-After")
    assert server.line_of(answers[-1])["limit"] == "logins"
    # What a client writes itself stands before what the proxy adds.
    assert nonce(**{"X-Forwarded-For": "203.0.113.9, 192.0.2.1"}).status == 429
    assert nonce(**{"X-Forwarded-For": "192.0.2.2"}).status == 200
    assert nonce(**{"X-Forwarded-For": "2001:db8::1"}).status == 200
    access, _ = wallets.login(server, wallets.EthAccount())
    assert access


def test_whoever_guesses_too_often_is_shut_out_and_others_go_on(start):
    server = start(CLIENTS)
    server.home.consumer("acme")
    key = server.home.issue("acme")
    send = lambda api_key, address: server.send("GET", "/keys/x", {"X-API-Key": api_key, "X-Forwarded-For": address}).status
    assert [send("garbage", "192.0.2.1") for _ in range(6)] == [401] * 4 + [429] * 2
    assert send(key.api_key, "192.0.2.1") == 429
    assert send(key.api_key, "192.0.2.2") == 200


def test_at_a_door_where_a_proxy_asks_limits_are_kept_and_the_clients_address_is_the_proxys_word(start, make_home):
    door = free_port()
    home = make_home(
        f"""
[clients]
trusted_proxies = ["127.0.0.1"]
[[limit]]
name = "default"
rates = ["3/d"]
[[limit]]
name = "open"
per = "address"
rates = ["2/d"]
[[forward_auth]]
name = "front"
listen = "127.0.0.1:{door}"
proxy = "traefik"
[[route]]
path = "/keys/{{*rest}}"
require = "api-key"
upstream = "api"
[[route]]
path = "/open/{{*rest}}"
require = "nothing"
limits = ["open"]
upstream = "api"
"""
    )
    server = start(home)
    home.consumer("acme")
    key = home.issue("acme")

    def check(path, client="192.0.2.1"):
        told = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": path, "X-Forwarded-Proto": "http"}
        told |= {"X-Forwarded-Host": "api", "X-Forwarded-For": client, "X-API-Key": key.api_key}
        return wire.send(("127.0.0.1", door), "GET", "/check", told)

    # One of them through the reverse proxy: both doors count together.
    assert get(server, key).status == 200
    answers = [check("/keys/x") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.header("X-RateLimit-Remaining") for answer in answers] == ["1", "0", "0"]
    assert refused(answers[-1], 429) == "RATE_LIMITED" and answers[-1].header("Retry-After")
    assert [check("/open/x").status for _ in range(3)] == [200, 200, 429]
    assert check("/open/x", "192.0.2.2").status == 200
