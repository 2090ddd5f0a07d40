//! [`crate::Replays`], but for the sweep.

use std::sync::Arc;

use countersign_model::{DialectName, UnixTime};

use super::Fixture;
use super::race::{ROUNDS, count, race, race_of};
use super::samples::{
    MOMENTS, NOON, add_consumer, api_key, consumer, digest, issue, later, replay_scope, replay_token,
    signature,
};
use crate::{Increase, Keep, Once, ReplayScope, Store};

/// More than any feed here holds.
const ALL: u64 = u64::MAX;

/// Issues signature credentials 1 and 2 to one consumer.
async fn issue_two(store: &dyn Store) {
    let whose = add_consumer(store, 1).await;
    for number in [1, 2] {
        issue(store, &signature(number, &whose, b"sealed")).await;
    }
}

/// Claims token `number` in the first credential's scope.
async fn claim(store: &Arc<dyn Store>, number: u64, until: UnixTime, now: UnixTime) -> Once {
    store.claim_once(&replay_scope(1), &replay_token(number), Keep::Until(until), now).await.unwrap()
}

/// Claims token `number` in the first credential's scope, for as long as that can be used.
async fn claim_for_good(store: &Arc<dyn Store>, number: u64, now: UnixTime) -> Once {
    store.claim_once(&replay_scope(1), &replay_token(number), Keep::WithCredential, now).await.unwrap()
}

fn after(moment: UnixTime, millis: i64) -> UnixTime {
    UnixTime::from_millis(moment.millis() + millis)
}

pub async fn a_signature_is_claimed_once(Fixture { store, other, .. }: &Fixture) {
    issue_two(&**store).await;
    assert_eq!(claim(store, 1, later(60), NOON).await, Once::First);
    for seeing in [store, other, store] {
        assert_eq!(claim(seeing, 1, later(60), NOON).await, Once::Seen);
    }
    assert_eq!(claim(other, 2, later(60), NOON).await, Once::First);
}

pub async fn what_is_claimed_in_one_scope_is_free_in_another(Fixture { store, .. }: &Fixture) {
    issue_two(&**store).await;
    for number in [1, 2] {
        let (scope, token) = (replay_scope(number), replay_token(7));
        let claim = store.claim_once(&scope, &token, Keep::Until(later(60)), NOON).await.unwrap();
        assert_eq!(claim, Once::First);
        assert_eq!(store.claim_increasing(&scope, 10).await.unwrap(), Increase::Increased);
    }
}

pub async fn a_claim_lasts_to_the_last_millisecond_of_its_end(Fixture { store, .. }: &Fixture) {
    issue_two(&**store).await;
    let (end, longer) = (later(60), later(120));
    assert_eq!(claim(store, 1, end, NOON).await, Once::First);
    assert_eq!(claim(store, 1, longer, after(end, -1)).await, Once::Seen);
    assert_eq!(claim(store, 1, longer, end).await, Once::Seen);
    // A nonce may come again when its window has closed, also before anything was swept.
    assert_eq!(claim(store, 1, longer, after(end, 1)).await, Once::First);
    assert_eq!(claim(store, 1, longer, after(end, 1)).await, Once::Seen);
}

pub async fn a_claim_with_a_longer_end_outlasts_the_one_before_it(Fixture { store, .. }: &Fixture) {
    issue_two(&**store).await;
    assert_eq!(claim(store, 1, later(60), NOON).await, Once::First);
    assert_eq!(claim_for_good(store, 1, later(61)).await, Once::First);
    store.sweep(later(1000), ALL).await.unwrap();
    assert_eq!(claim(store, 1, later(3000), later(2000)).await, Once::Seen);
    assert_eq!(claim_for_good(store, 1, later(2000)).await, Once::Seen);
}

pub async fn what_has_ended_already_is_never_claimed(Fixture { store, .. }: &Fixture) {
    issue_two(&**store).await;
    assert_eq!(claim(store, 1, after(NOON, -1), NOON).await, Once::Expired);
    // Nothing was written: at its last moment it is free.
    assert_eq!(claim(store, 1, after(NOON, -1), after(NOON, -1)).await, Once::First);
    for (number, now) in (10..).zip(MOMENTS) {
        assert_eq!(claim(store, number, now, now).await, Once::First, "{now:?}");
    }
}

pub async fn what_was_swept_stays_used_when_the_clock_steps_back(Fixture { store, other, .. }: &Fixture) {
    issue_two(&**store).await;
    assert_eq!(claim(store, 1, later(60), NOON).await, Once::First);
    store.sweep(later(61), ALL).await.unwrap();
    for stepped_back in [store, other] {
        assert_eq!(claim(stepped_back, 1, later(60), NOON).await, Once::Expired);
        // What ends no later than that may have been swept too, and nobody knows any more.
        assert_eq!(claim(stepped_back, 2, later(60), NOON).await, Once::Expired);
        assert_eq!(claim(stepped_back, 3, later(10), NOON).await, Once::Expired);
    }
    // What ends later cannot have been, and neither can what another credential claims.
    assert_eq!(claim(other, 2, after(later(60), 1), NOON).await, Once::First);
    let elsewhere = other.claim_once(&replay_scope(2), &replay_token(1), Keep::Until(later(10)), NOON).await;
    assert_eq!(elsewhere.unwrap(), Once::First);
}

pub async fn what_was_not_swept_is_as_it_was_when_the_clock_steps_back(
    Fixture { store, other, .. }: &Fixture,
) {
    issue_two(&**store).await;
    assert_eq!(claim(store, 1, later(60), later(30)).await, Once::First);
    // A clock far ahead finds nothing to sweep among what has not ended, whatever it says itself.
    store.sweep(later(60), ALL).await.unwrap();
    assert_eq!(claim(other, 1, later(60), NOON).await, Once::Seen);
    assert_eq!(claim(other, 2, later(10), NOON).await, Once::First);
}

pub async fn a_claim_without_an_end_lasts_as_long_as_its_credential(fixture: &Fixture) {
    let Fixture { store, other, .. } = fixture;
    issue_two(&**store).await;
    assert_eq!(claim_for_good(store, 1, NOON).await, Once::First);
    let far = UnixTime::from_millis(i64::MAX);
    store.sweep(far, ALL).await.unwrap();
    assert_eq!(claim_for_good(other, 1, far).await, Once::Seen);
    assert_eq!(claim(other, 1, far, far).await, Once::Seen);
}

pub async fn only_a_credential_that_can_be_used_claims_anything(Fixture { store, .. }: &Fixture) {
    let whose = add_consumer(&**store, 1).await;
    for number in [1, 2] {
        issue(&**store, &signature(number, &whose, b"sealed")).await;
        // What was claimed before it ended changes nothing.
        store.claim_increasing(&replay_scope(number), 9).await.unwrap();
        let (scope, token) = (replay_scope(number), replay_token(1));
        store.claim_once(&scope, &token, Keep::WithCredential, NOON).await.unwrap();
    }
    issue(&**store, &api_key(3, &whose)).await;
    store.revoke_credential(&digest(2), NOON).await.unwrap();
    let elsewhere = ReplayScope { dialect: DialectName::parse("another").unwrap(), ..replay_scope(1) };
    for scope in [replay_scope(2), replay_scope(3), replay_scope(4), elsewhere.clone()] {
        let (token, keep) = (replay_token(1), Keep::Until(later(60)));
        let claim = store.claim_once(&scope, &token, keep, NOON).await.unwrap();
        assert_eq!(claim, Once::NoCredential, "{scope:?}");
        let increase = store.claim_increasing(&scope, 9).await.unwrap();
        assert_eq!(increase, Increase::NoCredential, "{scope:?}");
    }
    store.remove_consumer(whose.id).await.unwrap();
    assert_eq!(claim(store, 1, later(60), NOON).await, Once::NoCredential);
}

pub async fn a_rotating_credential_claims_as_before(Fixture { store, .. }: &Fixture) {
    let whose = add_consumer(&**store, 1).await;
    issue(&**store, &signature(1, &whose, b"sealed")).await;
    assert_eq!(claim_for_good(store, 1, NOON).await, Once::First);
    let successor = signature(2, &whose, b"sealed");
    store.rotate_credential(&digest(1), later(60), &successor).await.unwrap();
    store.sweep(later(1), ALL).await.unwrap();
    assert_eq!(claim_for_good(store, 1, later(1)).await, Once::Seen);
    assert_eq!(claim_for_good(store, 2, later(1)).await, Once::First);
}

pub async fn a_claim_without_an_end_goes_when_its_credential_expires(Fixture { store, other, .. }: &Fixture) {
    let whose = add_consumer(&**store, 1).await;
    issue(&**store, &signature(1, &whose, b"sealed")).await;
    assert_eq!(claim_for_good(store, 1, NOON).await, Once::First);
    store.rotate_credential(&digest(1), later(60), &signature(2, &whose, b"sealed")).await.unwrap();
    assert_eq!(claim_for_good(store, 2, NOON).await, Once::First);
    let last = after(later(60), -1);
    assert_eq!(store.sweep(last, ALL).await.unwrap().replays, 0);
    for number in [1, 2] {
        assert_eq!(claim_for_good(other, number, last).await, Once::Seen);
    }
    assert_eq!(store.sweep(later(60), ALL).await.unwrap().replays, 2);
    assert_eq!(claim_for_good(other, 3, later(60)).await, Once::Expired);
    // When the clock steps back the credential can be used again, and nobody knows any more what it used.
    for number in [1, 2, 3] {
        assert_eq!(claim_for_good(other, number, NOON).await, Once::Expired);
    }
    assert_eq!(store.sweep(later(60), ALL).await.unwrap().replays, 0);
}

pub async fn what_a_credential_claimed_before_it_rotated_is_not_free_when_the_clock_steps_back(
    Fixture { store, other, .. }: &Fixture,
) {
    let whose = add_consumer(&**store, 1).await;
    issue(&**store, &signature(1, &whose, b"sealed")).await;
    assert_eq!(claim_for_good(store, 1, NOON).await, Once::First);
    store.rotate_credential(&digest(1), later(60), &signature(2, &whose, b"sealed")).await.unwrap();
    assert_eq!(store.sweep(later(60), ALL).await.unwrap().replays, 1);
    assert_eq!(claim_for_good(other, 1, NOON).await, Once::Expired);
}

pub async fn a_key_id_that_is_issued_again_claims_and_keeps_its_claims(Fixture { store, .. }: &Fixture) {
    issue_two(&**store).await;
    assert_eq!(claim_for_good(store, 1, NOON).await, Once::First);
    store.remove_consumer(consumer(1).id).await.unwrap();
    issue_two(&**store).await;
    assert_eq!(claim_for_good(store, 2, NOON).await, Once::First);
    store.sweep(later(60), ALL).await.unwrap();
    assert_eq!(claim_for_good(store, 2, NOON).await, Once::Seen);
}

pub async fn a_nonce_must_be_greater_than_every_one_before_it(Fixture { store, other, .. }: &Fixture) {
    use Increase::{Increased, NotGreater};
    issue_two(&**store).await;
    let steps =
        [(0, Increased), (0, NotGreater), (5, Increased), (5, NotGreater), (4, NotGreater), (6, Increased)];
    for (step, (value, expected)) in steps.into_iter().enumerate() {
        let store = if step % 2 == 0 { store } else { other };
        assert_eq!(store.claim_increasing(&replay_scope(1), value).await.unwrap(), expected, "{value}");
    }
    store.sweep(UnixTime::from_millis(i64::MAX), ALL).await.unwrap();
    assert_eq!(other.claim_increasing(&replay_scope(1), 6).await.unwrap(), NotGreater);
}

pub async fn nonces_are_compared_as_numbers_of_128_bits(Fixture { store, .. }: &Fixture) {
    issue_two(&**store).await;
    let growing = [9, 10, 255, 256, 1_795_262_400, u128::from(u64::MAX), u128::from(u64::MAX) + 1, u128::MAX];
    for (place, value) in growing.into_iter().enumerate() {
        let claimed = store.claim_increasing(&replay_scope(1), value).await.unwrap();
        assert_eq!(claimed, Increase::Increased, "{value}");
        for smaller in &growing[..place] {
            let claimed = store.claim_increasing(&replay_scope(1), *smaller).await.unwrap();
            assert_eq!(claimed, Increase::NotGreater, "{smaller} after {value}");
        }
    }
}

pub async fn nonces_and_signatures_do_not_touch_each_other(Fixture { store, .. }: &Fixture) {
    issue_two(&**store).await;
    assert_eq!(claim(store, 1, later(60), NOON).await, Once::First);
    assert_eq!(store.claim_increasing(&replay_scope(1), 1).await.unwrap(), Increase::Increased);
    store.sweep(later(61), ALL).await.unwrap();
    assert_eq!(store.claim_increasing(&replay_scope(1), 1).await.unwrap(), Increase::NotGreater);
}

pub async fn of_64_that_claim_one_signature_at_once_one_is_first(fixture: &Fixture) {
    issue_two(&*fixture.store).await;
    for round in 0..ROUNDS {
        // Every other round they are the first that this credential claims at all, or find an old claim.
        let scope = replay_scope(1 + round % 2);
        let now = later(i64::try_from(round / 4).unwrap() * 100);
        let keep = Keep::Until(after(now, 60_000));
        let outcomes = race_of(64, fixture, |_, store| {
            let scope = scope.clone();
            async move { store.claim_once(&scope, &replay_token(round / 4), keep, now).await.unwrap() }
        })
        .await;
        let fresh = usize::from(round % 4 < 2);
        assert_eq!(count(&outcomes, &Once::First), fresh, "round {round}");
        assert_eq!(count(&outcomes, &Once::Seen), 64 - fresh, "round {round}");
    }
}

pub async fn of_many_numbers_claimed_at_once_none_passes_after_a_greater_one(fixture: &Fixture) {
    issue_two(&*fixture.store).await;
    for round in 0..ROUNDS {
        // Each number twice, in no order: 37 and 32 have no common divisor.
        let base = u128::from(round) * 1000;
        let outcomes = race_of(64, fixture, |number, store| {
            let value = base + u128::from(number * 37 % 32);
            let other = fixture.other.clone();
            async move {
                let claimed = store.claim_increasing(&replay_scope(1), value).await.unwrap();
                // What was acknowledged is known everywhere at once.
                for at_most in [value, value.saturating_sub(1)] {
                    let again = other.claim_increasing(&replay_scope(1), at_most).await.unwrap();
                    assert_eq!(again, Increase::NotGreater, "{at_most} after {value}: {claimed:?}");
                }
                (value, claimed)
            }
        })
        .await;
        let passed: Vec<u128> = outcomes
            .iter()
            .filter(|(_, claimed)| *claimed == Increase::Increased)
            .map(|(value, _)| *value)
            .collect();
        for value in base..base + 32 {
            assert!(passed.iter().filter(|passed| **passed == value).count() <= 1, "{value} passed twice");
        }
        assert!(passed.contains(&(base + 31)), "the greatest passes, whoever is first: {passed:?}");
    }
}

pub async fn claims_and_sweeps_at_once_let_nothing_pass_twice(fixture: &Fixture) {
    issue_two(&*fixture.store).await;
    for round in 0..ROUNDS {
        // Half of them believe that the claim has ended, and sweep; the others claim it at its last moment.
        let end = later(i64::try_from(round).unwrap());
        let outcomes = race(fixture, |number, store| async move {
            if number / 2 % 2 == 0 {
                store.sweep(after(end, 1), ALL).await.unwrap();
            }
            claim(&store, round, end, end).await
        })
        .await;
        assert!(count(&outcomes, &Once::First) <= 1, "round {round}: {outcomes:?}");
    }
}
