//! What holds for every request, for the dialects that come with the crate.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use countersign_dialect::{Dialects, Reading, Recipe, SignInput};
use countersign_model::{DialectName, Entropy, UnixTime};
use http::HeaderMap;
use proptest::prelude::*;
use support::OwnedRequest;

/// The same bytes each time.
struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        for (byte, value) in buffer.iter_mut().zip(1..) {
            *byte = value;
        }
    }
}

const NOW: UnixTime = UnixTime::from_secs(1_795_262_400);

fn recipe(name: &str) -> Arc<Recipe> {
    Arc::clone(Dialects::builtin().get(&DialectName::parse(name).unwrap()).unwrap())
}

fn signed(recipe: &Recipe, method: &str, target: &str, body: &[u8], secret: &[u8]) -> OwnedRequest {
    let headers = HeaderMap::new();
    let input = SignInput {
        method,
        scheme: "https",
        host: "api.example",
        target,
        headers: &headers,
        body,
        key_id: "key-1",
        secret,
        now: NOW,
        entropy: &Fixed,
    };
    let signed = recipe.sign(input).unwrap();
    OwnedRequest {
        method: method.into(),
        scheme: "https".into(),
        host: "api.example".into(),
        target: signed.target,
        headers: signed.headers,
        body: signed.body,
    }
}

fn good(recipe: &Recipe, request: &OwnedRequest, secret: &[u8]) -> bool {
    let lines = request.lines();
    let request = request.borrow(&lines);
    let Reading::Presented(claim) = recipe.read(&request) else { return false };
    recipe.fresh(&claim, NOW).is_ok() && recipe.verify(&claim, &request, &recipe.prepare(secret)).is_ok()
}

fn path() -> impl Strategy<Value = String> {
    "/[!-~&&[^?#]]{0,40}"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn realm_verifies_what_it_signed_and_nothing_with_one_byte_changed(
        method in "[A-Z]{1,8}",
        path in path(),
        query in prop::option::of("[!-~&&[^#]]{0,20}"),
        body in prop::collection::vec(any::<u8>(), 0..300),
        secret in prop::collection::vec(any::<u8>(), 1..80),
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let recipe = recipe("realm");
        let target = query.as_ref().map_or(path.clone(), |query| format!("{path}?{query}"));
        let request = signed(&recipe, &method, &target, &body, &secret);
        prop_assert!(good(&recipe, &request, &secret));

        let mut other = secret.clone();
        let place = at.index(other.len());
        other[place] ^= flip;
        // HMAC pads keys with zeros: a secret that differs in trailing zeros alone is the same key.
        if flip != secret[place] || place + 1 != secret.len() {
            prop_assert!(!good(&recipe, &request, &other), "the secret changed");
        }

        if !body.is_empty() {
            let mut changed = request.clone();
            let place = at.index(changed.body.len());
            changed.body[place] ^= flip;
            prop_assert!(!good(&recipe, &changed, &secret), "the body changed");
        }
        let mut changed = request.clone();
        changed.body.push(flip);
        prop_assert!(!good(&recipe, &changed, &secret), "the body grew");

        let mut changed = request.clone();
        changed.target.insert(1 + at.index(path.len()), 'x');
        prop_assert!(!good(&recipe, &changed, &secret), "the path changed");

        let mut changed = request.clone();
        changed.method.push('X');
        prop_assert!(!good(&recipe, &changed, &secret), "the method changed");

        let mut changed = request.clone();
        changed.headers.insert("x-timestamp", "1795262401".parse().unwrap());
        prop_assert!(!good(&recipe, &changed, &secret), "the time changed");
    }

    #[test]
    fn realm_does_not_notice_what_it_does_not_sign(
        query in "[!-~&&[^#]]{0,20}",
        value in "[!-~]{0,20}",
        host in "[a-z.]{1,20}",
    ) {
        let recipe = recipe("realm");
        let mut request = signed(&recipe, "POST", "/v1/a", b"body", b"secret");
        request.target = format!("/v1/a?{query}");
        request.headers.insert("x-other", value.parse().unwrap());
        request.host = host;
        prop_assert!(good(&recipe, &request, b"secret"));
    }

    #[test]
    fn pitchprint_verifies_what_it_signed_wherever_it_is_written(
        method in prop::sample::select(vec!["GET", "POST"]),
        body in prop::sample::select(vec!["", "{}", " { } ", r#"{"a":[1,{"apiKey":2}]}"#, "a=1", "%61=&"]),
        secret in "[ -~]{1,40}",
    ) {
        let recipe = recipe("pitchprint");
        let request = signed(&recipe, method, "/runtime/x?y=1", body.as_bytes(), secret.as_bytes());
        prop_assert!(good(&recipe, &request, secret.as_bytes()), "{:?}", request);
        let other = format!("{secret}x");
        prop_assert!(!good(&recipe, &request, other.as_bytes()));
    }
}
