"""Limits that a credential or a consumer was given by a command: kept on every route and at every door, and changed while the server runs."""

from collections import Counter

from harness import wire
from harness.ports import free_port
from harness.problems import refused
from gateway.test_limits import at_once
from realm import client as realm

# One request in a day comes back: no test is so slow that it would see that.
ROUTES = """
[[limit]]
name  = "default"
rates = ["30/d"]
[[route]]
path = "/keys/{*rest}"
require = "api-key"
limits = []
upstream = "api"
[[route]]
path = "/limited/{*rest}"
require = "api-key"
upstream = "api"
[[route]]
path = "/signed/{*rest}"
require = "signature:realm"
query = "refuse"
replay = "once"
limits = []
upstream = "api"
[[route]]
path = "/open/{*rest}"
require = "nothing"
limits = []
upstream = "api"
"""


def get(server, key, path="/keys/x", address=None):
    return wire.send(address or server.address, "GET", path, {"X-API-Key": key.api_key})


def statuses(server, key, count, path="/keys/x"):
    return [get(server, key, path).status for _ in range(count)]


def test_a_key_that_was_issued_with_limits_keeps_them_on_every_route(start):
    server = start(ROUTES)
    server.home.consumer("acme")
    issued = server.home.command("key", "issue", "--consumer", "acme", "--limit", "8/d", "--limit", "100/h")
    assert issued["limits"] == ["100/h", "8/d"]
    key, free = type("Key", (), issued), server.home.issue("acme")
    assert statuses(server, key, 4) + statuses(server, key, 5, "/limited/x") == [200] * 8 + [429]
    over = get(server, key)
    assert refused(over, 429) == "RATE_LIMITED" and int(over.header("Retry-After")) > 10_000
    assert over.header("RateLimit-Policy") == '"credential:h";q=100;w=3600, "credential:d";q=8;w=86400'
    assert (over.header("X-RateLimit-Limit"), over.header("X-RateLimit-Remaining")) == ("8", "0")
    line = server.line_of(over)
    assert (line["reason"], line["limit"], line["key_id"]) == ("over_limit", "credential:d", key.key_id)
    # The other key of the consumer has the limit of the route alone, and the open route asks nobody.
    assert statuses(server, free, 31, "/limited/x") == [200] * 30 + [429]
    assert get(server, free).header("RateLimit") is None
    assert server.send("GET", "/open/x", {"X-API-Key": key.api_key}).status == 200


def test_of_any_number_of_requests_at_once_as_many_pass_as_a_key_and_its_consumer_may(start):
    server = start(ROUTES)
    home = server.home
    home.command("consumer", "add", "acme", "--limit", "60/d")
    one, two = home.issue("acme", limit="40/d"), home.issue("acme", limit="40/d")
    for key, passing in ((one, 40), (two, 20)):
        answers = at_once(lambda: get(server, key), 60)
        assert Counter(answer.status for answer in answers) == {200: passing, 429: 60 - passing}
    assert get(server, two).header("X-RateLimit-Limit") == "60"


def test_new_limits_are_in_effect_when_the_command_that_waits_has_ended(start):
    server = start(ROUTES)
    home = server.home
    home.consumer("acme")
    key = home.issue("acme")
    assert statuses(server, key, 10) == [200] * 10
    answer = home.command("key", "set-limits", key.key_id, "3/d", "--wait")
    assert answer["limits"] == ["3/d"] and answer["in_effect"]["silent"] == []
    print(f"\nin effect after {answer['in_effect']['after_ms']} ms")
    assert statuses(server, key, 4) == [200] * 3 + [429]
    # What was used in a period is not forgotten.
    home.command("key", "set-limits", key.key_id, "3/d", "100/h", "--wait")
    assert get(server, key).status == 429
    home.command("key", "set-limits", key.key_id, "5/d", "100/h", "--wait")
    assert statuses(server, key, 3) == [200, 200, 429]
    home.command("key", "set-limits", key.key_id, "--none", "--wait")
    home.command("consumer", "set-limits", "acme", "5/d", "--wait")
    assert statuses(server, key, 6) == [200] * 5 + [429]
    successor = home.command("key", "rotate", key.key_id)
    assert get(server, type("Key", (), successor)).status == 429
    home.command("consumer", "set-limits", "acme", "--none", "--wait")
    assert statuses(server, key, 10) == [200] * 10


def test_a_strangers_requests_use_up_no_limit_of_a_key_or_its_consumer(start):
    server = start(ROUTES)
    home = server.home
    home.command("consumer", "add", "acme", "--limit", "5/d")
    credential = home.issue("acme", dialect="realm", limit="5/d")
    for number in range(8):
        # He overheard the key, and a request that was signed with it a while ago.
        assert realm.call(server, credential, "POST", "/signed/x", b"%d" % number, -400).status == 403
    good = [realm.call(server, credential, "POST", "/signed/x", b"%d" % number).status for number in range(6)]
    assert good == [200] * 5 + [429]


def test_limits_of_a_key_are_counted_together_at_the_proxy_and_at_a_door(start, make_home):
    door = free_port()
    home = make_home(f'{ROUTES}[[forward_auth]]\nname = "front"\nlisten = "127.0.0.1:{door}"\nproxy = "traefik"\nbodies = "forwarded"\n')
    server = start(home)
    home.consumer("acme")
    key = home.issue("acme", limit="4/d")

    def check():
        told = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/keys/x", "X-Forwarded-Proto": "http"}
        told |= {"X-Forwarded-Host": "api.example.com", "X-API-Key": key.api_key}
        return wire.send(("127.0.0.1", door), "GET", "/check", told)

    assert [get(server, key).status, check().status, get(server, key).status, check().status] == [200] * 4
    assert (get(server, key).status, check().status) == (429, 429)
    assert check().header("RateLimit-Policy") == '"credential:d";q=4;w=86400'
