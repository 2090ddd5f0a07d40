"""Memory and time against the size of a signed body, from 0 to 100 MB, for each way that a body can take.

One server a way, so that its peak is its own. The upstream reads and forgets. Memory is the peak of the resident set
(VmHWM) while a body passes, less what the server had before; time is from the first byte sent to the whole answer, and
CPU what the server used of it. Medians of a few requests.
"""

import argparse
import base64
import hashlib
import hmac
import json
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

SIZES = [0, 1_000, 64_000, 1_000_000, 10_000_000, 100_000_000]
TITLE = "Bodies under a signature (memory above the idle server's, time, CPU time of the server):"
PIECE = b"x" * 65_536
# A dialect that needs the body whole: what streaming is compared with.
WHOLE = """
[dialect.whole]
like           = "realm"
string_to_sign = "{method}\\n{path}\\n{timestamp}\\n{body | lower}"
"""
WAYS = {
    "not checked": ("open", '"nothing"', ""),
    "`hold-last`": ("held", '"signature:realm"', 'stream = "hold-last"\nquery = "refuse"'),
    "`spool-first`": ("spooled", '"signature:realm"', 'query = "refuse"'),
    "needed whole": ("whole", '"signature:whole"', 'query = "refuse"'),
}


class Forgetful(socketserver.StreamRequestHandler):
    """Reads requests, with a length or in chunks, and answers each."""

    def handle(self):
        while True:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = self.rfile.readline()
                if not line:
                    return
                head += line
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            left = int(length[0].split(b":")[1]) if length else 0
            while left:
                part = self.rfile.read(min(left, len(PIECE)))
                if not part:
                    return
                left -= len(part)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


class Threaded(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Countersign:
    def __init__(self, binary, folder, upstream, require, extra):
        self.binary, self.port = binary, free_port()
        self.config = folder / "countersign.toml"
        (folder / "whole.toml").write_text(WHOLE)
        self.config.write_text(
            f"""
[listen]
public  = "127.0.0.1:{self.port}"
admin   = "127.0.0.1:{free_port()}"
workers = 1

[limits]
signed_body = "1GiB"

[[dialect]]
file = "whole.toml"

[[upstream]]
name = "api"
url  = "http://127.0.0.1:{upstream}"

[[route]]
path     = "/{{*rest}}"
require  = {require}
upstream = "api"
{extra}
"""
        )
        log = open(folder / "log", "ab")
        command = [binary, "serve", "--config", str(self.config)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            time.sleep(0.05)
        else:
            sys.exit(f"the server does not start: {(folder / 'log').read_text()}")

    def run(self, *words):
        command = [self.binary, *words, "--json", "--config", str(self.config)]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    def status(self, name):
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024

    def cpu(self):
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def forget_peak(self):
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def pieces(size):
    while size:
        part = PIECE[: min(size, len(PIECE))]
        size -= len(part)
        yield part


def send(port, key, size):
    """Sends one request and says how long it took."""
    stamp = str(int(time.time()))
    mac = hmac.new(key["secret"].encode(), b"PUT\n/files\n" + stamp.encode() + b"\n", hashlib.sha256)
    for part in pieces(size):
        mac.update(part)
    signature = base64.b64encode(mac.digest()).decode()
    head = (
        f"PUT /files HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-API-Key: {key['api_key']}\r\n"
        f"X-Timestamp: {stamp}\r\nX-Signature: {signature}\r\nContent-Length: {size}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port)) as connection:
        began = time.monotonic()
        connection.sendall(head.encode())
        for part in pieces(size):
            connection.sendall(part)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
        took = time.monotonic() - began
    if not answer.startswith(b"HTTP/1.1 200"):
        sys.exit(answer.decode())
    return took


def measure(binary, name, upstream, rounds):
    _, require, extra = WAYS[name]
    cells = []
    with tempfile.TemporaryDirectory(prefix="countersign-bodies-") as folder:
        server = Countersign(binary, Path(folder), upstream, require, extra)
        try:
            server.run("consumer", "add", "bench")
            dialect = "whole" if "whole" in require else "realm"
            key = server.run("key", "issue", "--consumer", "bench", "--dialect", dialect)
            send(server.port, key, 1_000)
            before = server.status("VmRSS:")
            for size in SIZES:
                took, used = [], []
                server.forget_peak()
                for _ in range(rounds):
                    cpu = server.cpu()
                    took.append(send(server.port, key, size))
                    used.append(server.cpu() - cpu)
                peak = (server.status("VmHWM:") - before) / 1e6
                cells.append(f"{peak:.1f} MB, {median(took) * 1e3:.1f} ms, {median(used) * 1e3:.1f} ms")
        finally:
            server.stop()
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--binary", default="target/release/countersign")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", default="", help="the table if its title has this in it, and rows whose name has")
    wanted = options.parse_args()
    ways = [name for name in WAYS if wanted.only in TITLE or wanted.only in name]
    if not ways:
        return
    upstream = Threaded(("127.0.0.1", 0), Forgetful)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    sizes = " | ".join(f"{size // 1000:,} kB" for size in SIZES)
    print(f"\n{TITLE}\n\n| body | {sizes} |")
    print("|---" * (len(SIZES) + 1) + "|")
    for name in ways:
        measure(str(Path(wanted.binary).resolve()), name, upstream.server_address[1], wanted.rounds)


if __name__ == "__main__":
    main()
