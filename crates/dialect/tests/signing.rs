//! What signing a request makes of one that cannot be signed as it is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use countersign_dialect::{Dialects, SignError, SignInput, Signed, Source};
use countersign_model::{Entropy, UnixTime};
use http::HeaderMap;

struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

const HEAD: &str = "signature='{header.s}'\nencoding='hex'\nalgorithm='hmac-sha256'\nstring_to_sign='{method} {target} {body}'\n";

fn sign(dialect: &str, target: &str, body: &str) -> Result<Signed, SignError> {
    let source = Source { origin: "x".into(), text: format!("[dialect.x]\n{HEAD}{dialect}") };
    let dialects = Dialects::load(&[source]).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let input = SignInput {
        method: "POST",
        scheme: "https",
        host: "api.example",
        target,
        headers: &HeaderMap::new(),
        body: body.as_bytes(),
        key_id: "shop 1",
        secret: b"secret",
        now: UnixTime::from_secs(1_795_262_400),
        entropy: &Zeros,
    };
    dialects.iter().next().unwrap().sign(input)
}

fn refused(dialect: &str, target: &str, body: &str) -> String {
    match sign(dialect, target, body) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it was signed"),
    }
}

const CHECK: &str = "checks.body=['{header.x-digest}', '{body | sha256 | base64}']\n";

#[test]
fn what_a_check_would_refuse_is_not_signed_and_the_line_that_the_dialect_lacks_is_told() {
    let told = refused(CHECK, "/", "a");
    assert!(told.contains(r#"sign."header.x-digest" = "{body | sha256 | base64}""#), "{told}");
    let written = format!("{CHECK}sign.\"header.x-digest\"='{{body | sha256 | base64}}'\n");
    assert!(sign(&written, "/", "a").unwrap().headers.contains_key("x-digest"));
    let wrong = format!("{CHECK}sign.\"header.x-digest\"='{{body | sha256 | hex}}'\n");
    assert_eq!(sign(&wrong, "/", "a").err(), Some(SignError::Check("body".to_owned())));
}

#[test]
fn a_key_id_that_the_request_says_already_is_not_written_again() {
    let form = "key_id='{form.id}'\n";
    assert_eq!(sign(form, "/", "id=shop+1&a=2").unwrap().body, b"id=shop+1&a=2");
    assert_eq!(sign(form, "/", "a=2").unwrap().body, b"a=2&id=shop%201");
    let query = "key_id='{query.id}'\n";
    assert_eq!(sign(query, "/?id=shop%201", "").unwrap().target, "/?id=shop%201");
    let json = "key_id='{json.id}'\n";
    assert_eq!(sign(json, "/", "{\"id\":\"shop 1\"}").unwrap().body, b"{\"id\":\"shop 1\"}");
}

#[test]
fn a_key_id_that_is_another_than_the_one_in_the_request_is_told() {
    for (dialect, target, body) in [
        ("key_id='{form.id}'\n", "/", "id=other&a=2"),
        ("key_id='{query.id}'\n", "/?id=other", ""),
        ("key_id='{json.id}'\n", "/", "{\"id\":\"other\"}"),
    ] {
        assert_eq!(sign(dialect, target, body).err(), Some(SignError::AlreadyThere("key_id")), "{dialect}");
    }
}

#[test]
fn the_condition_that_a_request_does_not_meet_is_told() {
    let told = refused("when.\"header.X-Version\"='^v2$'\n", "/", "");
    assert!(told.contains("`header.x-version` matches `^v2$`"), "{told}");
    let written = "when.\"header.X-Version\"='^v2$'\nsign.\"header.X-Version\"='v2'\n";
    assert!(sign(written, "/", "").is_ok());
}
