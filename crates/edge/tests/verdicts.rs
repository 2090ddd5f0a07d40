//! The verdict table: what is sent, when, what comes back, to the second at each boundary.
//!
//! The signatures here are made with other code than the one that checks them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod world;

use countersign_edge::identity;
use countersign_lines::{AnswerHead, AnswerHeaders as _, Lines};
use countersign_verify::{Caller, Failure, Outage, Verified};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use world::tokens::{access_token, refresh_token};
use world::{
    Arrival, CONSUMER, Credentials, Meanwhile, NOON, Sent, World, hex_hmac, hex_md5, realm_signature,
};

/// One row: what is sent, and the status and code that come back (200 and an empty code where it may pass).
struct Row {
    what: &'static str,
    sent: Sent,
    at: i64,
    expect: (u16, &'static str),
}

fn row(what: &'static str, at: i64, sent: Sent, expect: (u16, &'static str)) -> Row {
    Row { what, sent, at, expect }
}

fn check(world: &World, rows: Vec<Row>) {
    let mut wrong = Vec::new();
    for row in rows {
        let got = world.verdict(&row.sent, NOON + row.at);
        if got != (row.expect.0, row.expect.1.to_owned()) {
            wrong.push(format!("{}: expected {:?}, got {got:?}", row.what, row.expect));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const OK: (u16, &str) = (200, "");
const MISSING: (u16, &str) = (401, "CREDENTIAL_MISSING");
const INVALID: (u16, &str) = (401, "CREDENTIAL_INVALID");
const SIGNATURE: (u16, &str) = (403, "SIGNATURE_INVALID");
const TOKEN: (u16, &str) = (401, "AUTHORIZATION_ERROR");
const SCOPES: (u16, &str) = (403, "SCOPE_MISSING");

const LISTINGS: &str = "/v1/marketplace/listings";

/// A realm request that is good at noon.
fn realm(credentials: &Credentials, body: &[u8]) -> Sent {
    realm_at(credentials, body, NOON)
}

fn realm_at(credentials: &Credentials, body: &[u8], timestamp: i64) -> Sent {
    let signature = realm_signature(&credentials.secret, "POST", LISTINGS, timestamp, body);
    Sent::new("POST", LISTINGS, "signature:realm")
        .header("X-API-Key", &credentials.api_key)
        .header("X-Timestamp", &timestamp.to_string())
        .header("X-Signature", &signature)
        .body(body)
}

#[test]
fn realm_key_routes() {
    let world = World::new();
    let key = world.issue(None, "");
    let realm = world.issue(Some("realm"), "");
    let pitchprint = world.issue(Some("pitchprint"), "");
    let get = |key: &str| Sent::new("GET", "/v1/user/profile", "api-key").header("X-API-Key", key);
    let mut wrong_checksum = key.api_key.clone();
    let last = if wrong_checksum.pop() == Some('0') { '1' } else { '0' };
    wrong_checksum.push(last);
    check(
        &world,
        vec![
            row("an API key", 0, get(&key.api_key), OK),
            row("the key of a realm credential", 0, get(&realm.api_key), OK),
            row("the public key of pitchprint alone", 0, get(&pitchprint.api_key), INVALID),
            row("no key", 0, Sent::new("GET", "/v1/user/profile", "api-key"), MISSING),
            row("an empty key", 0, get(""), INVALID),
            row("a key with a wrong checksum", 0, get(&wrong_checksum), INVALID),
            row("another's key", 0, get(&world.unknown_key()), INVALID),
            row("the signing secret as a key", 0, get(&realm.secret), INVALID),
            row("the key twice", 0, get(&key.api_key).header("X-API-Key", &key.api_key), INVALID),
            row("the key with a blank behind it", 0, get(&format!("{} x", key.api_key)), INVALID),
        ],
    );
}

#[test]
fn realm_signature_routes() {
    let world = World::new();
    let good = world.issue(Some("realm"), "");
    let other = world.issue(Some("realm"), "");
    let plain = world.issue(None, "");
    let body = b"{\"price\": 100}";
    let all_bytes: Vec<u8> = (0..=255).collect();
    let sent = realm(&good, body);
    let with = |name: &str, value: &str| sent.clone().replace(name, value);
    let hex = {
        use base64::Engine as _;
        let raw = base64::engine::general_purpose::STANDARD.decode(sent.get("X-Signature")).unwrap();
        hex::encode(raw)
    };
    check(
        &world,
        vec![
            row("signed", 0, sent.clone(), OK),
            row("again: no replay guard is documented", 0, sent.clone(), OK),
            row("a body of every byte", 0, realm(&good, &all_bytes), OK),
            row("no body", 0, realm(&good, b""), OK),
            row("300 s later", 300, sent.clone(), OK),
            row("301 s later", 301, sent.clone(), SIGNATURE),
            row("300 s early", -300, sent.clone(), OK),
            row("301 s early", -301, sent.clone(), SIGNATURE),
            row(
                "a query, which the signature does not cover",
                0,
                sent.clone().target(&format!("{LISTINGS}?x=1")),
                OK,
            ),
            row("one byte of the body changed", 0, sent.clone().body(b"{\"price\": 101}"), SIGNATURE),
            row("another path", 0, sent.clone().target("/v1/marketplace/listings/"), SIGNATURE),
            row("the same path, escaped", 0, sent.clone().target("/v1/marketplace/%6Cistings"), SIGNATURE),
            row("another method", 0, sent.clone().method("PUT"), SIGNATURE),
            row("another timestamp", 0, with("X-Timestamp", &(NOON + 1).to_string()), SIGNATURE),
            row("no timestamp", 0, sent.clone().without("X-Timestamp"), SIGNATURE),
            row("a timestamp in milliseconds", 0, with("X-Timestamp", &(NOON * 1000).to_string()), SIGNATURE),
            row("a timestamp with a sign", 0, with("X-Timestamp", &format!("+{NOON}")), SIGNATURE),
            row("the timestamp twice", 0, sent.clone().header("X-Timestamp", &NOON.to_string()), SIGNATURE),
            row("no signature", 0, sent.clone().without("X-Signature"), SIGNATURE),
            row(
                "no signature and no timestamp",
                0,
                sent.clone().without("X-Signature").without("X-Timestamp"),
                SIGNATURE,
            ),
            row("an empty signature", 0, with("X-Signature", ""), SIGNATURE),
            row("the signature in hex", 0, with("X-Signature", &hex), SIGNATURE),
            row("the signature cut", 0, with("X-Signature", &sent.get("X-Signature")[..40]), SIGNATURE),
            row(
                "the signature twice",
                0,
                sent.clone().header("X-Signature", &sent.get("X-Signature")),
                SIGNATURE,
            ),
            row("nothing", 0, Sent::new("POST", LISTINGS, "signature:realm").body(body), MISSING),
            row("no key", 0, sent.clone().without("X-API-Key"), INVALID),
            row("the key of another", 0, with("X-API-Key", &other.api_key), SIGNATURE),
            row("a key for bearers only", 0, with("X-API-Key", &plain.api_key), INVALID),
            row("an unknown key", 0, with("X-API-Key", &world.unknown_key()), INVALID),
            row(
                "an unknown key and an old timestamp",
                0,
                realm_at(&good, body, NOON - 999).replace("X-API-Key", &world.unknown_key()),
                INVALID,
            ),
        ],
    );
}

fn pitchprint(key: &str, timestamp: &str, signature: &str) -> Sent {
    let body =
        format!("{{\"apiKey\":\"{key}\",\"timestamp\":{timestamp},\"signature\":\"{signature}\",\"id\":7}}");
    Sent::new("POST", "/runtime/fetch", "signature:pitchprint").body(body.as_bytes())
}

#[test]
fn pitchprint_routes() {
    let world = World::new();
    let good = world.issue(Some("pitchprint"), "");
    let sign = |timestamp: i64| hex_md5(&format!("{}{}{timestamp}", good.api_key, good.secret));
    let at = |timestamp: i64| pitchprint(&good.api_key, &timestamp.to_string(), &sign(timestamp));
    let sent = at(NOON);
    let raw =
        |body: String| Sent::new("POST", "/runtime/fetch", "signature:pitchprint").body(body.as_bytes());
    let (key, signature) = (&good.api_key, sign(NOON));
    check(
        &world,
        vec![
            row("a number as timestamp", 0, sent.clone(), OK),
            row("a string as timestamp", 0, pitchprint(key, &format!("\"{NOON}\""), &signature), OK),
            row(
                "as a form, which it is not",
                0,
                sent.clone().header("Content-Type", "application/x-www-form-urlencoded"),
                OK,
            ),
            row("the same signature again", 0, sent.clone(), OK),
            row("upper-case hex", 0, pitchprint(key, &NOON.to_string(), &signature.to_uppercase()), OK),
            row("one hour later", 3600, sent.clone(), OK),
            row("one hour and a second later", 3601, sent.clone(), INVALID),
            row("300 s ahead of us", -300, sent.clone(), OK),
            row("301 s ahead of us", -301, sent.clone(), INVALID),
            row(
                "look-alikes nested below",
                0,
                raw(format!(
                    "{{\"user\":{{\"apiKey\":\"x\",\"signature\":\"y\",\"timestamp\":1}},\"apiKey\":\"{key}\",\"timestamp\":{NOON},\"signature\":\"{signature}\"}}"
                )),
                OK,
            ),
            row(
                "only nested",
                0,
                raw(format!(
                    "{{\"user\":{{\"apiKey\":\"{key}\",\"timestamp\":{NOON},\"signature\":\"{signature}\"}}}}"
                )),
                MISSING,
            ),
            row(
                "a member twice",
                0,
                raw(format!(
                    "{{\"apiKey\":\"{key}\",\"timestamp\":{NOON},\"timestamp\":{NOON},\"signature\":\"{signature}\"}}"
                )),
                INVALID,
            ),
            row(
                "a member twice, once escaped",
                0,
                raw(format!(
                    "{{\"apiKey\":\"{key}\",\"timestamp\":{NOON},\"signature\":\"{signature}\",\"\\u0073ignature\":\"{signature}\"}}"
                )),
                INVALID,
            ),
            row("no signature", 0, raw(format!("{{\"apiKey\":\"{key}\",\"timestamp\":{NOON}}}")), INVALID),
            row("the key alone", 0, raw(format!("{{\"apiKey\":\"{key}\"}}")), INVALID),
            row("a timestamp with a fraction", 0, pitchprint(key, &format!("{NOON}.0"), &signature), INVALID),
            row("a wrong signature", 0, pitchprint(key, &NOON.to_string(), &sign(NOON - 1)), INVALID),
            row("a signature that is no hex", 0, pitchprint(key, &NOON.to_string(), "zz"), INVALID),
            row(
                "an unknown key",
                0,
                pitchprint(&world.unknown_key(), &NOON.to_string(), &signature),
                INVALID,
            ),
            row("no JSON", 0, raw("apiKey=x".to_owned()), INVALID),
            row(
                "JSON with a rest behind it",
                0,
                raw(format!("{{\"apiKey\":\"{key}\",\"timestamp\":{NOON},\"signature\":\"{signature}\"}} x")),
                INVALID,
            ),
            row("no body", 0, raw(String::new()), MISSING),
        ],
    );
}

#[test]
fn wallet_routes() {
    let world = World::new();
    let token = access_token("console:apikey:read");
    let call = |token: &str| {
        Sent::new("GET", "/api/v1/me", "wallet").header("Authorization", &format!("Bearer {token}"))
    };
    let get = Sent::new("GET", "/api/v1/me", "wallet");
    check(
        &world,
        vec![
            row("a token", 0, call(&token), OK),
            row(
                "the scheme in another case",
                0,
                get.clone().header("Authorization", &format!("bearer {token}")),
                OK,
            ),
            row("the last second of its hour", 3599, call(&token), OK),
            row("after its hour", 3600, call(&token), TOKEN),
            row("nothing", 0, get.clone(), MISSING),
            row("another scheme of RFC 9110", 0, get.clone().header("Authorization", "Basic YTpi"), MISSING),
            row("no token behind the scheme", 0, get.clone().header("Authorization", "Bearer"), TOKEN),
            row(
                "the token twice",
                0,
                call(&token).header("Authorization", &format!("Bearer {token}")),
                TOKEN,
            ),
            row("a refresh token", 0, call(&refresh_token()), TOKEN),
            row("one byte changed", 0, call(&token.replacen("eyJ", "eyK", 1)), TOKEN),
            row("a token of an ended session", 0, call(&world.ended_token()), TOKEN),
        ],
    );
}

#[test]
fn scopes_and_schemes_together() {
    let world = World::new();
    let reader = world.issue(None, "items:read");
    let nobody = world.issue(None, "");
    let signer = world.issue(Some("realm"), "");
    let token = access_token("items:write");
    let get = |require: &str, scopes: &str| Sent::new("GET", "/items", require).scopes(scopes);
    let with_key = |sent: Sent, key: &str| sent.header("X-API-Key", key);
    let with_token = |sent: Sent| sent.header("Authorization", &format!("Bearer {token}"));
    let forged = |sent: Sent| sent.header("Authorization", "Bearer a.b.c");
    check(
        &world,
        vec![
            row("a scope that is held", 0, with_key(get("api-key", "items:read"), &reader.api_key), OK),
            row(
                "a scope that is not held",
                0,
                with_key(get("api-key", "items:read"), &nobody.api_key),
                SCOPES,
            ),
            row("one of two", 0, with_key(get("api-key", "items:read,items:write"), &reader.api_key), SCOPES),
            row("a wallet's scope", 0, with_token(get("wallet", "items:write")), OK),
            row("a scope that the wallet lacks", 0, with_token(get("wallet", "items:read")), SCOPES),
            row("either: the key", 0, with_key(get("wallet|api-key", ""), &nobody.api_key), OK),
            row("either: the token", 0, with_token(get("wallet|api-key", "")), OK),
            row(
                "either: both, with the scopes of both",
                0,
                with_token(with_key(get("wallet|api-key", "items:read,items:write"), &reader.api_key)),
                OK,
            ),
            row(
                "either: a good key beside a bad token",
                0,
                forged(with_key(get("wallet|api-key", ""), &reader.api_key)),
                TOKEN,
            ),
            row(
                "either: a bad key beside a good token",
                0,
                with_token(with_key(get("wallet|api-key", ""), "csk_x")),
                INVALID,
            ),
            row("either: nothing", 0, get("wallet|api-key", ""), MISSING),
            row("both: both", 0, with_token(with_key(get("wallet&api-key", ""), &reader.api_key)), OK),
            row("both: one", 0, with_key(get("wallet&api-key", ""), &reader.api_key), MISSING),
            row("an open route", 0, get("nothing", ""), OK),
            row(
                "key or signature: the key alone",
                0,
                with_key(get("api-key|signature:realm", ""), &reader.api_key),
                OK,
            ),
            row(
                "key or signature: a broken signature beside the key",
                0,
                with_key(get("api-key|signature:realm", ""), &signer.api_key).header("X-Signature", "AAAA"),
                SIGNATURE,
            ),
        ],
    );
}

#[test]
fn two_consumers_together_are_refused() {
    let world = World::new();
    let one = world.issue(None, "");
    let two = world.issue_to("another", Some("realm"), "");
    let sent = realm(&two, b"").require("api-key|signature:realm");
    assert_eq!(world.verdict(&sent, NOON).0, 200);
    // A second header for the plain key, so that each scheme finds its own.
    let world = world.with_api_key_header("X-App-Key");
    assert_eq!(
        world.verdict(&sent.clone().header("X-App-Key", &one.api_key), NOON),
        (403, "TWO_CONSUMERS".to_owned())
    );
}

#[test]
fn a_life_that_ends_is_noticed_at_once() {
    let world = World::new();
    let get = |key: &str| Sent::new("GET", "/", "api-key").header("X-API-Key", key);
    let revoked = world.issue(None, "");
    assert_eq!(world.verdict(&get(&revoked.api_key), NOON), (200, String::new()));
    world.revoke(&revoked);
    assert_eq!(world.verdict(&get(&revoked.api_key), NOON), (401, "CREDENTIAL_INVALID".to_owned()));

    let signing = world.issue(Some("realm"), "");
    for _ in 0..3 {
        assert_eq!(world.verdict(&realm(&signing, b""), NOON).0, 200);
    }
    world.revoke(&signing);
    assert_eq!(world.verdict(&realm(&signing, b""), NOON), (401, "CREDENTIAL_INVALID".to_owned()));

    let expiring = world.issue_expiring(60);
    assert_eq!(world.verdict(&get(&expiring.api_key), NOON + 59).0, 200);
    assert_eq!(world.verdict(&get(&expiring.api_key), NOON + 60).0, 401);

    let disabled = world.issue_to("shop", None, "");
    assert_eq!(world.verdict(&get(&disabled.api_key), NOON).0, 200);
    world.disable("shop");
    assert_eq!(world.verdict(&get(&disabled.api_key), NOON).0, 401);
    world.enable("shop");
    assert_eq!(world.verdict(&get(&disabled.api_key), NOON).0, 200);
}

#[test]
fn a_token_that_was_used_before_ends_with_its_session_and_with_its_key() {
    let token =
        Sent::new("GET", "/", "wallet").header("Authorization", &format!("Bearer {}", access_token("")));
    for end in [World::end_session, World::replace_token_key] {
        let world = World::new();
        for _ in 0..2 {
            assert_eq!(world.verdict(&token, NOON), (200, String::new()));
        }
        end(&world);
        assert_eq!(world.verdict(&token, NOON), (TOKEN.0, TOKEN.1.to_owned()));
    }
}

#[test]
fn a_key_that_is_revoked_while_the_body_comes_opens_nothing() {
    for arrival in [Arrival::Whole, Arrival::Pieces] {
        let world = World::new();
        let credentials = world.issue(Some("realm"), "");
        let sent = realm(&credentials, b"body");
        assert_eq!(world.verdict(&sent, NOON), (200, String::new()));
        let verdict = world.decide_while(Meanwhile::Revoked, &credentials, &sent, arrival);
        assert!(verdict.is_err(), "{arrival:?}");
    }
}

#[test]
fn a_body_that_was_passed_on_as_one_credentials_is_not_found_good_as_anothers() {
    let signed = |credentials: &Credentials| {
        Sent::new("POST", "/", "signature:keyless")
            .header("X-Time", &NOON.to_string())
            .header("X-Sign", &hex_hmac(&credentials.secret, &format!("{NOON} body")))
            .body(b"body")
            .signed_by(CONSUMER)
    };
    // No request says which secret it is signed with, and of the two that there are after a rotation the newer stands first.
    for arrival in [Arrival::Pieces, Arrival::Whole] {
        let world = World::new();
        let credentials = world.issue(Some("keyless"), "");
        let sent = signed(&credentials);
        assert_eq!(world.verdict(&sent, NOON), (200, String::new()));
        let verdict = world.decide_while(Meanwhile::Rotated, &credentials, &sent, arrival);
        match arrival {
            Arrival::Pieces => {
                assert!(matches!(verdict, Err(Failure::Unavailable(Outage::Changed))), "{verdict:?}");
            }
            // Nobody was told of anybody.
            Arrival::Whole => assert!(verdict.is_ok(), "{verdict:?}"),
        }
        assert_eq!(world.verdict(&sent, NOON), (200, String::new()));
    }
}

#[test]
fn rotation_lets_both_in_for_the_overlap_and_then_the_new_one() {
    let world = World::new();
    let old = world.issue(Some("realm"), "");
    let new = world.rotate(&old, 600);
    assert_eq!(world.verdict(&realm_at(&old, b"", NOON + 599), NOON + 599).0, 200);
    assert_eq!(world.verdict(&realm_at(&new, b"", NOON + 599), NOON + 599).0, 200);
    assert_eq!(world.verdict(&realm_at(&old, b"", NOON + 600), NOON + 600).0, 401);
    assert_eq!(world.verdict(&realm_at(&new, b"", NOON + 600), NOON + 600).0, 200);
}

#[test]
fn storage_that_fails_is_503_and_never_a_yes() {
    let world = World::new();
    let key = world.issue(None, "");
    let get = Sent::new("GET", "/", "api-key").header("X-API-Key", &key.api_key);
    world.cut();
    assert_eq!(world.verdict(&get, NOON), (503, "UNAVAILABLE".to_owned()));
    world.mend();
    assert_eq!(world.verdict(&get, NOON).0, 200);
    // What is remembered is believed for a while, and then no more.
    world.cut();
    assert_eq!(world.verdict_unfollowed(&get, NOON + 5).0, 200);
    assert_eq!(world.verdict_unfollowed(&get, NOON + 6), (503, "UNAVAILABLE".to_owned()));
}

#[test]
fn a_refusal_is_a_problem_with_a_challenge_for_every_scheme_that_would_do() {
    let world = World::new();
    let answer = world.answer(&Sent::new("GET", "/", "wallet|api-key|signature:realm"), NOON);
    assert_eq!(answer.status(), 401);
    let challenges: Vec<_> = answer.headers().get_all("www-authenticate").iter().collect();
    assert_eq!(
        challenges,
        [
            "Bearer realm=\"countersign\"",
            "ApiKey realm=\"countersign\", header=\"x-api-key\"",
            "Signature realm=\"countersign\", dialect=\"realm\""
        ]
    );
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let problem: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(
        problem,
        serde_json::json!({
            "type": "about:blank", "title": "Unauthorized", "status": 401, "code": "CREDENTIAL_MISSING",
            "detail": "a credential is required", "request_id": "test",
        })
    );
}

#[test]
fn the_upstream_hears_who_is_calling_from_us_alone() {
    let world = World::new();
    let key = world.issue(None, "items:read,items:write");
    let sent = Sent::new("GET", "/", "wallet|api-key").header("X-API-Key", &key.api_key);
    let verified = world.decide(&sent, NOON).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("x_consumer_username"), HeaderValue::from_static("root"));
    headers.insert(HeaderName::from_static("x-authenticated-userid"), HeaderValue::from_static("0x0"));
    identity::remove_forged(&mut headers);
    identity::set(&mut headers, verified.caller());
    let mut seen: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
    seen.sort();
    assert_eq!(
        seen,
        [
            "x-authenticated-scope=items:read,items:write".to_owned(),
            "x-authenticated-userid=".to_owned(),
            format!("x-consumer-id={}", verified.app().unwrap().id().0),
            "x-consumer-username=acme".to_owned(),
            format!("x-credential-identifier={}", key.key_id),
        ]
    );
}

#[test]
fn an_upstream_behind_any_door_hears_the_same_of_a_caller() {
    let world = World::new();
    let key = world.issue(None, "items:read,items:write");
    let with_key = Sent::new("GET", "/", "wallet|api-key").header("X-API-Key", &key.api_key);
    let token = format!("Bearer {}", access_token("items:write,orders:read"));
    let with_token = Sent::new("GET", "/", "wallet|api-key").header("Authorization", &token);
    let with_both = with_key.clone().header("Authorization", &token);
    let verified = [with_key, with_token, with_both].map(|sent| world.decide(&sent, NOON).unwrap());
    for caller in verified.iter().map(Verified::caller).chain([&Caller::default()]) {
        let (mut told, mut put) = (Lines::default(), Lines::default());
        identity::tell(caller, |name, value| told.put(&name, value.as_bytes()));
        identity::put(&mut put, caller);
        assert_eq!(put, told);
        let mut answer = AnswerHead::new(StatusCode::OK);
        answer.put(&identity::HEADERS, |lines| identity::put(lines, caller));
        assert_eq!(answer.lines(), &told);
        assert!(identity::HEADERS.iter().all(|name| answer.has(name)));
    }
}
