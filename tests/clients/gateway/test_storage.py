"""What is kept: what happens when it is not to be had, and bringing it back."""

import sqlite3
import threading

from harness.problems import refused
from harness.wait import until
from realm import client

ROUTES = """
[[route]]
path = "/v1/{*rest}"
require = "api-key"
upstream = "api"
[[route]]
path = "/signed/{*rest}"
require = "signature:realm"
query = "refuse"
upstream = "api"
[[route]]
path = "/open/{*rest}"
require = "nothing"
upstream = "api"
"""
# After this long without the change feed nothing in memory is believed; and some time to notice.
STALE_SECS = 5 + 3


def ask(server, credential) -> int:
    return server.send("GET", "/v1/x", {"X-API-Key": credential.api_key}).status


def test_storage_that_fails_is_503_and_never_a_yes_and_heals_by_itself(start):
    server = start(ROUTES)
    server.home.consumer("acme")
    good = server.home.issue("acme")
    assert ask(server, good) == 200
    database = sqlite3.connect(server.home.database)
    database.execute("ALTER TABLE changes RENAME TO gone")
    database.commit()
    until("a key that is remembered is not believed any more", lambda: ask(server, good) == 503, STALE_SECS)
    answer = server.send("GET", "/v1/x", {"X-API-Key": good.api_key})
    assert refused(answer, 503) == "UNAVAILABLE" and answer.header("Retry-After")
    assert server.send("GET", "/open/x").status == 200
    assert "change feed cannot be read" in server.log()
    database.execute("ALTER TABLE gone RENAME TO changes")
    database.commit()
    until("it works again", lambda: ask(server, good) == 200, 2)


def test_a_key_that_is_in_no_memory_is_503_when_it_cannot_be_looked_up(start):
    server = start(ROUTES)
    server.home.consumer("acme")
    good = server.home.issue("acme")
    database = sqlite3.connect(server.home.database)
    database.execute("ALTER TABLE credentials RENAME TO gone")
    database.commit()
    answer = server.send("GET", "/v1/x", {"X-API-Key": good.api_key})
    assert refused(answer, 503) == "UNAVAILABLE"
    database.execute("ALTER TABLE gone RENAME TO credentials")
    database.commit()
    assert ask(server, good) == 200


def test_while_somebody_else_holds_the_database_keys_go_on_working(start):
    server = start(ROUTES)
    server.home.consumer("acme")
    known, fresh = server.home.issue("acme"), server.home.issue("acme")
    assert ask(server, known) == 200
    database = sqlite3.connect(server.home.database, isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    assert ask(server, known) == ask(server, fresh) == 200
    database.execute("ROLLBACK")


def test_a_backup_that_was_taken_while_keys_were_issued_serves_every_key_that_was_there_before(start, make_home):
    server = start(ROUTES)
    home = server.home
    home.consumer("acme")
    before = [home.issue("acme"), home.issue("acme", dialect="realm")]
    busy = threading.Thread(target=lambda: [home.issue("acme") for _ in range(10)])
    busy.start()
    target = sqlite3.connect(home.folder / "backup.db")
    sqlite3.connect(home.database).backup(target)
    target.close()
    busy.join()

    restored = make_home(ROUTES)
    restored.database.parent.mkdir(mode=0o700)
    restored.database.write_bytes((home.folder / "backup.db").read_bytes())
    key = restored.database.parent / "master.key"
    key.touch(mode=0o600)
    key.write_text(home.master_key)
    again = start(restored)
    assert [ask(again, credential) for credential in before] == [200, 200]
    assert client.call(again, before[1], "POST", "/signed/x", b"body").status == 200


def test_a_database_without_its_master_key_does_not_open(start):
    server = start(ROUTES)
    server.stop()
    (server.home.database.parent / "master.key").unlink()
    done = server.home.run("serve")
    assert done.returncode == 1 and "master key" in done.stdout + done.stderr
    assert not (server.home.database.parent / "master.key").exists()


def test_a_master_key_that_others_can_read_is_refused(start):
    server = start(ROUTES)
    server.stop()
    (server.home.database.parent / "master.key").chmod(0o644)
    done = server.home.run("serve")
    assert done.returncode == 1 and "chmod 600" in done.stdout + done.stderr
