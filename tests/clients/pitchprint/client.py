"""The signature as PitchPrint's documents describe it:
Python sends a string timestamp, Node a number, curl what PHP does."""

import hashlib
import json
import time
from pathlib import Path

from harness import clients, secrets

HERE = Path(__file__).parent
RENDER = "/runtime/run-render-pdf"


def sign(credential, timestamp: str) -> str:
    """hex(md5(apiKey + secretKey + timestamp))"""
    signature = hashlib.md5(f"{credential.api_key}{credential.secret}{timestamp}".encode()).hexdigest()
    secrets.remember(signature)
    return signature


def members(credential, offset: int = 0, timestamp=None) -> dict:
    """The three members, signed `offset` seconds from now; `timestamp` stands as it is given, a number or a string."""
    if timestamp is None:
        timestamp = str(int(time.time()) + offset)
    return {"apiKey": credential.api_key, "timestamp": timestamp, "signature": sign(credential, str(timestamp))}


def post(server, body, content_type: str | None = "application/json", target: str = RENDER):
    """Sends a JSON body: an object, or the bytes of one."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return server.send("POST", target, {"Content-Type": content_type} if content_type else {}, body)


def python(server, credential, call, folder):
    return post(server, {**members(credential), **call})


def node(server, credential, call, folder):
    request = {"url": server.url + RENDER, "key": credential.api_key, "secret": credential.secret, "call": call}
    return clients.answer_of(clients.node(HERE / "client.mjs", request))


def curl(server, credential, call, folder):
    return clients.curl(
        HERE / "client.sh",
        folder,
        None,
        URL=server.url + RENDER,
        KEY=credential.api_key,
        SECRET=credential.secret,
        CALL=json.dumps(call),
    )


EVERY_CLIENT = [python, node, curl]
