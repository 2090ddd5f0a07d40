"""Which route a request takes, and what a dialect of one's own does."""

import hashlib
import hmac
import time

from harness.countersign import Refused
from harness.problems import refused
from harness.upstream import Seen

OPEN = '[[route]]\npath = "{}"\nrequire = "nothing"\nupstream = "api"\n'
KEY = '[[route]]\npath = "{}"\nrequire = "api-key"\nupstream = "api"\n'
POST = '[[route]]\nmethods = ["POST"]\npath = "{}"\nrequire = "api-key"\nupstream = "api"\n'


def test_the_most_specific_route_wins_whatever_the_order(start):
    routes = [OPEN.format("/{*rest}"), KEY.format("/a/{*rest}"), OPEN.format("/a/{id}"), KEY.format("/a/b"), POST.format("/c")]
    expected = {("GET", "/x"): 200, ("GET", "/a/x/y"): 401, ("GET", "/a/x"): 200, ("GET", "/a/b"): 401,
                ("GET", "/c"): 200, ("POST", "/c"): 401, ("HEAD", "/a/b"): 401, ("GET", "/a"): 401, ("GET", "/a/b/"): 401}
    for order in (routes, routes[::-1]):
        server = start("".join(order))
        found = {(method, path): server.send(method, path).status for method, path in expected}
        assert found == expected


def test_no_spelling_of_a_path_slips_past_its_route(start):
    server = start(OPEN.format("/{*rest}") + KEY.format("/admin/{*rest}"))
    for path in ("/admin", "/admin/", "/admin/x", "/%61dmin/x", "/%61%64%6D%69%6e", "/admin/%2e", "/admin/x?y", "/admin;x/../admin",
                 "//admin/x", "/./admin/x", "/x/../admin/x", "/admin/../admin/x", "/%2fadmin/x", "/x/%2e%2e/admin/x", "\\admin\\x"):
        assert server.send("GET", path).status in (400, 401), path


def test_two_routes_that_tie_are_a_mistake(make_home):
    home = make_home(KEY.format("/a/{x}") + OPEN.format("/a/{y}"))
    done = home.run("check")
    assert done.returncode == 1 and "same paths" in done.stdout + done.stderr


DIALECT = """
[dialect.own]
key_id         = "{header.X-Client}"
timestamp      = "{header.X-Time}"
signature      = "{header.X-Sign}"
encoding       = "hex"
string_to_sign = "{timestamp}|{method}|{target}|{body | sha256 | hex}"
algorithm      = "hmac-sha512"
window         = { past = "60s", future = "5s" }
replay         = "none"
"""


def signed(credential, method, target, body, offset=0):
    timestamp = str(int(time.time()) + offset)
    text = f"{timestamp}|{method}|{target}|{hashlib.sha256(body).hexdigest()}"
    sign = hmac.new(credential.secret.encode(), text.encode(), hashlib.sha512).hexdigest()
    return {"X-Client": credential.api_key, "X-Time": timestamp, "X-Sign": sign}


def test_a_dialect_of_one_s_own_is_data_and_no_code(start, make_home):
    home = make_home(OPEN.format("/"))
    (home.folder / "own.toml").write_text(DIALECT)
    home.configure('[[dialect]]\nfile = "own.toml"\n[[route]]\npath = "/{*rest}"\nrequire = "signature:own"\nupstream = "api"\n')
    server = start(home)
    home.consumer("acme")
    credential = home.issue("acme", dialect="own")
    ask = lambda headers, target="/a?b=c", body=b"body": server.send("POST", target, headers, body)
    seen = Seen.of(ask(signed(credential, "POST", "/a?b=c", b"body")))
    assert seen.all("X-Sign") == [] and seen.one("X-Credential-Identifier") == credential.key_id
    refused(ask(signed(credential, "POST", "/a?b=c", b"body"), "/a?b=d"))
    refused(ask(signed(credential, "POST", "/a?b=c", b"Body")))
    refused(ask(signed(credential, "POST", "/a?b=c", b"body", -70)))
    refused(ask(signed(credential, "POST", "/a?b=c", b"body", 20)))
    assert ask(signed(credential, "POST", "/a?b=c", b"body", -50)).status == 200


def test_a_credential_needs_a_dialect_that_is_there(home):
    home.consumer("no-dialect")
    try:
        home.issue("no-dialect", dialect="nobody")
    except Refused as refusal:
        assert refusal.exit_code == 1 and "nobody" in refusal.error
    else:
        raise AssertionError("issued")


def test_the_tour_runs_to_its_end_and_leaves_nothing_behind(make_home):
    home = make_home(OPEN.format("/"))
    before = sorted(path.name for path in home.folder.iterdir())
    done = home.run("demo", "--exit")
    assert done.returncode == 0, done.stdout + done.stderr
    for system in ("Realm", "PitchPrint", "RE:DREAMER"):
        assert system in done.stdout
    assert sorted(path.name for path in home.folder.iterdir()) == before
