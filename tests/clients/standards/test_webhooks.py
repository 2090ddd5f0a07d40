"""Webhooks: the libraries that Standard Webhooks, Stripe, GitHub and Slack give to receivers."""

import time
from datetime import datetime, timezone

import pytest
import stripe
from slack_sdk.signature import SignatureVerifier
from standardwebhooks import Webhook
from standards.bench import URL, accepted, node, refused, signed

BODIES = ['{"test": 2432232314}', "", '{"text": "\u00e4 \u20ac"}']
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PLAIN = "fake-shared-secret-0123456789-abcdef"
HOOK = URL + "/hooks/1?x=y"


def headers_of(signature, at, message="msg_p5jXN8AQM9LWM0D4loKWxJek"):
    return {"webhook-id": message, "webhook-timestamp": str(at), "webhook-signature": signature}


@pytest.mark.parametrize("body", BODIES)
def test_standard_webhooks_go_both_ways_with_both_libraries(tmp_path, body):
    at, message = int(time.time()), "msg_p5jXN8AQM9LWM0D4loKWxJek"
    python = Webhook(SECRET).sign(message, datetime.fromtimestamp(at, timezone.utc), body)
    npm = node("webhookSigns", secret=SECRET, id=message, at=at, body=body)
    assert python == npm
    case = lambda signature, body: (SECRET, "POST", HOOK, headers_of(signature, at), body.encode())
    two = Webhook("whsec_" + "A" * 32).sign(message, datetime.fromtimestamp(at, timezone.utc), body)
    accepted(tmp_path, "standard-webhooks", case(python, body), case(f"v1a,AAAA {two} {npm}", body))
    refused(tmp_path, "standard-webhooks", case(python, body + " "), case(two, body), case(python.replace("v1,", "v2,"), body))
    _, headers, sent = signed(tmp_path, "standard-webhooks", "", SECRET, "POST", HOOK, body=body.encode())
    Webhook(SECRET).verify(sent.decode(), headers) if body else None
    assert not body or node("webhookVerifies", secret=SECRET, body=body, headers=headers) is True


@pytest.mark.parametrize("body", BODIES)
def test_stripe_s_library_takes_what_the_dialect_signs_and_the_dialect_what_it_signs(tmp_path, body):
    at = int(time.time())
    made = stripe.WebhookSignature._compute_signature(f"{at}.{body}", PLAIN)
    case = lambda header, body: (PLAIN, "POST", HOOK, {"Stripe-Signature": header}, body.encode())
    accepted(tmp_path, "stripe", case(f"t={at},v1={made}", body), case(f"t={at},v1={'0' * 64},v1={made},v0={'1' * 64}", body))
    refused(
        tmp_path,
        "stripe",
        case(f"t={at},v1={made}", body + " "),
        case(f"t={at + 1},v1={made}", body),
        case(f"t={at},v0={made}", body),
    )
    _, headers, sent = signed(tmp_path, "stripe", "", PLAIN, "POST", HOOK, body=body.encode())
    assert stripe.WebhookSignature.verify_header(sent.decode(), headers["stripe-signature"], PLAIN, tolerance=60)


@pytest.mark.parametrize("body", [body for body in BODIES if body])
def test_github_s_library_takes_what_the_dialect_signs_and_the_dialect_what_it_signs(tmp_path, body):
    made = node("githubSigns", secret=PLAIN, body=body)
    accepted(tmp_path, "github", (PLAIN, "POST", HOOK, {"X-Hub-Signature-256": made}, body.encode()))
    refused(tmp_path, "github", (PLAIN, "POST", HOOK, {"X-Hub-Signature-256": made}, body.encode() + b" "))
    _, headers, sent = signed(tmp_path, "github", "", PLAIN, "POST", HOOK, body=body.encode())
    assert node("githubVerifies", secret=PLAIN, body=sent.decode(), signature=headers["x-hub-signature-256"]) is True


@pytest.mark.parametrize("body", ["token=xyz&team_id=T1&text=", '{"type": "event_callback"}'])
def test_slack_s_library_takes_what_the_dialect_signs_and_the_dialect_what_it_signs(tmp_path, body):
    at, theirs = str(int(time.time())), SignatureVerifier(PLAIN)
    made = theirs.generate_signature(timestamp=at, body=body)
    headers = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": made}
    accepted(tmp_path, "slack", (PLAIN, "POST", HOOK, headers, body.encode()))
    refused(
        tmp_path,
        "slack",
        (PLAIN, "POST", HOOK, headers, body.encode() + b" "),
        (PLAIN, "POST", HOOK, {**headers, "X-Slack-Request-Timestamp": str(int(at) + 1)}, body.encode()),
    )
    _, headers, sent = signed(tmp_path, "slack", "", PLAIN, "POST", HOOK, body=body.encode())
    assert theirs.is_valid(sent, headers["x-slack-request-timestamp"], headers["x-slack-signature"])
