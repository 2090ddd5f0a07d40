"""The standards through the gateway: clients of others with credentials that the server issued."""

import base64
import datetime
import hashlib
import json
import threading

import pytest
import requests
from harness.countersign import Home, Server
from harness.problems import refused
from harness.upstream import Seen
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms
from httpsig.sign import HeaderSigner
from mohawk import Sender
from oauthlib import oauth1

DIALECTS = ["hawk", "rfc9421", "cavage", "oauth1"]
CONFIGURATION = "".join(
    f'[[route]]\npath = "/{name}/{{*rest}}"\nrequire = "signature:{name}"\nupstream = "api"\n' for name in DIALECTS
)
BODY = b'{"n": 1}'
KIND = "application/json"


def by_hawk(credential, url, body):
    credentials = {"id": credential.api_key, "key": credential.secret, "algorithm": "sha256"}
    sender = Sender(credentials, url, "POST", content=body, content_type=KIND)
    return {"Authorization": sender.request_header, "Content-Type": KIND}


def by_rfc9421(credential, url, body):
    class Resolver(HTTPSignatureKeyResolver):
        def resolve_private_key(self, key_id):
            return credential.secret.encode()

    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    headers = {"Content-Type": KIND, "Content-Digest": f"sha-256=:{digest}:"}
    request = requests.Request("POST", url, headers=headers, data=body).prepare()
    HTTPMessageSigner(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Resolver()).sign(
        request,
        key_id=credential.api_key,
        created=datetime.datetime.now(datetime.timezone.utc),
        covered_component_ids=("@method", "@authority", "@target-uri", "content-digest"),
        use_existing_digest=True,
    )
    return {name: request.headers[name] for name in [*headers, "Signature", "Signature-Input"]}


def by_cavage(credential, url, body):
    host, _, path = url.removeprefix("http://").partition("/")
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = {"Date": now, "Digest": f"SHA-256={base64.b64encode(hashlib.sha256(body).digest()).decode()}"}
    signed = ["(request-target)", "host", "date", "digest"]
    signer = HeaderSigner(credential.api_key, credential.secret, algorithm="hmac-sha256", headers=signed)
    made = signer.sign({**headers, "Host": host}, host=host, method="POST", path=f"/{path}")
    return {**headers, "Authorization": made["authorization"], "Content-Type": KIND}


def by_oauth1(credential, url, body):
    parts = json.loads(credential.secret)
    client = oauth1.Client(
        credential.api_key,
        client_secret=parts["secret"],
        resource_owner_secret=parts["token_secret"],
        signature_method=oauth1.SIGNATURE_HMAC_SHA256,
    )
    return client.sign(url, "POST", body.decode(), {"Content-Type": KIND})[1]


SIGNERS = {"hawk": by_hawk, "rfc9421": by_rfc9421, "cavage": by_cavage, "oauth1": by_oauth1}


@pytest.fixture(scope="module")
def server(upstream):
    home = Home(CONFIGURATION, upstream.port)
    server = Server(home)
    home.consumer("acme")
    yield server
    assert server.stop() == 0
    home.clean()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_client_of_a_standard_passes_with_what_the_server_issued_and_no_other_request_does(server, dialect):
    credential = server.home.issue("acme", dialect=dialect)
    target = f"/{dialect}/x?b=2&a=1"
    sign = lambda: SIGNERS[dialect](credential, server.url + target, BODY)
    ask = lambda headers, target=target, body=BODY: server.send("POST", target, headers, body)
    seen = Seen.of(ask(sign()))
    assert seen.one("X-Credential-Identifier") == credential.key_id
    assert seen.all("Authorization") == [] and seen.all("Signature") == []
    refused(ask(sign(), f"/{dialect}/x?b=2&a=2"))
    if dialect != "oauth1":
        refused(ask(sign(), body=b'{"n": 2}'))
    other = server.home.issue("acme", dialect=dialect)
    other.api_key = credential.api_key
    refused(ask(SIGNERS[dialect](other, server.url + target, BODY)))


def test_a_hawk_request_serves_once_also_among_many_at_once(server):
    credential = server.home.issue("acme", dialect="hawk")
    headers = by_hawk(credential, server.url + "/hawk/x", BODY)
    statuses = []
    run = lambda: statuses.append(server.send("POST", "/hawk/x", headers, BODY).status)
    threads = [threading.Thread(target=run) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(statuses) == [200] + [401] * 7
