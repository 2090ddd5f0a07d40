"""What stands under `deploy/`, as it stands there: a proxy that is not ours in front of a server and an upstream."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from . import wire
from .countersign import Home, Server
from .ports import free_port
from .wait import until

DEPLOY = Path(__file__).parents[3] / "deploy"

# A proxy on a busy machine.
_START_SECS = 30

# The ports in the files: of the proxy, of the server's sides, of the upstream.
_FRONT, _PUBLIC, _ADMIN, _CHECK, _CHECK_BODIES, _UPSTREAM = "8000", "8080", "8081", "8082", "8083", "9000"

_ENVOY = ["envoy", "-c", "envoy.yaml", "--concurrency", "1", "--disable-hot-restart", "--log-level", "warn"]

# How each proxy is started in its folder.
COMMANDS = {
    "nginx": ["nginx", "-p", ".", "-c", "nginx.conf"],
    "traefik": ["traefik", "--configFile=traefik.toml"],
    "caddy": ["caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"],
    "envoy": _ENVOY,
    "envoy-grpc": _ENVOY,
}


class _Folder(Home):
    """A copy of `deploy/NAME` with ports of its own."""

    def __init__(self, name: str, upstream_port: int, change):
        self.front, self.check, self.check_bodies = free_port(), free_port(), free_port()
        self._source, self._change = DEPLOY / name, change
        super().__init__("", upstream_port)

    def configure(self, configuration: str) -> None:
        ports = {
            _FRONT: self.front,
            _PUBLIC: self.public,
            _ADMIN: self.admin,
            _CHECK: self.check,
            _CHECK_BODIES: self.check_bodies,
            _UPSTREAM: self.upstream_port,
        }
        for file in self._source.iterdir():
            text = self._change(file.name, file.read_text())
            number = lambda found: str(ports[found[0]])
            (self.folder / file.name).write_text(re.sub(rf"\b({'|'.join(ports)})\b", number, text))


class Proxy:
    """A proxy, running in a folder."""

    def __init__(self, command: list[str], folder: Path, port: int):
        self.output = folder / "proxy.log"
        self._address = ("127.0.0.1", port)
        with self.output.open("wb") as output:
            # Those from PyPI are beside this Python.
            path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
            environment = {**os.environ, "PATH": path, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
            self.process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, cwd=folder, env=environment, start_new_session=True
            )
        until(f"{command[0]} passes requests on", self._passes, _START_SECS)

    def _passes(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the proxy ended by itself:\n{self.output.read_text(errors='replace')}")
        try:
            # Some listen before they know their routes.
            return wire.send(self._address, "GET", "/open/ready").status == 200
        except OSError:
            return False

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


class Deployment:
    """`deploy/NAME`, running. `send` and `url` lead through the proxy, so that the systems' clients take it for a server.

    `change(file, text)` gives another text for a file; `prepare(home)` is called before anything starts."""

    def __init__(self, name: str, upstream, change=lambda file, text: text, prepare=lambda home: None):
        self.name, self.upstream = name, upstream
        self.home = _Folder(name, upstream.port, change)
        prepare(self.home)
        self.server = Server(self.home)
        self.proxy = Proxy(COMMANDS[name], self.home.folder, self.home.front)
        self.address = ("127.0.0.1", self.home.front)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.home.front}"

    def send(self, method: str, target: str, headers=(), body: bytes | None = None) -> wire.Answer:
        """One request through the proxy, on a connection of its own."""
        return wire.send(self.address, method, target, headers, body)

    def check(self, method: str, target: str, headers=(), source: str = "127.0.0.1") -> wire.Answer:
        """One request past the proxy to the door itself, from an address of this machine."""
        connection = wire.Connection(("127.0.0.1", self.home.check))
        connection.http.source_address = (source, 0)
        try:
            return connection.send(method, target, headers)
        finally:
            connection.close()

    def stop_proxy(self) -> None:
        """Ends the proxy alone, where the server is gone already."""
        self.proxy.stop()
        self.home.clean()

    def stop(self) -> None:
        self.proxy.stop()
        assert self.server.stop() == 0
        self.home.clean()
