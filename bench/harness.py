"""What all measurements over HTTP share: servers on a core of their own, load by wrk, rounds that take turns, tables.

The servers of a row have core 0. What stands behind them and the load (64 connections that stay open) have core 1. Rows
are measured in short rounds that take turns, so that what else the machine does falls on all alike; medians are reported.
"""

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

SERVER_CORE, LOAD_CORE, BOTH_CORES = "0", "1", "0,1"
CONNECTIONS = 64
# The first row of a group is run again after so many rows.
AGAIN_AFTER = 3


class Request:
    """One request as wrk sends it. `make` gives headers and body anew for each round: signatures age."""

    def __init__(self, method, path, make):
        self.method, self.path, self.make = method, path, make

    def script(self, folder, seconds=0):
        """The script for a load of so many seconds."""
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
    """A process on cores of its own."""

    def __init__(self, name, core, command, logs=(), **how):
        self.name, self.logs = name, logs
        self.process = subprocess.Popen(["taskset", "-c", core, *command], **how)

    def cpu_nanoseconds(self):
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks)

    def forget_logs(self):
        for log in self.logs:
            os.truncate(log, 0)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    for _ in range(400):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


class Subject:
    """A row: something that answers, every process of it that counts, and what it is asked."""

    def __init__(self, name, port, servers, request, core=LOAD_CORE):
        self.name, self.port, self.servers, self.request, self.core = name, port, servers, request, core

    def run(self, folder, seconds):
        """One round: requests a second, microseconds of CPU a request, and within how many milliseconds half of them and 99 % were
        answered."""
        script = self.request.script(folder, seconds)
        wrk = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(script)]
        before = self.cpu()
        url = f"http://127.0.0.1:{self.port}{self.request.path}"
        text = subprocess.run(["taskset", "-c", self.core, *wrk, url], check=True, capture_output=True).stdout.decode()
        used = self.cpu() - before
        for server in self.servers:
            server.forget_logs()
        if "Non-2xx" in text or "Socket errors" in text:
            sys.exit(f"{self.name}: not all requests succeeded\n{text}")
        self.count = int(re.search(r"(\d+) requests in", text)[1])
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
        return rate, used / self.count / 1000, milliseconds(text, "50%"), milliseconds(text, "99%")

    def cpu(self):
        return sum(server.cpu_nanoseconds() for server in self.servers)


def milliseconds(text, part):
    number, unit = re.search(rf"{part}\s+([\d.]+)(us|ms|s)\b", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def load(subject, folder, seconds):
    """One round of a row."""
    return subject.run(folder, seconds)


def rounds(groups, folder, wanted):
    """The runs of each row by its name, each with the last run of the first row of its group: that one is run again before every few
    rows, as a machine that shares its host may be twice as fast a few seconds later."""
    runs = {subject.name: [] for group in groups for subject in group}
    for _ in range(wanted.rounds):
        for group in groups:
            for place, subject in enumerate(group):
                if place % AGAIN_AFTER == 0:
                    first = group[0].run(folder, wanted.seconds)
                own = first if subject is group[0] else subject.run(folder, wanted.seconds)
                runs[subject.name].append((own, first))
    return runs


def table(title, groups, folder, wanted):
    """Prints a table of groups of rows. Ratios are to the first row of a group, of a run shortly before."""
    if wanted.only not in title:
        groups = [group for group in groups if any(wanted.only in subject.name for subject in group)]
    subjects = [subject for group in groups for subject in group]
    if not subjects:
        return
    for subject in subjects:
        subject.run(folder, 1)
    runs = rounds(groups, folder, wanted)
    print(f"\n{title}\n\n| | requests/s | CPU µs | p50 ms | p99 ms | ratio | CPU ratio |\n|---|---|---|---|---|---|---|")
    for group in groups:
        for subject in group:
            pairs = runs[subject.name]
            rate, cpu, p50, p99 = (middle(own[column] for own, _ in pairs) for column in range(4))
            ratio = median(own[0] / first[0] for own, first in pairs)
            less = median(first[1] / own[1] for own, first in pairs)
            cells = f"{rate:,.0f} | {cpu:.1f} | {latency(p50)} | {latency(p99)} | **{ratio:.2f}** | {less:.2f}"
            print(f"| {subject.name} | {cells} |", flush=True)


def middle(values):
    """The median, where there are values."""
    there = [value for value in values if value is not None]
    return median(there) if there else None


def latency(value):
    return "-" if value is None else f"{value:.2f}"


def measure(about, run, more=lambda options: None):
    """The command line of a measurement: `run` gets what is wanted, a folder, and the list of what was started."""
    options = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", default="target/release/countersign")
    options.add_argument("--only", default="", help="tables whose title has this in it, and groups with a row whose name has")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=2)
    more(options)
    wanted = options.parse_args()
    wanted.binary = str(Path(wanted.binary).resolve())
    started = []
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as name:
        try:
            run(wanted, Path(name), started)
        finally:
            for server in started:
                server.stop()
