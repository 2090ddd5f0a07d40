"""HTTP/2: without TLS, from clients that know beforehand; what is refused over HTTP/1 is refused here too."""

import json
import socket
import subprocess
import time

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest
from hyperframe.frame import ContinuationFrame, DataFrame, HeadersFrame, PingFrame, SettingsFrame

from harness.problems import refused
from harness.raw import read_all
from harness.wire import Answer

ROUTE = '[[route]]\npath = "/open/{*rest}"\nrequire = "nothing"\nupstream = "api"\n'
H2C = {"COUNTERSIGN__LISTEN__H2C": "prior-knowledge"}


@pytest.fixture(scope="module")
def server(upstream):
    from harness.countersign import Home, Server

    home = Home('[limits]\nbody_idle = "2s"\nkeep_alive_idle = "3s"\nheader_read = "2s"\nhttp2_streams = 10\n' + ROUTE, upstream.port)
    server = Server(home, **H2C)
    yield server
    assert server.stop() == 0
    home.clean()


class Client:
    """A connection on which anything can be said: nothing is checked on the way out."""

    def __init__(self, server, **settings):
        self.wire = socket.create_connection(server.address, timeout=10)
        config = h2.config.H2Configuration(
            header_encoding="utf-8",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
            validate_inbound_headers=False,
        )
        self.h2 = h2.connection.H2Connection(config)
        self.h2.local_settings = h2.settings.Settings(initial_values={**dict(self.h2.local_settings), **settings.get("initial", {})})
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.wire.sendall(self.h2.data_to_send())

    def head(self, *changes, method="GET", path="/open/x", **pseudo):
        """The fields of a request, with others besides or in their place."""
        fields = {":method": method, ":scheme": "http", ":authority": "a", ":path": path, **pseudo}
        return [(name, value) for name, value in fields.items() if value is not None] + list(changes)

    def send(self, fields, body=None, stream=None) -> int:
        stream = stream or self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, fields, end_stream=body is None)
        if body is not None:
            self.h2.send_data(stream, body, end_stream=True)
        self.flush()
        return stream

    def frame(self, *frames):
        self.wire.sendall(b"".join(frame.serialize() for frame in frames))

    def events(self):
        """What the server says until it closes, or is silent for long."""
        while True:
            try:
                data = self.wire.recv(65_536)
            except (ConnectionResetError, TimeoutError):
                return
            if not data:
                return
            yield from self.h2.receive_data(data)
            try:
                self.flush()
            except OSError:
                return

    def answer(self, stream) -> Answer | int:
        """The answer to a request, or the code with which it, or the whole connection, was given up."""
        status, headers, body = 0, [], b""
        for event in self.events():
            if isinstance(event, h2.events.ResponseReceived) and event.stream_id == stream:
                headers = event.headers
                status = int(dict(headers)[":status"])
            elif isinstance(event, h2.events.DataReceived) and event.stream_id == stream:
                body += event.data
            elif isinstance(event, h2.events.StreamEnded) and event.stream_id == stream:
                return Answer(status, headers, body)
            elif isinstance(event, h2.events.StreamReset) and event.stream_id == stream:
                return int(event.error_code)
            elif isinstance(event, h2.events.ConnectionTerminated):
                return int(event.error_code)
        return -1

    def ask(self, fields, body=None):
        return self.answer(self.send(fields, body))


def seen(answer):
    assert isinstance(answer, Answer) and answer.status == 200, answer
    return json.loads(answer.body)


def test_curl_speaks_it_and_older_clients_are_served_beside_it(server):
    url = f"{server.url}/open/x"
    for option, version in (("--http2-prior-knowledge", "2"), ("--http2", "1.1"), ("--http1.0", "1")):
        done = subprocess.run(["curl", "-sS", option, "-d", "body", "-w", "\n%{http_version} %{http_code}", url], capture_output=True, text=True)
        assert done.stdout.endswith(f"\n{version} 200"), done


def test_it_is_not_spoken_unless_configured(gateway):
    done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", f"{gateway.url}/open/x"], capture_output=True, text=True)
    assert done.returncode != 0


def test_a_request_reaches_the_upstream_as_it_would_over_http_1(server):
    client = Client(server)
    fields = client.head(("cookie", "a=1"), ("cookie", "b=2"), ("x-mine", "1"), ("content-length", "4"), method="POST", path="/open/x?y=%zz")
    request = seen(client.ask(fields, b"body"))
    headers = {}
    for name, value in request["headers"]:
        headers.setdefault(name.lower(), []).append(value)
    assert (request["method"], request["target"]) == ("POST", "/open/x?y=%zz")
    assert headers["cookie"] == ["a=1; b=2"] and headers["x-mine"] == ["1"]
    assert headers["x-forwarded-host"] == ["a"] and headers["via"] == ["2.0 countersign"]
    assert headers["content-length"] == ["4"] and "transfer-encoding" not in headers


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"path": "/open/../x"}, 400, "path_dot_segment"),
        ({"path": "/open//x"}, 400, "path_empty_segment"),
        ({"path": "/open/%2fx"}, 400, "path_escaped_slash"),
        ({"path": "/open/\\x"}, 400, "path_backslash"),
        ({"path": "/open/%00"}, 400, "path_control"),
        ({"path": "/open/%zz"}, 400, "path_broken_escape"),
        ({"path": "/open/é"}, 400, "target_byte"),
        ({"path": "/open/x?é"}, 400, "target_byte"),
        ({"path": "*", "method": "OPTIONS"}, 400, "target"),
        ({"method": "TRACE"}, 405, "method_not_allowed"),
        ({"method": "CONNECT", "path": None, ":scheme": None}, 405, "method_not_allowed"),
        ({"method": "post"}, 400, "method"),
        ({":authority": "a b"}, None, None),
        ({":authority": "u@a"}, 400, "host"),
        ({":authority": None}, 400, "host"),
        ({"more": ("host", "b")}, 400, "host_mismatch"),
        ({"more": ("content_length", "3")}, 400, "framing"),
        ({"more": ("transfer_encoding", "chunked")}, 400, "framing"),
        ({"more": ("expect", "200-ok")}, 417, "expectation"),
    ],
    ids=str,
)
def test_a_head_that_is_refused_over_http_1_is_refused_here(server, upstream, changes, status, code):
    client = Client(server)
    more = [changes.pop("more")] if "more" in changes else []
    before = upstream.count
    answer = client.ask(client.head(*more, **changes))
    assert upstream.count == before
    if status is None:
        assert answer != -1 and not isinstance(answer, Answer)
    else:
        refused(answer, status)
        assert server.line_of(answer)["reason"] == code


def test_a_get_with_a_body_is_refused(server):
    client = Client(server)
    answer = client.ask(client.head(), b"body")
    refused(answer, 400)
    assert server.line_of(answer)["reason"] == "body_of_get"


@pytest.mark.parametrize(
    "fields",
    [
        [("connection", "close")],
        [("keep-alive", "timeout=5")],
        [("proxy-connection", "close")],
        [("transfer-encoding", "chunked")],
        [("upgrade", "websocket")],
        [("te", "gzip")],
        [("X-Upper", "1")],
        [(":path", "/open/twice")],
        [(":unknown", "x")],
        [(":status", "200")],
        [("x", "1"), (":method", "GET")],
        [("x y", "1")],
        [("x", "a\r\nb: c")],
        [("x", "a\0b")],
        [("content-length", "5"), ("content-length", "6")],
    ],
    ids=str,
)
def test_a_malformed_head_gives_up_its_stream_or_is_refused(server, upstream, fields):
    """RFC 9113 section 8.2: a request or response that is malformed is a stream error."""
    client = Client(server)
    before = upstream.count
    answer = client.ask(client.head(*fields, method="POST"), b"x")
    assert upstream.count == before
    assert answer != -1
    assert not isinstance(answer, Answer) or 400 <= answer.status < 500, answer


def test_a_body_that_is_longer_or_shorter_than_it_says_does_not_reach_the_upstream_whole(server, upstream):
    for said, body in (("3", b"body"), ("5", b"body")):
        client = Client(server)
        answer = client.ask(client.head(("content-length", said), method="POST"), body)
        assert not isinstance(answer, Answer) or answer.status >= 400, answer


def ended(client) -> bool:
    """Whether the server gives the connection up, with GOAWAY or by closing it."""
    for event in client.events():
        if isinstance(event, h2.events.ConnectionTerminated):
            return True
    client.wire.settimeout(0.1)
    try:
        return client.wire.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_requests_that_are_reset_as_soon_as_they_are_made_end_their_connection(server):
    """CVE-2023-44487."""
    client = Client(server)
    try:
        for _ in range(2000):
            stream = client.h2.get_next_available_stream_id()
            client.h2.send_headers(stream, client.head(), end_stream=True)
            client.h2.reset_stream(stream)
        client.flush()
    except OSError:
        pass
    assert ended(client)
    assert seen(Client(server).ask(client.head()))


def test_a_head_that_never_ends_ends_its_connection(server):
    """CONTINUATION frames without an end (VU#421644)."""
    client = Client(server)
    start = HeadersFrame(1, b"")
    start.flags.add("END_STREAM")
    try:
        client.frame(start)
        for _ in range(10_000):
            client.frame(ContinuationFrame(1, b"\x00\x01a\x7f\x00" + b"b" * 127))
    except OSError:
        return
    assert ended(client)


def test_a_header_list_over_the_limit_is_refused(server, upstream):
    client = Client(server)
    before = upstream.count
    answer = client.ask(client.head(*((f"x-{n}", "y" * 1000) for n in range(100))))
    assert upstream.count == before
    assert not isinstance(answer, Answer) or answer.status == 431, answer


@pytest.mark.parametrize("frame", [PingFrame(0, b"12345678"), SettingsFrame(0), DataFrame(1, b"")], ids=lambda frame: type(frame).__name__)
def test_a_flood_of_frames_that_mean_nothing_costs_no_memory(server, frame):
    before = server.resident_bytes()
    client = Client(server)
    flood = frame.serialize() * 1000
    client.wire.settimeout(1)
    try:
        for _ in range(100):
            client.wire.sendall(flood)
    except OSError:
        pass
    assert server.resident_bytes() - before < 32 << 20
    assert seen(Client(server).ask(client.head()))


def test_more_requests_at_a_time_than_the_limit_are_refused(server, upstream):
    client = Client(server)
    for event in client.events():
        if isinstance(event, h2.events.RemoteSettingsChanged):
            break
    assert client.h2.remote_settings.max_concurrent_streams == 10


def test_a_client_that_takes_nothing_of_its_answer_is_cut_off(server):
    """Windows that never open (CVE-2019-9511)."""
    client = Client(server, initial={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
    began = time.monotonic()
    client.send(client.head(("x-echo-bytes", "1000000")))
    assert ended(client)
    assert time.monotonic() - began < 8


def test_a_connection_without_a_request_is_closed(server):
    began = time.monotonic()
    assert ended(Client(server))
    assert time.monotonic() - began < 6
    used = Client(server)
    seen(used.ask(used.head()))
    began = time.monotonic()
    assert ended(used)
    assert 2 < time.monotonic() - began < 8


def test_a_preface_that_does_not_go_on_is_cut_off(server):
    with socket.create_connection(server.address, timeout=10) as slow:
        slow.sendall(b"PRI * HT")
        assert read_all(slow) == b""
