"""Wallets that are not ours: eth-account in Python, viem in Node; and the calls that a wallet makes."""

import json
from pathlib import Path

from eth_account import Account
from eth_account.messages import encode_defunct

from harness import clients, secrets

HERE = Path(__file__).parent
AUTH = "/api/v1/auth"
# The order of secp256k1 (SEC 2 section 2.4.1).
ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


class EthAccount:
    """A fresh wallet in eth-account."""

    def __init__(self):
        self.account = Account.create()
        self.address = self.account.address
        secrets.remember(self.account.key.hex())

    def sign(self, text: str) -> str:
        """`personal_sign` (EIP-191): 0x and 130 hex digits."""
        signature = "0x" + self.account.sign_message(encode_defunct(text=text)).signature.hex().removeprefix("0x")
        secrets.remember(signature, signature[2:])
        return signature


class Viem:
    """A fresh wallet in viem."""

    def __init__(self):
        self.key = "0x" + Account.create().key.hex().removeprefix("0x")
        secrets.remember(self.key)
        self.address = self._do("address")

    def sign(self, text: str) -> str:
        signature = self._do("sign", text=text)
        secrets.remember(signature)
        return signature

    def _do(self, what: str, **more) -> str:
        return clients.node(HERE / "wallet.mjs", {"do": what, "key": self.key, **more})


EVERY_WALLET = [EthAccount, Viem]


def ask_nonce(server, address: str, network: str | None = "eth"):
    """The answer to a request for a nonce."""
    query = f"address={address}" + (f"&network={network}" if network is not None else "")
    return server.send("GET", f"{AUTH}/nonce?{query}")


def nonce(server, address: str, network: str | None = "eth") -> str:
    answer = ask_nonce(server, address, network)
    assert answer.status == 200, answer
    return answer.json()["nonce"]


def post(server, endpoint: str, body, content_type: str | None = "application/json"):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return server.send("POST", f"{AUTH}/{endpoint}", {"Content-Type": content_type} if content_type else {}, body)


def attempt(server, wallet, form=lambda address: address):
    """A login with a fresh nonce; the address is written as `form` gives it. Gives the answer."""
    address = form(wallet.address)
    signature = wallet.sign(f"{address} {nonce(server, address)}")
    return post(server, "login", {"address": address, "signature": signature})


def pair_of(answer) -> tuple[str, str]:
    """The two tokens of an answer."""
    assert answer.status == 200, answer
    pair = answer.json()
    remember(pair["token"], pair["refresh_token"])
    return pair["token"], pair["refresh_token"]


def remember(*tokens: str) -> None:
    """Notes tokens as secrets, whole and by their signature."""
    secrets.remember(*tokens, *(token.split(".")[-1] for token in tokens))


def login(server, wallet) -> tuple[str, str]:
    """An access token and a refresh token."""
    return pair_of(attempt(server, wallet))


def refresh(server, token: str):
    """The answer to a refresh."""
    return post(server, "refresh", {"refresh_token": token})


def call(server, token: str, target: str = "/api/v1/user/me", **headers):
    """A call with a token; further headers are written with `_` for `-`."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.send("GET", target, {"Authorization": f"Bearer {token}", **more})
