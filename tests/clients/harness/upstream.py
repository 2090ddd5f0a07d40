"""The API behind the gateway: it answers with what it received."""

import base64
import hashlib
import http.client
import itertools
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_CHUNK = 64 * 1024

# The upstream takes whatever the gateway lets through.
http.client._MAXHEADERS = 10_000


@dataclass(frozen=True)
class Seen:
    """A request as the upstream received it."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int

    @classmethod
    def of(cls, answer) -> "Seen":
        """What an answer of the upstream tells of the request."""
        assert answer.status == 200, answer
        seen = answer.json()
        headers = [(name, value) for name, value in seen["headers"]]
        return cls(seen["method"], seen["target"], headers, base64.b64decode(seen["body"]), seen["connection"])

    def all(self, name: str) -> list[str]:
        """Every value of a header, under any spelling that some server takes for the same."""
        fold = lambda text: "".join(c if c.isalnum() else "-" for c in text.lower())
        return [value for key, value in self.headers if fold(key) == fold(name)]

    def one(self, name: str) -> str:
        """The value of a header that stands there once."""
        values = self.all(name)
        assert len(values) == 1, f"{name}: {values}"
        return values[0]


class Echo(ThreadingHTTPServer):
    """Echoes requests as JSON. A client asks for something else by headers:

    - `X-Echo-Hold: NAME` holds the answer until `release(NAME)`;
    - `X-Echo-Bytes: N` answers N bytes instead, as they are made;
    - `X-Echo-Digest: 1` tells the body's length and SHA-256 instead of the body;
    - `X-Echo-Status: N` answers with that status;
    - `X-Echo-Header: NAME: VALUE` puts a header into the answer;
    - `X-Echo-Break: head` closes without an answer, `X-Echo-Break: body` in the middle of one.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int = 0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.port = self.server_address[1]
        self.count = 0
        self._holds: dict[str, threading.Event] = {}
        self._arrived: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that goes away is no news."""

    def arrived(self, name: str) -> threading.Event:
        """Set once a request with this hold is here."""
        with self._lock:
            return self._arrived.setdefault(name, threading.Event())

    def _hold(self, name: str) -> threading.Event:
        with self._lock:
            return self._holds.setdefault(name, threading.Event())

    def release(self, name: str) -> None:
        """Lets the request with this hold go on."""
        self._hold(name).set()

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Echo
    _connections = itertools.count(1)

    def setup(self):
        super().setup()
        self.connection_number = next(self._connections)

    def log_message(self, *args):
        pass

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self):
        wish = lambda name: self.headers.get(f"X-Echo-{name}")
        digest, length, kept = hashlib.sha256(), 0, []
        for piece in self._body():
            digest.update(piece)
            length += len(piece)
            if not wish("Digest"):
                kept.append(piece)
        with self.server._lock:
            self.server.count += 1
        if name := wish("Hold"):
            self.server.arrived(name).set()
            self.server._hold(name).wait(60)
        if wish("Break") == "head":
            self.close_connection = True
            return
        if wish("Bytes"):
            return self._stream(int(wish("Bytes")))
        seen = {
            "method": self.command,
            "target": self.path,
            "headers": list(self.headers.items()),
            "body": base64.b64encode(b"".join(kept)).decode(),
            "connection": self.connection_number,
            "length": length,
            "sha256": digest.hexdigest(),
        }
        answer = json.dumps(seen).encode()
        status = int(wish("Status") or 200)
        # RFC 9110 section 6.4.1: these have no content.
        bare = self.command == "HEAD" or status in (204, 304)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(answer)))
        if extra := wish("Header"):
            name, _, value = extra.partition(": ")
            self.send_header(name, value)
        self.end_headers()
        if wish("Break") == "body":
            self.wfile.write(answer[:10])
            self.wfile.flush()
            self.close_connection = True
            return
        if not bare:
            self.wfile.write(answer)

    def _stream(self, length: int):
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(length))
        self.end_headers()
        block = bytes(range(256)) * (_CHUNK // 256)
        while length > 0:
            self.wfile.write(block[: min(length, _CHUNK)])
            length -= _CHUNK

    def _body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline() not in (b"\r\n", b"\n", b""):
                pass
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            piece = self.rfile.read(min(left, _CHUNK))
            if not piece:
                raise ConnectionError("the body broke off")
            left -= len(piece)
            yield piece


if __name__ == "__main__":
    import sys

    Echo(int(sys.argv[1]))
    threading.Event().wait()
