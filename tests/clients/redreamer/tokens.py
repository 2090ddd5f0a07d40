"""Tokens as an outsider with the master key makes and reads them: the derivation that the documents describe
(HKDF-SHA-512, RFC 5869) written anew, and PyJWT for the rest."""

import base64
import hashlib
import hmac
import json

import jwt

from redreamer.wallets import remember

_SALT = b"countersign master key, version 1"


def derive(master_key: str, label: str, context: str, length: int = 64) -> bytes:
    """HKDF-SHA-512 whose `info` is the label's length in eight bytes, the label, and the context."""
    info = len(label).to_bytes(8, "big") + label.encode() + context.encode()
    pseudorandom = hmac.new(_SALT, bytes.fromhex(master_key), hashlib.sha512).digest()
    out, block = b"", b""
    while len(out) < length:
        block = hmac.new(pseudorandom, block + info + bytes([len(out) // 64 + 1]), hashlib.sha512).digest()
        out += block
    return out[:length]


def key_of(home, token: str, use: str) -> bytes:
    """The key that signs `access` or `refresh` tokens, by the `kid` that a token names."""
    return derive(home.master_key, f"jwt {use}", jwt.get_unverified_header(token)["kid"])


def read(home, token: str, use: str) -> dict:
    """The claims, once the signature and the times were found good."""
    return jwt.decode(token, key_of(home, token, use), algorithms=["HS512"], issuer="redreamer")


def mint(home, like: str, use: str, header=None, **claims) -> str:
    """A token like `like` under the true key, with other claims or another header; `None` leaves a member out."""
    payload = without(jwt.decode(like, options={"verify_signature": False}) | claims)
    return forge(without(jwt.get_unverified_header(like) | (header or {})), payload, key_of(home, like, use))


def forge(header, payload, key: bytes, algorithm: str = "sha512") -> str:
    """A token of these parts, each an object or the bytes of one; without a signature where `algorithm` is empty."""
    parts = [_part(header), _part(payload)]
    signed = ".".join(parts)
    tag = hmac.new(key, signed.encode(), algorithm).digest() if algorithm else b""
    token = f"{signed}.{_base64url(tag)}"
    remember(token)
    return token


def _part(value) -> str:
    return _base64url(value if isinstance(value, bytes) else compact(value))


def compact(value) -> bytes:
    """JSON without white space."""
    return json.dumps(value, separators=(",", ":")).encode()


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def without(members: dict) -> dict:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value is not None}
