//! No diagnosis where there is no mistake: over every captured request.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use countersign_doctor::{Kind, Verdict};
use countersign_model::Secret;

/// Each of these takes a process of its own where tests run side by side.
const PARTS: usize = 6;

fn in_part<T>(all: Vec<T>, part: usize) -> impl Iterator<Item = T> {
    all.into_iter().enumerate().filter(move |(number, _)| number % PARTS == part).map(|(_, one)| one)
}

macro_rules! parts {
    ($($part:ident = $number:literal,)*) => {
        mod under_a_wrong_secret_no_mistake_but_the_secret_is_named {
            $(#[test] fn $part() { super::wrong_secrets($number); })*
        }

        mod a_byte_that_was_changed_on_the_way_is_blamed_on_nothing_else {
            $(#[test] fn $part() { super::changed_bytes($number); })*
        }
    };
}

parts! {
    first_part = 0,
    second_part = 1,
    third_part = 2,
    fourth_part = 3,
    fifth_part = 4,
    sixth_part = 5,
}

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

/// Searches for the mistake where the secret is another one, in one of the parts of the corpus.
fn wrong_secrets(part: usize) {
    let (mut refused, mut unfit) = (0, 0);
    for case in in_part(support::cases(), part) {
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
    assert!(refused > 30, "{refused}");
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

/// A byte that a signature covers, changed by one bit.
fn flipped(case: &support::Case, random: &mut Random) -> Option<(String, Vec<u8>)> {
    let (mut target, mut body) = (case.target.clone().into_bytes(), case.body.clone());
    let at = random.below(target.len() - 1 + body.len());
    let place =
        if at < target.len() - 1 { target.get_mut(at + 1)? } else { body.get_mut(at + 1 - target.len())? };
    let other = *place ^ (1 << random.below(3));
    *place = if other.is_ascii_graphic() { other } else { return None };
    Some((String::from_utf8(target).ok()?, body))
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

/// Searches for the mistake where a byte was changed on the way, in one of the parts of the corpus.
fn changed_bytes(part: usize) {
    let mut random = Random(0x5eed);
    let mut changed = Vec::new();
    for (number, case) in support::cases().into_iter().filter(|case| !case.odd).enumerate() {
        // A third of them: each is a whole search.
        if number % 3 != 0 || case.body.len() + case.target.len() < 8 {
            continue;
        }
        let Some((target, body)) = flipped(&case, &mut random) else { continue };
        changed.push((case, target, body));
    }
    let (mut nothing, mut unnoticed, mut said) = (0, 0, Vec::new());
    for (case, target, body) in in_part(changed, part) {
        let request = countersign_dialect::Request { target: &target, body: Some(&body), ..case.request() };
        let report = case.explained(request, &case.secret);
        if report.verdict == Verdict::Accepted {
            unnoticed += 1;
            continue;
        }
        match report.findings.first().map(|finding| finding.kind) {
            // What cannot be read any more is told as that.
            Some(
                Kind::NotFound
                | Kind::Digest
                | Kind::NotPresented
                | Kind::Missing
                | Kind::Malformed
                | Kind::Clock
                | Kind::OnlyKeyId
                | Kind::Unreadable
                | Kind::AlgorithmNotAllowed,
            ) => nothing += 1,
            other => said.push(format!("{} {target} {other:?}: {:?}", case.id, report.findings)),
        }
    }
    println!("{nothing} with nothing found, {unnoticed} unsigned, {} explained", said.len());
    // This dialect takes a prefix off the path before it signs; with a byte of the prefix changed, what was signed is the path without
    // it, as is said.
    said.retain(|one| !(one.starts_with("krakenfutures/") && one.contains("PathPrefix")));
    assert!(said.is_empty(), "{}", said.join("\n"));
    assert!(nothing > 60 / PARTS, "{nothing}");
}
