"""kill -9 at any time loses nothing that was acknowledged, and the next start needs no help."""

import json
import random
import subprocess
import threading

from harness.countersign import BINARY, Credential
from harness.wait import until
from realm import client
from redreamer import wallets

CONFIGURATION = """
[wallet]
issuer = "redreamer"
[[route]]
path = "/v1/{*rest}"
require = "api-key"
upstream = "api"
[[route]]
path = "/signed/{*rest}"
require = "signature:realm"
upstream = "api"
[[route]]
path = "/user/{*rest}"
require = "wallet"
upstream = "api"
"""
ROUNDS = 6


class Issuing(threading.Thread):
    """Issues keys with the command, one after the other, until it is told to stop."""

    def __init__(self, home):
        super().__init__()
        self.home, self.keys, self.enough, self.failure = home, [], threading.Event(), None

    def run(self):
        number = 0
        while not self.enough.is_set():
            number += 1
            try:
                self.keys.append(self.home.issue("crasher", dialect="realm" if number % 2 else None))
            except Exception as failure:
                self.failure = failure
                return


def works(server, credential) -> bool:
    answer = server.send("GET", "/v1/x", {"X-API-Key": credential.api_key})
    if answer.status == 200 and credential.secret:
        answer = client.call(server, credential, "POST", "/signed/x", b"body")
    return answer.status == 200


def test_every_acknowledged_key_works_after_the_server_was_killed_while_keys_were_issued(start, make_home):
    chance = random.Random(20261121)
    home = make_home(CONFIGURATION)
    home.consumer("crasher")
    acknowledged = []
    for _ in range(ROUNDS):
        server = start(home)
        issuing = Issuing(home)
        issuing.start()
        wanted = chance.randrange(1, 5)
        until("some keys are issued", lambda: len(issuing.keys) >= wanted or issuing.failure, 60)
        # Somewhere within the next command.
        issuing.enough.wait(chance.random() * 0.05)
        server.kill()
        issuing.enough.set()
        issuing.join()
        assert issuing.failure is None, issuing.failure
        acknowledged += issuing.keys
    server = start(home)
    assert [key.key_id for key in acknowledged if not works(server, key)] == []
    listed = {key["key_id"] for key in home.command("key", "list")}
    assert {key.key_id for key in acknowledged} <= listed


def test_every_acknowledged_key_works_after_the_command_was_killed(start, make_home):
    chance = random.Random(2)
    home = make_home(CONFIGURATION)
    server = start(home)
    home.consumer("crasher")
    words = [BINARY, "key", "issue", "--consumer", "crasher", "--json", "--config", str(home.file)]
    acknowledged = []
    for _ in range(30):
        command = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=home.folder)
        try:
            command.wait(chance.random() * 0.1)
        except subprocess.TimeoutExpired:
            command.kill()
        told = command.communicate()[0]
        if told.endswith(b"}\n"):
            acknowledged.append(Credential.of(json.loads(told)))
    acknowledged.append(home.issue("crasher"))
    assert [key.key_id for key in acknowledged if not works(server, key)] == []
    home.command("key", "list")


def test_revocations_and_sessions_that_were_acknowledged_survive_a_kill(start, make_home):
    home = make_home(CONFIGURATION)
    home.consumer("crasher")
    gone, kept = [], []
    sessions, used = [], []
    for _ in range(3):
        server = start(home)
        revoked, good = home.issue("crasher"), home.issue("crasher")
        wallet = wallets.EthAccount()
        text = f"{wallet.address} {wallets.nonce(server, wallet.address)}"
        login = {"address": wallet.address, "signature": wallet.sign(text)}
        sessions.append(wallets.pair_of(wallets.post(server, "login", login)))
        used.append(login)
        home.command("key", "revoke", revoked.key_id)
        server.kill()
        gone.append(revoked)
        kept.append(good)
    server = start(home)
    assert not any(works(server, key) for key in gone)
    assert all(works(server, key) for key in kept)
    for access, fresh in sessions:
        assert wallets.call(server, access, "/user/me").status == 200
        assert wallets.refresh(server, fresh).status == 200
    for login in used:
        assert wallets.post(server, "login", login).status == 401
