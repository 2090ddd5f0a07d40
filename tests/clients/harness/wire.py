"""HTTP as a client with its own hands speaks it: what is given is sent, byte for byte."""

import http.client
import json
from dataclasses import dataclass

TIMEOUT_SECS = 20


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """The one value of a header; fails where it stands twice."""
        values = self.all(name)
        assert len(values) < 2, f"{name} stands {len(values)} times"
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The `code` of a problem; none where the answer is no problem."""
        if self.header("Content-Type") != "application/problem+json":
            return None
        return self.json()["code"]

    def __str__(self) -> str:
        return f"{self.status} {self.body[:300]!r}"


class Connection:
    """A connection that is kept. No header is added but `Host` and, for a body, `Content-Length`."""

    def __init__(self, address: tuple[str, int], timeout: float = TIMEOUT_SECS):
        self.http = http.client.HTTPConnection(*address, timeout=timeout)
        # The target goes out as it was given, however odd.
        self.http._validate_path = lambda url: None

    def send(self, method: str, target: str, headers=(), body: bytes | None = None) -> Answer:
        """One request. `headers` are pairs, or a dict; a name may stand twice."""
        pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
        named = {name.lower() for name, _ in pairs}
        self.http.putrequest(method, target, skip_host="host" in named, skip_accept_encoding=True)
        for name, value in pairs:
            self.http.putheader(name, value)
        if body is not None and not named & {"content-length", "transfer-encoding"}:
            self.http.putheader("Content-Length", str(len(body)))
        self.http.endheaders(body)
        response = self.http.getresponse()
        return Answer(response.status, response.getheaders(), response.read())

    def close(self) -> None:
        self.http.close()


def send(address: tuple[str, int], method: str, target: str, headers=(), body: bytes | None = None) -> Answer:
    """One request on a connection of its own."""
    connection = Connection(address)
    try:
        return connection.send(method, target, headers, body)
    finally:
        connection.close()
