"""What a running server refused can be asked of its admin side, and of nothing else."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from harness import secrets

REALM = '[[route]]\npath = "/v1/{*rest}"\nrequire = "signature:realm"\nupstream = "api"\n'
PATH = "/v1/listings"


def signature(secret, method, path, stamp, body):
    text = f"{method}\n{path}\n{stamp}\n".encode() + body
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


def send(server, credential, signed=None, body=b'{"a":1}', stamp=None, target=PATH, secret=None, headers=()):
    """A request whose signature is over what `signed` says, where that is another thing than what is sent."""
    stamp = str(int(time.time())) if stamp is None else stamp
    view = {"method": "POST", "path": PATH, "stamp": stamp, "body": body, **(signed or {})}
    made = signature(secret or credential.secret, view["method"], view["path"], view["stamp"], view["body"])
    sent = {"X-API-Key": credential.api_key, "X-Timestamp": stamp, "X-Signature": made, **dict(headers)}
    return server.send("POST", target, sent, body)


@pytest.fixture
def server(start, make_home):
    home = make_home(REALM)
    home.consumer("acme")
    server = start(home)
    server.credential = home.issue("acme", "realm")
    return server


def asked(server, answer):
    """What the admin side says of the request that got this answer."""
    explained = server.admin(f"/refusals/{answer.header('X-Request-Id')}")
    assert explained.status == 200, explained
    return explained.json()


def test_the_answer_to_the_client_carries_the_id_by_which_the_operator_finds_the_diagnosis(server):
    answer = send(server, server.credential, signed={"method": "post"})
    assert (answer.status, answer.code) == (403, "SIGNATURE_INVALID")
    assert sorted(answer.json()) == ["code", "detail", "request_id", "status", "title", "type"], "nothing is told to the caller"
    report = asked(server, answer)
    assert [finding["kind"] for finding in report["findings"]] == ["method-case"]
    assert report["status"] == 403 and report["request_id"] == answer.header("X-Request-Id")
    done = server.home.run("explain", "--request", answer.header("X-Request-Id"))
    assert done.returncode == 1 and "signed the method as `post`, and sent `POST`" in done.stdout
    listed = server.home.run("explain", "--refused")
    assert listed.returncode == 0 and answer.header("X-Request-Id") in listed.stdout


def test_a_request_that_passes_is_not_kept(server):
    answer = send(server, server.credential)
    assert answer.status == 200
    assert server.admin("/refusals").json() == {"refusals": []}


def test_refusals_are_on_the_admin_side_alone(server):
    answer = send(server, server.credential, signed={"method": "post"})
    for path in ("/refusals", f"/refusals/{answer.header('X-Request-Id')}"):
        assert server.send("GET", path).status == 404
    assert server.admin("/refusals/another").status == 404


def test_a_client_that_went_on_with_the_old_secret_is_told_of(server):
    old = server.credential
    new = server.home.command("key", "rotate", old.key_id, "--overlap", "24h")
    secrets.remember(new["secret"])
    stamp = str(int(time.time()))
    made = signature(old.secret, "POST", PATH, stamp, b"{}")
    sent = {"X-API-Key": new["api_key"], "X-Timestamp": stamp, "X-Signature": made}
    answer = server.send("POST", PATH, sent, b"{}")
    assert answer.status == 403
    finding = asked(server, answer)["findings"][0]
    assert finding["kind"] == "other-secret" and old.key_id in finding["said"]


def test_what_was_refused_before_its_body_was_read_says_so(server):
    answer = send(server, server.credential, stamp="1000000000")
    report = asked(server, answer)
    assert [finding["kind"] for finding in report["findings"]][0] == "clock"
    assert "The body was not read before the request was refused." in report["notes"]


def test_an_unknown_key_is_told_from_a_wrong_signature_to_the_operator_alone(server):
    credential = type(server.credential)("key_x", "csk_00000000000000000000000000004VEycU", server.credential.secret)
    answer = send(server, credential)
    assert asked(server, answer)["findings"][0]["kind"] == "unknown-key-id"
    credential.api_key = server.credential.secret
    answer = send(server, credential)
    assert "sent the signing secret in the place of the key" in asked(server, answer)["findings"][0]["said"]


def test_no_secret_and_no_key_that_opens_anything_is_shown(server):
    answer = send(server, server.credential, signed={"path": PATH + "/"}, headers={"Cookie": "session=0123456789abcdef"}.items())
    shown = json.dumps(asked(server, answer)) + server.admin("/refusals").body.decode()
    assert server.credential.secret not in shown
    assert server.credential.api_key not in shown
    assert "0123456789abcdef" not in shown
    right = signature(server.credential.secret, "POST", PATH, asked(server, answer)["read"][1]["text"], b'{"a":1}')
    assert right not in shown


def test_only_so_many_are_kept(start, make_home):
    home = make_home(REALM + "[limits]\nkept_refusals = 2\n")
    home.consumer("acme")
    server = start(home)
    credential = home.issue("acme", "realm")
    answers = [send(server, credential, signed={"method": "post"}) for _ in range(3)]
    kept = [one["request_id"] for one in server.admin("/refusals").json()["refusals"]]
    assert kept == [answer.header("X-Request-Id") for answer in reversed(answers[1:])]


def test_none_are_kept_where_that_is_switched_off(start, make_home):
    home = make_home(REALM + "[limits]\nkept_refusals = 0\n")
    home.consumer("acme")
    server = start(home)
    send(server, home.issue("acme", "realm"), signed={"method": "post"})
    assert server.admin("/refusals").json() == {"refusals": []}


def test_a_captured_request_is_explained_with_the_secret_that_is_kept(server, tmp_path):
    credential = server.credential
    made = signature(credential.secret, "POST", PATH, "1795262400", b"")
    file = tmp_path / "request.http"
    file.write_text(
        f"POST {PATH}?page=1 HTTP/1.1\nX-API-Key: {credential.api_key}\nX-Timestamp: 1795262400\nX-Signature: {made}\n\n"
    )
    words = ["explain", "--dialect", "realm", "--now", "1795262401", str(file)]
    done = server.home.run(*words)
    assert done.returncode == 0 and done.stdout.startswith("accepted"), done.stdout
    assert credential.secret not in done.stdout
    assert server.home.run(*words, "--key", "key_nobody").returncode == 1
