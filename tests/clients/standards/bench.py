"""Dialects against libraries that others wrote, in both directions and without a server: what they sign, `dialect test` is given
as cases; what `sign` signs, they are given to verify."""

import base64
import json
import subprocess
import time
from pathlib import Path

from harness import clients
from harness.countersign import BINARY

DIALECTS = Path(__file__).parents[3] / "dialects"
LIBRARIES = Path(__file__).parent / "libraries.mjs"

URL = "https://api.example.com"


def verdicts(folder: Path, dialect: str, cases: list, now: int | None = None) -> list[str | None]:
    """What is wrong with each of the cases, `(secret, method, url, headers, body)`, at a time; or nothing."""
    (file,) = DIALECTS.glob(f"*/{dialect}.toml")
    (folder / file.name).write_text(file.read_text())
    written = [
        {
            "id": str(number),
            "now_ms": int(now or time.time()) * 1000,
            "secret": secret,
            "request": {
                "method": method,
                "url": url,
                "headers": [[name, value] for name, value in dict(headers).items()],
                "body_base64": base64.b64encode(body or b"").decode(),
            },
        }
        for number, (secret, method, url, headers, body) in enumerate(cases)
    ]
    (folder / f"{dialect}.cases.json").write_text(json.dumps(written))
    command = [BINARY, "dialect", "test", "--json", str(folder / file.name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    found = json.loads(done.stdout)
    assert len(found) == len(cases), done.stderr
    return [None if one["ok"] else str(one["found"]) for one in found]


def accepted(folder: Path, dialect: str, *cases, now: int | None = None) -> None:
    """That every case is accepted, and none under another secret."""
    found = verdicts(folder, dialect, list(cases), now)
    assert found and not any(found), found
    refused(folder, dialect, *((other(secret), *rest) for secret, *rest in cases), now=now)


def refused(folder: Path, dialect: str, *cases, now: int | None = None) -> None:
    found = verdicts(folder, dialect, list(cases), now)
    assert found and all(found), found


def other(secret: str) -> str:
    """A secret of the same kind."""
    if secret.startswith("-----BEGIN"):
        return "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
    at = len(secret) // 2
    return secret[:at] + ("1" if secret[at] != "1" else "2") + secret[at + 1 :]


def signed(folder: Path, dialect: str, key: str, secret: str, method: str, url: str, headers=(), body=b""):
    """What `countersign sign` makes of a request: its URL, its headers and its body."""
    (folder / "secret").write_text(secret)
    (folder / "body").write_bytes(body)
    command = [BINARY, "sign", "--json", "--dialect", dialect, "--key", key, "--secret-file", str(folder / "secret")]
    command += ["--body-file", str(folder / "body"), method, url]
    for name, value in dict(headers).items():
        command += ["-H", f"{name}: {value}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    return made["url"], dict(made["headers"]), made["body"].encode()


def node(library: str, **request):
    """Asks one of the libraries from npm."""
    return clients.node(LIBRARIES, {"library": library, **request})
