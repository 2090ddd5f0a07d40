"""The test cases of http-desync-guardian: which requests are dangerous between two servers, as somebody else sees it."""

import json
import re
import socket
from pathlib import Path

import pytest

from harness.raw import first_status, read_all, status

CASES = json.loads((Path(__file__).parents[3] / "crates/framing/tests/desync/cases.json").read_text())
REFUSALS = (400, 405, 414, 417, 431, 501)

# What the list calls compliant, and the reason why it is refused here.
STRICTER = {
    "the only transfer coding here is chunked, alone: 501 (RFC 9112 section 6.1)": lambda case: any(
        name == "Transfer-Encoding" and value.strip() != "chunked" for name, value in case["headers"]
    ),
    "a target has no fragment and no quotation mark: 400 (RFC 9112 section 3.2, RFC 3986)": lambda case: "#"
    in case["target"],
    "what is not ASCII must be escaped: 400 (RFC 3986 section 2)": lambda case: not case["target"].isascii(),
    "there is no empty target: 400 (RFC 9112 section 3)": lambda case: not case["target"],
    "an escaped control character in a path is cut or decoded by some servers: 400": lambda case: re.search(
        r"%0[9DA]", case["target"]
    ),
}


@pytest.fixture(scope="module")
def server(upstream):
    from harness.countersign import Home, Server

    home = Home('[[route]]\npath = "/{*rest}"\nrequire = "nothing"\nupstream = "api"\n', upstream.port)
    server = Server(home)
    yield server
    assert server.stop() == 0
    home.clean()


def written(case, encoding: str) -> bytes:
    """The request, with the body that it announces and a `Host`, which the list leaves out."""
    line = " ".join(part for part in (case["method"], case["target"], case["version"]) if part)
    headers = [["Host", "a"]] + [pair for pair in case["headers"] if pair[0] != "Host"]
    head = line + "\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
    named = {name.lower(): value.strip() for name, value in case["headers"]}
    body = b""
    if "transfer-encoding" in named:
        body = b"0\r\n\r\n"
    elif named.get("content-length", "").isdigit():
        body = b"x" * min(int(named["content-length"]), 5_000_000)
    return head.encode(encoding, "strict") + body


def answers(server, request: bytes) -> bytes:
    with socket.create_connection(server.address, timeout=10) as client:
        try:
            client.sendall(request)
        except OSError:
            pass
        return read_all(client)


def encodings(case):
    """Bytes above 127 stand for themselves in some cases and for letters in others: both are tried."""
    for encoding in ("latin-1", "utf-8"):
        try:
            yield written(case, encoding)
        except UnicodeEncodeError:
            continue


def of(*tiers):
    return [pytest.param(case, id=f"{case['file']}: {case['name']}") for case in CASES if case["tier"] in tiers]


def test_the_list_is_whole():
    assert len(CASES) == 159 and len(of("Ambiguous", "Severe")) == 116 and len(of("Compliant")) == 28


@pytest.mark.parametrize("case", of("Ambiguous", "Severe"))
def test_a_dangerous_request_is_refused_and_its_connection_ends(server, upstream, case):
    for request in encodings(case):
        before = upstream.count
        answer = answers(server, request)
        assert status(answer) in (None, *REFUSALS), answer[:200]
        assert len(re.findall(rb"HTTP/1.1 \d", answer)) <= 1
        assert upstream.count == before


@pytest.mark.parametrize("case", of("Compliant"))
def test_a_compliant_request_passes_or_is_refused_for_a_reason_that_is_known(server, case):
    stricter = any(applies(case) for applies in STRICTER.values())
    for request in encodings(case):
        answer = first_status(server.address, request)
        assert answer in (400, 501) if stricter else answer == 200, answer


@pytest.mark.parametrize("case", of("Acceptable"))
def test_an_odd_request_is_passed_on_or_refused(server, case):
    for request in encodings(case):
        assert first_status(server.address, request) in (None, 200, *REFUSALS)
