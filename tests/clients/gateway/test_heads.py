"""What a request may look like: what two servers could read in two ways goes no further."""

import re
import socket

import pytest

from harness.problems import refused
from harness.raw import first_status, parsed, read_all, status


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
    ("request_bytes", "status_code", "reason"),
    [
        (b"GET /open/x HTTP/1.1\nHost: a\n\n", 400, "line_end"),
        (b"GET /open/x HTTP/1.1\r\nHost: a\n\r\n", 400, "line_end"),
        (b"GET /open/x HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", 400, "line_end"),
        (b"\r\n\r\nGET /open/x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "empty_line"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "not_http"),
        (b"GET /open/x\r\nHost: a\r\n\r\n", 400, "request_line"),
        (b"GET  /open/x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request_line"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "version"),
        (b"TRACE /open/x HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405, "method_not_allowed"),
        (b"GET /open/x#y HTTP/1.1\r\nHost: a\r\n\r\n", 400, "fragment"),
        (b"GET /open/\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_byte"),
        (b"GET /open/x?\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_byte"),
        (b"GET /" + b"a" * 40_000, 414, "target_too_long"),
        (b"GET /open/x HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n", 400, "header_folded"),
        (b"GET /open/x HTTP/1.1\r\nHost : a\r\n\r\n", 400, "header_name"),
        (b"GET /open/x HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", 400, "header_value"),
        (b"POST /open/x HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\n\r\n", 400, "header_lookalike"),
        (b"GET /open/x HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200, 431, "header_count"),
        (b"GET /open/x HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 40_000, 431, "header_bytes"),
        (b"POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400, "content_length"),
        (
            b"POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
            400,
            "content_length_twice",
        ),
        (
            b"POST /open/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
            400,
            "header_value",
        ),
        (
            b"POST /open/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "transfer_encoding_twice",
        ),
        (
            b"POST /open/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            501,
            "transfer_coding",
        ),
        (
            b"POST /open/x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "transfer_encoding_old",
        ),
        (
            b"POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\nGET /open/smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
            400,
            "two_lengths",
        ),
        (b"GET /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 400, "body_of_get"),
    ],
    ids=lambda value: repr(value[:60]) if isinstance(value, bytes) else str(value),
)
def test_what_lenient_parsers_forgive_is_refused_with_its_reason_in_log_and_metrics(
    gateway, upstream, request_bytes, status_code, reason
):
    before = upstream.count
    with socket.create_connection(gateway.address, timeout=10) as client:
        client.sendall(request_bytes)
        answer = parsed(read_all(client))
    assert answer.header("Connection") == "close"
    is_refused(gateway, answer, status_code, reason)
    assert upstream.count == before


def is_refused(gateway, answer, status_code, reason):
    refused(answer, status_code)
    assert gateway.line_of(answer)["reason"] == reason
    assert re.search(rf'countersign_requests_total{{[^}}]*reason="{reason}"', gateway.admin("/metrics").body.decode())


@pytest.mark.parametrize(
    ("method", "target", "headers", "status_code", "reason"),
    [
        ("GET", "/open/x", {"Expect": "200-ok"}, 417, "expectation"),
        ("GET", "/open/x", {"Connection": "Upgrade", "Upgrade": "websocket"}, 501, "upgrade"),
        ("GET", "/open/x", {"Host": "a b"}, 400, "host"),
        ("GET", "/open/x", [("Host", "a"), ("Host", "a")], 400, "host"),
        ("GET", "http://b/open/x", {"Host": "a"}, 400, "host_mismatch"),
        ("OPTIONS", "*", {}, 400, "target"),
        ("post", "/open/x", {}, 400, "method"),
        ("GET", "/open/../x", {}, 400, "path_dot_segment"),
        ("GET", "/open//x", {}, 400, "path_empty_segment"),
        ("GET", "/open/%2fx", {}, 400, "path_escaped_slash"),
        ("GET", "/open/\\x", {}, 400, "path_backslash"),
        ("GET", "/open/%00", {}, 400, "path_control"),
        ("GET", "/open/%zz", {}, 400, "path_broken_escape"),
    ],
)
def test_a_request_that_is_well_framed_and_not_passed_on_says_why(gateway, upstream, method, target, headers, status_code, reason):
    before = upstream.count
    is_refused(gateway, gateway.send(method, target, headers), status_code, reason)
    assert upstream.count == before


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"3 \r\nabc\r\n0\r\n\r\n", "chunk_size"),
        (b"0x3\r\nabc\r\n0\r\n\r\n", "chunk_size"),
        (b"3\nabc\r\n0\r\n\r\n", "chunk_size"),
        (b"3;\nabc\r\n0\r\n\r\n", "chunk_extension"),
        (b"3;" + b"x" * 2000 + b"\r\nabc\r\n0\r\n\r\n", "chunk_extension"),
        (b"3\r\nabcd\r\n0\r\n\r\n", "chunk_end"),
        (b"0\r\nX : y\r\n\r\n", "trailer"),
        (b"0\r\nX: y\n\r\n", "trailer"),
    ],
    ids=repr,
)
def test_a_body_whose_chunks_can_be_read_in_two_ways_is_cut_off_with_its_reason_in_the_log(gateway, body, reason):
    head = b"POST /open/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(gateway.address, timeout=10) as client:
        client.sendall(head + body)
        answer = parsed(read_all(client))
    refused(answer, 400)
    assert gateway.line_of(answer)["reason"] == reason


def test_requests_before_one_that_is_refused_are_answered_in_their_turn(gateway):
    good = b"GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.create_connection(gateway.address, timeout=10) as client:
        client.sendall(good + good + b"GET /open/x HTTP/1.1\nHost: a\n\n" + good)
        statuses = re.findall(rb"HTTP/1\.1 (\d+) ", read_all(client))
    assert statuses == [b"200", b"200", b"400"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /open/x HTTP/1.0\r\n\r\n",
        b"GET http://a/open/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"\r\nGET /open/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"HEAD /open/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"DELETE /open/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
        b"POST /open/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        b"POST /open/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;a=b\r\nabc\r\n0\r\nX-T: u\r\n\r\n",
        b"GET /open/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nMy_Header.x: \xe9\r\n\r\n",
        b"GET /open/x?a=%zz&b=[c] HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=lambda request: repr(request[:60]),
)
def test_what_is_unusual_and_well_formed_passes_however_it_is_cut(gateway, request_bytes):
    for size in (len(request_bytes), 7, 1):
        with socket.create_connection(gateway.address, timeout=10) as client:
            for at in range(0, len(request_bytes), size):
                client.sendall(request_bytes[at : at + size])
            answer = read_all(client)
        statuses = re.findall(rb"HTTP/1\.[01] (\d+) ", answer)
        assert statuses in ([b"200"], [b"100", b"200"]), answer


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
