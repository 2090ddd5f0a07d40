"""Clients in other languages: a program that is told what to send, and tells what came back."""

import base64
import json
import os
import subprocess
from pathlib import Path

from .wire import Answer

_TIMEOUT_SECS = 60

# Where `npm ci` put the packages: scripts are run from there, so that `import` finds them.
NODE_HOME = Path(os.environ.get("COUNTERSIGN_NODE_HOME") or Path(__file__).parents[3] / "target" / "clients" / "node")


def node(script: Path, request: dict):
    """Runs an ES module with `request` as JSON on its standard input, and reads the JSON that it prints."""
    run = ["node", "--input-type=module", "-"]
    source = f"const request = {json.dumps(request)};\n{script.read_text()}"
    done = subprocess.run(run, input=source, capture_output=True, text=True, cwd=NODE_HOME, timeout=_TIMEOUT_SECS)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def answer_of(printed: dict) -> Answer:
    """An answer as the Node clients print it: status, headers as pairs, body as base64."""
    headers = [(name, value) for name, value in printed["headers"]]
    return Answer(printed["status"], headers, base64.b64decode(printed["body"]))


def curl(script: Path, folder: Path, body: bytes | None, **variables: str) -> Answer:
    """Runs a shell script that ends with `curl "${curl[@]}" ...`, with these variables in its environment. The body is
    in the file `$BODY`."""
    head, content, sent = folder / "head", folder / "content", folder / "body"
    for file in (head, content):
        file.unlink(missing_ok=True)
    sent.write_bytes(body or b"")
    environment = {**os.environ, **variables, "BODY": str(sent), "HEAD": str(head), "CONTENT": str(content)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", str(script)],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=_TIMEOUT_SECS,
    )
    assert done.returncode == 0, done.stderr
    # After `100 Continue` comes the head of the answer itself.
    lines = head.read_text().replace("\r\n", "\n").strip().split("\n\n")[-1].split("\n")
    headers = [tuple(line.split(": ", 1)) if ": " in line else (line.rstrip(":"), "") for line in lines[1:]]
    return Answer(int(lines[0].split()[1]), headers, content.read_bytes() if content.exists() else b"")
