"""Attacks through each proxy, and past it. What becomes of each is said in `docs/forward-auth.md`."""

import base64
import json
import re
import sqlite3

import pytest

from deploy.attacks import ATTACKS, ELSEWHERE, FORGED, PROXIES, table
from harness.deployment import COMMANDS, DEPLOY, Deployment
from harness.problems import refused
from harness.upstream import Seen
from realm import client as realm

SAID = table()


def outcome(deployment, answer, before: int) -> str:
    """The word for what came of a request."""
    passed = deployment.upstream.count - before
    assert passed in (0, 1)
    if not passed:
        return f"{answer.status}" if answer.code else f"{answer.status} own"
    seen = Seen.of(answer)
    assert not [value for _, value in seen.headers if FORGED in value or ELSEWHERE in value], seen.headers
    assert not seen.all("Upgrade")
    # What was checked is what the API gets: nothing passes without a key but what is open.
    assert seen.target.startswith("/open/") or seen.one("X-Consumer-Username") == "acme", seen
    assert len(seen.all("X-Consumer-ID")) <= 1
    return "passes"


def test_the_page_tells_what_becomes_of_every_attack():
    assert list(SAID) == list(ATTACKS)
    assert PROXIES == list(COMMANDS) and all((DEPLOY / name / "README.md").is_file() for name in PROXIES)


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_ends_as_the_page_says(deployment, attack):
    before = deployment.upstream.count
    answer = deployment.send(*ATTACKS[attack](deployment.holders.key.api_key))
    assert outcome(deployment, answer, before) == SAID[attack][deployment.name]


# Doors that are asked by a request that anybody could make.
OVER_HTTP = [name for name in COMMANDS if name != "envoy-grpc"]


@pytest.mark.parametrize("deployment", OVER_HTTP, indirect=True)
def test_the_door_answers_nobody_but_its_proxy(deployment):
    key = deployment.holders.key.api_key
    told = {"X-Original-Method": "GET", "X-Original-URI": "/v1/x", "X-Original-Scheme": "http", "X-Original-Host": "a"}
    told |= {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/v1/x", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "a"}
    for target in ("/check", "/v1/x", "/refusal"):
        answer = deployment.check("GET", target, {"X-API-Key": key, **told}, source="127.0.0.2")
        assert refused(answer, 403) == "UNTRUSTED_PEER"
        assert deployment.server.line_of(answer)["reason"] == "untrusted_peer"


@pytest.mark.parametrize("deployment", OVER_HTTP, indirect=True)
@pytest.mark.parametrize("change", ["missing", "twice", "of another kind"])
def test_a_door_reads_one_source_and_refuses_none_or_two(deployment, change):
    sources = {
        "nginx": ["X-Original-Method", "X-Original-URI", "X-Original-Scheme", "X-Original-Host"],
        "traefik": ["X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Proto", "X-Forwarded-Host"],
        "caddy": ["X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Proto", "X-Forwarded-Host"],
        "envoy": ["X-Forwarded-Proto"],
    }[deployment.name]
    other = "X-Forwarded" if deployment.name == "nginx" else "X-Original"
    values = ["GET", "/v1/x", "http", "a"] if len(sources) == 4 else ["http"]
    target = "/v1/x" if deployment.name == "envoy" else "/check"
    good = [("X-API-Key", deployment.holders.key.api_key), *zip(sources, values)]
    status = lambda headers: outcome_of_check(deployment.check("GET", target, headers))
    assert status(good) == 200
    for name, value in zip(sources, values):
        without = [pair for pair in good if pair[0] != name]
        match change:
            case "missing":
                assert status(without) == 400
            case "twice":
                assert status([*good, (name, value)]) == 400
            case "of another kind":
                assert status([*without, (re.sub("^X-[A-Z][a-z]+", other, name), value)]) == 400


def outcome_of_check(answer) -> int:
    """The status that a check is about: nginx is told of a refusal by 403 alone."""
    if answer.status == 403 and (carried := answer.header("X-Countersign-Refusal")):
        return json.loads(base64.urlsafe_b64decode(carried + "=="))["status"]
    return answer.status


def test_nothing_passes_while_countersign_is_down(upstream):
    for name, expected in {"nginx": 503, "traefik": 500, "caddy": 502, "envoy": 503, "envoy-grpc": 503}.items():
        running = Deployment(name, upstream)
        running.home.consumer("acme")
        key = running.home.issue("acme").api_key
        running.server.kill()
        before = upstream.count
        for target in ("/v1/thing", "/open/thing"):
            assert running.send("GET", target, {"X-API-Key": key}).status == expected, name
        assert upstream.count == before
        running.stop_proxy()


def test_a_decision_that_cannot_be_made_is_503_and_not_a_yes(deployment, upstream):
    unseen = deployment.home.issue("acme").api_key
    database = sqlite3.connect(deployment.home.database)
    database.execute("ALTER TABLE credentials RENAME TO gone")
    database.commit()
    before = upstream.count
    answer = deployment.send("GET", "/v1/thing", {"X-API-Key": unseen})
    database.execute("ALTER TABLE gone RENAME TO credentials")
    database.commit()
    # Envoy makes an answer of its own of whatever is no fault of the client.
    assert (answer.status, answer.code) == (503, None if deployment.name == "envoy" else "UNAVAILABLE")
    assert upstream.count == before


def test_a_body_longer_than_the_proxy_sends_along_is_refused(deployment, upstream):
    signer, body = deployment.holders.realm, b"x" * 1_500_000
    target, before = "/v1/marketplace/listings", upstream.count
    answer = deployment.send("POST", target, realm.headers(signer, "POST", target, body), body)
    # nginx has its own limit; Caddy passes it on to Countersign, which checks it as a whole.
    assert answer.status == {"nginx": 413, "traefik": 401, "caddy": 200, "envoy": 413, "envoy-grpc": 413}[deployment.name]
    assert upstream.count == before + (deployment.name == "caddy")


@pytest.mark.parametrize("name", ["envoy", "envoy-grpc"])
def test_a_part_of_a_body_is_refused_where_envoy_sends_parts(upstream, name):
    def change(file, text):
        return text.replace("max_request_bytes: 1048576, allow_partial_message: false", "max_request_bytes: 10, allow_partial_message: true")

    running = Deployment(name, upstream, change)
    running.home.consumer("acme")
    signer = running.home.issue("acme", dialect="realm")
    send = lambda body, signed: running.send("POST", "/v1/marketplace/x", realm.headers(signer, "POST", "/v1/marketplace/x", signed), body)
    before = upstream.count
    assert refused(send(b"0123456789 and more", b"0123456789"), 413) == "BODY_TOO_LARGE"
    assert upstream.count == before
    assert send(b"0123456789", b"0123456789").status == 200
    running.stop()
