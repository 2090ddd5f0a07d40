"""Who is believed about where a request came from."""

import pytest

from harness.upstream import Seen

ROUTE = '[[route]]\npath = "/{*rest}"\nrequire = "nothing"\nupstream = "api"\n'
TOLD = {"X-Forwarded-For": "6.6.6.6, 192.0.2.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "api.example", "Forwarded": "for=6.6.6.6"}


@pytest.mark.parametrize(
    ("trusted", "way", "proto", "host"),
    [
        ("", "127.0.0.1", "http", None),
        ('[clients]\ntrusted_proxies = ["10.0.0.0/8"]\n', "127.0.0.1", "http", None),
        ('[clients]\ntrusted_proxies = ["127.0.0.1"]\n', "192.0.2.9, 127.0.0.1", "https", "api.example"),
        ('[clients]\ntrusted_proxies = ["127.0.0.1", "192.0.2.0/24"]\n', "6.6.6.6, 192.0.2.9, 127.0.0.1", "https", "api.example"),
    ],
    ids=["nobody", "another", "the proxy", "the proxy and the one before"],
)
def test_the_upstream_is_told_what_trusted_proxies_say_and_nobody_else(start, trusted, way, proto, host):
    server = start(trusted + ROUTE)
    seen = Seen.of(server.send("GET", "/x", TOLD))
    assert seen.one("X-Forwarded-For") == way
    assert seen.one("X-Forwarded-Proto") == proto
    assert seen.one("X-Forwarded-Host") == (host or f"127.0.0.1:{server.home.public}")
    assert seen.all("Forwarded") == []


def test_an_address_with_too_many_connections_is_told_so_and_others_are_served(start):
    import re
    import socket

    from harness.raw import parsed, read_all
    from harness.wait import until

    server = start('[limits]\nconnections_per_address = 3\n' + ROUTE)
    held = [socket.create_connection(server.address, timeout=10) for _ in range(3)]
    for one in held:
        one.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        assert one.recv(12) == b"HTTP/1.1 200"
    with socket.create_connection(server.address, timeout=10) as fourth:
        answer = parsed(read_all(fourth))
    assert answer.status == 503 and answer.json()["code"] == "TOO_MANY_CONNECTIONS" and answer.header("Retry-After")
    # Another address of this machine.
    with socket.create_connection(server.address, timeout=10, source_address=("127.0.0.2", 0)) as other:
        other.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        assert other.recv(12) == b"HTTP/1.1 200"
    metrics = server.admin("/metrics").body.decode()
    assert re.search(r'countersign_connections_refused_total{reason="connections_per_address"} 1', metrics)
    until("the log tells of it", lambda: "as many connections as it may" in server.log(), 5)
    held.pop().close()
    for one in held:
        one.close()
