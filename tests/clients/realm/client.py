"""The key and the signature as Realm's documents describe them, in Python's standard library, Node and curl."""

import base64
import hashlib
import hmac
import time
from pathlib import Path

from harness import clients, secrets

HERE = Path(__file__).parent


def sign(secret: str, method: str, path: str, timestamp: str, body: bytes) -> str:
    """base64(HMAC-SHA256(secret, METHOD \\n PATH \\n TIMESTAMP \\n BODY))"""
    text = f"{method}\n{path}\n{timestamp}\n".encode() + body
    signature = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
    secrets.remember(signature)
    return signature


def headers(credential, method: str, path: str, body: bytes = b"", offset: int = 0) -> dict[str, str]:
    """The three headers of a request that is signed `offset` seconds from now."""
    timestamp = str(int(time.time()) + offset)
    return {
        "X-API-Key": credential.api_key,
        "X-Timestamp": timestamp,
        "X-Signature": sign(credential.secret, method, path, timestamp, body),
    }


def call(server, credential, method: str, target: str, body: bytes | None = None, offset: int = 0, **more):
    """A signed request. What is signed is the path without the query."""
    path = target.split("?")[0]
    signed = headers(credential, method, path, body or b"", offset)
    signed.update((name.replace("_", "-"), value) for name, value in more.items())
    return server.send(method, target, signed, body)


def python(server, credential, method, target, body, folder):
    return call(server, credential, method, target, body)


def node(server, credential, method, target, body, folder):
    request = {
        "url": server.url,
        "key": credential.api_key,
        "secret": credential.secret,
        "method": method,
        "target": target,
        "body": None if body is None else base64.b64encode(body).decode(),
    }
    return clients.answer_of(clients.node(HERE / "client.mjs", request))


def curl(server, credential, method, target, body, folder):
    return clients.curl(
        HERE / "client.sh",
        folder,
        body,
        URL=server.url,
        KEY=credential.api_key,
        SECRET=credential.secret,
        METHOD=method,
        TARGET=target,
    )


EVERY_CLIENT = [python, node, curl]
