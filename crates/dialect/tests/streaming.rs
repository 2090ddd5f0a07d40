//! A body that is digested as it comes gets the answer that it would get whole.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod support;

use std::fmt::Write as _;

use countersign_dialect::{BodyUse, Dialects, Mismatch, PreparedKey, Reading, Recipe, Request, Source};
use countersign_model::DialectName;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use support::{Case, OwnedRequest, cases, dialects, files, tampered};

/// The answer to a request whose body comes in these pieces; with it what the replay guard would remember.
fn streamed(
    recipe: &Recipe,
    request: &Request<'_>,
    key: &PreparedKey,
    pieces: &[&[u8]],
) -> Result<Vec<u8>, Mismatch> {
    let Reading::Presented(claim) = recipe.read(request) else { panic!("it is presented") };
    let unread = Request { body: None, ..*request };
    let mut verification = recipe.begin(&claim, &unread, key)?;
    for piece in pieces {
        verification.update(piece);
    }
    verification.finish().map(|valid| valid.signed().to_vec())
}

fn whole(recipe: &Recipe, request: &Request<'_>, key: &PreparedKey) -> Result<Vec<u8>, Mismatch> {
    let Reading::Presented(claim) = recipe.read(request) else { panic!("it is presented") };
    recipe.verify(&claim, request, key).map(|valid| valid.signed().to_vec())
}

/// `body` in pieces that end at these places.
fn cut<'b>(body: &'b [u8], places: &[Index]) -> Vec<&'b [u8]> {
    let mut ends: Vec<usize> = places.iter().map(|place| place.index(body.len() + 1)).collect();
    ends.sort_unstable();
    ends.push(body.len());
    let mut start = 0;
    ends.into_iter().map(|end| &body[std::mem::replace(&mut start, end)..end]).collect()
}

/// Every captured request that a recipe takes the body of as it comes.
fn streamable(all: &Dialects) -> Vec<(&Recipe, Case)> {
    let mut found = Vec::new();
    for path in files(".cases.json") {
        let name = path.file_name().unwrap().to_str().unwrap().trim_end_matches(".cases.json");
        let recipe = all.get(&DialectName::parse(name).unwrap()).unwrap();
        for case in cases(&path) {
            if let Reading::Presented(claim) = recipe.read(&case.request.borrow(&case.request.lines()))
                && recipe.body_use_in(&claim) == BodyUse::Streamed
            {
                found.push((&**recipe, case));
            }
        }
    }
    found
}

#[test]
fn every_captured_request_gets_the_same_answer_in_pieces_as_whole_and_so_does_every_change_of_it() {
    let all = dialects();
    let captured = streamable(&all);
    let (mut good, mut bad) = (0, 0);
    let runner = || TestRunner::new(Config { cases: 8, failure_persistence: None, ..Config::default() });
    let places = prop::collection::vec(any::<Index>(), 0..6);
    for (recipe, case) in &captured {
        let key = recipe.prepare(case.secret.as_bytes());
        let changed = tampered(&case.request).into_iter().map(|(_, request)| request);
        for request in std::iter::once(case.request.clone()).chain(changed) {
            let lines = request.lines();
            let request = request.borrow(&lines);
            let Reading::Presented(claim) = recipe.read(&request) else { continue };
            if recipe.body_use_in(&claim) != BodyUse::Streamed {
                continue;
            }
            let expected = whole(recipe, &request, &key);
            *if expected.is_ok() { &mut good } else { &mut bad } += 1;
            // One that ran has had its successes.
            runner()
                .run(&places, |places| {
                    let pieces = cut(request.body.unwrap(), &places);
                    let answer = streamed(recipe, &request, &key, &pieces);
                    match (&answer, &expected) {
                        (Ok(one), Ok(other)) => prop_assert_eq!(one, other),
                        (Err(_), Err(_)) => {}
                        _ => prop_assert!(false, "{} {}: {answer:?}, {expected:?}", recipe.name(), case.id),
                    }
                    Ok(())
                })
                .unwrap();
        }
    }
    // So many of those that are captured now: fewer would mean that recipes no longer stream.
    assert!(captured.len() >= 100 && good >= 100 && bad >= 200, "{} {good} {bad}", captured.len());
}

fn recipe_of(rest: &str) -> Dialects {
    let text = format!("[dialect.x]\nsignature = '{{header.Sig}}'\nencoding = 'hex'\n{rest}");
    match Dialects::load(&[Source { origin: "x".into(), text }]) {
        Ok(dialects) => dialects,
        Err(mistakes) => panic!("{}", mistakes.iter().map(ToString::to_string).collect::<String>()),
    }
}

fn body_use(rest: &str) -> BodyUse {
    recipe_of(rest).iter().next().unwrap().body_use()
}

#[test]
fn a_body_streams_where_it_stands_once_or_in_digests_and_nowhere_else() {
    let hmac = "algorithm = 'hmac-sha256'";
    let streams = [
        "string_to_sign = '{body}'",
        "string_to_sign = '{method}{body}{path}'",
        "string_to_sign = \"{method}{body | prefix('#')}\"",
        "string_to_sign = '{body | sha256 | hex}{body | md5}'",
        "string_to_sign = '{body}{body | sha256}'",
        "string_to_sign = '{a}'\nlet.a = '{method}{b}'\nlet.b = '{body}'",
        "string_to_sign = '{a | sha256}{a | sha512}'\nlet.a = '{method}{body}'",
        "string_to_sign = '{method}{header.X | or(a)}'\nlet.a = '{body | sha256 | hex}'",
        "string_to_sign = '{method}'\nchecks.a = ['{header.Digest}', '{body | sha256 | base64}']",
        "string_to_sign = '{method}'\nkey = '{secret}{body | sha256}'",
    ];
    for dialect in streams {
        assert_eq!(body_use(&format!("{dialect}\n{hmac}")), BodyUse::Streamed, "{dialect}");
    }
    let waits = [
        "string_to_sign = '{body}{body}'",
        "string_to_sign = '{body | base64}'",
        "string_to_sign = '{body | sha256}{body}'",
        "string_to_sign = '{json.a}'",
        "string_to_sign = \"{form | sort | render('=', '&')}\"",
        "string_to_sign = '{body}'\nkey = '{secret}{body | sha256}'",
        "string_to_sign = '{a | sha256}'\nlet.a = '{body}{body | sha256}'",
        "string_to_sign = '{method}'\nchecks.a = ['{header.Body}', '{body}']",
        "string_to_sign = '{body}'\nchecks.a = ['{header.Length}', '{body | length}']",
    ];
    for dialect in waits {
        assert_eq!(body_use(&format!("{dialect}\n{hmac}")), BodyUse::Signed, "{dialect}");
    }
    assert_eq!(body_use("string_to_sign = '{body}'\nalgorithm = 'rsa-sha256'"), BodyUse::Streamed);
    assert_eq!(body_use("string_to_sign = '{body}'\nalgorithm = 'ed25519'"), BodyUse::Signed);
    assert_eq!(body_use("string_to_sign = '{secret}{body}'\nalgorithm = 'plain'"), BodyUse::Signed);
    assert_eq!(body_use(&format!("string_to_sign = '{{path}}'\n{hmac}")), BodyUse::Unused);
    let read = format!("string_to_sign = '{{body}}'\nnonce = '{{json.n}}'\n{hmac}");
    assert_eq!(body_use(&read), BodyUse::Read);
}

#[test]
fn steps_that_name_each_other_many_times_over_do_not_take_long_to_plan() {
    let mut dialect = "string_to_sign = '{a59}{body}'\nalgorithm = 'hmac-sha256'\nlet.a0 = ''".to_owned();
    for at in 1..60 {
        let before = at - 1;
        write!(dialect, "\nlet.a{at} = '{{a{before}}}{{a{before}}}'").unwrap();
    }
    assert_eq!(body_use(&dialect), BodyUse::Streamed);
}

#[test]
fn what_is_wrong_without_the_body_is_told_before_it_is_asked_for() {
    let all = recipe_of(
        "string_to_sign = '{method}{body}'\nalgorithm = 'hmac-sha256'\nchecks.kind = ['{header.Kind}', 'x']",
    );
    let recipe = all.iter().next().unwrap();
    let mut headers = http::HeaderMap::new();
    headers.insert("sig", "00".parse().unwrap());
    let request = OwnedRequest {
        method: "POST".into(),
        scheme: "https".into(),
        host: "a".into(),
        target: "/".into(),
        headers,
        body: Vec::new(),
    };
    let lines = request.lines();
    let request = Request { body: None, ..request.borrow(&lines) };
    let Reading::Presented(claim) = recipe.read(&request) else { panic!("it is presented") };
    let key = recipe.prepare(b"secret");
    assert!(matches!(recipe.begin(&claim, &request, &key), Err(Mismatch::Check(_))));
}
