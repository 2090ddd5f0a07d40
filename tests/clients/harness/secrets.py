"""Every secret that a test used, so that a log can be searched for all of them."""

# A shorter text could stand somewhere by chance.
_LEAST = 12

_seen: set[str] = set()


def remember(*texts: str) -> None:
    """Notes texts that must never be written down by the server."""
    _seen.update(text for text in texts if len(text) >= _LEAST)


def found_in(output: str) -> list[str]:
    """Which of them stand in `output`."""
    return sorted(text for text in _seen if text in output)


def count() -> int:
    """How many are known."""
    return len(_seen)
