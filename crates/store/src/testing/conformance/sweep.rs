//! [`crate::Sessions::sweep`].

use countersign_model::{ConsumerState, Session, UnixTime};

use super::Fixture;
use super::race::{CONTENDERS, race};
use super::samples::{
    NOON, add_consumer, address, api_key, begin, digest, follow, generation, issue, later, replay_scope,
    replay_token, session, session_id, signature,
};
use crate::{Batch, Change, Cursor, Keep, Once, SWEEP_LIMIT, Swept};

/// More than any feed here holds.
const ALL: u64 = u64::MAX;

pub async fn expired_sessions_go_at_their_moment_and_the_living_stay(fixture: &Fixture) {
    let store = &fixture.store;
    let moment = later(10);
    for (number, millis) in [(1, -1), (2, 0), (3, 1)] {
        let expires_at = UnixTime::from_millis(moment.millis() + millis);
        begin(&**store, &Session { expires_at, ..session(number, address(1)) }).await;
    }
    assert_eq!(store.sweep(moment, ALL).await.unwrap(), Swept { sessions: 2, ..Swept::default() });
    for number in [1, 2] {
        assert_eq!(fixture.other.session(session_id(number)).await.unwrap(), None);
    }
    assert!(fixture.other.session(session_id(3)).await.unwrap().is_some());
    assert_eq!(store.sweep(moment, ALL).await.unwrap(), Swept::default());
}

pub async fn the_generation_outlives_the_sessions(Fixture { store, .. }: &Fixture) {
    begin(&**store, &session(1, address(1))).await;
    store.sweep(UnixTime::from_millis(i64::MAX), ALL).await.unwrap();
    assert_eq!(store.session(session_id(1)).await.unwrap(), None);
    assert_eq!(store.generation(address(1)).await.unwrap(), generation(1));
}

pub async fn a_sweep_of_sessions_is_bounded_and_the_next_goes_on(fixture: &Fixture) {
    let share = SWEEP_LIMIT / CONTENDERS + 1;
    race(fixture, |number, store| async move {
        for step in 0..share {
            begin(&*store, &session(number << 32 | step, address(number))).await;
        }
    })
    .await;
    let rest = share * CONTENDERS - SWEEP_LIMIT;
    let now = later(1_000_000);
    for sessions in [SWEEP_LIMIT, rest, 0] {
        assert_eq!(fixture.store.sweep(now, ALL).await.unwrap(), Swept { sessions, ..Swept::default() });
    }
}

pub async fn the_newest_changes_are_kept(Fixture { store, .. }: &Fixture) {
    let whose = add_consumer(&**store, 1).await;
    let mut places = vec![store.head().await.unwrap()];
    for number in 1..=5 {
        issue(&**store, &api_key(number, &whose)).await;
        places.push(store.head().await.unwrap());
    }
    let now = later(0);
    assert_eq!(store.sweep(now, 5).await.unwrap(), Swept::default());
    assert_eq!(store.sweep(now, 2).await.unwrap(), Swept { changes: 3, ..Swept::default() });
    assert_eq!(store.sweep(now, 2).await.unwrap(), Swept::default());
    let kept = [4, 5].map(|number| Change::Credential(digest(number)));
    assert_eq!(follow(&**store, places[3]).await, (kept.to_vec(), places[5]));
    assert_eq!(follow(&**store, places[4]).await, (kept[1..].to_vec(), places[5]));
}

pub async fn a_cursor_older_than_the_feed_is_a_reset(fixture: &Fixture) {
    let whose = add_consumer(&*fixture.store, 1).await;
    issue(&*fixture.store, &api_key(1, &whose)).await;
    let first = fixture.store.head().await.unwrap();
    issue(&*fixture.store, &api_key(2, &whose)).await;
    let head = fixture.store.head().await.unwrap();
    // Looked at before the sweep, so that what is remembered of the feed would show.
    assert_eq!(follow(&*fixture.other, first).await.1, head);

    fixture.store.sweep(later(0), 0).await.unwrap();
    for store in [&fixture.store, &fixture.other] {
        for old in [Cursor::default(), first] {
            assert_eq!(store.changes_since(old).await.unwrap(), Batch::Reset(head), "{old:?}");
        }
        assert_eq!(store.changes_since(head).await.unwrap(), Batch::Changes(vec![], head));
        assert_eq!(store.head().await.unwrap(), head);
    }
    // Places are not used twice.
    issue(&*fixture.store, &api_key(3, &whose)).await;
    let (changes, reached) = follow(&*fixture.other, head).await;
    assert_eq!(changes, [Change::Credential(digest(3))]);
    assert!(reached > head);
}

pub async fn a_sweep_of_the_feed_is_bounded_and_the_next_goes_on(fixture: &Fixture) {
    let id = add_consumer(&*fixture.store, 1).await.id;
    let share = SWEEP_LIMIT / CONTENDERS + 1;
    race(fixture, |_, store| async move {
        for _ in 0..share {
            assert!(store.set_consumer_state(id, ConsumerState::Enabled).await.unwrap());
        }
    })
    .await;
    let rest = share * CONTENDERS - SWEEP_LIMIT;
    for changes in [SWEEP_LIMIT, rest, 0] {
        assert_eq!(fixture.store.sweep(later(0), 0).await.unwrap(), Swept { changes, ..Swept::default() });
    }
}

pub async fn claims_go_after_their_end_and_the_living_stay(Fixture { store, other, .. }: &Fixture) {
    let whose = add_consumer(&**store, 1).await;
    issue(&**store, &signature(1, &whose, b"sealed")).await;
    let moment = later(10);
    let keeps = [-1, 0, 1].map(|millis| Keep::Until(UnixTime::from_millis(moment.millis() + millis)));
    for (number, keep) in (0..).zip(keeps.into_iter().chain([Keep::WithCredential])) {
        let claimed = store.claim_once(&replay_scope(1), &replay_token(number), keep, NOON).await.unwrap();
        assert_eq!(claimed, Once::First);
    }
    assert_eq!(store.sweep(moment, ALL).await.unwrap(), Swept { replays: 1, ..Swept::default() });
    for number in 1..4 {
        let claimed = other.claim_once(&replay_scope(1), &replay_token(number), keeps[1], moment).await;
        assert_eq!(claimed.unwrap(), Once::Seen, "{number}");
    }
    assert_eq!(store.sweep(moment, ALL).await.unwrap(), Swept::default());
}

pub async fn a_sweep_of_claims_is_bounded_and_the_next_goes_on(fixture: &Fixture) {
    let whose = add_consumer(&*fixture.store, 1).await;
    issue(&*fixture.store, &signature(1, &whose, b"sealed")).await;
    let share = SWEEP_LIMIT / CONTENDERS + 1;
    race(fixture, |number, store| async move {
        for step in 0..share {
            let token = replay_token(number << 32 | step);
            let claimed = store.claim_once(&replay_scope(1), &token, Keep::Until(later(60)), NOON).await;
            assert_eq!(claimed.unwrap(), Once::First);
        }
    })
    .await;
    let rest = share * CONTENDERS - SWEEP_LIMIT;
    for replays in [SWEEP_LIMIT, rest, 0] {
        let swept = fixture.store.sweep(later(61), ALL).await.unwrap();
        assert_eq!(swept, Swept { replays, ..Swept::default() });
    }
}

pub async fn the_claims_of_a_credential_that_is_gone_are_swept(Fixture { store, .. }: &Fixture) {
    let (gone, stays) = (add_consumer(&**store, 1).await, add_consumer(&**store, 2).await);
    for (number, whose) in [(1, &gone), (2, &stays), (3, &stays)] {
        issue(&**store, &signature(number, whose, b"sealed")).await;
        for (token, keep) in [(1, Keep::Until(later(60))), (2, Keep::WithCredential)] {
            store.claim_once(&replay_scope(number), &replay_token(token), keep, NOON).await.unwrap();
        }
        store.claim_increasing(&replay_scope(number), 5).await.unwrap();
    }
    store.remove_consumer(gone.id).await.unwrap();
    store.revoke_credential(&digest(2), NOON).await.unwrap();
    assert_eq!(store.sweep(NOON, ALL).await.unwrap(), Swept { replays: 4, ..Swept::default() });
    assert_eq!(store.sweep(later(61), ALL).await.unwrap(), Swept { replays: 1, ..Swept::default() });
    let kept = store.claim_once(&replay_scope(3), &replay_token(2), Keep::WithCredential, NOON).await;
    assert_eq!(kept.unwrap(), Once::Seen);
}
