"""Runs a binary through what it does most, so that the compiler can be told where the time goes (bench/guided).

Every kind of credential is shown to the reverse proxy and to the door for nginx, good and refused, with bodies and without.

    bench/train.py --binary PATH
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

from countersign import BODY, LARGE, LISTING
from doors import Bench, check_request, request
from harness import LOAD_CORE, Request, free_port, wait_for
from others import ANSWER, nginx

SECONDS = 2


def drive(port, request, folder):
    """Sends one request again and again, whatever comes back."""
    wrk = ["wrk", "-t1", "-c32", f"-d{SECONDS}s", "-s", str(request.script(folder))]
    url = f"http://127.0.0.1:{port}{request.path}"
    subprocess.run(["taskset", "-c", LOAD_CORE, *wrk, url], check=True, stdout=subprocess.DEVNULL)


def train(binary, folder):
    upstream = free_port()
    behind = nginx("upstream", LOAD_CORE, folder / "upstream", ANSWER.format(port=upstream))
    wait_for(upstream)
    ours = Bench(binary, folder / "countersign", upstream)
    kinds = ours.kinds()
    stranger = lambda: ({"X-API-Key": "nobody"}, b"")
    proxied = [request(kind) for kind in kinds.values()]
    proxied += [
        Request("POST", LISTING, lambda: ours.realm_signed(BODY)),
        Request("POST", LISTING, lambda: ours.realm_signed(LARGE)),
        Request("POST", "/runtime/designs", ours.pitchprint_signed),
        Request("GET", "/v1/user/profile", stranger),
    ]
    asked = [check_request(kind) for name, kind in kinds.items() if name != "no check"]
    asked.append(check_request(("/v1/user/profile", stranger)))
    try:
        for one in proxied:
            drive(ours.port, one, folder)
        for one in asked:
            drive(ours.check, one, folder)
    finally:
        for server in (ours.server, behind):
            server.stop()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", required=True)
    with tempfile.TemporaryDirectory(prefix="countersign-train-") as name:
        train(str(Path(options.parse_args().binary).resolve()), Path(name))
