"""Revocation now: what a command ended is refused from the moment that the command says so."""

import re
import signal
import socket
import statistics
import threading

import pytest

from harness.countersign import Refused, Server
from harness.ports import free_port
from harness.raw import read_all, status
from harness.wait import until
from realm import client as realm

ROUTES = '[[route]]\npath = "/keys/{*rest}"\nrequire = "api-key"\nupstream = "api"\n'
SIGNED = '[[route]]\npath = "/signed/{*rest}"\nrequire = "signature:realm"\nquery = "refuse"\nupstream = "api"\n'
REVOCATIONS = 50


def get(server, credential) -> int:
    return server.send("GET", "/keys/x", {"X-API-Key": credential.api_key}).status


def in_effect(answer) -> dict:
    assert answer["in_effect"]["silent"] == []
    return answer["in_effect"]


def second(server) -> Server:
    """Another server on the same database."""
    home = server.home
    home.public, home.admin = free_port(), free_port()
    home.configure(ROUTES)
    return Server(home)


def test_the_first_request_after_a_revocation_was_waited_for_is_refused(start):
    server = start(ROUTES)
    home = server.home
    home.consumer("acme")
    took = []
    for _ in range(REVOCATIONS):
        key = home.issue("acme")
        assert get(server, key) == 200
        answer = in_effect(home.command("key", "revoke", key.key_id, "--wait"))
        assert get(server, key) == 401
        assert answer["servers"] == 1
        took.append(answer["after_ms"])
    print(f"\n{REVOCATIONS} revocations: median {statistics.median(took)} ms, most {max(took)} ms")


def test_every_server_on_the_database_knows_what_was_waited_for(start):
    one = start(ROUTES)
    home = one.home
    home.consumer("acme")
    other = second(one)
    try:
        for words in (("key", "revoke", None), ("key", "rotate", None, "--overlap", "0s"), ("consumer", "disable", "acme")):
            key = home.issue("acme")
            assert (get(one, key), get(other, key)) == (200, 200)
            words = [key.key_id if word is None else word for word in words]
            assert in_effect(home.command(*words, "--wait"))["servers"] == 2
            assert (get(one, key), get(other, key)) == (401, 401)
        in_effect(home.command("consumer", "enable", "acme", "--wait"))
        assert (get(one, key), get(other, key)) == (200, 200)
    finally:
        assert other.stop() == 0
    assert in_effect(home.command("key", "revoke", key.key_id, "--wait"))["servers"] == 1


def test_requests_without_a_pause_see_no_yes_after_the_command_ended(start):
    server = start(ROUTES)
    home = server.home
    home.consumer("acme")
    for _ in range(5):
        key = home.issue("acme")
        ended, late, stop = threading.Event(), [], threading.Event()

        def ask():
            while not stop.is_set():
                over = ended.is_set()
                status = get(server, key)
                if over and status != 401:
                    late.append(status)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        home.command("key", "revoke", key.key_id, "--wait")
        ended.set()
        for _ in range(20):
            assert get(server, key) == 401
        stop.set()
        for thread in threads:
            thread.join()
        assert late == []


def test_without_a_server_the_command_says_that_there_is_none(make_home):
    home = make_home(ROUTES)
    home.consumer("acme")
    key = home.issue("acme")
    answer = home.command("key", "revoke", key.key_id, "--wait")
    assert answer["in_effect"] == {"servers": 0, "after_ms": answer["in_effect"]["after_ms"], "silent": []}


def test_a_server_that_says_nothing_is_named_and_lets_nobody_in_when_it_goes_on(start):
    server = start(ROUTES)
    home = server.home
    home.consumer("acme")
    key = home.issue("acme")
    assert get(server, key) == 200
    server.signal(signal.SIGSTOP)
    with pytest.raises(Refused) as refusal:
        home.command("key", "revoke", key.key_id, "--wait")
    assert refusal.value.exit_code == 1
    server.signal(signal.SIGCONT)
    assert get(server, key) in (401, 503)
    until("the server knows", lambda: get(server, key) == 401, 5)
    other = home.issue("acme")
    until("it is known again", lambda: in_effect(home.command("key", "revoke", other.key_id, "--wait"))["servers"] == 1, 10)


def test_a_killed_server_holds_nobody_up_for_long_and_only_once(start):
    server = start(ROUTES)
    home = server.home
    home.consumer("acme")
    keys = [home.issue("acme") for _ in range(2)]
    server.kill()
    done = home.run("key", "revoke", keys[0].key_id, "--wait")
    assert done.returncode == 1 and str(server.pid) in done.stdout
    assert home.command("key", "revoke", keys[1].key_id, "--wait")["in_effect"]["servers"] == 0


def test_a_key_that_is_revoked_while_a_reload_replaces_its_memory_opens_nothing(start, upstream):
    server = start(ROUTES)
    home = server.home
    home.consumer("acme")
    for _ in range(3):
        key = home.issue("acme")
        assert get(server, key) == 200
        server.signal(signal.SIGHUP)
        in_effect(home.command("key", "revoke", key.key_id, "--wait"))
        assert get(server, key) == 401


def test_the_metrics_say_how_old_what_is_remembered_is(start):
    server = start(ROUTES)
    text = server.admin("/metrics").body.decode()
    age = float(re.search(r"^countersign_change_feed_age_seconds (\S+)$", text, re.M)[1])
    assert 0 <= age < 5


def test_a_body_that_is_on_its_way_over_a_reload_opens_nothing_for_a_credential_that_was_revoked_meanwhile(start):
    server = start(SIGNED)
    home = server.home
    home.consumer("acme")
    body = b"x" * 1000
    for fate in ("stays", "revoked"):
        credential = home.issue("acme", dialect="realm")
        # Nothing is left in the feed that would have the request looked at again.
        in_effect(home.command("consumer", "enable", "acme", "--wait"))
        signed = realm.headers(credential, "POST", "/signed/x", body)
        with socket.create_connection(server.address, timeout=20) as wire:
            head = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
            head = f"POST /signed/x HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n{head}Connection: close\r\n\r\n"
            wire.sendall(head.encode() + body[:10])
            # Known to the verifier of the old configuration, which goes on with this request alone.
            assert realm.call(server, credential, "POST", "/signed/x", b"y").status == 200
            home.configure(SIGNED + ROUTES.replace("/keys/", f"/{fate}/"))
            server.signal(signal.SIGHUP)
            until("the reload", lambda: server.send("GET", f"/{fate}/x").status == 401, 5)
            if fate == "revoked":
                in_effect(home.command("key", "revoke", credential.key_id, "--wait"))
            wire.sendall(body[10:])
            assert status(read_all(wire)) == {"stays": 200, "revoked": 401}[fate]
