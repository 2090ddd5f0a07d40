//! [`crate::Sessions::sweep`].

use countersign_model::{ConsumerState, Session, UnixTime};

use super::Fixture;
use super::race::{CONTENDERS, race};
use super::samples::{
    add_consumer, address, api_key, begin, digest, follow, generation, issue, later, session, session_id,
};
use crate::{Batch, Change, Cursor, SWEEP_LIMIT, Swept};

/// More than any feed here holds.
const ALL: u64 = u64::MAX;

pub async fn expired_sessions_go_at_their_moment_and_the_living_stay(fixture: &Fixture) {
    let store = &fixture.store;
    let moment = later(10);
    for (number, millis) in [(1, -1), (2, 0), (3, 1)] {
        let expires_at = UnixTime::from_millis(moment.millis() + millis);
        begin(&**store, &Session { expires_at, ..session(number, address(1)) }).await;
    }
    assert_eq!(store.sweep(moment, ALL).await.unwrap(), Swept { sessions: 2, changes: 0 });
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
        assert_eq!(fixture.store.sweep(now, ALL).await.unwrap(), Swept { sessions, changes: 0 });
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
    assert_eq!(store.sweep(now, 2).await.unwrap(), Swept { sessions: 0, changes: 3 });
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
        assert_eq!(fixture.store.sweep(later(0), 0).await.unwrap(), Swept { sessions: 0, changes });
    }
}
