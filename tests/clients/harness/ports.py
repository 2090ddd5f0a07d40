"""Ports that nobody else takes."""

import itertools
import os
import socket

# Below what Linux gives to outgoing connections, so that none of those takes a port between this look and its use.
_FIRST, _LAST = 12_000, 32_000
_candidates = itertools.cycle(range(_FIRST, _LAST))
for _ in range(os.getpid() * 7 % (_LAST - _FIRST)):
    next(_candidates)


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens; not the same one twice."""
    for port in itertools.islice(_candidates, _LAST - _FIRST):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no port from {_FIRST} to {_LAST} is free")
