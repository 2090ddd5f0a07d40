"""Proxying through Countersign beside nginx `proxy_pass`, on one core, with the same requests.

nginx checks nothing; Countersign runs as its documents say, with its log going to a file.

    bench/proxy.py [--only TEXT] [--rounds N] [--seconds N]
"""

from countersign import BODY, LARGE, LISTING, Countersign
from harness import LOAD_CORE, SERVER_CORE, Request, Subject, free_port, measure, table, wait_for
from others import ANSWER, nginx


def proxying(upstream, plain, logged, log):
    location = 'location / { proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection ""; }'
    return f"""
    upstream api {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 100000000; }}
    server {{ listen 127.0.0.1:{plain}; {location} }}
    server {{ listen 127.0.0.1:{logged}; access_log {log}; {location} }}
"""


def requests(ours):
    return {
        "no check": Request("GET", "/open/items", lambda: ({}, b"")),
        "API key": Request("GET", "/v1/user/profile", ours.with_api_key),
        "realm, HMAC-SHA256, 200 B": Request("POST", LISTING, lambda: ours.realm_signed(BODY)),
        "realm, HMAC-SHA256, 16 kB": Request("POST", LISTING, lambda: ours.realm_signed(LARGE)),
        "wallet token, HMAC-SHA512": Request("GET", "/api/v1/redeemcenter/items", ours.with_token),
        "PitchPrint, MD5, 200 B": Request("POST", "/runtime/designs", ours.pitchprint_signed),
    }


def run(wanted, folder, started):
    upstream, plain, logged = free_port(), free_port(), free_port()
    log = folder / "nginx.log"
    started.append(nginx("upstream", LOAD_CORE, folder / "upstream", ANSWER.format(port=upstream)))
    front = nginx("nginx", SERVER_CORE, folder / "proxy", proxying(upstream, plain, logged, log), logs=[log])
    started.append(front)
    for port in (upstream, plain, logged):
        wait_for(port)
    ours = Countersign(wanted.binary, folder / "countersign", upstream)
    started.append(ours.server)
    groups = [
        [
            Subject(f"{name}: nginx", plain, [front], request),
            Subject(f"{name}: nginx, log", logged, [front], request),
            Subject(f"{name}: countersign", ours.port, [ours.server], request),
        ]
        for name, request in requests(ours).items()
    ]
    table("Proxying (one core each), beside nginx that checks nothing:", groups, folder, wanted)


if __name__ == "__main__":
    measure(__doc__, run)
