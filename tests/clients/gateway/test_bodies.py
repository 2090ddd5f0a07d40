"""Bodies, of any size, both ways."""

import hashlib
import http.client
import json
import os
import socket
import threading

import pytest

from harness.problems import refused
from harness.raw import read_all, status
from harness.upstream import Seen
from harness.wait import until
from harness.wire import TIMEOUT_SECS
from pitchprint import client as pitchprint

MIB = 1024 * 1024


def test_an_answer_that_breaks_off_in_the_middle_is_not_taken_for_a_whole_one(gateway):
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        gateway.send("GET", "/open/thing", {"X-Echo-Break": "body"})


def test_a_client_whose_body_stops_coming_is_cut_off(start):
    server = start(
        '[limits]\nbody_idle = "1s"\n[[route]]\npath = "/s/{*rest}"\nrequire = "signature:pitchprint"\nupstream = "api"\n'
        '[[route]]\npath = "/o/{*rest}"\nrequire = "nothing"\nupstream = "api"\n'
    )
    for path, statuses in (("/s/x", (408,)), ("/o/x", (None, 408, 502))):
        with socket.create_connection(server.address, timeout=10) as slow:
            slow.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{{".encode())
            assert status(read_all(slow)) in statuses, path


def test_a_body_over_the_limit_of_its_route_gets_413(start, upstream):
    server = start('[[route]]\npath = "/{*rest}"\nrequire = "nothing"\nbody_limit = "64KiB"\nupstream = "api"\n')
    assert len(Seen.of(server.send("POST", "/x", {}, b"x" * 65_536)).body) == 65_536
    assert refused(server.send("POST", "/x", {}, b"x" * 65_537), 413) == "BODY_TOO_LARGE"


def growth_during(server, act) -> int:
    """How many bytes of memory the server took at most while `act` ran, beyond what it had before."""
    before, most, done = server.resident_bytes(), 0, threading.Event()

    def watch():
        nonlocal most
        while not done.wait(0.02):
            most = max(most, server.resident_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        act()
    finally:
        done.set()
        watcher.join()
    return max(most, server.resident_bytes()) - before


SIZE = 100 * MIB


def test_100_mib_pass_to_the_upstream_in_constant_memory(gateway, key):
    block = bytes(range(256)) * 4096
    digest = hashlib.sha256(block * (SIZE // len(block))).hexdigest()

    def upload():
        connection = http.client.HTTPConnection(*gateway.address, timeout=60)
        headers = {"X-API-Key": key.api_key, "X-Echo-Digest": "1", "Content-Length": str(SIZE)}
        connection.request("POST", "/v1/upload", (block for _ in range(SIZE // len(block))), headers)
        seen = json.loads(connection.getresponse().read())
        assert (seen["length"], seen["sha256"]) == (SIZE, digest)
        connection.close()

    upload()
    assert growth_during(gateway, upload) < 16 * MIB


def test_100_mib_pass_to_the_client_in_constant_memory(gateway, key):
    def download():
        connection = http.client.HTTPConnection(*gateway.address, timeout=60)
        connection.request("GET", "/v1/download", headers={"X-API-Key": key.api_key, "X-Echo-Bytes": str(SIZE)})
        answer, length = connection.getresponse(), 0
        while piece := answer.read(64 * 1024):
            length += len(piece)
        assert length == SIZE
        connection.close()

    download()
    assert growth_during(gateway, download) < 16 * MIB


def test_a_chunked_upload_without_a_length_passes(gateway, key):
    def pieces():
        for _ in range(64):
            yield os.urandom(16 * 1024)

    connection = http.client.HTTPConnection(*gateway.address, timeout=60)
    headers = {"X-API-Key": key.api_key, "X-Echo-Digest": "1", "Transfer-Encoding": "chunked"}
    connection.request("POST", "/v1/upload", pieces(), headers, encode_chunked=True)
    assert json.loads(connection.getresponse().read())["length"] == 64 * 16 * 1024
    connection.close()


def test_a_client_that_waits_for_100_continue_gets_it(gateway):
    with socket.create_connection(gateway.address, timeout=10) as client:
        client.sendall(
            b"POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        assert client.recv(1024).startswith(b"HTTP/1.1 100")
        client.sendall(b"abc")
        assert status(read_all(client)) == 200


def test_a_request_that_is_refused_by_its_head_is_answered_before_its_body_is_sent(gateway):
    with socket.create_connection(gateway.address, timeout=10) as client:
        client.sendall(b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
        assert status(client.recv(4096)) == 401


def test_a_client_that_is_refused_in_the_middle_of_a_large_body_can_read_its_answer(gateway):
    for _ in range(5):
        answer = gateway.send("POST", "/v1/upload", {"X-API-Key": "garbage"}, b"x" * (8 * MIB))
        assert refused(answer) == "CREDENTIAL_INVALID"


def test_strangers_that_hold_back_the_end_of_large_bodies_take_no_more_memory_than_the_limit_says(start):
    server = start(
        '[limits]\nsigned_body = "8MiB"\nheld_bodies = "16MiB"\n'
        '[[route]]\npath = "/s/{*rest}"\nrequire = "signature:pitchprint"\nquery = "allow"\nupstream = "api"\n'
    )
    server.home.consumer("shop")
    domain = server.home.issue("shop", dialect="pitchprint")
    strangers = []

    def hold():
        for _ in range(30):
            stranger = socket.create_connection(server.address, timeout=20)
            strangers.append(stranger)
            stranger.sendall(b"POST /s/x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (8 * MIB))
            try:
                stranger.sendall(b" " * (6 * MIB))
            except OSError:
                continue  # refused already, and cut off

    assert growth_during(server, hold) < 64 * MIB
    assert pitchprint.post(server, pitchprint.members(domain), target="/s/x").status == 200
    for stranger in strangers:
        stranger.close()
    large = json.dumps({**pitchprint.members(domain), "pad": "x" * 6 * MIB}).encode()
    until("there is room again", lambda: pitchprint.post(server, large, target="/s/x").status == 200, 10)


@pytest.mark.parametrize("there, kept", [(b"", False), (b"01234", False), (b"0123456789", True)])
def test_a_refusal_before_the_body_was_there_says_that_the_connection_ends(gateway, there, kept):
    head = b"POST /v1/signed/x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
    with socket.create_connection(gateway.address, timeout=TIMEOUT_SECS) as wire:
        wire.sendall(head + there)
        answer = http.client.HTTPResponse(wire)
        answer.begin()
        assert answer.status == 401
        assert (answer.getheader("Connection") == "close") == (not kept)
