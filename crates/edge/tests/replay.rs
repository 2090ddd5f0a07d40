//! What serves once serves once: the verdict table of replay guards, to the second at each boundary.
//!
//! The signatures here are made with other code than the one that checks them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod world;

use std::collections::HashSet;

use countersign_model::UnixTime;
use countersign_verify::Failure;
use proptest::prelude::*;
use world::{Credentials, NOON, Sent, World, hex_hmac, realm_signature};

/// `passed`, or the word in the log for why not.
fn outcome(world: &World, sent: &Sent, at: i64) -> &'static str {
    outcome_at(world, sent, UnixTime::from_secs(NOON + at))
}

fn outcome_at(world: &World, sent: &Sent, now: UnixTime) -> &'static str {
    world.follow(now);
    match world.decide_at(sent, now) {
        Ok(_) => "passed",
        Err(Failure::Denied(denial)) => denial.reason.code(),
        Err(Failure::Limited(_)) => "limited",
        Err(Failure::Unavailable(_)) => "unavailable",
        Err(Failure::Body(_)) => "body",
    }
}

/// Sends each at its moment, one after the other, and compares what comes of it.
fn check(world: &World, steps: &[(&str, i64, &Sent, &str)]) {
    for (what, at, sent, expected) in steps {
        assert_eq!(outcome(world, sent, *at), *expected, "{what}");
    }
}

fn windowed(by: &Credentials, signed_at: i64, body: &str) -> Sent {
    let time = NOON + signed_at;
    let signature = hex_hmac(&by.secret, &format!("POST /things {time} {body}"));
    Sent::new("POST", "/things", "signature:windowed")
        .header("X-Key", &by.api_key)
        .header("X-Time", &time.to_string())
        .header("X-Sign", &signature)
        .body(body.as_bytes())
}

fn ending(by: &Credentials, ends_at: i64) -> Sent {
    let time = NOON + ends_at;
    Sent::new("POST", "/things", "signature:ending")
        .header("X-Key", &by.api_key)
        .header("X-Time", &time.to_string())
        .header("X-Sign", &hex_hmac(&by.secret, &format!("POST /things {time} ")))
}

fn nonced(by: &Credentials, signed_at: i64, nonce: &str, body: &str) -> Sent {
    let time = NOON + signed_at;
    Sent::new("POST", "/things", "signature:nonced")
        .header("X-Key", &by.api_key)
        .header("X-Time", &time.to_string())
        .header("X-Nonce", nonce)
        .header("X-Sign", &hex_hmac(&by.secret, &format!("{nonce} {time} {body}")))
        .body(body.as_bytes())
}

fn timeless(by: &Credentials, nonce: &str, body: &str) -> Sent {
    Sent::new("POST", "/things", "signature:timeless")
        .header("X-Key", &by.api_key)
        .header("X-Nonce", nonce)
        .header("X-Sign", &hex_hmac(&by.secret, &format!("{nonce} {body}")))
        .body(body.as_bytes())
}

fn growing(by: &Credentials, nonce: &str, body: &str) -> Sent {
    Sent::new("POST", "/things", "signature:growing")
        .header("X-Grow-Key", &by.api_key)
        .header("X-Grow-Nonce", nonce)
        .header("X-Grow-Sign", &hex_hmac(&by.secret, &format!("{nonce} {body}")))
        .body(body.as_bytes())
}

#[test]
fn a_signature_serves_once_while_its_time_is_good() {
    let world = World::new();
    let (one, two) = (world.issue(Some("windowed"), ""), world.issue(Some("windowed"), ""));
    let sent = windowed(&one, 0, "a");
    check(
        &world,
        &[
            ("the first time", 0, &sent, "passed"),
            ("again", 0, &sent, "replayed"),
            ("in its last second", 60, &sent, "replayed"),
            ("a second later its time refuses it", 61, &sent, "untimely"),
            ("before its time", -31, &sent, "untimely"),
            ("in its first second", -30, &sent, "replayed"),
            ("another body", 0, &windowed(&one, 0, "b"), "passed"),
            ("another second", 0, &windowed(&one, 1, "a"), "passed"),
            ("the same of another", 0, &windowed(&two, 0, "a"), "passed"),
            ("for the first time in its last second", 60, &windowed(&one, 0, "c"), "passed"),
            ("and again", 60, &windowed(&one, 0, "c"), "replayed"),
        ],
    );
}

#[test]
fn a_signature_that_is_written_otherwise_is_the_same_signature() {
    let world = World::new();
    let key = world.issue(Some("windowed"), "");
    let sent = windowed(&key, 0, "a");
    let signature = sent.get("X-Sign");
    assert_eq!(outcome(&world, &sent, 0), "passed");
    let zeros = "00".repeat(32);
    for (what, again) in [
        ("in upper case", sent.clone().replace("X-Sign", &signature.to_uppercase())),
        ("behind a wrong one", sent.clone().replace("X-Sign", &zeros).header("X-Sign-2", &signature)),
        ("before a wrong one", sent.clone().header("X-Sign-2", &zeros)),
        ("with a query, which it does not cover", sent.clone().target("/things?again")),
    ] {
        assert_eq!(outcome(&world, &again, 0), "replayed", "{what}");
    }
}

#[test]
fn a_signature_that_names_its_end_serves_once_until_the_end_of_that_second() {
    let world = World::new();
    let key = world.issue(Some("ending"), "");
    let at = |millis| UnixTime::from_millis(NOON * 1000 + millis);
    for (end, first_use) in [(1, 0), (2, 2000), (3, 3500), (4, 4999)] {
        let sent = ending(&key, end);
        assert_eq!(outcome_at(&world, &sent, at(first_use)), "passed", "at {first_use}");
        assert_eq!(outcome_at(&world, &sent, at(end * 1000 + 999)), "replayed", "{end}");
        world.sweep(NOON + end);
        assert_eq!(outcome_at(&world, &sent, at(end * 1000 + 999)), "replayed", "{end}, swept");
        assert_eq!(outcome_at(&world, &sent, at(end * 1000 + 1000)), "untimely", "{end}");
    }
}

#[test]
fn a_nonce_serves_once_while_the_time_it_came_with_is_good() {
    let world = World::new();
    let (one, two) = (world.issue(Some("nonced"), ""), world.issue(Some("nonced"), ""));
    check(
        &world,
        &[
            ("the first time", 0, &nonced(&one, 0, "n", "a"), "passed"),
            ("again", 0, &nonced(&one, 0, "n", "a"), "replayed"),
            ("the nonce in another request", 0, &nonced(&one, 0, "n", "b"), "replayed"),
            ("the nonce at another time", 10, &nonced(&one, 10, "n", "b"), "replayed"),
            ("another nonce", 0, &nonced(&one, 0, "N", "a"), "passed"),
            ("the nonce of another", 0, &nonced(&two, 0, "n", "a"), "passed"),
            ("in its last second", 60, &nonced(&one, 60, "n", "a"), "replayed"),
            ("the first request, after that", 61, &nonced(&one, 0, "n", "a"), "untimely"),
            ("the nonce anew, after that", 61, &nonced(&one, 60, "n", "a"), "passed"),
            ("and again", 120, &nonced(&one, 60, "n", "a"), "replayed"),
        ],
    );
}

#[test]
fn a_nonce_without_a_time_serves_once_as_long_as_its_credential_lives() {
    let world = World::new();
    let (one, two) = (world.issue(Some("timeless"), ""), world.issue(Some("timeless"), ""));
    check(
        &world,
        &[
            ("the first time", 0, &timeless(&one, "n", "a"), "passed"),
            ("in another request", 0, &timeless(&one, "n", "b"), "replayed"),
            ("of another", 0, &timeless(&two, "n", "a"), "passed"),
        ],
    );
    let year = 365 * 86_400;
    world.sweep(NOON + year);
    assert_eq!(outcome(&world, &timeless(&one, "n", "a"), year), "replayed");
    world.revoke(&one);
    assert_eq!(outcome(&world, &timeless(&one, "n", "a"), year), "revoked");
    assert_eq!(world.sweep(NOON + year).replays, 1, "what the other one used is kept");
}

#[test]
fn a_nonce_that_must_grow_grows() {
    let world = World::new();
    let (one, two) = (world.issue(Some("growing"), ""), world.issue(Some("growing"), ""));
    let nines = "9".repeat(38);
    check(
        &world,
        &[
            ("any first one", 0, &growing(&one, "1795262400123", "a"), "passed"),
            ("the same request", 0, &growing(&one, "1795262400123", "a"), "replayed"),
            ("the same nonce", 0, &growing(&one, "1795262400123", "b"), "replayed"),
            ("the same number", 0, &growing(&one, "01795262400123", "a"), "replayed"),
            ("a smaller one", 0, &growing(&one, "1795262400122", "a"), "replayed"),
            ("a smaller one whose digits sort behind", 0, &growing(&one, "9", "a"), "replayed"),
            ("a greater one", 0, &growing(&one, "1795262400124", "a"), "passed"),
            ("one in nanoseconds", 0, &growing(&one, "1795262400123456789", "a"), "passed"),
            ("the greatest", 0, &growing(&one, &nines, "a"), "passed"),
            ("a smaller one of another", 0, &growing(&two, "7", "a"), "passed"),
            ("no number", 0, &growing(&two, "8.5", "a"), "malformed"),
            ("too many digits", 0, &growing(&two, &format!("{nines}0"), "a"), "malformed"),
            ("what was no number used nothing up", 0, &growing(&two, "8", "a"), "passed"),
        ],
    );
}

#[test]
fn a_forged_signature_uses_nothing_up() {
    let world = World::new();
    let nonced_key = world.issue(Some("nonced"), "");
    let growing_key = world.issue(Some("growing"), "");
    let wrong = |sent: Sent, header| sent.replace(header, &"ab".repeat(32));
    for forged_first in
        [(nonced(&nonced_key, 0, "n", "a"), "X-Sign"), (growing(&growing_key, "5", "a"), "X-Grow-Sign")]
    {
        let (good, header) = forged_first;
        assert_eq!(outcome(&world, &wrong(good.clone(), header), 0), "bad_signature");
        assert_eq!(outcome(&world, &good, 0), "passed");
    }
    let far_ahead = wrong(growing(&growing_key, &"9".repeat(38), "a"), "X-Grow-Sign");
    assert_eq!(outcome(&world, &far_ahead, 0), "bad_signature");
    assert_eq!(outcome(&world, &growing(&growing_key, "6", "a"), 0), "passed");
}

#[test]
fn a_route_may_have_a_signature_serve_once_where_its_dialect_does_not() {
    let world = World::new();
    let realm_key = world.issue(Some("realm"), "");
    let realm = |signed_at: i64| {
        let time = NOON + signed_at;
        Sent::new("POST", "/v1/things", "signature:realm")
            .header("X-API-Key", &realm_key.api_key)
            .header("X-Timestamp", &time.to_string())
            .header("X-Signature", &realm_signature(&realm_key.secret, "POST", "/v1/things", time, b""))
    };
    check(
        &world,
        &[
            ("where it may", 0, &realm(0), "passed"),
            ("again", 0, &realm(0), "passed"),
            ("the first time where it serves once", 0, &realm(0).once(), "passed"),
            ("again there", 0, &realm(0).once(), "replayed"),
            ("in its last second", 300, &realm(0).once(), "replayed"),
            ("after that", 301, &realm(0).once(), "untimely"),
            ("another second", 0, &realm(1).once(), "passed"),
            ("where it may, still", 0, &realm(0), "passed"),
            ("a broken one", 0, &realm(2).once().replace("X-Timestamp", "5"), "untimely"),
        ],
    );
    let nonced_key = world.issue(Some("nonced"), "");
    assert_eq!(outcome(&world, &nonced(&nonced_key, 0, "n", "a").once(), 0), "passed");
    assert_eq!(outcome(&world, &nonced(&nonced_key, 0, "n", "a"), 0), "replayed");
}

#[test]
fn nothing_is_used_up_before_all_signatures_are_good() {
    let world = World::new();
    let (one, two) = (world.issue(Some("windowed"), ""), world.issue(Some("growing"), ""));
    let both = |first: &Sent, second: &Sent| {
        let mut both = first.clone().require("signature:windowed&signature:growing");
        for name in ["X-Grow-Key", "X-Grow-Nonce", "X-Grow-Sign"] {
            both = both.header(name, &second.get(name));
        }
        both
    };
    let (first, second) = (windowed(&one, 0, "a"), growing(&two, "5", "a"));
    let wrong = |sent: &Sent, name| sent.clone().replace(name, &"ab".repeat(32));
    check(
        &world,
        &[
            ("the second is wrong", 0, &both(&first, &wrong(&second, "X-Grow-Sign")), "bad_signature"),
            ("the first is wrong", 0, &both(&wrong(&first, "X-Sign"), &second), "bad_signature"),
            ("both are good", 0, &both(&first, &second), "passed"),
            ("again", 0, &both(&first, &second), "replayed"),
            ("the first alone", 0, &first, "replayed"),
            ("the second alone", 0, &second, "replayed"),
        ],
    );
}

#[test]
fn a_request_that_is_refused_for_its_scopes_has_used_its_signature_up() {
    let world = World::new();
    let key = world.issue(Some("windowed"), "");
    let sent = windowed(&key, 0, "a");
    assert_eq!(outcome(&world, &sent.clone().scopes("things:write"), 0), "missing_scopes");
    assert_eq!(outcome(&world, &sent, 0), "replayed");
}

#[test]
fn a_repeat_looks_to_its_sender_like_a_wrong_signature() {
    let world = World::new();
    let key = world.issue(Some("windowed"), "");
    let sent = windowed(&key, 0, "a");
    let wrong = world.answer(&sent.clone().replace("X-Sign", &"ab".repeat(32)), NOON);
    assert_eq!(outcome(&world, &sent, 0), "passed");
    let repeat = world.answer(&sent, NOON);
    assert_eq!(repeat.status(), 403);
    assert_eq!(
        (repeat.status(), repeat.headers(), repeat.body()),
        (wrong.status(), wrong.headers(), wrong.body())
    );
}

#[test]
fn storage_that_fails_lets_nothing_pass_and_uses_nothing_up() {
    let world = World::new();
    let (one, two) = (world.issue(Some("windowed"), ""), world.issue(Some("growing"), ""));
    // So that both credentials are in memory.
    assert_eq!(outcome(&world, &windowed(&one, 0, "a"), 0), "passed");
    assert_eq!(outcome(&world, &growing(&two, "5", "a"), 0), "passed");
    let later = [windowed(&one, 0, "b"), growing(&two, "6", "a")];
    world.cut();
    for sent in &later {
        assert_eq!(world.verdict_unfollowed(sent, NOON), (503, "UNAVAILABLE".to_owned()));
    }
    world.mend();
    for sent in &later {
        assert_eq!(outcome(&world, sent, 0), "passed");
    }
}

#[test]
fn a_clock_that_steps_back_lets_nothing_pass_twice() {
    let world = World::new();
    let key = world.issue(Some("windowed"), "");
    let used = windowed(&key, 0, "a");
    assert_eq!(outcome(&world, &used, 0), "passed");
    world.sweep(NOON + 100);
    assert_eq!(outcome(&world, &used, 0), "replayed");
    // What cannot have been swept is not affected.
    assert_eq!(outcome(&world, &windowed(&key, 1, "a"), 0), "passed");
}

/// One request of a random series: which credential signs which text when, and when it is sent.
#[derive(Clone, Debug)]
struct Step {
    dialect: usize,
    whose: usize,
    signed_at: i64,
    nonce: u8,
    body: &'static str,
    after: i64,
    sweep: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let body = prop::sample::select(vec!["", "a", "b"]);
    (0..3_usize, 0..2_usize, 0..4_i64, 0..6_u8, body, 0..25_i64, any::<bool>()).prop_map(
        |(dialect, whose, signed_at, nonce, body, after, sweep)| Step {
            dialect,
            whose,
            signed_at: signed_at * 20,
            nonce,
            body,
            after,
            sweep,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn in_any_series_with_repeats_each_signature_passes_at_most_once(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let world = World::new();
        let keys = ["windowed", "nonced", "growing"]
            .map(|dialect| [world.issue(Some(dialect), ""), world.issue(Some(dialect), "")]);
        let (mut passed, mut greatest, mut at) = (HashSet::new(), [None; 2], 0);
        let mut first_of_its_kind = HashSet::new();
        for step in steps {
            at += step.after;
            if step.sweep {
                world.sweep(NOON + at);
            }
            let (by, nonce) = (&keys[step.dialect][step.whose], step.nonce.to_string());
            let (sent, signature) = match step.dialect {
                0 => (windowed(by, step.signed_at, step.body), "X-Sign"),
                1 => (nonced(by, step.signed_at, &nonce, step.body), "X-Sign"),
                _ => (growing(by, &nonce, step.body), "X-Grow-Sign"),
            };
            let signature = (step.dialect, step.whose, sent.get(signature));
            match outcome(&world, &sent, at) {
                "passed" => {
                    prop_assert!(passed.insert(signature), "{step:?} passed twice");
                    if step.dialect == 2 {
                        prop_assert!(greatest[step.whose] < Some(step.nonce), "{step:?}");
                        greatest[step.whose] = Some(step.nonce);
                    }
                }
                "replayed" => {
                    // Nothing is refused without a reason: an earlier one had its signature, its nonce, or a greater one.
                    prop_assert!(match step.dialect {
                        0 => passed.contains(&signature),
                        1 => first_of_its_kind.contains(&(step.whose, step.nonce)),
                        _ => greatest[step.whose] >= Some(step.nonce),
                    }, "{step:?} was refused");
                }
                other => prop_assert_eq!(other, "untimely"),
            }
            if step.dialect == 1 {
                first_of_its_kind.insert((step.whose, step.nonce));
            }
        }
    }
}
