"""Dialects of one's own: data, and no code."""

import hashlib
import hmac
import time

import pytest

from harness.countersign import Refused
from harness.problems import refused
from harness.upstream import Seen

ROUTE = """
[[dialect]]
file = "own.toml"
[[route]]
path = "/{*rest}"
require = "signature:own"
upstream = "api"
"""
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


@pytest.fixture
def own(make_home):
    """A home whose one route asks for a signature of the dialect."""
    home = make_home(ROUTE)
    (home.folder / "own.toml").write_text(DIALECT)
    return home


def test_a_dialect_of_one_s_own_is_data_and_no_code(start, own):
    server = start(own)
    own.consumer("acme")
    credential = own.issue("acme", dialect="own")
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
