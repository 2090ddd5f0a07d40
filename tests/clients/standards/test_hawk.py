"""Hawk: `mohawk` and `@hapi/hawk` as clients and as servers."""

import pytest
from mohawk import Receiver, Sender
from standards.bench import URL, accepted, node, refused, signed

KEY, SECRET = "dh37fgj492je", "werxhqb98rpaxn39848xrunpaw3489ruxnpa98w4rxn"
CREDENTIALS = {"id": KEY, "key": SECRET, "algorithm": "sha256"}
TARGETS = ["/", "/resource/1?b=1&a=2", "/a%20b/%7Ec?x=%2F&y", "/x?q=1+2"]


def by_mohawk(method, target, body, **options):
    kind = "application/json; charset=utf-8" if body else ""
    sender = Sender(CREDENTIALS, URL + target, method, content=body, content_type=kind, **options)
    return SECRET, method, URL + target, {"Authorization": sender.request_header, "Content-Type": kind}, body


@pytest.mark.parametrize("target", TARGETS)
def test_what_mohawk_signs_is_accepted(tmp_path, target):
    accepted(
        tmp_path,
        "hawk",
        by_mohawk("GET", target, b""),
        by_mohawk("POST", target, b'{"a": 1}'),
        by_mohawk("PUT", target, b"\x00\xff", ext="some-app-ext-data"),
        by_mohawk("POST", target, b"{}", app="app-1"),
        by_mohawk("POST", target, b"{}", app="app-1", dlg="someone"),
    )


def test_what_mohawk_signs_is_refused_with_another_body_path_or_kind_of_body(tmp_path):
    secret, method, url, headers, body = by_mohawk("POST", "/a?b=c", b"body")
    refused(
        tmp_path,
        "hawk",
        (secret, method, url, headers, b"Body"),
        (secret, method, url + "d", headers, body),
        (secret, "PUT", url, headers, body),
        (secret, method, url, {**headers, "Content-Type": "text/plain"}, body),
    )


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_library_of_hapi_signs_is_accepted(tmp_path, target):
    ask = lambda method, **options: node("hawkSigns", url=URL + target, method=method, key=KEY, secret=SECRET, **options)
    kind = {"Content-Type": "text/plain"}
    accepted(
        tmp_path,
        "hawk",
        (SECRET, "GET", URL + target, {"Authorization": ask("GET")}, b""),
        (SECRET, "POST", URL + target, {"Authorization": ask("POST", ext="x", app="a", dlg="b"), **kind}, b"any"),
        (
            SECRET,
            "POST",
            URL + target,
            {"Authorization": ask("POST", payload="Thank you", contentType="text/plain"), **kind},
            b"Thank you",
        ),
    )


@pytest.mark.parametrize("target", TARGETS)
def test_a_bewit_of_the_library_of_hapi_is_accepted_for_its_url_alone(tmp_path, target):
    bewit = node("hawkBewit", url=URL + target, key=KEY, secret=SECRET, ext="xandyandz")
    url = f"{URL}{target}{'&' if '?' in target else '?'}bewit={bewit}"
    accepted(tmp_path, "hawk-bewit", (SECRET, "GET", url, {}, b""), (SECRET, "HEAD", url, {}, b""))
    refused(tmp_path, "hawk-bewit", (SECRET, "POST", url, {}, b""), (SECRET, "GET", url.replace("bewit=", "z=1&bewit="), {}, b""))


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_dialect_signs_satisfies_mohawk_and_the_library_of_hapi(tmp_path, target):
    body = b'{"a": 1}'
    kind = {"Content-Type": "application/json"}
    url, headers, _ = signed(tmp_path, "hawk", KEY, SECRET, "POST", URL + target, kind, body)
    Receiver(
        lambda key: CREDENTIALS if key == KEY else None,
        headers["authorization"],
        url,
        "POST",
        content=body,
        content_type="application/json",
    )
    said = node(
        "hawkVerifies", method="POST", url=url, headers=headers, body=body.decode(), key=KEY, secret=SECRET
    )
    assert said == KEY
