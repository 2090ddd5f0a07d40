"""Starting, changing, watching and stopping."""

import json
import re
import signal
import socket
import threading
import urllib.parse

import pytest

from harness import secrets, wire
from harness.countersign import Refused
from harness.problems import refused
from harness.upstream import Seen
from harness.wait import until
from pitchprint import client as pitchprint
from realm import client
from redreamer import wallets

ROUTE = '[[route]]\npath = "/{path}/{{*rest}}"\nrequire = "{require}"\nupstream = "api"\n'
OPEN = ROUTE.format(path="open", require="nothing")


def test_health_and_metrics_are_on_the_admin_side_alone(gateway):
    for path in ("/livez", "/readyz", "/metrics"):
        assert gateway.admin(path).status == 200
        assert refused(gateway.send("GET", path), 404) == "NO_ROUTE"


def test_who_asks_with_another_method_is_told_which_there_are(gateway):
    def allowed(port, method, path):
        answer = wire.send(("127.0.0.1", port), method, path)
        assert answer.status == 405
        return answer.header("Allow")

    home = gateway.home
    assert allowed(home.admin, "POST", "/livez") == "GET, HEAD"
    assert allowed(home.admin, "DELETE", "/refusals") == "GET"
    assert allowed(home.public, "TRACE", "/open/thing") == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
    assert allowed(home.public, "GET", "/api/v1/auth/login") == "POST"


def test_the_metrics_count_requests_by_route_verdict_reason_and_status(gateway):
    def counts():
        text = gateway.admin("/metrics").body.decode()
        found = re.findall(r"^countersign_requests_total\{(.*)\} (\d+)", text, re.M)
        return {frozenset(re.findall(r'(\w+)="([^"]*)"', labels)): int(count) for labels, count in found}

    labels = frozenset({("route", "/v1/{*rest}"), ("verdict", "denied"), ("reason", "unknown_key"), ("status", "401")})
    before = counts().get(labels, 0)
    for _ in range(3):
        gateway.send("GET", "/v1/thing", {"X-API-Key": "garbage"})
    assert counts()[labels] == before + 3


def test_every_request_is_one_line_of_the_log(gateway):
    answer = gateway.send("GET", "/open/thing?secret=1", {"X-Request-Id": "one-line"})
    gateway.line_of(answer)
    lines = [line for line in gateway.lines() if line.get("request_id") == "one-line"]
    assert len(lines) == 1
    line = lines[0]
    assert (line["method"], line["path"], line["status"], line["verdict"]) == ("GET", "/open/thing", 200, "allowed")


def test_a_good_configuration_takes_effect_on_sighup_without_losing_a_request(start):
    server = start(OPEN)
    assert server.send("GET", "/new/x").status == 404
    server.home.configure(OPEN + ROUTE.format(path="new", require="nothing"))
    server.signal(signal.SIGHUP)

    def changed():
        assert server.send("GET", "/open/x").status == 200
        return server.send("GET", "/new/x").status == 200

    until("the new route is there", changed, 5)


def test_a_wrong_configuration_is_told_and_the_old_one_stays(start):
    server = start(OPEN)
    server.home.configure(ROUTE.format(path="open", require="nonsense") + ROUTE.format(path="new", require="nothing"))
    server.signal(signal.SIGHUP)
    until("the mistake is told", lambda: "nonsense" in server.log(), 5)
    assert server.send("GET", "/open/x").status == 200
    assert server.send("GET", "/new/x").status == 404
    server.home.configure(ROUTE.format(path="new", require="nothing"))
    server.signal(signal.SIGHUP)
    until("the mended one is in effect", lambda: server.send("GET", "/new/x").status == 200, 5)


def test_sigterm_lets_running_requests_finish_and_takes_no_new_ones(start, upstream):
    server = start(OPEN)
    answers = []
    running = threading.Thread(target=lambda: answers.append(server.send("GET", "/open/x", {"X-Echo-Hold": "sigterm"})))
    running.start()
    assert upstream.arrived("sigterm").wait(10)
    server.signal(signal.SIGTERM)

    def closed():
        try:
            socket.create_connection(server.address, timeout=1).close()
        except OSError:
            return True
        return False

    until("no new connection is taken", closed, 5)
    assert server.process.poll() is None
    upstream.release("sigterm")
    running.join()
    assert Seen.of(answers[0]).target == "/open/x"
    assert server.process.wait(10) == 0


def test_a_request_that_outlives_the_grace_does_not_keep_the_server(start, upstream):
    server = start('[limits]\nshutdown_grace = "1s"\n' + OPEN)

    def ask():
        with pytest.raises(Exception):
            assert server.send("GET", "/open/x", {"X-Echo-Hold": "forever"}).status == 200

    running = threading.Thread(target=ask)
    running.start()
    assert upstream.arrived("forever").wait(10)
    server.signal(signal.SIGTERM)
    server.process.wait(10)
    upstream.release("forever")
    running.join()


def test_a_wrong_configuration_does_not_start_and_every_mistake_is_told(make_home):
    home = make_home(ROUTE.format(path="a", require="nonsense") + ROUTE.format(path="b", require="signature:nobody"))
    for words in (("check",), ("serve",)):
        done = home.run(*words)
        told = done.stdout + done.stderr
        assert done.returncode == 1
        assert "nonsense" in told and "nobody" in told and "countersign.toml" in told


def test_a_port_that_is_taken_is_told(start, make_home):
    server = start(OPEN)
    other = make_home(OPEN)
    other.public = server.home.public
    other.configure(OPEN)
    done = other.run("serve")
    assert done.returncode == 1 and str(other.public) in done.stdout + done.stderr


def test_the_database_and_the_master_key_can_be_read_by_their_owner_alone(start):
    server = start(OPEN)
    folder = server.home.database.parent
    assert (folder / "master.key").stat().st_mode & 0o777 == 0o600
    assert server.home.database.stat().st_mode & 0o077 == 0


def test_what_is_stored_holds_no_key_and_no_secret(start):
    server = start(OPEN)
    server.home.consumer("stored")
    issued = [server.home.issue("stored"), server.home.issue("stored", dialect="realm")]
    folder = server.home.database.parent
    stored = b"".join(path.read_bytes() for path in folder.iterdir() if path.name != "master.key")
    assert issued[0].key_id.encode() in stored
    for credential in issued:
        assert credential.api_key.encode() not in stored
        assert credential.secret is None or credential.secret.encode() not in stored


def test_a_key_is_shown_once(start):
    server = start(OPEN)
    home = server.home
    home.consumer("once")
    credential = home.issue("once", dialect="realm")
    for words in (("key", "list"), ("key", "show", credential.key_id), ("consumer", "show", "once")):
        told = json.dumps(home.command(*words)) + home.run(*words).stdout
        assert credential.key_id in told
        assert credential.api_key not in told and credential.secret not in told


def test_commands_say_by_their_exit_code_what_became_of_them(home):
    with pytest.raises(Refused) as refusal:
        home.command("consumer", "show", "nobody-of-that-name")
    assert refusal.value.exit_code == 1 and json.loads(refusal.value.error)["code"]
    for words in (("consumer", "add"), ("nonsense",), ("key", "issue", "--scope", "a b")):
        with pytest.raises(Refused) as refusal:
            home.command(*words)
        assert refusal.value.exit_code == 2


def test_under_another_master_key_the_server_does_not_start_and_check_says_why(start):
    server = start(ROUTE.format(path="s", require="signature:realm"))
    server.home.consumer("sealed")
    credential = server.home.issue("sealed", dialect="realm")
    server.stop()
    key = server.home.database.parent / "master.key"
    right = key.read_text()
    key.write_text("0123456789abcdef" * 4 + "\n")
    for command in (["serve"], ["check"], ["key", "list"]):
        done = server.home.run(*command)
        told = done.stdout + done.stderr
        assert done.returncode == 1 and "the master key is not the one of the database" in told, told
    key.write_text(right)
    assert server.home.run("check").returncode == 0
    again = start(server.home)
    assert client.call(again, credential, "POST", "/s/x", b"x").status == 200


def test_a_database_that_others_can_read_is_a_warning(start):
    server = start(ROUTE.format(path="s", require="api-key"))
    server.stop()
    server.home.database.chmod(0o644)
    told = server.home.command("check")
    assert told["ok"] and any("can be read by others" in warning["found"] for warning in told["warnings"])
    assert "can be read by others" in start(server.home).log()


def test_no_secret_that_was_used_so_far_is_in_the_log_or_the_metrics(gateway, home):
    """The log is written at its most talkative level; each system is used rightly and wrongly first."""
    home.consumer("discreet")
    realm = home.issue("discreet", dialect="realm")
    domain = home.issue("discreet", dialect="pitchprint")
    for offset in (0, -400):
        client.call(gateway, realm, "POST", "/v1/marketplace/listings", b"x", offset)
        pitchprint.post(gateway, pitchprint.members(domain, offset * 10))
        query = urllib.parse.urlencode(pitchprint.members(domain, offset * 10))
        gateway.send("GET", f"{pitchprint.RENDER}?{query}")
    gateway.send("GET", "/v1/x", {"X-API-Key": realm.secret})
    gateway.send("GET", f"/v1/x?key={realm.api_key}", {"Authorization": f"Bearer {realm.secret}"})
    access, fresh = wallets.login(gateway, wallets.EthAccount())
    for token in (access, fresh, access[:-1]):
        wallets.call(gateway, token)
        wallets.refresh(gateway, token)
    last = gateway.send("GET", "/open/last")
    gateway.line_of(last)
    assert secrets.count() > 10
    assert secrets.found_in(gateway.log()) == []
    assert secrets.found_in(gateway.admin("/metrics").body.decode()) == []
