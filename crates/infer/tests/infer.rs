//! What whoever infers a dialect relies on. The requests are signed here, by code that shares nothing with the search.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_dialect::Reading;
use countersign_infer::{Ended, Found, NotFound, Progress, Question, Sample, Watch, infer};
use countersign_model::{DialectName, HeaderList};

const SECRET: &str = "c2VjcmV0LW9mLXRoZS10ZXN0cw==";
const KEY: &str = "key-of-the-tests";
const TIME: &str = "1795262400";

fn sample(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Sample {
    let mut list: HeaderList = headers.iter().copied().collect();
    list.set("host", "api.example");
    Sample {
        method: method.into(),
        scheme: "https".into(),
        host: "api.example".into(),
        target: target.into(),
        headers: list,
        names: headers.iter().map(|(name, _)| (*name).to_owned()).collect(),
        body: body.into(),
    }
}

fn mac(text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

/// A request with key, time and signature in headers.
fn signed(method: &str, target: &str, body: &str, text: &str) -> Sample {
    let mac = mac(text);
    let headers = [("X-API-Key", KEY), ("X-Timestamp", TIME), ("X-Signature", mac.as_str())];
    sample(method, target, &headers, body)
}

fn by_lines(method: &str, target: &str, body: &str) -> Sample {
    let path = target.split('?').next().unwrap();
    signed(method, target, body, &format!("{method}\n{path}\n{TIME}\n{body}"))
}

fn ask_within(samples: &[Sample], candidates: u64, watch: &dyn Watch) -> Result<Found, NotFound> {
    let question = Question {
        samples,
        secret: SECRET.as_bytes(),
        key_id: Some(KEY),
        name: &DialectName::parse("vendor").unwrap(),
        candidates,
        threads: NonZeroUsize::new(2).unwrap(),
    };
    infer(&question, watch)
}

fn ask(samples: &[Sample]) -> Result<Found, NotFound> {
    ask_within(samples, 2_000_000, &())
}

fn line(found: &Found, key: &str) -> String {
    let line = found.file.lines().find(|line| line.starts_with(key));
    line.unwrap_or_else(|| panic!("no {key} in\n{}", found.file)).split_once("= ").unwrap().1.to_owned()
}

#[test]
fn two_requests_are_enough_for_method_path_time_and_body_line_by_line() {
    let samples = [by_lines("GET", "/v1/items?page=2", ""), by_lines("POST", "/v1/items", "{\"price\":1}")];
    let found = ask(&samples).unwrap();
    assert_eq!(line(&found, "string_to_sign"), r#""{method}\n{path}\n{timestamp}\n{body}""#);
    assert_eq!(line(&found, "key_id"), r#""{header.X-API-Key}""#);
    assert_eq!(line(&found, "timestamp"), r#""{header.X-Timestamp}""#);
    assert_eq!(line(&found, "encoding"), r#""base64""#);
    assert_eq!(line(&found, "algorithm"), r#""hmac-sha256""#);
    assert!(found.file.lines().count() <= 25, "{}", found.file);
}

#[test]
fn without_a_query_in_any_request_it_says_that_path_and_target_cannot_be_told_apart() {
    let found = ask(&[by_lines("GET", "/v1/a", ""), by_lines("POST", "/v1/b", "{}")]).unwrap();
    let open = found.open.iter().find(|open| open.what.contains("`path` or `target`"));
    assert_eq!(open.unwrap().settle, "a request with a query");
    let settled = ask(&[by_lines("GET", "/v1/a?b=c", ""), by_lines("POST", "/v1/b", "{}")]).unwrap();
    assert!(!settled.open.iter().any(|open| open.what.contains("target")), "{:?}", settled.open);
}

#[test]
fn of_one_request_it_says_that_others_may_be_signed_otherwise() {
    let found = ask(&[by_lines("POST", "/v1/b", "{}")]).unwrap();
    assert!(found.open.iter().any(|open| open.what.contains("one sample only")), "{:?}", found.open);
}

#[test]
fn what_is_found_verifies_every_request_and_none_that_was_changed() {
    let samples = [by_lines("GET", "/v1/a?b=c", ""), by_lines("POST", "/v1/b", "{}")];
    let found = ask(&samples).unwrap();
    let key = found.recipe.prepare(SECRET.as_bytes());
    let verifies = |sample: &Sample| {
        let request = sample.request();
        let Reading::Presented(claim) = found.recipe.read(&request) else { return false };
        found.recipe.verify(&claim, &request, &key).is_ok()
    };
    assert!(samples.iter().all(verifies));
    assert_eq!(found.recipe.source(), found.file);
    let mut changed = samples[1].clone();
    changed.body = b"[]".to_vec();
    assert!(!verifies(&changed));
}

#[test]
fn a_request_whose_signature_is_wrong_is_never_given_a_dialect() {
    let mut wrong = by_lines("POST", "/v1/b/longer/than/the/other", "{}");
    wrong.headers.set("x-signature", mac("something else"));
    let not = ask_within(&[by_lines("GET", "/v1/a", ""), wrong], 300_000, &()).unwrap_err();
    assert_eq!((not.ended, not.solved), (Ended::Bounded, 1));
}

#[test]
fn the_search_stops_at_its_bound() {
    let wrong = signed("GET", "/v1/a", "", "something that is not in the request at all");
    let not = ask_within(&[wrong], 100_000, &()).unwrap_err();
    assert_eq!(not.ended, Ended::Bounded);
    // Each of two threads may have so many under way.
    assert!((100_000..120_000).contains(&not.tried), "{}", not.tried);
}

#[test]
fn whoever_watches_can_end_it_and_is_told_how_far_it_came() {
    struct Until(u64, AtomicU64);
    impl Watch for Until {
        fn go_on(&self, progress: Progress) -> ControlFlow<()> {
            self.1.fetch_max(progress.tried, Ordering::Relaxed);
            if progress.tried < self.0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        }
    }
    let until = Until(20_000, AtomicU64::new(0));
    let wrong = signed("GET", "/v1/a", "", "something that is not in the request at all");
    let not = ask_within(&[wrong], u64::MAX, &until).unwrap_err();
    assert_eq!(not.ended, Ended::Bounded);
    assert!((20_000..40_000).contains(&not.tried), "{}", not.tried);
    assert!((20_000..=not.tried).contains(&until.1.load(Ordering::Relaxed)));
}

#[test]
fn the_same_requests_give_the_same_file() {
    let samples = [
        signed("GET", "/v1/a?b=c", "", &format!("{TIME}GET/v1/a?b=c")),
        signed("POST", "/v1/b", "{\"a\":1}", &format!("{TIME}POST/v1/b{{\"a\":1}}")),
    ];
    let files: Vec<String> = (0..4).map(|_| ask(&samples).unwrap().file).collect();
    assert!(files.iter().all(|file| file == &files[0]), "{files:#?}");
}

#[test]
fn requests_that_are_signed_in_two_ways_become_a_dialect_with_a_variant() {
    let samples = [
        signed("GET", "/v1/a?b=c", "", &format!("{TIME}.b=c")),
        signed("GET", "/v1/z?d=e", "", &format!("{TIME}.d=e")),
        signed("POST", "/v1/b", "{\"a\":1}", &format!("{TIME}.POST.{{\"a\":1}}")),
    ];
    let found = ask(&samples).unwrap();
    assert_eq!(found.file.matches("[[dialect.vendor.variants]]").count(), 1, "{}", found.file);
    assert!(found.file.contains("when."), "{}", found.file);
}

#[test]
fn a_digest_within_the_string_and_a_secret_in_base64_are_found() {
    let key = hmac::Key::new(hmac::HMAC_SHA512, &STANDARD.decode(SECRET).unwrap());
    let body = "nonce=1795262400123&pair=XBT";
    let inner = digest::digest(&digest::SHA256, format!("1795262400123{body}").as_bytes());
    let text = [b"/0/private/Balance", inner.as_ref()].concat();
    let mac = STANDARD.encode(hmac::sign(&key, &text));
    let headers =
        [("API-Key", KEY), ("API-Sign", &mac), ("Content-Type", "application/x-www-form-urlencoded")];
    let found = ask(&[sample("POST", "/0/private/Balance", &headers, body)]).unwrap();
    assert_eq!(line(&found, "key "), r#""{secret | unbase64}""#);
    assert_eq!(line(&found, "let.inner"), r#""{nonce}{body}""#);
    // Either is right while no request has a query.
    let text = line(&found, "string_to_sign").replace("{target}", "{path}");
    assert_eq!(text, r#""{path}{inner | sha256}""#);
    assert_eq!(line(&found, "replay"), r#""increasing""#);
}

#[test]
fn where_a_header_shows_a_digest_that_is_signed_the_body_is_signed_and_not_what_the_header_says() {
    let body = "{\"price\":1}";
    let digest = STANDARD.encode(digest::digest(&digest::SHA512, body.as_bytes()));
    let mac = mac(&format!("POST\n/v1/items\n{digest}\n{TIME}"));
    let headers =
        [("X-API-Key", KEY), ("X-Timestamp", TIME), ("X-Content-Digest", &digest), ("X-Signature", &mac)];
    let found = ask(&[sample("POST", "/v1/items", &headers, body)]).unwrap();
    assert!(line(&found, "string_to_sign").contains("{body | sha512 | base64}"), "{}", found.file);
}

#[test]
fn a_part_of_the_secret_that_is_sent_beside_the_signature_is_checked() {
    let secret = format!("{{\"passphrase\":\"open sesame\",\"secret\":\"{SECRET}\"}}");
    let mac = mac(&format!("{TIME}GET/v1/a?b=c"));
    let headers =
        [("X-API-Key", KEY), ("X-Passphrase", "open sesame"), ("X-Timestamp", TIME), ("X-Signature", &mac)];
    let samples = [sample("GET", "/v1/a?b=c", &headers, "")];
    let name = DialectName::parse("vendor").unwrap();
    let threads = NonZeroUsize::MIN;
    let question = Question {
        samples: &samples,
        secret: secret.as_bytes(),
        key_id: Some(KEY),
        name: &name,
        candidates: 200_000,
        threads,
    };
    let found = infer(&question, &()).unwrap();
    assert_eq!(line(&found, "key "), r#""{secret.secret}""#);
    assert_eq!(line(&found, "checks.passphrase"), r#"["{header.X-Passphrase}", "{secret.passphrase}"]"#);
}

#[test]
fn where_the_secret_itself_is_sent_it_says_so() {
    let headers = [("X-Api-Key", KEY), ("X-Api-Secret", SECRET)];
    let found = ask(&[sample("GET", "/v1/a", &headers, "")]).unwrap();
    assert_eq!(line(&found, "algorithm"), r#""plain""#);
}

#[test]
fn a_request_that_holds_nothing_like_a_signature_is_told_by_its_place() {
    let not = ask(&[sample("GET", "/v1/a", &[("X-Api-Key", KEY)], "")]).unwrap_err();
    assert_eq!(not.ended, Ended::NoSignature { sample: 0 });
    assert_eq!(ask(&[]).unwrap_err().ended, Ended::NoSample);
}

#[test]
fn the_signature_is_found_wherever_it_stands() {
    let body = "{\"a\":1}";
    let text = format!("{TIME}.{body}");
    let (made, hex) = (mac(&text), hex_mac(&text));
    let url = made.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let authorization = [
        format!("HMAC {KEY}:{TIME}:{made}"),
        format!("Acme key=\"{KEY}\", time=\"{TIME}\", sig=\"{hex}\""),
        format!("Basic {}", STANDARD.encode(format!("{KEY}:{hex}"))),
    ];
    let mut samples: Vec<Sample> = authorization
        .iter()
        .map(|value| sample("POST", "/v1/a", &[("Authorization", value), ("X-Time", TIME)], body))
        .collect();
    samples.push(sample("POST", "/v1/a", &[("X-Time", TIME), ("X-Sig", &format!("sha256={hex}"))], body));
    samples.push(sample("POST", "/v1/a", &[("X-Sig", &format!("t={TIME},v1={hex}"))], body));
    samples.push(sample("POST", &format!("/v1/a?key={KEY}&sign={url}"), &[("X-Time", TIME)], body));
    for sample in samples {
        let found = ask(std::slice::from_ref(&sample));
        let found = found.unwrap_or_else(|not| panic!("{not:?} {:?}", sample.headers));
        assert!(line(&found, "string_to_sign").contains("{body}"), "{}", found.file);
    }
}

fn hex_mac(text: &str) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap();
    STANDARD.decode(mac(text)).unwrap().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[test]
fn a_signature_among_the_parameters_is_over_the_others() {
    let text = format!("a=1&key={KEY}&time={TIME}&z=2");
    let form = format!("z=2&a=1&key={KEY}&time={TIME}&sign={}", hex_mac(&text));
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let found = ask(&[sample("POST", "/v1/a", &headers, &form)]).unwrap();
    assert_eq!(line(&found, "signature"), r#""{form.sign}""#);
    assert_eq!(line(&found, "string_to_sign"), r#""{form | drop('sign') | sort | render('=', '&')}""#);
    assert_eq!(line(&found, "key_id"), r#""{form.key}""#);
}

#[test]
fn a_long_body_is_not_searched_and_still_has_to_verify() {
    let long = by_lines("POST", "/v1/b", &"x".repeat(100_000));
    assert_eq!(ask(std::slice::from_ref(&long)).unwrap_err().ended, Ended::TooLarge);
    let short = [by_lines("POST", "/v1/b?c=d", "{}"), long.clone()];
    assert!(ask(&short).unwrap().file.starts_with("# Inferred from 2 requests"));
    let mut wrong = long;
    wrong.body.push(b'y');
    let not = ask(&[by_lines("POST", "/v1/b?c=d", "{}"), wrong]).unwrap_err();
    assert_eq!(not.ended, Ended::NoCommonDialect);
}

#[test]
fn what_no_request_shows_is_taken_to_be_signed() {
    let found = ask(&[by_lines("GET", "/v1/a", "")]).unwrap();
    assert_eq!(line(&found, "string_to_sign"), r#""{method}\n{target}\n{timestamp}\n{body}""#);
    assert!(found.open.iter().any(|open| open.settle == "a POST with a body"), "{:?}", found.open);
}
