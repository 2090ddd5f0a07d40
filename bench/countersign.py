"""Countersign as it is measured: as its documents say to run it, with a credential of each kind."""

import base64
import hashlib
import hmac
import json
import secrets
import subprocess
import time

from harness import SERVER_CORE, Server, free_port, wait_for

BODY = json.dumps({"title": "A used bicycle", "text": "x" * 160}).encode()
LARGE = json.dumps({"text": "x" * 16_000}).encode()
LISTING = "/v1/marketplace/listings"


class Countersign:
    """A server, a credential of each kind, and what requests hold that show them."""

    def __init__(self, binary, folder, upstream, workers=1, cores=SERVER_CORE, log_level="info"):
        folder.mkdir(exist_ok=True)
        self.binary, self.folder = binary, folder
        self.port, self.admin = free_port(), free_port()
        self.config = folder / "countersign.toml"
        routes = {
            "/open/{*rest}": '"nothing"',
            "/v1/marketplace/{*rest}": '"signature:realm"',
            "/v1/{*rest}": '"api-key"',
            "/runtime/{*rest}": '"signature:pitchprint"',
            "/api/v1/redeemcenter/{*rest}": '"wallet"',
        }
        self.config.write_text(
            f"""
[listen]
public  = "127.0.0.1:{self.port}"
admin   = "127.0.0.1:{self.admin}"
workers = {workers}

[log]
level = "{log_level}"

[wallet]
issuer = "redreamer"

[[upstream]]
name = "api"
url  = "http://127.0.0.1:{upstream}"
"""
            + "".join(
                f'\n[[route]]\npath = "{path}"\nrequire = {require}\nupstream = "api"\n{self.placed(require)}'
                for path, require in routes.items()
            )
            + self.more()
        )
        log = folder / "requests.log"
        command = [binary, "serve", "--config", str(self.config)]
        self.server = Server("countersign", cores, command, logs=[log], stdout=subprocess.DEVNULL, stderr=open(log, "ab"))
        wait_for(self.port)
        self.credentials()

    def placed(self, require):
        """What a route says besides."""
        return ""

    def more(self):
        """What the configuration has besides."""
        return ""

    def run(self, *words):
        command = [self.binary, *words, "--json"]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    def issue(self, *words):
        return self.run("key", "issue", "--consumer", "bench", *words, "--config", str(self.config))

    def credentials(self):
        self.run("consumer", "add", "bench", "--config", str(self.config))
        self.api_key = self.issue()
        self.realm = self.issue("--dialect", "realm")
        self.pitchprint = self.issue("--dialect", "pitchprint")
        wallet = self.folder / "wallet.key"
        wallet.write_text(secrets.token_hex(32))
        self.token = self.run("login", "--url", f"http://127.0.0.1:{self.port}", "--private-key-file", str(wallet))

    def with_api_key(self):
        return {"X-API-Key": self.api_key["api_key"]}, b""

    def with_token(self):
        return {"Authorization": f"Bearer {self.token['token']}"}, b""

    def realm_signed(self, body):
        stamp = str(int(time.time()))
        text = b"\n".join([b"POST", LISTING.encode(), stamp.encode(), body])
        mac = hmac.digest(self.realm["secret"].encode(), text, "sha256")
        headers = {
            "X-API-Key": self.realm["api_key"],
            "X-Timestamp": stamp,
            "X-Signature": base64.b64encode(mac).decode(),
            "Content-Type": "application/json",
        }
        return headers, body

    def pitchprint_signed(self):
        key, stamp = self.pitchprint["api_key"], int(time.time())
        signature = hashlib.md5(f"{key}{self.pitchprint['secret']}{stamp}".encode()).hexdigest()
        call = {"apiKey": key, "timestamp": stamp, "signature": signature, "designId": "x" * 60}
        return {"Content-Type": "application/json"}, json.dumps(call).encode()
