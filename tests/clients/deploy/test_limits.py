"""Limits through each proxy: the caller hears of them, and cannot get around them by what he says of his address."""

import pytest

from harness.deployment import COMMANDS, Deployment
from harness.problems import refused

LIMIT = '[[limit]]\nname = "tight"\nper = "address"\nrates = ["2/h"]\n\n'
STANDING = ["RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"]


def change(file, text):
    if file != "countersign.toml":
        return text
    route = 'path    = "/v1/{*rest}"\nrequire = "api-key"\n'
    assert route in text
    return text.replace(route, f'{route}limits  = ["tight"]\n').replace("[[route]]", f"{LIMIT}[[route]]", 1)


@pytest.mark.parametrize("name", COMMANDS)
def test_whoever_is_over_a_limit_hears_so_whatever_he_says_of_his_address(upstream, name):
    running = Deployment(name, upstream, change)
    running.home.consumer("acme")
    key = running.home.issue("acme").api_key
    answers = []
    for number in range(4):
        told = f"203.0.113.{number}"
        headers = {"X-API-Key": key, "X-Forwarded-For": told, "X-Real-IP": told, "Forwarded": f"for={told}"}
        answers.append(running.send("GET", "/v1/thing", headers))
    assert [answer.status for answer in answers] == [200, 200, 429, 429]
    over = answers[2]
    assert refused(over, 429) == "RATE_LIMITED" and int(over.header("Retry-After")) > 0
    assert over.header("X-RateLimit-Remaining") == "0" and all(over.header(name) for name in STANDING)
    # Traefik and Caddy keep what comes with a yes to themselves.
    passed = [answer.header("X-RateLimit-Remaining") for answer in answers[:2]]
    assert passed == (["1", "0"] if name in ("nginx", "envoy", "envoy-grpc") else [None, None])
    running.stop()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_key_keeps_its_own_limits_and_its_holder_hears_of_them(upstream, name):
    running = Deployment(name, upstream)
    running.home.consumer("acme")
    limited, free = running.home.issue("acme", limit="2/d"), running.home.issue("acme")
    send = lambda key, target="/v1/thing": running.send("GET", target, {"X-API-Key": key.api_key})
    answers = [send(limited), send(limited, "/api/v1/redeemcenter/items"), send(limited)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    over = answers[2]
    assert refused(over, 429) == "RATE_LIMITED" and int(over.header("Retry-After")) > 10_000
    assert over.header("RateLimit-Policy") == '"credential:d";q=2;w=86400'
    assert send(free).status == 200
    running.home.command("key", "set-limits", limited.key_id, "4/d", "--wait")
    assert [send(limited).status for _ in range(3)] == [200, 200, 429]
    running.stop()
