"""What attackers send, by the words of the table in `docs/forward-auth.md`, and what that table says of it."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "forward-auth.md"
PROXIES = ["nginx", "traefik", "caddy", "envoy", "envoy-grpc"]

FORGED = "forged-value"
# An upstream that hears this of a request's origin was told by its client.
ELSEWHERE = "203.0.113.7"


def get(*headers: tuple[str, str], target: str = "/v1/thing", method: str = "GET", key: bool = True):
    """A request on a route that asks for a key; with a good one, or without any."""
    return lambda api_key: (method, target, ([("X-API-Key", api_key)] if key else []) + list(headers))


def path(target: str):
    """A request without a key that wants to be on the open route for Countersign and elsewhere for the API."""
    return get(target=target, key=False)


ATTACKS = {
    "`X-Consumer-ID`": get(("X-Consumer-ID", FORGED)),
    "`X-Consumer-ID` twice, in two cases": get(("X-CONSUMER-ID", FORGED), ("x-consumer-id", FORGED)),
    "`X-Authenticated-Userid` on an open route": get(("X-Authenticated-Userid", FORGED), target="/open/thing", key=False),
    "`X_Consumer_ID`": get(("X_Consumer_ID", FORGED)),
    "`X-Consumer_ID`": get(("X-Consumer_ID", FORGED)),
    "`X.Consumer.ID`": get(("X.Consumer.ID", FORGED)),
    "`X-Consumer-Groups`": get(("X-Consumer-Groups", FORGED)),
    "`X_API_Key` beside a good key": get(("X_API_Key", FORGED)),
    "`Connection: X-Consumer-ID`": get(("Connection", "X-Consumer-ID")),
    "`Connection: close, X-Consumer-Username`": get(("Connection", "close, X-Consumer-Username")),
    "`Connection: X-Forwarded-Uri, X-Original-URI`, no key": get(
        ("Connection", "X-Forwarded-Uri, X-Original-URI"), ("X-Forwarded-Uri", "/open/x"), key=False
    ),
    "`Connection: X-API-Key`": get(("Connection", "X-API-Key")),
    "`X-Forwarded-Uri: /open/x`, no key": get(("X-Forwarded-Uri", "/open/x"), ("X-Forwarded-Method", "GET"), key=False),
    "`X-Original-URI: /open/x`, no key": get(("X-Original-URI", "/open/x"), ("X-Original-Method", "GET"), key=False),
    "`X-Original-URL`": get(("X-Original-URL", f"/{FORGED}")),
    "`X-Rewrite-URL`": get(("X-Rewrite-URL", f"/{FORGED}")),
    "`X-Forwarded-Prefix`": get(("X-Forwarded-Prefix", f"/{FORGED}")),
    "`X-Forwarded-For`, `X-Real-IP`, `Forwarded`": get(
        ("X-Forwarded-For", ELSEWHERE), ("X-Real-IP", ELSEWHERE), ("Forwarded", f"for={ELSEWHERE}")
    ),
    "`X-Countersign-Refusal`, no key": get(("X-Countersign-Refusal", "e30"), key=False),
    "`X-Envoy-Auth-Headers-To-Remove: X-Consumer-ID`": get(("X-Envoy-Auth-Headers-To-Remove", "X-Consumer-ID")),
    "`X-Envoy-Auth-Partial-Body: true`": get(("X-Envoy-Auth-Partial-Body", "true")),
    "`Upgrade: h2c`": get(("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABk")),
    "two keys": lambda key: ("GET", "/v1/thing", [("X-API-Key", key), ("X-API-Key", key)]),
    "two `Host`": get(("Host", "a"), ("Host", "b")),
    "80 headers": get(*[(f"X-{number}", "a") for number in range(80)]),
    "300 headers": get(*[(f"X-{number}", "a") for number in range(300)]),
    "a header of 40 KB": get(("X-Long", "a" * 40_000)),
    "a method in small letters": get(method="get"),
    "`//v1/thing`": path("//v1/thing"),
    "`/open//thing`": path("/open//thing"),
    "`/open/../v1/thing`": path("/open/../v1/thing"),
    "`/open/%2e%2e/v1/thing`": path("/open/%2e%2e/v1/thing"),
    "`/open/..%2Fv1/thing`": path("/open/..%2Fv1/thing"),
    "`/open/..;/v1/thing`": path("/open/..;/v1/thing"),
    r"`/open/..\v1/thing`": path("/open/..\\v1/thing"),
    "`/v%31/thing`": path("/v%31/thing"),
    "`/V1/thing`": path("/V1/thing"),
    "`/open/a%00`": path("/open/a%00"),
    "`/open/a%zz`": path("/open/a%zz"),
    "`/v1/thing#/open/x`": path("/v1/thing#/open/x"),
    "`/api/v1/auth/../../../v1/thing`": path("/api/v1/auth/../../../v1/thing"),
    "`/countersign/refusal`": get(("X-Countersign-Refusal", "e30"), target="/countersign/refusal", key=False),
    "`/open/../api/v1/auth/nonce`": path("/open/../api/v1/auth/nonce"),
}


def table() -> dict[str, dict[str, str]]:
    """The table of the page: for each attack, what becomes of it at each proxy."""
    rows = {}
    for line in PAGE.read_text().split("## What becomes of attacks")[1].splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 1 + len(PROXIES) and cells[0] in ATTACKS:
            rows[cells[0]] = dict(zip(PROXIES, cells[1:]))
    return rows
