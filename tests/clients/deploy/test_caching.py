"""No answer to a check is kept: nginx, the one of the proxies that can keep them, is told to keep all, for an hour."""

import grp
import os
import pwd

import pytest

from harness.deployment import Deployment
from harness.problems import refused

PATH = "    client_body_temp_path temp-body;\n"


def change(file, text):
    match file:
        case "nginx.conf":
            assert PATH in text
            text = text.replace(PATH, f"{PATH}    proxy_cache_path cache keys_zone=answers:1m;\n")
            # Of root, nginx becomes somebody who may not go into the folder.
            return f"user {pwd.getpwuid(os.getuid()).pw_name} {grp.getgrgid(os.getgid()).gr_name};\n{text}"
        case "countersign.conf":
            for place in ("check", "refusal"):
                begin = f"proxy_pass http://countersign_check/{place};\n"
                assert text.count(begin) == 1
                kept = "proxy_cache answers; proxy_cache_valid any 1h; proxy_cache_methods GET HEAD POST;\n"
                text = text.replace(begin, begin + kept)
    return text


@pytest.fixture
def keeping(upstream):
    running = Deployment("nginx", upstream, change)
    running.home.consumer("acme")
    yield running
    running.stop()


def test_a_proxy_that_is_told_to_keep_every_answer_asks_about_every_request(keeping):
    key, other = keeping.home.issue("acme"), keeping.home.issue("acme", scopes=["console:apikey:write"])
    send = lambda method="GET", target="/v1/thing", **headers: keeping.send(method, target, {"X-API-Key": key.api_key, **headers})
    passed = [send() for _ in range(3)]
    assert [answer.status for answer in passed] == [200] * 3
    names = {answer.header("X-Request-Id") for answer in passed}
    assert len(names) == 3 and all(keeping.server.line_of(answer)["verdict"] == "allowed" for answer in passed)
    # What the yes was not about.
    assert refused(send(target="/api/v1/console/keys"), 401)
    assert refused(send(method="POST", target="/nowhere"), 404) == "NO_ROUTE"
    assert refused(send(**{"X-Consumer-Groups": "admin"}), 400) == "BAD_REQUEST"
    assert refused(keeping.send("GET", "/v1/thing"), 401) == "CREDENTIAL_MISSING"
    # Nor is a no kept.
    assert keeping.send("GET", "/v1/thing", {"X-API-Key": other.api_key}).status == 200
    keeping.home.command("key", "revoke", key.key_id, "--wait")
    assert refused(send(), 401) == "CREDENTIAL_INVALID"
    kept = keeping.home.folder / "cache"
    assert kept.is_dir() and not [file for file in kept.rglob("*") if file.is_file()]
