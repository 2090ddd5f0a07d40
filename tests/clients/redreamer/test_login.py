"""Nonce and login: a wallet proves its address."""

import json
import threading
import uuid

import pytest

from harness.problems import refused
from redreamer import wallets
from redreamer.wallets import ORDER, ask_nonce, attempt, call, login, nonce, pair_of, post

FORMS = {
    "as the wallet writes it": lambda address: address,
    "lower case": str.lower,
    "upper-case digits": lambda address: "0x" + address[2:].upper(),
}


@pytest.mark.parametrize("kind", wallets.EVERY_WALLET, ids=lambda kind: kind.__name__)
def test_a_wallet_logs_in_and_calls(gateway, kind):
    wallet = kind()
    token, _ = login(gateway, wallet)
    seen = call(gateway, token)
    assert seen.status == 200
    assert dict(seen.json()["headers"])["x-authenticated-userid"] == wallet.address.lower()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_the_address_stands_in_the_text_as_the_client_wrote_it(gateway, wallet, form):
    assert attempt(gateway, wallet, form).status == 200


@pytest.mark.parametrize("asked", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("signed", [str, str.lower], ids=["EIP-55", "lower case"])
@pytest.mark.parametrize("sent", FORMS.values(), ids=FORMS.keys())
def test_nonce_text_and_login_may_each_have_another_form_of_the_address(gateway, wallet, asked, signed, sent):
    text = f"{signed(wallet.address)} {nonce(gateway, asked(wallet.address))}"
    answer = post(gateway, "login", {"address": sent(wallet.address), "signature": wallet.sign(text)})
    assert answer.status == 200, answer


def test_a_nonce_is_a_uuid_and_the_network_is_optional(gateway, wallet):
    for network in ("eth", None):
        answer = ask_nonce(gateway, wallet.address, network)
        assert answer.status == 200 and list(answer.json()) == ["nonce"]
        text = answer.json()["nonce"]
        assert str(uuid.UUID(text)) == text


@pytest.mark.parametrize("network", ["eth", "polygon", "bnb", "tt", None])
def test_a_nonce_of_every_configured_network_logs_in(gateway, wallet, network):
    signature = wallet.sign(f"{wallet.address} {nonce(gateway, wallet.address, network)}")
    assert post(gateway, "login", {"address": wallet.address, "signature": signature}).status == 200


@pytest.mark.parametrize("network", ["solana", "", "ETH", "eth%20", "eth,polygon"])
def test_an_unknown_network_gets_400(gateway, wallet, network):
    assert refused(ask_nonce(gateway, wallet.address, network), 400) == "BAD_REQUEST"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "address=",
        "network=eth",
        "address=0x1",
        "address=5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "address=0X5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "address=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg",
        "address=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed00",
        "address=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe%C3%A9",
        "address=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed&address=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "address=0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed&network=eth&network=eth",
    ],
)
def test_a_request_for_a_nonce_that_cannot_be_read_gets_400(gateway, query):
    answer = gateway.send("GET", f"{wallets.AUTH}/nonce?{query}")
    assert refused(answer, 400) == "BAD_REQUEST"


def test_the_endpoints_have_one_method_each(gateway, wallet):
    for method, endpoint, allowed in [("POST", "nonce", "GET"), ("GET", "login", "POST"), ("PUT", "refresh", "POST")]:
        body = None if method == "GET" else b"{}"
        answer = gateway.send(method, f"{wallets.AUTH}/{endpoint}?address={wallet.address}", {}, body)
        assert refused(answer, 405) == "METHOD_NOT_ALLOWED"
        assert answer.header("Allow") == allowed


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", None, "application/json", "x"]
)
def test_the_login_is_json_whatever_the_content_type_says(gateway, wallet, content_type):
    signature = wallet.sign(f"{wallet.address} {nonce(gateway, wallet.address)}")
    body = {"address": wallet.address, "signature": signature}
    token, refresh_token = pair_of(post(gateway, "login", body, content_type))
    assert token != refresh_token


def test_further_members_of_a_login_are_ignored(gateway, wallet):
    signature = wallet.sign(f"{wallet.address} {nonce(gateway, wallet.address)}")
    more = {"network": "eth", "nonce": 7, "address2": None, "deep": {"address": "0x", "signature": []}}
    assert post(gateway, "login", {**more, "address": wallet.address, "signature": signature}).status == 200


def test_the_answer_to_a_login_is_json_that_no_cache_keeps(gateway, wallet):
    answer = attempt(gateway, wallet)
    pair_of(answer)
    assert sorted(answer.json()) == ["refresh_token", "token"]
    assert answer.header("Content-Type").startswith("application/json")
    assert answer.header("Cache-Control") == "no-store"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b'"x"', b"address=0x&signature=0x", b"\xff", b"{}", b"[" * 10_000]
)
def test_a_login_that_is_no_json_object_gets_400(gateway, body):
    assert refused(post(gateway, "login", body), 400) == "BAD_REQUEST"


@pytest.mark.parametrize("name", ["address", "signature"])
@pytest.mark.parametrize("value", ["remove", None, 7, [], {}, True], ids=repr)
def test_a_login_without_a_member_or_with_one_of_another_type_gets_400(gateway, wallet, name, value):
    body = {"address": wallet.address, "signature": "0x" + "1" * 130, name: value}
    if value == "remove":
        del body[name]
    assert refused(post(gateway, "login", body), 400) == "BAD_REQUEST"


def test_a_login_with_a_member_twice_gets_400(gateway, wallet):
    signature = wallet.sign(f"{wallet.address} {nonce(gateway, wallet.address)}")
    one = json.dumps({"address": wallet.address, "signature": signature})
    for name, value in [("address", wallet.address), ("signature", signature)]:
        twice = f'{one[:-1]}, "{name}": "{value}"}}'
        assert refused(post(gateway, "login", twice.encode()), 400) == "BAD_REQUEST"


def test_a_login_larger_than_its_limit_gets_413(gateway, wallet):
    body = {"address": wallet.address, "signature": "0x", "pad": "x" * 16 * 1024}
    assert refused(post(gateway, "login", body), 413) == "BODY_TOO_LARGE"


def parts(signature: str) -> tuple[int, int, int]:
    raw = bytes.fromhex(signature[2:])
    return int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"), raw[64]


def signature_of(r: int, s: int, v: int) -> str:
    return "0x" + r.to_bytes(32, "big").hex() + s.to_bytes(32, "big").hex() + f"{v:02x}"


@pytest.mark.parametrize("form", ["27 or 28", "0 or 1"])
def test_the_recovery_byte_may_be_written_in_two_ways(gateway, wallet, form):
    for _ in range(6):
        r, s, v = parts(wallet.sign(f"{wallet.address} {nonce(gateway, wallet.address)}"))
        sent = v if form == "27 or 28" else v - 27
        answer = post(gateway, "login", {"address": wallet.address, "signature": signature_of(r, s, sent)})
        assert answer.status == 200, (v, answer)


BROKEN = {
    "the recovery byte of the other point": lambda r, s, v: signature_of(r, s, 55 - v),
    "v of 2": lambda r, s, v: signature_of(r, s, 2),
    "v of 26": lambda r, s, v: signature_of(r, s, 26),
    "v of 29": lambda r, s, v: signature_of(r, s, 29),
    "v of a chain (EIP-155)": lambda r, s, v: signature_of(r, s, 37),
    "v of 255": lambda r, s, v: signature_of(r, s, 255),
    "the twin with a high s": lambda r, s, v: signature_of(r, ORDER - s, 55 - v),
    "a high s alone": lambda r, s, v: signature_of(r, ORDER - s, v),
    "r of zero": lambda r, s, v: signature_of(0, s, v),
    "s of zero": lambda r, s, v: signature_of(r, 0, v),
    "both zero": lambda r, s, v: signature_of(0, 0, v),
    "r of the order": lambda r, s, v: signature_of(ORDER, s, v),
    "s of the order": lambda r, s, v: signature_of(r, ORDER, v),
    "r above the order": lambda r, s, v: signature_of(ORDER + 1, s, v),
    "all ones": lambda r, s, v: "0x" + "f" * 130,
    "an r that is on no point": lambda r, s, v: signature_of(5, s, v),
    "another r": lambda r, s, v: signature_of(r ^ 1, s, v),
    "another s": lambda r, s, v: signature_of(r, s ^ 1, v),
    "a byte less": lambda r, s, v: signature_of(r, s, v)[:-2],
    "a byte more": lambda r, s, v: signature_of(r, s, v) + "00",
    "64 bytes (EIP-2098)": lambda r, s, v: signature_of(r, s, v)[:-2],
    "an odd number of digits": lambda r, s, v: signature_of(r, s, v)[:-1],
    "no 0x": lambda r, s, v: signature_of(r, s, v)[2:],
    "0X": lambda r, s, v: "0X" + signature_of(r, s, v)[2:],
    "nothing": lambda r, s, v: "",
    "0x alone": lambda r, s, v: "0x",
    "no hex": lambda r, s, v: "0x" + "g" * 130,
    "letters beyond ASCII": lambda r, s, v: "0x" + "é" * 65,
    "white space around it": lambda r, s, v: f" {signature_of(r, s, v)}\n",
    "a contract's signature": lambda r, s, v: "0x" + "ab" * 320,
}


@pytest.mark.parametrize("spoil", BROKEN.values(), ids=BROKEN.keys())
def test_a_signature_that_is_not_exactly_the_wallet_s_gets_401(gateway, wallet, spoil):
    signature = wallet.sign(f"{wallet.address} {nonce(gateway, wallet.address)}")
    answer = post(gateway, "login", {"address": wallet.address, "signature": spoil(*parts(signature))})
    assert refused(answer) == "AUTHORIZATION_ERROR"
    # A login that was refused spends no nonce.
    assert post(gateway, "login", {"address": wallet.address, "signature": signature}).status == 200


def test_upper_case_hex_digits_are_the_same_signature(gateway, wallet):
    signature = wallet.sign(f"{wallet.address} {nonce(gateway, wallet.address)}")
    answer = post(gateway, "login", {"address": wallet.address, "signature": "0x" + signature[2:].upper()})
    assert answer.status == 200


def test_another_text_than_address_space_nonce_gets_401(gateway, wallet):
    fresh, address = nonce(gateway, wallet.address), wallet.address
    texts = [
        fresh,
        address,
        f"{address}{fresh}",
        f"{address}  {fresh}",
        f"{fresh} {address}",
        f"{address} {fresh}\n",
        f"{address} {fresh.upper()}",
        f"{address} {uuid.uuid4()}",
        f"{address}\n{fresh}",
        "",
    ]
    for text in texts:
        answer = post(gateway, "login", {"address": address, "signature": wallet.sign(text)})
        assert refused(answer) == "AUTHORIZATION_ERROR", text


def test_the_address_in_the_text_in_a_case_that_nobody_sent_gets_401(gateway, wallet):
    swapped = "0x" + wallet.address[2:].swapcase()
    signature = wallet.sign(f"{swapped} {nonce(gateway, wallet.address)}")
    refused(post(gateway, "login", {"address": wallet.address, "signature": signature}))


def test_a_login_for_another_address_gets_401(gateway, wallet):
    victim = wallets.EthAccount()
    for signer_text, sent in [
        (f"{victim.address} {nonce(gateway, victim.address)}", victim.address),
        (f"{wallet.address} {nonce(gateway, wallet.address)}", victim.address),
        (f"{wallet.address} {nonce(gateway, victim.address)}", wallet.address),
    ]:
        answer = post(gateway, "login", {"address": sent, "signature": wallet.sign(signer_text)})
        assert refused(answer) == "AUTHORIZATION_ERROR"


def test_a_nonce_serves_once(gateway, wallet):
    text = f"{wallet.address} {nonce(gateway, wallet.address)}"
    body = {"address": wallet.address, "signature": wallet.sign(text)}
    pair_of(post(gateway, "login", body))
    for address in (wallet.address, wallet.address.lower()):
        assert refused(post(gateway, "login", {**body, "address": address})) == "AUTHORIZATION_ERROR"
    lower = wallet.sign(text.replace(wallet.address, wallet.address.lower()))
    refused(post(gateway, "login", {"address": wallet.address, "signature": lower}))


def test_a_login_spends_the_nonces_of_all_networks(gateway, wallet):
    others = [nonce(gateway, wallet.address, network) for network in ("polygon", "bnb")]
    login(gateway, wallet)
    for other in others:
        signature = wallet.sign(f"{wallet.address} {other}")
        refused(post(gateway, "login", {"address": wallet.address, "signature": signature}))


def test_whoever_asks_for_nonces_for_an_address_does_not_stop_its_owner(gateway, wallet):
    mine = nonce(gateway, wallet.address)
    for _ in range(50):
        nonce(gateway, wallet.address)
    signature = wallet.sign(f"{wallet.address} {mine}")
    assert post(gateway, "login", {"address": wallet.address, "signature": signature}).status == 200


def test_asking_for_nonces_writes_nothing(start, wallet):
    server = start('[wallet]\nissuer = "redreamer"\n[[route]]\npath = "/"\nrequire = "wallet"\nupstream = "api"\n')
    nonce(server, wallet.address)
    wal = server.home.database.with_name(server.home.database.name + "-wal")
    size = lambda: [path.stat().st_size for path in (server.home.database, wal) if path.exists()]
    before = size()
    for _ in range(300):
        nonce(server, wallets.Account.create().address)
    assert size() == before


def test_of_64_logins_at_once_with_one_nonce_exactly_one_gets_in(gateway, wallet):
    text = f"{wallet.address} {nonce(gateway, wallet.address)}"
    lower = text.replace(wallet.address, wallet.address.lower())
    bodies = [
        {"address": wallet.address, "signature": wallet.sign(text)},
        {"address": wallet.address.lower(), "signature": wallet.sign(lower)},
    ]
    barrier, answers = threading.Barrier(64), []

    def run(number):
        body = bodies[number % 2]
        barrier.wait()
        answers.append(post(gateway, "login", body))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(64)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    statuses = sorted(answer.status for answer in answers)
    assert statuses == [200] + [401] * 63, statuses
    pair_of(next(answer for answer in answers if answer.status == 200))


def test_a_nonce_survives_a_restart(start, wallet):
    server = start(
        '[wallet]\nissuer = "redreamer"\n[[route]]\npath = "/{*rest}"\nrequire = "wallet"\nupstream = "api"\n'
    )
    signature = wallet.sign(f"{wallet.address} {nonce(server, wallet.address)}")
    server.kill()
    again = start(server.home)
    assert post(again, "login", {"address": wallet.address, "signature": signature}).status == 200


def test_without_a_wallet_section_there_is_no_login(start, wallet):
    server = start('[[route]]\npath = "/v1/{*rest}"\nrequire = "api-key"\nupstream = "api"\n')
    assert refused(ask_nonce(server, wallet.address), 404) == "NO_ROUTE"
