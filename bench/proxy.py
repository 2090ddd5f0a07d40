"""Proxying through Countersign beside nginx `proxy_pass`, on one core, with the same requests.

The server that is measured has core 0. The upstream (nginx, `return 200`) and the load (wrk, 64 connections that stay
open) have core 1. Rounds of each alternate, so that what else the machine does falls on both alike; medians are
reported. nginx checks nothing; Countersign runs as its documents say, with its log going to a file.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from urllib.request import urlopen

SERVER_CORE, LOAD_CORE = "0", "1"
CONNECTIONS = 64
BODY = json.dumps({"title": "A used bicycle", "text": "x" * 160}).encode()


class Request:
    """One request as wrk sends it. `make` gives headers and body anew for each round: signatures age."""

    def __init__(self, name, method, path, make):
        self.name, self.method, self.path, self.make = name, method, path, make

    def script(self, folder):
        headers, body = self.make()
        lines = [f"wrk.method = {quoted(self.method)}"]
        lines += [f"wrk.headers[{quoted(name)}] = {quoted(value)}" for name, value in headers.items()]
        if body:
            lines.append(f"wrk.body = {quoted(body.decode())}")
        path = folder / "request.lua"
        path.write_text("\n".join(lines) + "\n")
        return path


def quoted(text):
    """A string of Lua."""
    return '"' + "".join(c if c.isalnum() else f"\\{ord(c):03d}" for c in text) + '"'


class Server:
    """A process on a core of its own."""

    def __init__(self, name, core, command, **how):
        self.name = name
        self.process = subprocess.Popen(["taskset", "-c", core, *command], **how)

    def cpu_nanoseconds(self):
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


def nginx(name, core, folder, servers, modules=()):
    """An nginx of one process."""
    folder.mkdir()
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        "".join(f"load_module {module};\n" for module in modules)
        + f"""
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; {temporary}
    keepalive_requests 100000000; client_body_buffer_size 64k;
    {servers}
}}
"""
    )
    return Server(name, core, ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")])


def proxying(upstream, port, log_port, log):
    location = 'location / { proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection ""; }'
    return f"""
    upstream api {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}
    server {{ listen 127.0.0.1:{port}; {location} }}
    server {{ listen 127.0.0.1:{log_port}; access_log {log}; {location} }}
"""


class Countersign:
    """Countersign, a credential of each kind, and requests that hold them."""

    def __init__(self, binary, folder, upstream):
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
workers = 1

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
        self.log_path = folder / "requests.log"
        self.log = open(self.log_path, "ab")
        self.server = Server(
            "countersign", SERVER_CORE, [binary, "serve", "--config", str(self.config)], stderr=self.log
        )
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

    def credentials(self):
        on = ("--config", str(self.config))
        self.run("consumer", "add", "bench", *on)
        self.api_key = self.run("key", "issue", "--consumer", "bench", *on)
        self.realm = self.run("key", "issue", "--consumer", "bench", "--dialect", "realm", *on)
        self.pitchprint = self.run("key", "issue", "--consumer", "bench", "--dialect", "pitchprint", *on)
        wallet = self.folder / "wallet.key"
        wallet.write_text(secrets.token_hex(32))
        self.token = self.run("login", "--url", f"http://127.0.0.1:{self.port}", "--private-key-file", str(wallet))

    def requests(self):
        listing = "/v1/marketplace/listings"

        def realm_signed(body):
            stamp = str(int(time.time()))
            text = b"\n".join([b"POST", listing.encode(), stamp.encode(), body])
            mac = hmac.digest(self.realm["secret"].encode(), text, "sha256")
            headers = {
                "X-API-Key": self.realm["api_key"],
                "X-Timestamp": stamp,
                "X-Signature": base64.b64encode(mac).decode(),
                "Content-Type": "application/json",
            }
            return headers, body

        def pitchprint_signed():
            key, stamp = self.pitchprint["api_key"], int(time.time())
            signature = hashlib.md5(f"{key}{self.pitchprint['secret']}{stamp}".encode()).hexdigest()
            call = {"apiKey": key, "timestamp": stamp, "signature": signature, "designId": "x" * 60}
            return {"Content-Type": "application/json"}, json.dumps(call).encode()

        bearer = {"Authorization": f"Bearer {self.token['token']}"}
        large = json.dumps({"text": "x" * 16_000}).encode()
        return [
            Request("no check", "GET", "/open/items", lambda: ({}, b"")),
            Request("API key", "GET", "/v1/user/profile", lambda: ({"X-API-Key": self.api_key["api_key"]}, b"")),
            Request("realm, HMAC-SHA256, 200 B", "POST", listing, lambda: realm_signed(BODY)),
            Request("realm, HMAC-SHA256, 16 kB", "POST", listing, lambda: realm_signed(large)),
            Request("wallet token, HMAC-SHA512", "GET", "/api/v1/redeemcenter/items", lambda: (bearer, b"")),
            Request("PitchPrint, MD5, 200 B", "POST", "/runtime/designs", pitchprint_signed),
        ]


def load(request, port, server, folder, seconds):
    """Requests a second, microseconds of the server's CPU a request."""
    script = request.script(folder)
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]
    before = server.cpu_nanoseconds()
    done = subprocess.run([*command, f"http://127.0.0.1:{port}{request.path}"], check=True, capture_output=True)
    used = server.cpu_nanoseconds() - before
    text = done.stdout.decode()
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"{server.name}, {request.name}: not all requests succeeded\n{text}")
    count = int(re.search(r"(\d+) requests in", text)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    return rate, used / count / 1000


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--binary", default="target/release/countersign")
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--seconds", type=int, default=2)
    options.add_argument("--only", default="", help="rows whose name has this in it")
    wanted = options.parse_args()

    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as name:
        folder = Path(name)
        upstream, plain, logged = free_port(), free_port(), free_port()
        answer = f'server {{ listen 127.0.0.1:{upstream}; location / {{ return 200 "ok"; }} }}'
        log = folder / "nginx.log"
        started = [
            nginx("upstream", LOAD_CORE, folder / "upstream", answer),
            nginx("nginx", SERVER_CORE, folder / "proxy", proxying(upstream, plain, logged, log)),
        ]
        try:
            for port in (upstream, plain, logged):
                wait_for(port)
            ours = Countersign(str(Path(wanted.binary).resolve()), folder, upstream)
            started.append(ours.server)
            table(wanted, folder, ours, started[1], plain, logged, log)
        finally:
            for server in started:
                server.stop()


def table(wanted, folder, ours, nginx_server, plain, logged, nginx_log):
    rows = [request for request in ours.requests() if wanted.only in request.name]
    print("| request | nginx, no log | nginx, log | countersign | ratio | ratio to nginx with log | CPU ratio |")
    print("|---|---|---|---|---|---|---|")
    for request in rows:
        runs = {"nginx": [], "logged": [], "ours": []}
        load(request, ours.port, ours.server, folder, 1)
        for _ in range(wanted.rounds):
            runs["nginx"].append(load(request, plain, nginx_server, folder, wanted.seconds))
            runs["ours"].append(load(request, ours.port, ours.server, folder, wanted.seconds))
            runs["logged"].append(load(request, logged, nginx_server, folder, wanted.seconds))
            for path in (nginx_log, ours.log_path):
                os.truncate(path, 0)

        def of(what, column):
            return median(run[column] for run in runs[what])

        def cell(what):
            return f"{of(what, 0):,.0f}/s, {of(what, 1):.1f} µs"

        def ratio(other):
            pairs = zip(runs["ours"], runs[other])
            return median(our[0] / its[0] for our, its in pairs)

        cpu = median(its[1] / our[1] for our, its in zip(runs["ours"], runs["nginx"]))
        print(
            f"| {request.name} | {cell('nginx')} | {cell('logged')} | {cell('ours')} |"
            f" **{ratio('nginx'):.2f}** | {ratio('logged'):.2f} | {cpu:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
