"""What every refusal has."""


def refused(answer, status: int = 401) -> str:
    """Asserts everything that a refusal with this status has, and gives its code."""
    assert answer.status == status, answer
    assert answer.header("Content-Type") == "application/problem+json"
    assert answer.header("Cache-Control") == "no-store"
    assert answer.header("X-Request-Id")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"] and problem["title"] and problem["detail"] and problem["code"]
    if status == 401:
        assert answer.all("WWW-Authenticate"), "a 401 without a challenge"
    return problem["code"]


def changed(text: str, place: int) -> str:
    """`text` with another character at `place`, in whatever case it is read."""
    return text[:place] + ("A" if text[place] not in "Aa" else "B") + text[place + 1 :]
