"""Each mistake that a client makes is named, and no other: made by an independent signer, alone and in likely pairs."""

import base64
import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from harness.countersign import BINARY

from .signer import (
    BODY,
    NOW,
    How,
    Kraken,
    Okx,
    PitchPrint,
    Realm,
    SigV4,
    Slack,
    Stripe,
    base64_of,
    base64url_of,
    hex_of,
)

ROOT = Path(__file__).parents[3]


def explained(tmp_path, scheme, message, secret=None, now=NOW, other=()):
    """What `countersign explain --json` says of a message: its exit code, the report, the kinds of findings."""
    file = tmp_path / "request.http"
    file.write_bytes(message)
    held = getattr(scheme, "written", scheme.secret) if secret is None else secret
    words = ["explain", "--dialect", str(ROOT / scheme.dialect), "--secret", held.decode(), "--now", str(now), "--json"]
    done = subprocess.run([BINARY, *words, *other, str(file)], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.stderr == "", done.stderr
    report = json.loads(done.stdout)
    assert held.decode() not in done.stdout
    return done.returncode, report, {finding["kind"] for finding in report["findings"]}


def sent_by(scheme, signed=None, how=None, sent=None):
    view = scheme.view.but(**(sent or {}))
    return scheme.send(view, view.but(**(signed or {})), how or How())


SCHEMES = [Realm(), Stripe(), Slack(), Okx(), Kraken(), PitchPrint(), SigV4()]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: type(scheme).__name__.lower())
def test_a_request_without_a_mistake_is_accepted(tmp_path, scheme):
    code, report, kinds = explained(tmp_path, scheme, sent_by(scheme))
    assert (code, report["verdict"], kinds) == (0, "accepted", set()), report["findings"]


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: type(scheme).__name__.lower())
def test_a_client_with_another_secret_is_told_nothing_else(tmp_path, scheme):
    code, report, kinds = explained(tmp_path, scheme, sent_by(scheme, how=How(secret=b"quite another secret")))
    assert (code, kinds) == (1, {"not-found"}), report["findings"]


REALM, STRIPE, SLACK, OKX, KRAKEN, PITCHPRINT, SIGV4 = SCHEMES


def rewritten(**options):
    return json.dumps(json.loads(BODY), **options).encode()


def lines_of(scheme):
    return base64.b64encode(scheme.secret)


# name: scheme, what the client signed otherwise, how it signed, the kinds that must be found.
MISTAKES = {
    # Time.
    "milliseconds": (REALM, {"time": f"{NOW}123"}, How(), {"time-form"}),
    "milliseconds of a webhook": (STRIPE, {"time": f"{NOW}007"}, How(), {"time-form"}),
    "whole milliseconds": (REALM, {"time": f"{NOW}000"}, How(), {"time-form"}),
    "microseconds": (REALM, {"time": f"{NOW}000000"}, How(), {"time-form"}),
    "an ISO time": (REALM, {"time": "2026-11-21T12:00:00Z"}, How(), {"time-form"}),
    "an ISO time with milliseconds": (REALM, {"time": "2026-11-21T12:00:00.417Z"}, How(), {"time-form"}),
    "a Python isoformat": (SLACK, {"time": "2026-11-21T12:00:00"}, How(), {"time-form"}),
    "a fraction": (SLACK, {"time": f"{NOW}.250"}, How(), {"time-form"}),
    "seconds for an ISO time": (OKX, {"time": str(NOW)}, How(), {"time-form"}),
    "milliseconds for an ISO time": (OKX, {"time": f"{NOW}123"}, How(), {"time-form"}),
    "milliseconds in a plain hash": (PITCHPRINT, {"time": f"{NOW}000"}, How(), {"time-form"}),
    "the clock asked twice": (REALM, {"time": str(NOW - 1)}, How(), {"time-differs"}),
    "the clock asked much later": (STRIPE, {"time": str(NOW + 47)}, How(), {"time-differs"}),
    "local time": (REALM, {"time": str(NOW + 7200)}, How(), {"time-zone"}),
    "local time in ISO": (OKX, {"time": "2026-11-21T07:00:00.123Z"}, How(), {"time-zone"}),
    "another nonce": (KRAKEN, {"nonce": str(NOW * 1000 + 1)}, How(), {"nonce-differs"}),
    # Method.
    "method in lower case": (REALM, {"method": "post"}, How(), {"method-case"}),
    "method in lower case, joined": (OKX, {"method": "post"}, How(), {"method-case"}),
    "method in lower case, hashed": (SIGV4, {"method": "post"}, How(), {"method-case"}),
    "another method": (REALM, {"method": "GET"}, How(), {"method-differs"}),
    # Path.
    "path with the query": (REALM, {"path": "/api/v1/listings/a%20b?limit=5&after=x%2Fy"}, How(), {"query-added"}),
    "path decoded": (REALM, {"path": "/api/v1/listings/a b"}, How(), {"path-encoding"}),
    "path escaped twice": (REALM, {"path": "/api/v1/listings/a%2520b"}, How(), {"path-encoding"}),
    "path without the prefix": (REALM, {"path": "/v1/listings/a%20b"}, How(), {"path-prefix"}),
    "path with a prefix": (SIGV4, {"path": "/api/v1/items"}, How(), {"path-prefix"}),
    "path without a slash in front": (REALM, {"path": "api/v1/listings/a%20b"}, How(), {"path-slash"}),
    "path with a slash at its end": (REALM, {"path": "/api/v1/listings/a%20b/"}, How(), {"path-slash"}),
    "whole URL": (REALM, {"path": "https://api.example/api/v1/listings/a%20b?limit=5&after=x%2Fy"}, How(), {"url-parts"}),
    # Query.
    "query left out": (OKX, {"query": None}, How(), {"query-left-out"}),
    "query in another order": (OKX, {"query": "after=x%2Fy&limit=5"}, How(), {"query-order"}),
    "query decoded": (OKX, {"query": "limit=5&after=x/y"}, How(), {"query-encoding"}),
    "query with small escapes": (OKX, {"query": "limit=5&after=x%2fy"}, How(), {"query-encoding"}),
    "a parameter left out": (OKX, {"query": "limit=5"}, How(), {"query-left-out"}),
    "query left out of a canonical request": (SIGV4, {"query": None}, How(), {"query-left-out"}),
    # Host.
    "host with a port": (SIGV4, {"host": "api.example:443"}, How(), {"host-port"}),
    # Body.
    "body empty": (REALM, {"body": b""}, How(), {"body-empty"}),
    "body empty in a hash": (SIGV4, {"body": b""}, How(), {"body-empty"}),
    "line end behind the body": (REALM, {"body": BODY + b"\n"}, How(), {"body-newline", "newline"}),
    "body with blanks": (REALM, {"body": rewritten(ensure_ascii=False)}, How(), {"body-rewritten"}),
    "body as Python writes it": (STRIPE, {"body": rewritten()}, How(), {"body-rewritten"}),
    "body sorted": (STRIPE, {"body": rewritten(sort_keys=True, separators=(",", ":"), ensure_ascii=False)}, How(), {"body-rewritten"}),
    "body with escapes": (OKX, {"body": rewritten(separators=(",", ":"))}, How(), {"body-rewritten"}),
    "body with escaped slashes": (OKX, {"body": BODY.replace(b"/", b"\\/")}, How(), {"body-rewritten"}),
    "body over lines": (REALM, {"body": rewritten(indent=2, ensure_ascii=False)}, How(), {"body-rewritten"}),
    "body with other numbers": (SIGV4, {"body": BODY.replace(b"10", b"10.0")}, How(), {"body-rewritten"}),
    "body in Latin-1": (REALM, {"body": BODY.decode().encode("latin-1")}, How(), {"body-encoding"}),
    "a form for the form's JSON": (SLACK, {"body": b'{"token":"x","team":"T1","text":"a b"}'}, How(), {"body-form"}),
    "a form with other blanks": (SLACK, {"body": b"token=x&team=T1&text=a%20b"}, How(), {"body-encoding"}),
    "a form sorted": (KRAKEN, {"body": f"nonce={NOW * 1000}&type=buy&pair=XBTUSD".encode()}, How(), None),
    # Shape.
    "a line end at the end": (STRIPE, {}, How(end=b"\n"), {"body-newline", "newline"}),
    "CRLF between": (REALM, {}, How(join=b"\r\n"), {"line-ends"}),
    "a backslash and an n between": (REALM, {}, How(join=b"\\n"), {"separator"}),
    "nothing between": (REALM, {}, How(join=b""), {"separator"}),
    "bars between": (REALM, {}, How(join=b"|"), {"separator"}),
    "line ends where nothing should be": (OKX, {}, How(join=b"\n"), {"separator"}),
    "a colon for a dot": (STRIPE, {}, How(join=b":"), {"separator"}),
    "pieces in another order": (REALM, {}, How(order=[2, 0, 1, 3]), {"order"}),
    "pieces of a hash in another order": (KRAKEN, {}, How(order=[1, 0]), {"order"}),
    "pieces of a plain hash in another order": (PITCHPRINT, {}, How(order=[0, 2, 1]), {"order"}),
    "a piece missing": (REALM, {}, How(drop=2), {"piece-missing"}),
    "the nonce left out of a hash": (KRAKEN, {}, How(drop=0), {"piece-missing"}),
    "the key id too": (REALM, {}, How(extra=(0, b"kid-0123456789")), {"piece-extra"}),
    # Encoding.
    "hex for base64": (REALM, {}, How(encode=hex_of), {"signature-encoding"}),
    "upper-case hex for base64": (OKX, {}, How(encode=lambda raw: raw.hex().upper()), {"signature-encoding"}),
    "base64 for hex": (STRIPE, {}, How(encode=base64_of), {"signature-encoding"}),
    "base64url": (REALM, {}, How(encode=base64url_of), {"signature-encoding"}),
    "base64 without padding": (REALM, {}, How(encode=lambda raw: base64_of(raw).rstrip("=")), {"signature-encoding"}),
    "base64 of the hex": (REALM, {}, How(encode=lambda raw: base64.b64encode(raw.hex().encode()).decode()), {"signature-encoding"}),
    "hex of a long signature": (KRAKEN, {}, How(encode=hex_of), {"signature-encoding"}),
    "base64 of a plain hash": (PITCHPRINT, {}, How(encode=base64_of), {"signature-encoding"}),
    "Python's bytes": (REALM, {}, How(mangle=lambda text: f"b'{text}'"), {"signature-mangled"}),
    "a signature in quotes": (OKX, {}, How(mangle=lambda text: f'"{text}"'), {"signature-mangled"}),
    "a signature with its name": (REALM, {}, How(mangle=lambda text: f"sha256={text}"), {"signature-mangled"}),
    # Algorithm.
    "SHA-512": (REALM, {}, How(hash="sha512"), {"algorithm"}),
    "SHA-1": (STRIPE, {}, How(hash="sha1"), {"algorithm"}),
    "SHA-256 for SHA-512": (KRAKEN, {}, How(hash="sha256"), {"algorithm"}),
    "SHA-256 for MD5": (PITCHPRINT, {}, How(hash="sha256"), {"algorithm"}),
    "a plain hash, secret in front": (REALM, {}, How(make="front"), {"plain-hash"}),
    "a plain hash, secret behind": (STRIPE, {}, How(make="back"), {"plain-hash"}),
    "a plain hash without the secret": (REALM, {}, How(make="alone"), {"plain-hash"}),
    "key and message changed over": (REALM, {}, How(make="swapped"), {"swapped"}),
    "hashed first": (OKX, {}, How(make="hashed first"), {"hashed-first"}),
    # Secret.
    "secret with a line end": (REALM, {}, How(secret=REALM.secret + b"\n"), {"secret-wrapped"}),
    "secret with a line end in a derived key": (SIGV4, {}, How(secret=SIGV4.secret + b"\n"), {"secret-wrapped"}),
    "secret with a line end in a plain hash": (PITCHPRINT, {}, How(secret=PITCHPRINT.secret + b"\n"), {"secret-wrapped"}),
    "secret in quotes": (STRIPE, {}, How(secret=b'"' + STRIPE.secret + b'"'), {"secret-wrapped"}),
    "secret decoded from hex": (SLACK, {}, How(secret=bytes.fromhex("ab" * 16)), None),
    "secret not decoded": (KRAKEN, {}, How(secret=Kraken.written), {"secret-not-decoded"}),
    "secret encoded": (REALM, {}, How(secret=base64.b64encode(REALM.secret)), {"secret-encoded"}),
    "secret without its prefix": (STRIPE, {}, How(secret=STRIPE.secret[6:]), {"secret-field"}),
    "the key id for the secret": (REALM, {}, How(secret=b"kid-0123456789"), {"secret-field"}),
    "the key id for the secret in a plain hash": (PITCHPRINT, {}, How(secret=b"kid-0123456789"), {"secret-field"}),
    "an empty secret": (REALM, {}, How(secret=b""), {"secret-empty"}),
    "JavaScript's undefined": (OKX, {}, How(secret=b"undefined"), {"secret-empty"}),
    "a hash of the secret": (REALM, {}, How(secret=hashlib.sha256(REALM.secret).hexdigest().encode()), {"secret-encoded"}),
    # Pairs.
    "milliseconds and hex": (REALM, {"time": f"{NOW}000"}, How(encode=hex_of), {"time-form", "signature-encoding"}),
    "guessed milliseconds and hex": (REALM, {"time": f"{NOW}413"}, How(encode=hex_of), {"time-form", "signature-encoding"}),
    "query and hex": (REALM, {"path": REALM.view.target}, How(encode=hex_of), {"query-added", "signature-encoding"}),
    "query and method case": (REALM, {"path": REALM.view.target, "method": "post"}, How(), {"query-added", "method-case"}),
    "line end and empty body": (REALM, {"body": b"", "path": "/v1/listings/a%20b"}, How(), {"body-empty", "path-prefix"}),
    "body rewritten and milliseconds": (STRIPE, {"body": rewritten(), "time": f"{NOW}000"}, How(), {"body-rewritten", "time-form"}),
    "secret wrapped and hex": (REALM, {}, How(secret=REALM.secret + b"\n", encode=hex_of), {"secret-wrapped", "signature-encoding"}),
    "secret not decoded and hex": (KRAKEN, {}, How(secret=Kraken.written, encode=hex_of), {"secret-not-decoded", "signature-encoding"}),
    "query left out, secret wrapped": (OKX, {"query": None}, How(secret=OKX.secret + b"\n"), {"query-left-out", "secret-wrapped"}),
    "SHA-512 and method case": (REALM, {"method": "post"}, How(hash="sha512"), {"algorithm", "method-case"}),
    "body empty in a hash and method case": (SIGV4, {"body": b"", "method": "post"}, How(), {"body-empty", "method-case"}),
    "whole milliseconds and bars": (REALM, {"time": f"{NOW}000"}, How(join=b"|"), {"time-form", "separator"}),
}

# Either of these is true where both are: one text has two descriptions.
EITHER = [{"body-newline", "newline"}]


@pytest.mark.parametrize("name", MISTAKES)
def test_the_mistake_is_named(tmp_path, name):
    scheme, signed, how, expected = MISTAKES[name]
    code, report, kinds = explained(tmp_path, scheme, sent_by(scheme, signed, how))
    assert (code, report["verdict"]) == (1, "refused")
    if expected is None:
        assert kinds == {"not-found"}, report["findings"]
    elif expected in EITHER:
        assert len(kinds) == 1 and kinds <= expected, report["findings"]
    else:
        assert kinds == expected, report["findings"]


def test_the_sentence_says_what_was_signed_and_what_was_sent(tmp_path):
    _, report, _ = explained(tmp_path, REALM, sent_by(REALM, {"time": f"{NOW}123"}))
    assert report["findings"][0]["said"] == (
        f"The client signed the time in milliseconds ({NOW}123), and sent it in seconds ({NOW})."
    )


def test_a_clock_that_is_off_is_told_beside_a_signature_that_is_right(tmp_path):
    _, report, kinds = explained(tmp_path, REALM, sent_by(REALM), now=NOW + 3600 * 2)
    assert kinds == {"clock"}
    assert "UTC-2 taken for UTC" in report["findings"][0]["said"]
    assert report["notes"] == ["The signature itself is right."]


def test_a_time_in_another_unit_is_told_although_it_cannot_be_read(tmp_path):
    message = sent_by(REALM, sent={"time": f"{NOW}123"})
    _, report, kinds = explained(tmp_path, REALM, message)
    assert kinds == {"malformed"}
    assert "in milliseconds" in report["findings"][0]["said"]
    assert "right for the time as it was sent" in report["notes"][0]


def test_a_header_that_is_almost_there_is_named(tmp_path):
    message = sent_by(REALM).replace(b"X-Signature", b"X-Signatur")
    _, report, kinds = explained(tmp_path, REALM, message)
    assert kinds == {"missing"}
    assert "`x-signatur`: it should be `x-signature`" in report["findings"][0]["said"]
    message = sent_by(PITCHPRINT).replace(b"apiKey", b"apikey")
    _, report, kinds = explained(tmp_path, PITCHPRINT, message)
    assert kinds == {"missing"} and "`apikey`: it should be `apiKey`" in report["findings"][0]["said"]


def test_what_should_have_been_signed_is_there_with_the_origin_of_each_piece(tmp_path):
    _, report, _ = explained(tmp_path, REALM, sent_by(REALM, {"method": "post"}))
    text = report["string_to_sign"]
    expected = b"\n".join([b"POST", REALM.view.path.encode(), REALM.view.time.encode(), BODY])
    assert bytes.fromhex(text["hex"]) == expected
    pieces = [(piece["expression"], piece["place"]) for piece in text["pieces"] if piece["expression"]]
    assert pieces == [
        ("method", None),
        ("path", f"target, bytes 0 to {len(REALM.view.path)}"),
        ("timestamp", None),
        ("body", f"body, bytes 0 to {len(BODY)}"),
    ]
    assert text["pieces"][4]["read_from"] == "header.x-timestamp"


def test_neither_the_secret_nor_the_right_signature_is_ever_shown(tmp_path):
    for scheme in SCHEMES:
        right = sent_by(scheme)
        file = tmp_path / "request.http"
        file.write_bytes(sent_by(scheme, how=How(secret=b"another")))
        held = getattr(scheme, "written", scheme.secret)
        words = ["explain", "--dialect", str(ROOT / scheme.dialect), "--secret", held.decode(), "--now", str(NOW)]
        for form in ([], ["--json"]):
            done = subprocess.run([BINARY, *words, *form, str(file)], capture_output=True, text=True, cwd=tmp_path)
            assert done.returncode == 1
            assert held.decode() not in done.stdout
            for line in right.decode().splitlines():
                for word in line.replace('"', " ").replace(",", " ").replace("=", " ").split():
                    wrong = file.read_bytes().decode()
                    if len(word) >= 32 and word not in wrong:
                        assert word not in done.stdout, f"{scheme}: the signature is shown"


def test_a_file_that_is_no_request_is_refused_with_its_line(tmp_path):
    file = tmp_path / "request.http"
    file.write_text("GET / HTTP/1.1\nnonsense\n\n")
    words = ["explain", "--dialect", "realm", "--secret", "s", str(file)]
    done = subprocess.run([BINARY, *words], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1 and "line 2: `nonsense` is no header" in done.stderr


def test_a_wrong_command_line_ends_with_two(tmp_path):
    for words in ([], ["request.http"], ["--refused", "request.http"], ["--now", "soon", "--dialect", "realm", "x"]):
        done = subprocess.run([BINARY, "explain", *words], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 2, words
