//! No diagnosis where there is no mistake: over every captured request.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use countersign_doctor::{Kind, Verdict};
use countersign_model::Secret;

#[test]
fn every_captured_request_that_verifies_is_accepted_and_nothing_is_said_against_it() {
    let mut accepted = 0;
    for case in support::cases() {
        let report = case.explained(case.request(), &case.secret);
        if case.odd {
            assert_eq!(report.verdict, Verdict::Refused, "{}", case.id);
            continue;
        }
        assert_eq!(report.verdict, Verdict::Accepted, "{}\n{report}", case.id);
        assert!(report.findings.is_empty(), "{}\n{report}", case.id);
        assert!(report.signed.is_some(), "{}", case.id);
        accepted += 1;
    }
    println!("{accepted} accepted");
}

#[test]
fn under_a_wrong_secret_no_mistake_but_the_secret_is_named() {
    let (mut refused, mut unfit) = (0, 0);
    for case in support::cases() {
        let secret = other(&case.secret);
        let report = case.explained(case.request(), &secret);
        assert_eq!(report.verdict, Verdict::Refused, "{}", case.id);
        for finding in &report.findings {
            match finding.kind {
                Kind::NotFound => refused += 1,
                Kind::UnusableSecret => unfit += 1,
                _ if case.odd => {}
                other => panic!("{}: {other:?}\n{report}", case.id),
            }
        }
    }
    println!("{refused} with nothing found, {unfit} unfit");
}

/// A secret of the same form that is another.
fn other(secret: &Secret<Vec<u8>>) -> Secret<Vec<u8>> {
    let mut bytes = secret.expose().clone();
    // Letters and digits change places within their kind: hex stays hex, JSON stays JSON.
    let start = if bytes.starts_with(b"{") || bytes.starts_with(b"-----") { bytes.len() / 2 } else { 0 };
    for byte in bytes.iter_mut().skip(start).take(24) {
        *byte = match *byte {
            b'0'..=b'8' | b'a'..=b'e' | b'g'..=b'y' | b'A'..=b'E' | b'G'..=b'Y' => *byte + 1,
            b'9' => b'0',
            b'f' => b'a',
            b'F' => b'A',
            b'z' => b'g',
            b'Z' => b'G',
            other => other,
        };
    }
    Secret::new(bytes)
}
