"""The table of verdicts (`tests/verdicts`): who has what, and the requests that they send."""

import re
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

from pitchprint import client as pitchprint
from realm import client as realm
from redreamer import wallets

FOLDER = Path(__file__).parents[3] / "tests" / "verdicts"
TABLE = tomllib.loads((FOLDER / "table.toml").read_text())
ROUTES = (FOLDER / "routes.toml").read_text()

# Cases for proxies that are not ours.
CASES = [case for case in TABLE["case"] if case.get("wire") != "direct"]

# Routes whose signatures need the body, and where they are behind each proxy.
_NEED_BODY = ("/v1/marketplace/", "/runtime/")
_DOORS = {
    "nginx": 'doors = ["proxy"]\nupstream = "api"\n',
    "caddy": 'doors = ["proxy"]\nupstream = "api"\n',
    "traefik": 'doors = ["traefik-bodies"]\n',
    "envoy": "",
    "envoy-grpc": "",
}


def configuration(name: str, text: str) -> str:
    """The configuration of a deployment with the table's routes in place of its own."""
    frame = text[: text.index("[[route]]")]
    routes = ROUTES.split("[[route]]")[1:]
    placed = [route + (_DOORS[name] if any(path in route for path in _NEED_BODY) else "") for route in routes]
    return frame + "".join(f"[[route]]{route}\n" for route in placed)


@dataclass
class Request:
    """A request, ready to go out."""

    method: str
    target: str
    headers: list
    body: bytes | None

    def send(self, deployment):
        return deployment.send(self.method, self.target, self.headers, self.body)


class Holders:
    """Everybody who has something."""

    def __init__(self):
        self.credentials, self.consumers, self.wallets, self.tokens = {}, {}, {}, {}

    def prepare(self, home) -> None:
        """Issues the credentials of the table, and ends those that are to be ended."""
        for row in TABLE["credential"]:
            consumer = row["consumer"]
            if consumer not in self.consumers:
                self.consumers[consumer] = home.command("consumer", "add", consumer)
            scopes = row.get("scopes", [])
            self.credentials[row["name"]] = home.issue(consumer, dialect=row.get("dialect"), scopes=scopes)
        for row in TABLE["credential"]:
            match row.get("ended"):
                case "revoked":
                    home.command("key", "revoke", self.credentials[row["name"]].key_id)
                case "disabled":
                    home.command("consumer", "disable", row["consumer"])
                case "removed":
                    home.command("consumer", "remove", row["consumer"])

    def log_in(self, deployment) -> None:
        """Logs the wallets of the table in."""
        for row in TABLE["wallet"]:
            wallet = wallets.EthAccount()
            if row["scopes"]:
                words = [word for scope in row["scopes"] for word in ("--scope", scope)]
                deployment.home.command("wallet", "grant", wallet.address, *words)
            self.wallets[row["name"]] = wallet
            self.tokens[row["name"]] = wallets.login(deployment, wallet)

    def request(self, case: dict) -> Request:
        """The request of a case, as of now."""
        now = int(time.time())
        texts, headers = self._texts(now), []
        if sign := case.get("sign"):
            credential, timestamp = self.credentials[sign["with"]], str(now + sign.get("at", 0))
            if sign["dialect"] == "realm":
                path = sign.get("path", case["target"].split("?")[0])
                body = sign.get("body", case.get("body", "")).encode()
                method = sign.get("method", case.get("method", "GET"))
                signature = realm.sign(credential.secret, method, path, timestamp, body)
                headers = [("X-API-Key", credential.api_key), ("X-Timestamp", timestamp), ("X-Signature", signature)]
            else:
                signature = pitchprint.sign(credential, timestamp)
            texts |= {"timestamp": timestamp, "signature": signature}
        fill = lambda text: re.sub(r"\{([a-z][a-z0-9_.+]*)\}", lambda found: texts[found[1]], text)
        headers = [(name, value) for name, value in headers if name not in case.get("without", [])]
        headers += [(name, fill(value)) for name, value in case.get("headers", [])]
        body = fill(case["body"]).encode() if "body" in case else None
        return Request(case.get("method", "GET"), fill(case["target"]), headers, body)

    def identity(self, expect: dict) -> dict[str, str]:
        """What the upstream is to be told of who passed."""
        credential = self.credentials.get(expect["credential"])
        row = next((row for row in TABLE["credential"] if row["name"] == expect["credential"]), {})
        wallet = self.wallets.get(expect.get("wallet"))
        return {
            "X-Consumer-ID": self.consumers[row["consumer"]]["consumer_id"] if row else "",
            "X-Consumer-Username": row.get("consumer", ""),
            "X-Credential-Identifier": credential.key_id if credential else "",
            "X-Authenticated-Scope": expect.get("scopes", ",".join(row.get("scopes", []))),
            "X-Authenticated-Userid": wallet.address.lower() if wallet else "",
        }

    def _texts(self, now: int) -> dict[str, str]:
        texts = {"now": str(now), "now+1": str(now + 1)}
        for name, credential in self.credentials.items():
            texts |= {name: credential.api_key, f"{name}.secret": credential.secret or ""}
        for name, (token, refresh) in self.tokens.items():
            texts |= {name: token, f"{name}.refresh": refresh}
        return texts
