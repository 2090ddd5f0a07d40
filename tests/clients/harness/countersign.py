"""The binary: its commands, and a server of it in a folder of its own."""

import http.client
import json
import os
import signal
import ssl
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from . import secrets, wire
from .ports import free_port
from .wait import until

# A debug build on a busy machine starts within a second; this is for a machine that is much busier.
_START_SECS = 30
_STOP_SECS = 30

BINARY = os.environ.get("COUNTERSIGN_BIN") or str(Path(__file__).parents[3] / "target" / "debug" / "countersign")

# Every output that a server wrote, for the search for secrets.
outputs: list[Path] = []


class Refused(Exception):
    """A command that ended with another exit code than 0."""

    def __init__(self, words, done):
        super().__init__(f"{' '.join(words)}: exit {done.returncode}: {done.stderr.strip()}")
        self.exit_code = done.returncode
        self.error = done.stderr


@dataclass
class Credential:
    """What `key issue` gave."""

    key_id: str
    api_key: str
    secret: str | None = None
    answer: dict = field(default_factory=dict)

    @classmethod
    def of(cls, answer: dict) -> "Credential":
        # The public half of a signature credential may be seen; what else is given is secret.
        secret = answer.get("secret")
        secrets.remember(secret or answer["api_key"])
        return cls(answer["key_id"], answer["api_key"], secret, answer)


class Home:
    """A folder with a configuration, and the commands that work in it."""

    def __init__(self, configuration: str, upstream_port: int):
        self._folder = tempfile.TemporaryDirectory(prefix="countersign-")
        self.folder = Path(self._folder.name)
        self.file = self.folder / "countersign.toml"
        self.public, self.admin = free_port(), free_port()
        self.upstream_port = upstream_port
        self.configure(configuration)

    def configure(self, configuration: str) -> None:
        """Writes the configuration: the routes and whatever else, without addresses and upstream."""
        addresses = (
            f'[listen]\npublic = "127.0.0.1:{self.public}"\nadmin = "127.0.0.1:{self.admin}"\n'
            f'[store]\nurl = "sqlite:data/countersign.db"\n'
            f'[[upstream]]\nname = "api"\nurl = "http://127.0.0.1:{self.upstream_port}"\n'
        )
        self.file.write_text(addresses + configuration)

    @property
    def database(self) -> Path:
        return self.folder / "data" / "countersign.db"

    @property
    def master_key(self) -> str:
        """The master key's text, as the server made it."""
        return (self.folder / "data" / "master.key").read_text().strip()

    def run(self, *words: str) -> subprocess.CompletedProcess:
        """Runs a command, whatever comes of it."""
        command = [BINARY, *words, "--config", str(self.file)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=self.folder)

    def command(self, *words: str):
        """Runs a command with `--json` and gives its answer."""
        done = self.run(*words, "--json")
        if done.returncode != 0:
            raise Refused(words, done)
        return json.loads(done.stdout)

    def consumer(self, name: str) -> str:
        self.command("consumer", "add", name)
        return name

    def issue(self, consumer: str, dialect: str | None = None, scopes=(), **options: str) -> Credential:
        """Issues a credential; `options` are further ones, such as `expires="90d"`."""
        words = ["key", "issue", "--consumer", consumer]
        words += ["--dialect", dialect] if dialect else []
        for scope in scopes:
            words += ["--scope", scope]
        for name, value in options.items():
            words += [f"--{name}", value]
        return Credential.of(self.command(*words))

    def clean(self) -> None:
        self._folder.cleanup()


class Server:
    """`countersign serve`, running in a home."""

    def __init__(self, home: Home, **environment: str):
        self.home = home
        self.address = ("127.0.0.1", home.public)
        # The certificate of the admin side, where it has one.
        self.admin_cert = environment.get("COUNTERSIGN__LISTEN__ADMIN_TLS__CERT")
        self.output = home.folder / f"output-{len(outputs)}.log"
        outputs.append(self.output)
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--config", str(home.file)],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=home.folder,
                env={**os.environ, **environment},
            )
        until("the server is ready", self._ready, _START_SECS)

    def _ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended by itself:\n{self.log()}")
        try:
            return self.admin("/readyz").status == 200
        except OSError:
            return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.home.public}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, method: str, target: str, headers=(), body: bytes | None = None) -> wire.Answer:
        """One request to the public side, on a connection of its own."""
        return wire.send(self.address, method, target, headers, body)

    def admin(self, path: str) -> wire.Answer:
        if self.admin_cert is None:
            return wire.send(("127.0.0.1", self.home.admin), "GET", path)
        context = ssl.create_default_context(cafile=self.admin_cert)
        connection = http.client.HTTPSConnection("127.0.0.1", self.home.admin, context=context, timeout=wire.TIMEOUT_SECS)
        connection.request("GET", path)
        response = connection.getresponse()
        return wire.Answer(response.status, response.getheaders(), response.read())

    def log(self) -> str:
        """Everything that it wrote."""
        return self.output.read_text(errors="replace")

    def lines(self) -> list[dict]:
        """The lines of the log that are JSON."""
        objects = []
        for line in self.log().splitlines():
            try:
                objects.append(json.loads(line))
            except ValueError:
                continue
        return [line for line in objects if isinstance(line, dict)]

    def line_of(self, answer: wire.Answer) -> dict:
        """The line of the log about the request that got this answer."""
        name = answer.header("X-Request-Id")
        find = lambda: next((line for line in self.lines() if line.get("request_id") == name), None)
        return until(f"a line about request {name}", find, 5)

    def resident_bytes(self) -> int:
        """How much memory the process holds now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Asks it to end, and gives its exit code; its output is searched for every secret that is known."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_STOP_SECS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("the server did not end on SIGTERM") from None
        assert not secrets.found_in(self.log()), "a secret stands in the log"
        return self.process.returncode
