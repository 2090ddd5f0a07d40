//! The linter and tampering agree on which dialects sign a target decoded.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may panic"
)]

mod support;

use std::collections::BTreeMap;

use countersign_dialect::{Reading, Recipe, Risk};
use support::OwnedRequest;

/// The targets that differ from this one in a delimiter that is escaped, or is not any more.
fn crossed(target: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (plain, escaped) in [("/", "%2F"), ("?", "%3F"), ("&", "%26"), ("=", "%3D")] {
        for (from, to) in [(plain, escaped), (escaped, plain)] {
            for (at, _) in target.match_indices(from).filter(|(at, _)| *at > 0) {
                all.push(format!("{}{to}{}", &target[..at], &target[at + from.len()..]));
            }
        }
    }
    all
}

fn decoded(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => bytes.extend([&[byte], &part.as_bytes()[2..]].concat()),
            None => bytes.extend([b"%", part.as_bytes()].concat()),
        }
    }
    bytes
}

type Meaning = (Vec<Vec<u8>>, BTreeMap<Vec<u8>, Vec<u8>>);

/// What a server makes of a target: the segments of its path, and its parameters, of those of one name the last.
fn meaning(target: &str) -> Meaning {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    (path.split('/').map(decoded).collect(), query.split('&').map(pair).collect())
}

fn passes(recipe: &Recipe, request: &OwnedRequest, secret: &[u8]) -> bool {
    let lines = request.lines();
    let request = request.borrow(&lines);
    let Reading::Presented(claim) = recipe.read(&request) else { return false };
    recipe.verify(&claim, &request, &recipe.prepare(secret)).is_ok()
}

#[test]
fn a_target_with_a_delimiter_escaped_passes_only_where_the_linter_says_so() {
    let dialects = support::dialects();
    let (mut wrong, mut noticed, mut told) = (Vec::new(), 0, 0);
    for recipe in dialects.iter() {
        let found: Vec<Risk> = recipe.lint().into_iter().map(|finding| finding.risk).collect();
        let is_open = |risk: Risk| found.contains(&risk);
        // What is not signed at all may change in any way.
        if is_open(Risk::UnsignedPath) || is_open(Risk::UnsignedQuery) {
            continue;
        }
        let file = format!("/{}.cases.json", recipe.name());
        for case in
            support::files(".cases.json").iter().filter(|path| path.to_str().unwrap().ends_with(&file))
        {
            for case in support::cases(case).into_iter().filter(|case| case.odd.is_none()) {
                let meant = meaning(&case.request.target);
                for target in
                    crossed(&case.request.target).into_iter().filter(|target| meaning(target) != meant)
                {
                    let changed = OwnedRequest { target: target.clone(), ..case.request.clone() };
                    match (passes(recipe, &changed, case.secret.as_bytes()), is_open(Risk::DecodedTarget)) {
                        (true, false) => {
                            wrong.push(format!("{} {} {target}", recipe.name(), case.request.target));
                        }
                        (true, true) => told += 1,
                        (false, _) => noticed += 1,
                    }
                }
            }
        }
    }
    println!("{noticed} noticed, {told} told");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(noticed > 100 && told > 10, "{noticed} {told}");
}

/// Dialects with no captured request whose target has a delimiter of the kind in the place that they decode.
const NOT_CAPTURED: [&str; 7] =
    ["aws-s3-v2-query", "aws-sigv4", "aws-sigv4a", "aws-sigv4a-query", "azure-batch", "azure-storage", "xt"];

#[test]
fn where_the_linter_says_so_there_is_a_target_that_passes_as_another() {
    let dialects = support::dialects();
    let mut wrong = Vec::new();
    for recipe in dialects.iter() {
        let found = recipe.lint().into_iter().any(|finding| finding.risk == Risk::DecodedTarget);
        if !found || NOT_CAPTURED.contains(&recipe.name().as_str()) {
            continue;
        }
        let file = format!("/{}.cases.json", recipe.name());
        let files = support::files(".cases.json");
        let beside = files.iter().filter(|path| path.to_str().unwrap().ends_with(&file));
        let cases: Vec<_> =
            beside.flat_map(|path| support::cases(path)).filter(|case| case.odd.is_none()).collect();
        let is_open = cases.iter().any(|case| {
            let meant = meaning(&case.request.target);
            crossed(&case.request.target).into_iter().any(|target| {
                let changed = OwnedRequest { target: target.clone(), ..case.request.clone() };
                meaning(&target) != meant && passes(recipe, &changed, case.secret.as_bytes())
            })
        });
        if !is_open {
            wrong.push(recipe.name().to_string());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
