"""What a request may look like: what two servers could read in two ways goes no further."""

import socket

import pytest

from harness import wire
from harness.problems import refused
from harness.raw import first_status, read_all, status
from harness.upstream import Seen


@pytest.mark.parametrize(
    "target",
    [
        "/open/../v1/thing",
        "/open/%2e%2e/v1",
        "/open//x",
        "//open/x",
        "/open/%2Fx",
        "/open/a%5Cb",
        "/open/%00",
        "/open/%",
        "/open/%zz",
        "/open/..;/x",
        "/open/./x",
    ],
)
def test_a_path_that_servers_read_differently_gets_400(gateway, target):
    assert refused(gateway.send("GET", target), 400) == "BAD_REQUEST"


def test_an_escaped_letter_leads_to_the_same_route(gateway):
    assert gateway.send("GET", "/v1/%75ser").status == 401
    assert gateway.send("GET", "/%761/user").status == 401
    assert gateway.send("GET", "/%6fpen/thing").status == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /open/x HTTP/1.1\r\n\r\n",
        b"GET /open/x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"POST /open/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        b"POST /open/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc",
        b"POST /open/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"GET /open/x HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /open/x HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n folded\r\n\r\n",
        b"GET /open/x HTTP/1.1\r\nHost: a\r\nX\x00A: 1\r\n\r\n",
        b"GET /open/x\x20y HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /open/\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://other/open/x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"G(T /open/x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET open/x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /open/x HTTP/9.9\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=lambda request: repr(request[:60]),
)
def test_a_head_that_can_be_read_in_two_ways_is_never_passed_on(gateway, upstream, request_bytes):
    before = upstream.count
    assert first_status(gateway.address, request_bytes) in (None, 400, 404, 405, 431, 501, 505)
    assert upstream.count == before
    assert gateway.send("GET", "/open/thing").status == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /open/x HTTP/1.1\nHost: a\nConnection: close\n\n",
        b"GET /open/x#y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        b"0\r\n\r\nGET /open/smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /open/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        b"1\r\nx\r\n0\r\n\r\n",
    ],
    ids=lambda request: repr(request[:60]),
)
def test_what_hyper_forgives_reaches_the_upstream_as_one_plain_request_or_not_at_all(gateway, upstream, request_bytes):
    before = upstream.count
    with socket.create_connection(gateway.address, timeout=10) as client:
        client.sendall(request_bytes)
        answer = read_all(client)
    assert upstream.count - before <= 1
    assert b"smuggled" not in answer
    if status(answer) == 200:
        seen = Seen.of(wire.Answer(200, [], answer.split(b"\r\n\r\n", 1)[1]))
        assert seen.target == "/open/x"
        assert len(seen.all("Content-Length")) + len(seen.all("Transfer-Encoding")) <= 1


@pytest.mark.parametrize("length", [32_768, 40_000, 60_000, 1_000_000])
def test_a_head_larger_than_the_limit_gets_431(gateway, upstream, length):
    before = upstream.count
    head = b"GET /open/x HTTP/1.1\r\nHost: a\r\nX-Large: " + b"x" * length + b"\r\n\r\n"
    assert first_status(gateway.address, head) in (431, None)
    assert upstream.count == before


def test_a_head_up_to_the_limit_passes(gateway):
    assert gateway.send("GET", "/open/x", {"X-Large": "x" * 32_000}).status == 200


def test_more_headers_than_the_limit_get_431(gateway, upstream):
    head = lambda count: (
        b"GET /open/x HTTP/1.1\r\nHost: a\r\n%s\r\n" % b"".join(b"X-%d: 1\r\n" % n for n in range(count))
    )
    assert first_status(gateway.address, head(99)) == 200
    before = upstream.count
    assert first_status(gateway.address, head(100)) == 431
    assert upstream.count == before


def test_a_client_that_sends_its_head_too_slowly_is_cut_off(start):
    server = start(
        '[limits]\nheader_read = "1s"\n[[route]]\npath = "/{*rest}"\nrequire = "nothing"\nupstream = "api"\n'
    )
    with socket.create_connection(server.address, timeout=10) as slow:
        slow.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        assert status(read_all(slow)) in (None, 408)
