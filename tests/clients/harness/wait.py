"""Waiting for something to become true, with a bound and never longer than it takes."""

import time

_STEP = 0.01


def until(what: str, condition, seconds: float):
    """The first true value of `condition()`; an `AssertionError` that says `what` after that many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(_STEP)
