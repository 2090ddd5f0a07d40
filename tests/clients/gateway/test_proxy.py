"""What passes through, and how."""

import hashlib
import http.client
import os
import socket
import threading

import pytest

from harness import wire
from harness.countersign import Home, Server
from harness.ports import free_port
from harness.problems import refused
from harness.raw import first_status, read_all, status
from harness.upstream import Seen
from harness.wait import until

MIB = 1024 * 1024


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"])
def test_method_target_headers_and_body_arrive_as_they_were_sent(gateway, method):
    target = "/open/a%20b/%E2%82%AC;v=1?x=1&x=2&%zz&y"
    body = None if method == "GET" else bytes(range(256))
    seen = Seen.of(gateway.send(method, target, [("X-Two", "1"), ("X-Two", "2"), ("Accept", "a, b")], body))
    assert (seen.method, seen.target, seen.body) == (method, target, body or b"")
    assert seen.all("X-Two") == ["1", "2"] and seen.one("Accept") == "a, b"


@pytest.mark.parametrize("sent", [200, 201, 204, 301, 304, 400, 401, 404, 418, 500, 503])
def test_what_the_upstream_answers_comes_back_as_it_is(gateway, sent):
    answer = gateway.send("GET", "/open/thing", {"X-Echo-Status": str(sent), "X-Echo-Header": "X-Odd: v, w"})
    assert answer.status == sent and answer.header("X-Odd") == "v, w"


def test_a_head_request_gets_the_head_of_the_answer_alone(gateway):
    answer = gateway.send("HEAD", "/open/thing")
    assert answer.status == 200 and answer.body == b"" and int(answer.header("Content-Length")) > 0


def test_hop_by_hop_headers_stay_on_their_hop(gateway):
    headers = [
        ("Connection", "X-Mine, keep-alive"), ("X-Mine", "1"), ("Keep-Alive", "timeout=9"), ("TE", "trailers"),
        ("Proxy-Authorization", "Basic eDp5"), ("Proxy-Connection", "keep-alive"), ("Upgrade", "websocket"), ("X-Stays", "1"),
    ]
    seen = Seen.of(gateway.send("GET", "/open/thing", headers))
    for name in ("X-Mine", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "Upgrade"):
        assert seen.all(name) == [], name
    assert seen.one("X-Stays") == "1"
    answer = gateway.send("GET", "/open/thing", {"X-Echo-Header": "Keep-Alive: timeout=99"})
    assert answer.header("Keep-Alive") is None


def test_naming_what_frames_a_request_in_connection_breaks_no_framing(gateway):
    for name in ("Host", "Content-Length", "Transfer-Encoding", "Connection", "Content-Type"):
        answer = gateway.send("POST", "/open/thing", {"Connection": name, "Content-Type": "text/plain"}, b"body")
        if answer.status != 400:
            seen = Seen.of(answer)
            assert seen.body == b"body" and len(seen.all("Host")) == 1, name
        assert gateway.send("GET", "/open/thing").status == 200


def test_no_route_is_404(gateway):
    for target in ("/", "/nothing", "/v2/user", "/openx", "/api/v1/auth", "/api/v1/auth/other"):
        assert refused(gateway.send("GET", target), 404) == "NO_ROUTE"


@pytest.mark.parametrize(
    "target",
    ["/open/../v1/thing", "/open/%2e%2e/v1", "/open//x", "//open/x", "/open/%2Fx", "/open/a%5Cb", "/open/%00", "/open/%", "/open/%zz",
     "/open/..;/x", "/open/./x"],
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
    head = lambda count: b"GET /open/x HTTP/1.1\r\nHost: a\r\n%s\r\n" % b"".join(b"X-%d: 1\r\n" % n for n in range(count))
    assert first_status(gateway.address, head(99)) == 200
    before = upstream.count
    assert first_status(gateway.address, head(100)) == 431
    assert upstream.count == before


def test_requests_on_one_connection_share_a_connection_to_the_upstream(gateway):
    connection = wire.Connection(gateway.address)
    used = {Seen.of(connection.send("GET", "/open/thing")).connection for _ in range(20)}
    connection.close()
    assert len(used) == 1


def test_a_connection_stays_usable_after_a_refusal(gateway, upstream):
    connection = wire.Connection(gateway.address)
    for _ in range(5):
        refused(connection.send("GET", "/v1/thing"))
        refused(connection.send("GET", "/nothing"), 404)
        assert connection.send("GET", "/open/thing").status == 200
    connection.close()


def test_requests_that_were_sent_ahead_are_answered_in_order(gateway):
    requests = b"".join(b"GET /open/%d HTTP/1.1\r\nHost: a\r\n%s\r\n" % (n, b"Connection: close\r\n" if n == 4 else b"") for n in range(5))
    with socket.create_connection(gateway.address, timeout=10) as client:
        client.sendall(requests)
        answer = read_all(client)
    places = [answer.index(b'"/open/%d"' % number) for number in range(5)]
    assert places == sorted(places)


def test_an_upstream_that_is_down_is_502_and_one_that_comes_up_is_used(start, make_home):
    home = make_home('[[route]]\npath = "/open/{*rest}"\nrequire = "nothing"\nupstream = "api"\n')
    home.upstream_port = free_port()
    home.configure('[[route]]\npath = "/open/{*rest}"\nrequire = "nothing"\nupstream = "api"\n')
    server = start(home)
    assert refused(server.send("GET", "/open/thing"), 502) == "UPSTREAM_UNREACHABLE"
    from harness.upstream import Echo

    echo = Echo(home.upstream_port)
    assert server.send("GET", "/open/thing").status == 200
    echo.close()


def test_an_upstream_that_breaks_off_before_its_answer_is_502(gateway):
    answer = gateway.send("POST", "/open/thing", {"X-Echo-Break": "head"}, b"x")
    assert refused(answer, 502) == "UPSTREAM_BROKEN"


def test_an_answer_that_breaks_off_in_the_middle_is_not_taken_for_a_whole_one(gateway):
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        gateway.send("GET", "/open/thing", {"X-Echo-Break": "body"})


def test_an_upstream_that_takes_too_long_is_504(start, upstream):
    server = start('[limits]\nupstream_response = "1s"\n[[route]]\npath = "/{*rest}"\nrequire = "nothing"\nupstream = "api"\n')
    assert refused(server.send("GET", "/x", {"X-Echo-Hold": "too-long"}), 504) == "UPSTREAM_TIMEOUT"
    upstream.release("too-long")
    assert server.send("GET", "/x").status == 200


def test_a_client_that_sends_its_head_too_slowly_is_cut_off(start):
    server = start('[limits]\nheader_read = "1s"\n[[route]]\npath = "/{*rest}"\nrequire = "nothing"\nupstream = "api"\n')
    with socket.create_connection(server.address, timeout=10) as slow:
        slow.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        assert status(read_all(slow)) in (None, 408)


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
        seen = wire.json.loads(connection.getresponse().read())
        assert (seen["length"], seen["sha256"]) == (SIZE, digest)
        connection.close()

    upload()
    assert growth_during(gateway, upload) < 16 * MIB


def test_100_mib_pass_to_the_client_in_constant_memory_however_slowly_it_reads(gateway, key):
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
    assert wire.json.loads(connection.getresponse().read())["length"] == 64 * 16 * 1024
    connection.close()


def test_a_client_that_waits_for_100_continue_gets_it(gateway):
    with socket.create_connection(gateway.address, timeout=10) as client:
        client.sendall(b"POST /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        assert client.recv(1024).startswith(b"HTTP/1.1 100")
        client.sendall(b"abc")
        assert status(read_all(client)) == 200


def test_a_request_that_is_refused_by_its_head_is_answered_before_its_body_is_sent(gateway):
    with socket.create_connection(gateway.address, timeout=10) as client:
        client.sendall(b"POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
        assert status(client.recv(4096)) == 401
