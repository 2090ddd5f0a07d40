"""Makes signed_by_eth_account.json: texts signed with personal_sign by the Python package eth-account.

    pip install eth-account==0.14.0
    python sign.py > signed_by_eth_account.json
"""

import json

from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_defunct

KEYS = [
    # The example key of EIP-155.
    "0x4646464646464646464646464646464646464646464646464646464646464646",
    # The first account of the test mnemonic "test test test test test test test test test test test junk".
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    # The least and the greatest key.
    "0x0000000000000000000000000000000000000000000000000000000000000001",
    "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
]

TEXTS = {
    "empty": b"",
    "one letter": b"a",
    "address and nonce": b"0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F 7b8a3f5e-0b0c-4c64-9d1b-2f0a6f3f7f11",
    "nine bytes": b"123456789",
    "ten bytes": b"1234567890",
    "a hundred bytes": b"x" * 100,
    "a thousand bytes": b"0123456789" * 100,
    "line ends": b"line one\nline two\r\n",
    "unicode": "Grüße, 世界 🦀 e\u0301".encode(),
    "the prefix itself": b"\x19Ethereum Signed Message:\n5hello",
    "bytes that are no text": bytes(range(256)),
    "zero bytes": b"\0\0\0",
}


def case(key, name, text):
    message = encode_defunct(primitive=text)
    signed = Account.sign_message(message, key)
    return {
        "name": name,
        "private_key": key,
        "address": Account.from_key(key).address,
        "text_hex": text.hex(),
        "hash_hex": _hash_eip191_message(message).hex(),
        "signature": signed.signature.to_0x_hex(),
    }


print(json.dumps([case(key, name, text) for key in KEYS for name, text in TEXTS.items()], indent=1))
