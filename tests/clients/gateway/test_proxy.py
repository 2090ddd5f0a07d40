"""What passes through, and how."""

import socket

import pytest

from harness import wire
from harness.ports import free_port
from harness.problems import refused
from harness.raw import read_all
from harness.upstream import Echo, Seen


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
        ("Connection", "X-Mine, keep-alive"),
        ("X-Mine", "1"),
        ("Keep-Alive", "timeout=9"),
        ("TE", "trailers"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("Proxy-Connection", "keep-alive"),
        ("Upgrade", "h2c"),
        ("X-Stays", "1"),
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
    requests = b"".join(
        b"GET /open/%d HTTP/1.1\r\nHost: a\r\n%s\r\n" % (n, b"Connection: close\r\n" if n == 4 else b"")
        for n in range(5)
    )
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
    echo = Echo(home.upstream_port)
    assert server.send("GET", "/open/thing").status == 200
    echo.close()


def test_an_upstream_that_breaks_off_before_its_answer_is_502(gateway):
    answer = gateway.send("POST", "/open/thing", {"X-Echo-Break": "head"}, b"x")
    assert refused(answer, 502) == "UPSTREAM_BROKEN"


def test_an_upstream_that_takes_too_long_is_504(start, upstream):
    server = start(
        '[limits]\nupstream_response = "1s"\n[[route]]\npath = "/{*rest}"\nrequire = "nothing"\nupstream = "api"\n'
    )
    assert refused(server.send("GET", "/x", {"X-Echo-Hold": "too-long"}), 504) == "UPSTREAM_TIMEOUT"
    upstream.release("too-long")
    assert server.send("GET", "/x").status == 200
