"""A connection on which bytes are written as they are."""

import http.client
import re
import socket

from .wire import TIMEOUT_SECS, Answer


def first_status(address: tuple[str, int], request: bytes) -> int | None:
    """Sends `request` and gives the status of the first answer; none where the connection is closed without one."""
    with socket.create_connection(address, timeout=TIMEOUT_SECS) as wire:
        try:
            wire.sendall(request)
            answer = http.client.HTTPResponse(wire, method=request.split(b" ")[0].decode("latin-1"))
            answer.begin()
            answer.read()
        except (http.client.HTTPException, ConnectionError):
            return None
        return answer.status


def read_all(wire: socket.socket) -> bytes:
    """Everything until the other side closes."""
    pieces = []
    while True:
        try:
            piece = wire.recv(65_536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def status(answer: bytes) -> int | None:
    """The status of the first answer in `answer`; none where the connection was closed without one."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else None


def parsed(answer: bytes) -> Answer:
    """The last answer in `answer`, which is framed by the end of its connection or its length."""
    head, _, body = re.split(rb"HTTP/1\.[01] (?=\d)", answer)[-1].partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = [tuple(line.split(": ", 1)) for line in lines[1:]]
    return Answer(int(lines[0].split()[0]), headers, body)
