"""Upstreams and clients that do what they should not, byte by byte."""

import socket
import threading
import time

import pytest

from harness.raw import read_all

OWN = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown"
POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"

# What an upstream sends to a request, and what the client is told of it.
ANSWERS = {
    "two at once": (OWN + POISON, b"200"),
    "content of 204": (b"HTTP/1.1 204 No Content\r\n\r\n" + POISON, b"204"),
    "content of 304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison", b"304"),
    "more than its length": (OWN + b"poison", b"200"),
    "something after the last chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nown\r\n0\r\n\r\n" + POISON,
        b"200",
    ),
    "interim answers without end": (b"HTTP/1.1 102 Processing\r\n\r\n" * 10_000 + OWN, b"502"),
    "a head without end": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000, b"502"),
    "a line without end": (b"HTTP/1.1 200 " + b"x" * 1_000_000, b"502"),
    "an end inside its head": (b"HTTP/1.1 200 OK\r\nContent-Len", b"502"),
    "a reason with NUL": (b"HTTP/1.1 200 O\0K\r\nContent-Length: 3\r\n\r\nown", b"502"),
    "a reason with CR": (b"HTTP/1.1 200 O\rK\r\nContent-Length: 3\r\n\r\nown", b"502"),
    "another protocol": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + POISON, b"502"),
    "a length that is a sum": (b"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nown", b"502"),
    "a length beyond 64 bits": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nown", b"502"),
    "its length named as a hop's": (
        b"HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 3\r\n\r\nown" + POISON,
        b"200",
    ),
}


class Upstream:
    """Answers to `/open/own` with what is its own, to others with what a test wants."""

    def __init__(self):
        self.says = b""
        self.later = b""
        self.said_all = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                wire, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(wire,), daemon=True).start()

    def _serve(self, wire):
        with wire:
            # What is said later comes when it is said.
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            got = b""
            try:
                while True:
                    while b"\r\n\r\n" not in got:
                        piece = wire.recv(65_536)
                        if not piece:
                            return
                        got += piece
                    head, _, got = got.partition(b"\r\n\r\n")
                    if head.split(b" ")[1] == b"/open/own":
                        wire.sendall(OWN)
                        continue
                    wire.sendall(self.says)
                    if self.later:
                        time.sleep(0.005)
                        wire.sendall(self.later)
                        self.said_all.set()
                    elif not self.says.endswith((b"own", b"poison")):
                        return
            except OSError:
                return

    def close(self):
        self._listener.close()


@pytest.fixture(scope="module")
def raw():
    raw = Upstream()
    yield raw
    raw.close()


@pytest.fixture(scope="module")
def server(raw):
    from harness.countersign import Home, Server

    home = Home('[[route]]\npath = "/open/{*rest}"\nrequire = "nothing"\nupstream = "api"\n', raw.port)
    server = Server(home)
    yield server
    assert server.stop() == 0
    home.clean()


def request(path: bytes, more: bytes = b"") -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n" + more + b"\r\n"


def answers(server, sent: bytes) -> bytes:
    with socket.create_connection(server.address, timeout=20) as client:
        client.sendall(sent)
        return read_all(client)


CLOSE = b"Connection: close\r\n"


@pytest.mark.parametrize("said", ANSWERS, ids=lambda said: said.replace(" ", "-"))
def test_what_an_upstream_says_beyond_its_answer_reaches_nobody(server, raw, said):
    raw.says, status = ANSWERS[said]
    raw.later = b""
    first = answers(server, request(b"/open/odd", CLOSE))
    assert first.split(b" ")[1] == status and b"poison" not in first, first[:300]
    for _ in range(4):
        assert answers(server, request(b"/open/own", CLOSE)).endswith(b"\r\n\r\nown")


def test_an_answer_that_nobody_asked_for_is_given_to_nobody_however_many_requests_are_sent_ahead(server, raw):
    raw.says, raw.later = OWN, POISON
    # What the runtime gives a task at a time is used up by refusals before the last request, at one of these counts.
    for refused in range(118, 132):
        raw.said_all.clear()
        assert answers(server, request(b"/open/odd", CLOSE)).endswith(b"own")
        assert raw.said_all.wait(10)
        time.sleep(0.01)
        all_answers = answers(server, request(b"/n") * refused + request(b"/open/own", CLOSE))
        assert all_answers.count(b"HTTP/1.1 404") == refused
        assert all_answers.endswith(b"own"), (refused, all_answers[-200:])


def test_a_client_that_stalls_its_body_after_an_early_answer_is_let_go(server, raw):
    raw.says, raw.later = OWN[:-1], OWN[-1:]
    with socket.create_connection(server.address, timeout=10) as client:
        client.sendall(b"POST /open/odd HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nhalf")
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"own")
