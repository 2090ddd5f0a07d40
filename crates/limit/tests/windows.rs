//! A rate that is changed for somebody: what he used of it stays used.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Barrier};

use countersign_limit::{Check, Limiter, Rule, Subject};
use countersign_model::{KeyDigest, Rate, UnixTime};
use proptest::prelude::*;

const NOON: UnixTime = UnixTime::from_secs(1_795_262_400);
const ONE: Subject = Subject::Credential(KeyDigest([1; 32]));
const TWO: Subject = Subject::Credential(KeyDigest([2; 32]));

fn after(millis: i64) -> UnixTime {
    UnixTime::from_millis(NOON.millis() + millis)
}

fn window(limiter: &Limiter, rate: &str) -> Arc<Rule> {
    let rate = Rate::parse(rate).unwrap();
    limiter.window(&format!("credential:{}", rate.window()), rate)
}

/// How many of `tries` pass at `now`.
fn passing(limiter: &Limiter, rule: &Arc<Rule>, subject: Subject, tries: usize, now: UnixTime) -> usize {
    (0..tries).filter(|_| limiter.take(&[Check { rule, subject }], now).is_ok()).count()
}

#[test]
fn what_was_used_of_a_rate_stays_used_when_the_rate_is_another() {
    for (before, used, then, left) in [
        ("5000/d", 4000, "10000/d", 6000),
        ("5000/d", 4000, "4500/d", 500),
        ("5000/d", 4000, "100/d", 0),
        ("5000/d", 4000, "5000/d burst 4100", 100),
        ("5000/d", 0, "100/d", 100),
        // Periods that are written in two ways are one period.
        ("60/min", 20, "30/60s", 10),
    ] {
        let limiter = Limiter::new(10);
        assert_eq!(passing(&limiter, &window(&limiter, before), ONE, used, NOON), used);
        let rule = window(&limiter, then);
        let check = [Check { rule: &rule, subject: ONE }];
        assert_eq!(limiter.look(&check, NOON).is_ok(), left > 0, "{before} {then}");
        assert_eq!(passing(&limiter, &rule, ONE, 20_000, NOON), left, "{before} {then}");
        let all = usize::try_from(rule.rate().burst()).unwrap();
        assert_eq!(passing(&limiter, &rule, TWO, 20_000, NOON), all, "another has used nothing");
    }
}

#[test]
fn a_lowered_rate_keeps_nobody_waiting_for_longer_than_its_own_burst_takes() {
    let limiter = Limiter::new(10);
    assert_eq!(passing(&limiter, &window(&limiter, "1000/h"), ONE, 1000, NOON), 1000);
    let lowered = window(&limiter, "60/h");
    assert_eq!(passing(&limiter, &lowered, ONE, 5, after(59_999)), 0);
    assert_eq!(passing(&limiter, &lowered, ONE, 5, after(119_999)), 1);
}

#[test]
fn a_rate_of_another_period_begins_anew_and_finds_its_count_when_it_is_back() {
    let limiter = Limiter::new(10);
    assert_eq!(passing(&limiter, &window(&limiter, "5/h"), ONE, 9, NOON), 5);
    assert_eq!(passing(&limiter, &window(&limiter, "7/d"), ONE, 9, NOON), 7);
    assert_eq!(passing(&limiter, &window(&limiter, "5/h"), ONE, 9, NOON), 0);
}

#[test]
fn of_any_number_of_threads_as_many_pass_as_may_while_the_rate_changes_under_them() {
    const THREADS: usize = 8;
    const MAY: usize = 20_000;
    let limiter = Limiter::new(10);
    let rates = ["1000000/d burst 20000", "900/d burst 20000", "7/d burst 20000"];
    let (passed, together) = (AtomicUsize::new(0), Barrier::new(THREADS));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (limiter, passed, together) = (&limiter, &passed, &together);
            scope.spawn(move || {
                let rules = rates.map(|rate| window(limiter, rate));
                together.wait();
                for turn in 0..MAY {
                    let rule = rules.iter().cycle().nth((thread + turn / 40) % rules.len()).unwrap();
                    if limiter.take(&[Check { rule, subject: ONE }], NOON).is_ok() {
                        passed.fetch_add(1, Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), MAY);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn a_rate_that_goes_to_and_fro_lets_no_more_pass_than_the_greater_one(
        count in 1_u32..40,
        other in 1_u32..40,
        gaps in prop::collection::vec((0_i64..3_000, any::<bool>()), 1..150),
    ) {
        let limiter = Limiter::new(10);
        let rule = |count| window(&limiter, &format!("{count}/20s burst 30"));
        let (one, two) = (rule(count), rule(other));
        let (mut at, mut passed) = (0, 0);
        for (gap, which) in gaps {
            at += gap;
            passed += passing(&limiter, if which { &one } else { &two }, ONE, 2, after(at));
        }
        let came_back = at * i64::from(count.max(other)) / 20_000;
        prop_assert!(i64::try_from(passed).unwrap() <= 30 + came_back, "{passed} in {at} ms");
    }
}
