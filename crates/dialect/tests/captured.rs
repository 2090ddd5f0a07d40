//! Requests captured from clients in the field, against the dialects that describe them: `dialects/GROUP/NAME.toml` beside
//! `NAME.cases.json`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod support;

use std::fs;
use std::path::PathBuf;

use countersign_dialect::{Claim, Coverage, Reading, Recipe, RequestPart, SignError, SignInput};
use countersign_model::{DialectName, Entropy, UnixTime};
use support::{Case, OwnedRequest, cases, dialects, files, tampered};

/// What came of a request: nothing, or what was wrong and the string to sign.
fn judge(recipe: &Recipe, request: &OwnedRequest, now: UnixTime, secret: &[u8]) -> Result<(), String> {
    let lines = request.lines();
    let request = request.borrow(&lines);
    let claim = match recipe.read(&request) {
        Reading::Presented(claim) => claim,
        other => return Err(format!("{other:?}")),
    };
    recipe.fresh(&claim, now).map_err(|why| format!("{why:?}"))?;
    let key = recipe.prepare(secret);
    recipe.verify(&claim, &request, &key).map(|_| ()).map_err(|why| {
        let signed = recipe.string_to_sign(&claim, &request, &key);
        let signed = signed.map(|text| String::from_utf8_lossy(text.expose()).into_owned());
        format!("{why:?}: {signed:?}")
    })
}

fn each(mut with: impl FnMut(&Recipe, &Case, &mut Vec<String>)) {
    let dialects = dialects();
    let only = std::env::var("ONLY").ok();
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in files(".cases.json") {
        let name = path.file_name().unwrap().to_str().unwrap().trim_end_matches(".cases.json");
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let Some(recipe) = dialects.get(&DialectName::parse(name).unwrap()) else {
            wrong.push(format!("there is no dialect {name}"));
            continue;
        };
        for case in cases(&path) {
            count += 1;
            let mut found = Vec::new();
            with(recipe, &case, &mut found);
            wrong.extend(found.into_iter().map(|what| format!("{name} {}: {what}", case.id)));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 0, "no case at all");
}

#[test]
fn every_captured_request_verifies_or_is_listed_with_the_reason_why_not() {
    each(|recipe, case, wrong| {
        let came = judge(recipe, &case.request, case.now, case.secret.as_bytes());
        match (came, &case.odd) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Err(why), None) => wrong.push(why),
            (Ok(()), Some(why)) => wrong.push(format!("verifies, though it should not: {why}")),
        }
    });
}

#[test]
fn the_head_of_every_file_says_where_the_scheme_is_documented() {
    let place = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let domain = word.split('/').next().unwrap().split('.').collect::<Vec<_>>();
        domain.len() > 1 && domain.iter().all(|part| part.len() > 1) || word == "RFC"
    };
    let head = |text: &str| text.split("\n[").next().unwrap().to_owned();
    let silent: Vec<PathBuf> = files(".toml")
        .into_iter()
        .filter(|path| !path.ends_with("dialect.toml"))
        .filter(|path| !head(&fs::read_to_string(path).unwrap()).split_whitespace().any(place))
        .collect();
    assert_eq!(silent, Vec::<PathBuf>::new());
}

#[test]
fn no_captured_request_verifies_under_another_secret_or_with_another_signature() {
    each(|recipe, case, wrong| {
        if case.odd.is_some() || ANY_WILL_DO.contains(&recipe.name().as_str()) {
            return;
        }
        let other = another_secret(&case.secret);
        if judge(recipe, &case.request, case.now, other.as_bytes()).is_ok() {
            wrong.push("verifies under another secret".into());
        }
        for request in with_other_signatures(recipe, &case.request) {
            if judge(recipe, &request, case.now, case.secret.as_bytes()).is_ok() {
                wrong.push(format!("verifies with another signature: {request:?}"));
            }
        }
    });
}

/// Dialects of which a request may hold several signatures, of which one is right.
const ANY_WILL_DO: [&str; 2] = ["standard-webhooks", "stripe"];

/// A secret of the same kind that differs early, in the middle of what counts.
fn another_secret(secret: &str) -> String {
    if secret.contains("BEGIN PUBLIC KEY") {
        return "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
            .to_owned();
    }
    let at = secret.len() / 2;
    let other = if &secret[at..=at] == "a" { "b" } else { "a" };
    format!("{}{other}{}", &secret[..at], &secret[at + 1..])
}

/// The request with one character of its signature changed, wherever it stands.
fn with_other_signatures(recipe: &Recipe, request: &OwnedRequest) -> Vec<OwnedRequest> {
    let lines = request.lines();
    let borrowed = request.borrow(&lines);
    let Reading::Presented(claim) = recipe.read(&borrowed) else { return Vec::new() };
    let Ok(signature) = std::str::from_utf8(claim.signature()) else { return Vec::new() };
    let changed = |at: usize| {
        let old = signature.as_bytes()[at];
        let new = if old == b'1' { '2' } else { '1' };
        format!("{}{new}{}", &signature[..at], &signature[at + 1..])
    };
    let escaped = |text: &str| text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let mut found = Vec::new();
    for at in [0, signature.len() / 2] {
        let new = changed(at);
        for (from, to) in [(signature.to_owned(), new.clone()), (escaped(signature), escaped(&new))] {
            let mut other = request.clone();
            other.target = other.target.replace(&from, &to);
            for value in other.headers.values_mut() {
                if let Ok(text) = value.to_str() {
                    *value = text.replace(&from, &to).parse().unwrap();
                }
            }
            other.body = String::from_utf8_lossy(&other.body).replace(&from, &to).into_bytes();
            if other.target != request.target
                || other.headers != request.headers
                || other.body != request.body
            {
                found.push(other);
            }
        }
    }
    found
}

#[test]
fn what_is_said_of_each_part_of_a_request_agrees_with_tampering() {
    each(|recipe, case, wrong| {
        if case.odd.is_some() {
            return;
        }
        let lines = case.request.lines();
        let borrowed = case.request.borrow(&lines);
        let Reading::Presented(claim) = recipe.read(&borrowed) else { return };
        for (part, changed) in tampered(&case.request) {
            let noticed = judge(recipe, &changed, case.now, case.secret.as_bytes()).is_err();
            match recipe.coverage_in(&claim, part) {
                Coverage::Whole if !noticed => {
                    wrong.push(format!("{part:?} is said to be signed, and was changed unnoticed"));
                }
                // What is not signed may decide which variant is meant.
                Coverage::Nothing if noticed && same_variant(recipe, &claim, &changed) => {
                    wrong.push(format!("{part:?} is said to be unsigned, and a change was noticed"));
                }
                // Where a client sends a digest, it stands for the body.
                Coverage::Partly if part == RequestPart::Body && !noticed && has_digest(&case.request) => {
                    wrong.push("a digest of the body was sent, and the body was changed unnoticed".into());
                }
                Coverage::Whole | Coverage::Nothing | Coverage::Partly => {}
            }
        }
    });
}

#[test]
fn what_is_said_of_the_time_and_the_nonce_agrees_with_tampering() {
    let mut tried = 0;
    each(|recipe, case, wrong| {
        if case.odd.is_some() {
            return;
        }
        let lines = case.request.lines();
        let borrowed = case.request.borrow(&lines);
        let Reading::Presented(claim) = recipe.read(&borrowed) else { return };
        let (mut time, mut nonce) = (recipe.time_coverage_in(&claim), recipe.nonce_coverage_in(&claim));
        for changed in with_one_sign_changed(&case.request) {
            if time.is_none() && nonce.is_none() {
                break;
            }
            let lines = changed.lines();
            let borrowed = changed.borrow(&lines);
            let Reading::Presented(other) = recipe.read(&borrowed) else { continue };
            let same = other.variant() == claim.variant()
                && other.key_id() == claim.key_id()
                && other.signature() == claim.signature();
            if !same || recipe.fresh(&other, case.now).is_err() {
                continue;
            }
            let other_time = (other.timestamp(), other.expires()) != (claim.timestamp(), claim.expires());
            let other_nonce = other.nonce() != claim.nonce();
            let (what, said) = match (other_time, other_nonce) {
                (true, false) => ("time", time.take()),
                (false, true) => ("nonce", nonce.take()),
                (true, true) | (false, false) => continue,
            };
            let Some(said) = said else { continue };
            tried += 1;
            let noticed = judge(recipe, &changed, case.now, case.secret.as_bytes()).is_err();
            if (said == Coverage::Whole && !noticed) || (said == Coverage::Nothing && noticed) {
                wrong.push(format!("of the {what} {said:?} is said to be signed, and noticed: {noticed}"));
            }
        }
    });
    assert!(tried > 400 || std::env::var("ONLY").is_ok(), "{tried}");
}

/// The request with one digit or letter changed, for each of them in its target, its headers and its body.
fn with_one_sign_changed(request: &OwnedRequest) -> Vec<OwnedRequest> {
    let other = |sign: u8| match sign {
        b'9' => Some(b'8'),
        b'0'..=b'8' | b'a'..=b'y' | b'A'..=b'Y' => Some(sign + 1),
        _ => None,
    };
    // From the end: what changes the last digits of a time leaves it in its window.
    let changes = |text: &[u8]| -> Vec<Vec<u8>> {
        let changed = |at: usize| {
            let mut text = text.to_vec();
            text[at] = other(text[at])?;
            Some(text)
        };
        (0..text.len()).rev().filter_map(changed).collect()
    };
    let mut all = Vec::new();
    for target in changes(request.target.as_bytes()) {
        all.push(OwnedRequest { target: String::from_utf8(target).unwrap(), ..request.clone() });
    }
    for name in request.headers.keys() {
        for value in changes(request.headers[name].as_bytes()) {
            let mut headers = request.headers.clone();
            headers.insert(name, http::HeaderValue::from_bytes(&value).unwrap());
            all.push(OwnedRequest { headers, ..request.clone() });
        }
    }
    for body in changes(&request.body) {
        all.push(OwnedRequest { body, ..request.clone() });
    }
    all
}

fn has_digest(request: &OwnedRequest) -> bool {
    ["digest", "content-digest"].iter().any(|name| request.headers.contains_key(*name))
}

/// Whether the changed request is read as the claim was.
fn same_variant(recipe: &Recipe, claim: &Claim<'_>, changed: &OwnedRequest) -> bool {
    match recipe.read(&changed.borrow(&changed.lines())) {
        Reading::Presented(other) => other.variant() == claim.variant(),
        Reading::NotPresented
        | Reading::OnlyKeyId(_)
        | Reading::Incomplete { .. }
        | Reading::Malformed { .. } => false,
    }
}

#[test]
fn what_a_dialect_signs_it_verifies() {
    each(|recipe, case, wrong| {
        if case.odd.is_some() || case.secret.contains("BEGIN PUBLIC") {
            return;
        }
        let bare = bare(&case.request);
        let input = SignInput {
            method: &bare.method,
            scheme: &bare.scheme,
            host: &bare.host,
            target: &bare.target,
            headers: &bare.headers,
            body: &bare.body,
            key_id: "key-1",
            secret: case.secret.as_bytes(),
            now: case.now,
            entropy: &Fixed,
        };
        match recipe.sign(input) {
            Ok(signed) => {
                let signed = OwnedRequest {
                    headers: signed.headers,
                    target: signed.target,
                    body: signed.body,
                    ..bare.clone()
                };
                if let Err(why) = judge(recipe, &signed, case.now, case.secret.as_bytes()) {
                    wrong.push(format!("does not verify what it signed: {why} {signed:?}"));
                }
            }
            // Some places cannot be worked out, and some keys are private.
            Err(SignError::PrivateKey) => {}
            Err(why) if CANNOT_SIGN.contains(&recipe.name().as_str()) => drop(why),
            Err(why) => wrong.push(format!("cannot sign: {why}")),
        }
    });
}

/// Dialects that only verify, since a client's way of writing cannot be said in them yet.
const CANNOT_SIGN: [&str; 2] = ["adyen", "cloudinary-url"];

/// The request as it was before anybody signed it: its method, host and path, a header or two, and a plain body.
fn bare(request: &OwnedRequest) -> OwnedRequest {
    let mut headers = http::HeaderMap::new();
    headers.insert("host", request.host.parse().unwrap());
    let path = request.target.split('?').next().unwrap().to_owned();
    let (body, kind) = match request.body.first() {
        None => (Vec::new(), None),
        Some(b'{') => (br#"{"a":1}"#.to_vec(), Some("application/json")),
        Some(_) => (b"a=1".to_vec(), Some("application/x-www-form-urlencoded")),
    };
    if let Some(kind) = kind {
        headers.insert("content-type", kind.parse().unwrap());
    }
    OwnedRequest { target: path, headers, body, ..request.clone() }
}

/// The same bytes each time.
struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}
