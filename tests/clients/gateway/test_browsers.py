"""Pages of other origins that call from a browser (the CORS protocol of the Fetch standard)."""

import pytest

from harness.problems import refused

ROUTE = '[[route]]\npath = "/v1/{*rest}"\nrequire = "api-key"\nupstream = "api"\n'
PAGE = "https://app.example.com"
QUESTION = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "x-api-key,content-type",
}


@pytest.fixture
def server(start):
    return start(f'[cors]\norigins = ["{PAGE}"]\n{ROUTE}')


def test_a_named_origin_is_told_that_it_may_call_without_any_credential(server, upstream):
    before = upstream.count
    answer = server.send("OPTIONS", "/v1/x", QUESTION)
    assert answer.status == 204
    assert answer.header("Access-Control-Allow-Origin") == PAGE
    assert answer.header("Access-Control-Allow-Methods") == "POST"
    assert answer.header("Access-Control-Allow-Headers") == "x-api-key,content-type"
    assert answer.header("Access-Control-Allow-Credentials") is None
    assert upstream.count == before


def test_the_page_can_read_answers_and_refusals(server):
    server.home.consumer("acme")
    key = server.home.issue("acme").api_key
    for headers, status in (({"X-API-Key": key}, 200), ({}, 401)):
        answer = server.send("GET", "/v1/x", {"Origin": PAGE, **headers})
        assert answer.status == status
        assert answer.header("Access-Control-Allow-Origin") == PAGE
        assert "origin" in ",".join(answer.all("Vary")).lower()
        exposed = answer.header("Access-Control-Expose-Headers").split(", ")
        assert {"x-request-id", "retry-after", "x-ratelimit-remaining"} <= set(exposed)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", f"{PAGE}.evil.example", "http://app.example.com", "null", "*"]
)
def test_another_origin_is_told_nothing_and_its_question_asks_for_a_credential(server, origin):
    answer = server.send("OPTIONS", "/v1/x", {**QUESTION, "Origin": origin})
    refused(answer)
    assert answer.all("Access-Control-Allow-Origin") == []
    assert server.send("GET", "/v1/x", {"Origin": origin}).all("Access-Control-Allow-Origin") == []


def test_a_permission_to_call_opens_nothing(server):
    refused(server.send("POST", "/v1/x", {"Origin": PAGE}, b"x"))
    refused(server.send("OPTIONS", "/v1/x", {"Origin": PAGE}))


def test_without_the_section_no_page_may_call(start):
    server = start(ROUTE)
    answer = server.send("OPTIONS", "/v1/x", QUESTION)
    refused(answer)
    assert answer.all("Access-Control-Allow-Origin") == []
