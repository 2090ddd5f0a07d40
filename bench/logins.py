"""Logins of wallets over HTTP, beside the bare recovery of a public key, which nobody who checks one can do without, and beside that with a
session kept in the database for each, which nobody can do without who hands out tokens that last.

Each login is of another wallet and was signed beforehand; each is written to the database before it is answered. The time that the
disk takes is in the requests a second and in how long they take, and not in the CPU time. A nonce is asked for before each login.

    bench/logins.py [--logins PATH] [--only TEXT] [--rounds N] [--seconds N]
"""

import resource
import subprocess
from pathlib import Path

from countersign import Countersign
from harness import CONNECTIONS, LOAD_CORE, SERVER_CORE, Request, Subject, free_port, measure, quoted, table

PATH = "/api/v1/auth/login"
# More than can be answered, in a second.
ENOUGH = 40_000
SCRIPT = """
local headers, bodies, at = {{ ["Content-Type"] = "application/json" }}, {{}}, 0
for line in io.lines({lines}) do bodies[#bodies + 1] = line end
function request()
    at = at + 1
    if at > #bodies then error("more logins were wanted than there are") end
    return wrk.format("POST", {path}, headers, bodies[at])
end
"""


class Endpoints(Countersign):
    """Any number of logins may come from one address."""

    def more(self):
        return "\n[clients]\nlogins = []\n"


class Logins:
    """Logins that nobody used yet, anew for each round."""

    path = PATH

    def __init__(self, program, port, enough):
        self.program, self.port, self.enough, self.used = program, port, enough, 0

    def script(self, folder, seconds):
        lines, script = folder / "logins", folder / "logins.lua"
        count = self.enough * seconds
        command = [self.program, "sign", f"127.0.0.1:{self.port}", str(self.used), str(count)]
        with open(lines, "wb") as out:
            subprocess.run(["taskset", "-c", LOAD_CORE, *command], check=True, stdout=out)
        self.used += count
        script.write_text(SCRIPT.format(lines=quoted(str(lines)), path=quoted(PATH)))
        return script


class Bare:
    """What a login cannot do without, and nothing else."""

    def __init__(self, name, program, what):
        self.name, self.program, self.what = name, program, what

    def run(self, folder, seconds):
        command = ["taskset", "-c", SERVER_CORE, self.program, self.what, str(seconds)]
        before = cpu_seconds()
        count, took = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        return int(count) / float(took), (cpu_seconds() - before) * 1e6 / int(count), None, None


def cpu_seconds():
    """The CPU time of all programs that were run and ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(wanted, folder, started):
    ours = Endpoints(wanted.binary, folder / "countersign", free_port())
    started.append(ours.server)
    program = str(Path(wanted.logins).resolve())
    nonce = Request("GET", f"/api/v1/auth/nonce?address=0x{'ab' * 20}", lambda: ({}, b""))
    subjects = [
        Bare("recovery of a public key, by itself", program, "recover"),
        Bare("the same, and a session in the database", program, "keep"),
        Subject("countersign, login", ours.port, [ours.server], Logins(program, ours.port, ENOUGH)),
        Subject("countersign, nonce", ours.port, [ours.server], nonce),
    ]
    title = f"Logins of wallets ({CONNECTIONS} at once), beside the recovery of a public key:"
    table(title, [subjects], folder, wanted)


if __name__ == "__main__":
    default = "target/release/countersign-bench-logins"
    measure(__doc__, run, lambda options: options.add_argument("--logins", default=default))
