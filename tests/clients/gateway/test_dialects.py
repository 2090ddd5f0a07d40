"""Dialects of one's own: data, and no code."""

import hashlib
import hmac
import threading
import time

import pytest

from harness.countersign import Refused
from harness.problems import refused
from harness.upstream import Seen

ROUTE = """
[[dialect]]
file = "own.toml"
[[route]]
path = "/{*rest}"
require = "signature:own"
upstream = "api"
"""
DIALECT = """
[dialect.own]
key_id         = "{header.X-Client}"
timestamp      = "{header.X-Time}"
signature      = "{header.X-Sign}"
encoding       = "hex"
string_to_sign = "{timestamp}|{method}|{target}|{body | sha256 | hex}"
algorithm      = "hmac-sha512"
window         = { past = "60s", future = "5s" }
replay         = "REPLAY"
"""


def signed(credential, method, target, body, offset=0):
    timestamp = str(int(time.time()) + offset)
    text = f"{timestamp}|{method}|{target}|{hashlib.sha256(body).hexdigest()}"
    sign = hmac.new(credential.secret.encode(), text.encode(), hashlib.sha512).hexdigest()
    return {"X-Client": credential.api_key, "X-Time": timestamp, "X-Sign": sign}


@pytest.fixture
def own(make_home):
    """Makes a home whose one route asks for a signature of the dialect, with this guard against replay."""

    def make(replay: str, more: str = ""):
        home = make_home(ROUTE + more)
        (home.folder / "own.toml").write_text(DIALECT.replace("REPLAY", replay))
        return home

    return make


def test_a_dialect_of_one_s_own_is_data_and_no_code(start, own):
    home = own("none")
    server = start(home)
    home.consumer("acme")
    credential = home.issue("acme", dialect="own")
    ask = lambda headers, target="/a?b=c", body=b"body": server.send("POST", target, headers, body)
    seen = Seen.of(ask(signed(credential, "POST", "/a?b=c", b"body")))
    assert seen.all("X-Sign") == [] and seen.one("X-Credential-Identifier") == credential.key_id
    refused(ask(signed(credential, "POST", "/a?b=c", b"body"), "/a?b=d"))
    refused(ask(signed(credential, "POST", "/a?b=c", b"Body")))
    refused(ask(signed(credential, "POST", "/a?b=c", b"body", -70)))
    refused(ask(signed(credential, "POST", "/a?b=c", b"body", 20)))
    assert ask(signed(credential, "POST", "/a?b=c", b"body", -50)).status == 200


def test_a_credential_needs_a_dialect_that_is_there(home):
    home.consumer("no-dialect")
    try:
        home.issue("no-dialect", dialect="nobody")
    except Refused as refusal:
        assert refusal.exit_code == 1 and "nobody" in refusal.error
    else:
        raise AssertionError("issued")


@pytest.mark.parametrize("replay, more", [("window", ""), ("none", 'replay = "once"\n')], ids=["dialect", "route"])
def test_where_dialect_or_route_says_so_a_signature_serves_once_also_after_a_restart(start, own, replay, more):
    home = own(replay, more)
    server = start(home)
    home.consumer("acme")
    credential = home.issue("acme", dialect="own")
    headers = signed(credential, "POST", "/a", b"body")
    ask = lambda server, headers: server.send("POST", "/a", headers, b"body")
    refused(ask(server, {**headers, "X-Sign": "0" * 128}))
    assert ask(server, headers).status == 200
    refused(ask(server, headers))
    server.kill()
    again = start(home)
    refused(ask(again, headers))
    # Another time than before, however long all this took.
    assert ask(again, signed(credential, "POST", "/a", b"body", -30)).status == 200


def test_of_32_requests_at_once_with_one_signature_that_serves_once_exactly_one_passes(start, own):
    home = own("window")
    server = start(home)
    home.consumer("acme")
    headers = signed(home.issue("acme", dialect="own"), "POST", "/a", b"body")
    barrier, statuses = threading.Barrier(32), []

    def run():
        barrier.wait()
        statuses.append(server.send("POST", "/a", headers, b"body").status)

    threads = [threading.Thread(target=run) for _ in range(32)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(statuses) == [200] + [401] * 31
