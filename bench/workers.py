"""What more workers cost: the CPU time and the instructions of a request with 1, 2 and 4 of them, and how often they wait for one another.

On two cores no more than that can be seen, as load and upstream need one of them: server, load and upstream all have both cores here.
Where workers shared something that only one can have at a time, more of them would spend more on each request, switch more often
(`context switches`, of all their threads) or wait in the kernel (`futex`). `scales to` is how many times the work of one worker that leaves
them to do on as many cores as there are.

    bench/workers.py [--only TEXT] [--rounds N] [--seconds N]

Instructions, switches and waits need `perf`, and leave to count (`kernel.perf_event_paranoid`).
"""

import os
import shutil
import signal
import subprocess
import time
from statistics import median

from countersign import BODY, LISTING
from doors import Bench, check_request
from harness import BOTH_CORES, Request, Subject, free_port, measure, middle, wait_for
from others import ANSWER, nginx

WORKERS = (1, 2, 4)
EVENTS = ["instructions:u", "instructions:k", "context-switches", "syscalls:sys_enter_futex"]
TITLE = "More workers (server, load and upstream on both cores):"


class Counted(Subject):
    """A row whose processes are counted too."""

    def run(self, folder, seconds):
        """Requests a second, microseconds of CPU a request, and the events a request."""
        counts = folder / "counts"
        ids = ",".join(str(server.process.pid) for server in self.servers)
        perf = ["perf", "stat", "-x", ",", "-e", ",".join(EVENTS), "-p", ids, "-o", str(counts)]
        counting = subprocess.Popen(perf, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) if shutil.which("perf") else None
        # It must have begun.
        time.sleep(0.2)
        rate, cpu, _, _ = super().run(folder, seconds)
        found = {}
        if counting:
            counting.send_signal(signal.SIGINT)
            counting.wait()
            for line in counts.read_text().splitlines() if counts.exists() else []:
                cells = line.split(",")
                if len(cells) > 2 and cells[0].isdigit():
                    found[cells[2]] = int(cells[0]) / self.count
        return rate, cpu, *(found.get(event) for event in EVENTS)


def run(wanted, folder, started):
    upstream = free_port()
    started.append(nginx("upstream", BOTH_CORES, folder / "upstream", ANSWER.format(port=upstream)))
    wait_for(upstream)
    groups = {"a check, API key": [], "proxying, HMAC-SHA256, 200 B": []}
    for workers in WORKERS:
        ours = Bench(wanted.binary, folder / str(workers), upstream, workers=workers, cores=BOTH_CORES)
        started.append(ours.server)
        check = check_request(ours.kinds()["API key"])
        signed = Request("POST", LISTING, lambda ours=ours: ours.realm_signed(BODY))
        for name, port, request in zip(groups, (ours.check, ours.port), (check, signed)):
            groups[name].append(Counted(f"{name}: {workers}", port, [ours.server], request, BOTH_CORES))
    for name in list(groups):
        if wanted.only not in TITLE and wanted.only not in name:
            del groups[name]
    runs = {subject: [] for group in groups.values() for subject in group}
    for subject in runs:
        subject.run(folder, 1)
    for _ in range(wanted.rounds):
        for subject, own in runs.items():
            own.append(subject.run(folder, wanted.seconds))
    if not groups:
        return
    print(f"\n{TITLE}\n")
    print("| | workers | requests/s | CPU µs | scales to | instr. user | kernel | context switches | futex |")
    print("|---" * 9 + "|")
    for name, group in groups.items():
        for workers, subject in zip(WORKERS, group):
            own, first = runs[subject], runs[group[0]]
            scales = min(workers, os.cpu_count()) * median(its[1] / one[1] for one, its in zip(own, first))
            rate, cpu, *counts = (middle(run[column] for run in own) for column in range(2 + len(EVENTS)))
            cells = [f"{rate:,.0f}", f"{cpu:.1f}", f"**{scales:.2f}**"]
            cells += ["-" if count is None else f"{count:,.{0 if count >= 10 else 3}f}" for count in counts]
            print(f"| {name} | {workers} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    measure(__doc__, run)
