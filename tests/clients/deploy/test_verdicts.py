"""The table of verdicts through each proxy: what Countersign decides is what the caller and the upstream see."""

import pytest

from deploy.table import CASES, TABLE
from harness.upstream import Seen


# What a proxy refuses by itself, before it asks.
OWN_REFUSALS = {("nginx", "the token twice"): 400}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['target'].split('?')[0]}: {case['what']}")
def test_a_proxy_gives_the_verdict_of_the_table(judged, upstream, case):
    before, expect = upstream.count, case["expect"]
    request = judged.holders.request(case)
    answer = request.send(judged)
    if own := OWN_REFUSALS.get((judged.name, case["what"])):
        assert (answer.status, answer.code, upstream.count) == (own, None, before)
        return
    if "status" in expect:
        assert (answer.status, answer.code) == (expect["status"], expect["code"])
        assert answer.header("Cache-Control") == "no-store" and answer.header("X-Request-Id")
        assert bool(answer.all("WWW-Authenticate")) == (answer.status == 401)
        assert upstream.count == before
        return
    assert answer.status == 200 and upstream.count == before + 1
    if request.method == "HEAD":
        return
    seen = Seen.of(answer)
    assert (seen.method, seen.target, seen.body) == (request.method, request.target, request.body or b"")
    expected = judged.holders.identity(expect)
    # Not all of them can pass on a header that is empty.
    assert {name: seen.all(name) or [""] for name in expected} == {name: [value] for name, value in expected.items()}
    if expect["credential"] or expect.get("wallet"):
        secrets = [value for name, value in request.headers if name not in ("Content-Type", "X-Timestamp")]
        assert not [value for _, value in seen.headers if value in secrets]


def test_the_table_has_something_of_everything():
    codes = {case["expect"].get("code") for case in TABLE["case"]}
    assert codes >= {None, "CREDENTIAL_MISSING", "CREDENTIAL_INVALID", "SIGNATURE_INVALID", "AUTHORIZATION_ERROR", "SCOPE_MISSING", "NO_ROUTE"}
