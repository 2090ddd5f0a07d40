"""The decision inside a service in Rust: a service of axum that answers at once, with the layer and without it, on one core.

The layer writes no log, as nothing in the service collects one.

    bench/inside.py [--inside PATH] [--only TEXT] [--rounds N] [--seconds N]
"""

from pathlib import Path

from countersign import BODY, LARGE, LISTING, Countersign
from harness import LOAD_CORE, SERVER_CORE, Request, Server, Subject, free_port, measure, table, wait_for
from others import ANSWER, nginx


class Inside(Countersign):
    """The configuration for the layer. The server itself gives out tokens, and rests."""

    def placed(self, require):
        return 'doors = ["tower"]\n'


def run(wanted, folder, started):
    plain, bare, upstream = free_port(), free_port(), free_port()
    started.append(nginx("nginx", SERVER_CORE, folder / "nginx", ANSWER.format(port=plain)))
    ours = Inside(wanted.binary, folder / "countersign", upstream)
    started.append(ours.server)
    inside = free_port()
    program = str(Path(wanted.inside).resolve())
    started.append(Server("axum", SERVER_CORE, [program, f"127.0.0.1:{bare}"]))
    started.append(Server("axum with the layer", SERVER_CORE, [program, f"127.0.0.1:{inside}", str(ours.config)]))
    nginx_server, _, without, layered = started
    for port in (plain, bare, inside):
        wait_for(port)
    get = lambda path, make: Request("GET", path, make)
    nothing = get("/open/items", lambda: ({}, b""))
    rows = [
        Subject("axum", bare, [without], nothing),
        Subject("nginx `return 200`", plain, [nginx_server], nothing),
        Subject("axum with the layer, nothing required", inside, [layered], nothing),
        Subject("axum with the layer, API key", inside, [layered], get("/v1/user/profile", ours.with_api_key)),
        Subject(
            "axum with the layer, token, HMAC-SHA512",
            inside,
            [layered],
            get("/api/v1/redeemcenter/items", ours.with_token),
        ),
    ]
    groups = [rows]
    for name, body in (("200 B", BODY), ("16 kB", LARGE)):
        signed = Request("POST", LISTING, lambda body=body: ours.realm_signed(body))
        groups.append(
            [
                Subject(f"axum, `POST` of {name}", bare, [without], signed),
                Subject(f"axum with the layer, realm, HMAC-SHA256, {name}", inside, [layered], signed),
            ]
        )
    table("Inside a service in Rust (one core each), beside the same service without the layer:", groups, folder, wanted)


if __name__ == "__main__":
    default = "target/release/countersign-bench-inside"
    measure(__doc__, run, lambda options: options.add_argument("--inside", default=default))
