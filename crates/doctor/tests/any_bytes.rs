//! Any request is explained: it never panics, and it ends.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use countersign_dialect::Request;
use countersign_doctor::{OtherSecret, Question, explain};
use countersign_model::{HeaderList, Secret, UnixTime};
use http::HeaderValue;
use proptest::prelude::*;

const NAMES: [&str; 9] = [
    "x-api-key",
    "x-timestamp",
    "x-signature",
    "stripe-signature",
    "api-key",
    "api-sign",
    "authorization",
    "x-amz-date",
    "content-type",
];

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        Just(b"1795262400".to_vec()),
        Just(b"t=1795262400,v1=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff".to_vec()),
        Just(b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_vec()),
        Just(b"20261121T120000Z".to_vec()),
        Just(
            b"AWS4-HMAC-SHA256 Credential=a/20261121/b/c/aws4_request, SignedHeaders=host, Signature=00"
                .to_vec()
        ),
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        Just(br#"{"apiKey":"k","timestamp":1795262400,"signature":"00112233445566778899aabbccddeeff","a":[1.0,"\u00e9"]}"#.to_vec()),
        Just(b"nonce=1&a=%zz&b=+".to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_request_is_explained(
        dialect in prop::sample::select(vec!["realm", "pitchprint", "stripe", "kraken", "aws-sigv4", "oauth1"]),
        target in prop_oneof!["/[ -~]{0,30}", Just("/a%2".to_owned()), Just("/?&&=&a=%".to_owned()), Just("//".to_owned())],
        fields in prop::collection::vec((prop::sample::select(NAMES.to_vec()), value()), 0..6),
        body in body(),
        secret in prop::collection::vec(any::<u8>(), 0..20),
        now in prop_oneof![Just(1_795_262_400_000_i64), any::<i64>()],
    ) {
        let (dialects, _) = support::dialects();
        let recipe = support::named(&dialects, dialect);
        let mut headers = HeaderList::new();
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.push(name, value);
            }
        }
        let request = Request { method: "POST", scheme: "https", host: "a:1", target: &target, headers: headers.view(), body: Some(&body) };
        let secret = Secret::new(secret);
        let others = [OtherSecret { label: "another".to_owned(), secret: secret.clone() }];
        let question = Question { recipe: &recipe, request, secret: Some(&secret), others: &others, now: UnixTime::from_millis(now) };
        let report = explain(&question);
        prop_assert!(!report.to_string().is_empty());
        prop_assert!(report.to_json().is_object());
    }
}
