"""Refresh: a session goes on, once a token."""

import json
import threading
import time

import pytest

from harness.problems import changed, refused
from redreamer import tokens
from redreamer.wallets import call, login, pair_of, post, refresh


def test_a_refresh_gives_a_new_pair_of_the_same_session(gateway, home, wallet):
    access, fresh = login(gateway, wallet)
    next_access, next_fresh = pair_of(refresh(gateway, fresh))
    assert len({access, fresh, next_access, next_fresh}) == 4
    assert call(gateway, next_access).status == 200
    read = lambda token: tokens.read(home, token, "access")
    assert read(access)["sid"] == read(next_access)["sid"] and read(access)["jti"] != read(next_access)["jti"]


def test_an_older_access_token_of_a_session_stays_good(gateway, wallet):
    access, fresh = login(gateway, wallet)
    pair_of(refresh(gateway, fresh))
    assert call(gateway, access).status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_the_refresh_is_json_whatever_the_content_type_says(gateway, wallet, content_type):
    _, fresh = login(gateway, wallet)
    assert post(gateway, "refresh", {"refresh_token": fresh}, content_type).status == 200


def test_further_members_of_a_refresh_are_ignored(gateway, wallet):
    _, fresh = login(gateway, wallet)
    assert post(gateway, "refresh", {"address": "", "network": "eth", "refresh_token": fresh}).status == 200


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"refresh_token":7}', b'{"refresh_token":null}', b"refresh_token=x"]
)
def test_a_refresh_that_cannot_be_read_gets_400(gateway, body):
    assert refused(post(gateway, "refresh", body), 400) == "BAD_REQUEST"


def test_a_refresh_with_two_tokens_gets_400_and_spends_neither(gateway, wallet):
    _, fresh = login(gateway, wallet)
    one = json.dumps({"refresh_token": fresh})
    assert refused(post(gateway, "refresh", f'{one[:-1]},"refresh_token":"x"}}'.encode()), 400) == "BAD_REQUEST"
    assert refresh(gateway, fresh).status == 200


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "x" * 10_000])
def test_garbage_gets_401_that_says_to_log_in_again(gateway, token):
    answer = refresh(gateway, token)
    assert refused(answer) == "AUTHORIZATION_ERROR"
    assert "log in again" in answer.json()["detail"]


def test_a_client_whose_answer_got_lost_gets_the_same_pair_again(gateway, wallet):
    _, fresh = login(gateway, wallet)
    first = refresh(gateway, fresh)
    access, child = pair_of(first)
    for _ in range(3):
        assert refresh(gateway, fresh).json() == first.json()
    assert call(gateway, access).status == 200
    assert refresh(gateway, child).status == 200


def test_a_spent_token_that_comes_back_after_its_child_was_used_ends_the_session_at_once(gateway, wallet):
    access, fresh = login(gateway, wallet)
    second_access, child = pair_of(refresh(gateway, fresh))
    third_access, grandchild = pair_of(refresh(gateway, child))
    assert call(gateway, third_access).status == 200
    assert refused(refresh(gateway, fresh)) == "AUTHORIZATION_ERROR"
    for token in (access, second_access, third_access):
        assert refused(call(gateway, token)) == "AUTHORIZATION_ERROR"
    for token in (fresh, child, grandchild):
        assert refused(refresh(gateway, token)) == "AUTHORIZATION_ERROR"


def test_the_end_of_one_session_leaves_the_others_of_the_same_wallet(gateway, wallet):
    other_access, other_fresh = login(gateway, wallet)
    _, fresh = login(gateway, wallet)
    _, child = pair_of(refresh(gateway, fresh))
    pair_of(refresh(gateway, child))
    refused(refresh(gateway, fresh))
    assert call(gateway, other_access).status == 200
    assert refresh(gateway, other_fresh).status == 200


def test_a_forged_token_ends_nobody_s_session(gateway, home, wallet):
    access, fresh = login(gateway, wallet)
    _, child = pair_of(refresh(gateway, fresh))
    pair_of(refresh(gateway, child))
    spent = tokens.jwt.decode(fresh, options={"verify_signature": False})
    header = tokens.jwt.get_unverified_header(fresh)
    forged = tokens.forge(header, spent, b"not the key")
    for token in (
        forged,
        changed(fresh, len(fresh) - 5),
        fresh.rsplit(".", 1)[0] + ".",
        tokens.forge(header | {"alg": "none"}, spent, b"", ""),
    ):
        assert refused(refresh(gateway, token)) == "AUTHORIZATION_ERROR"
    assert call(gateway, access).status == 200


def test_an_expired_token_ends_nobody_s_session(gateway, home, wallet):
    access, fresh = login(gateway, wallet)
    _, child = pair_of(refresh(gateway, fresh))
    pair_of(refresh(gateway, child))
    now = int(time.time())
    expired = tokens.mint(home, fresh, "refresh", iat=now - 90_000, exp=now - 1)
    assert refused(refresh(gateway, expired)) == "AUTHORIZATION_ERROR"
    assert call(gateway, access).status == 200
    # The same token before its time was over does end it: nothing else was wrong with the expired one.
    in_time = tokens.mint(home, fresh, "refresh", iat=now - 80_000, exp=now + 60)
    refused(refresh(gateway, in_time))
    refused(call(gateway, access))


def test_of_many_refreshes_at_once_with_one_token_all_get_the_same_pair(gateway, wallet):
    _, fresh = login(gateway, wallet)
    barrier, answers = threading.Barrier(16), []

    def run():
        barrier.wait()
        answers.append(refresh(gateway, fresh))

    threads = [threading.Thread(target=run) for _ in range(16)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    access, child = pair_of(answers[0])
    assert call(gateway, access).status == refresh(gateway, child).status == 200


def test_a_session_survives_a_restart_and_so_does_its_end(start, wallet):
    server = start(
        '[wallet]\nissuer = "redreamer"\n[[route]]\npath = "/{*rest}"\nrequire = "wallet"\nupstream = "api"\n'
    )
    access, fresh = login(server, wallet)
    other_access, other_fresh = login(server, wallet)
    _, child = pair_of(refresh(server, other_fresh))
    pair_of(refresh(server, child))
    refused(refresh(server, other_fresh))
    server.kill()
    again = start(server.home)
    assert call(again, access).status == 200
    assert refresh(again, fresh).status == 200
    refused(call(again, other_access))
