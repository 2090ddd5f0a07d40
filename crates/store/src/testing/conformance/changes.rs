//! [`crate::Changes`].

use std::collections::HashSet;

use countersign_model::{ConsumerState, KeyDigest, SessionEnd, TokenKeyId};

use super::Fixture;
use super::race::{CONTENDERS, race};
use super::samples::{
    NOON, add_consumer, address, advance, api_key, begin, consumer, digest, follow, generation, issue, later,
    rates, scopes, session, session_id, token_key,
};
use crate::{BATCH_LIMIT, Batch, Change, Cursor};

pub async fn the_feed_of_an_empty_store_is_empty(Fixture { store, .. }: &Fixture) {
    let head = store.head().await.unwrap();
    assert_eq!(store.changes_since(head).await.unwrap(), Batch::Changes(vec![], head));
    assert_eq!(follow(&**store, Cursor::default()).await, (vec![], Cursor::default()));
}

pub async fn issuing_rotating_and_revoking_are_recorded(Fixture { store, .. }: &Fixture) {
    let whose = add_consumer(&**store, 1).await;
    let start = store.head().await.unwrap();
    issue(&**store, &api_key(1, &whose)).await;
    let (changes, reached) = follow(&**store, start).await;
    assert_eq!(changes, [Change::Credential(digest(1))]);

    store.rotate_credential(&digest(1), later(60), &api_key(2, &whose)).await.unwrap();
    let (mut changes, reached) = follow(&**store, reached).await;
    changes.sort_by_key(|change| *change != Change::Credential(digest(1)));
    assert_eq!(changes, [Change::Credential(digest(1)), Change::Credential(digest(2))]);

    store.revoke_credential(&digest(1), NOON).await.unwrap();
    let (changes, reached) = follow(&**store, reached).await;
    assert_eq!(changes, [Change::Credential(digest(1))]);
    assert_eq!(store.head().await.unwrap(), reached);
}

pub async fn disabling_enabling_and_removing_a_consumer_are_recorded(Fixture { store, .. }: &Fixture) {
    let id = add_consumer(&**store, 1).await.id;
    for number in 1..=3 {
        issue(&**store, &api_key(number, &consumer(1))).await;
    }
    let start = store.head().await.unwrap();
    store.set_consumer_state(id, ConsumerState::Disabled { at: NOON }).await.unwrap();
    store.set_consumer_state(id, ConsumerState::Enabled).await.unwrap();
    store.remove_consumer(id).await.unwrap();
    assert_eq!(follow(&**store, start).await.0, [Change::Consumer(id); 3]);
}

pub async fn new_limits_are_recorded(Fixture { store, .. }: &Fixture) {
    let whose = add_consumer(&**store, 1).await;
    issue(&**store, &api_key(1, &whose)).await;
    let start = store.head().await.unwrap();
    store.set_credential_limits(&digest(1), &rates("1/d")).await.unwrap();
    store.set_credential_limits(&digest(2), &rates("1/d")).await.unwrap();
    store.set_consumer_limits(whose.id, &rates("1/d")).await.unwrap();
    store.set_consumer_limits(consumer(2).id, &rates("1/d")).await.unwrap();
    let (changes, _) = follow(&**store, start).await;
    assert_eq!(changes, [Change::Credential(digest(1)), Change::Consumer(whose.id)]);
}

pub async fn ending_sessions_is_recorded(Fixture { store, .. }: &Fixture) {
    for number in 1..=3 {
        begin(&**store, &session(number, address(number.min(2)))).await;
    }
    let start = store.head().await.unwrap();
    store.end_session(session_id(1), SessionEnd::Reuse { at: NOON }).await.unwrap();
    let (changes, reached) = follow(&**store, start).await;
    assert_eq!(changes, [Change::Session(session_id(1))]);

    store.revoke_grant(address(2), NOON).await.unwrap();
    let (mut changes, _) = follow(&**store, reached).await;
    changes.sort_by_key(|change| *change != Change::Session(session_id(2)));
    assert_eq!(changes, [2, 3].map(|number| Change::Session(session_id(number))));
}

pub async fn adding_and_removing_token_keys_is_recorded(Fixture { store, .. }: &Fixture) {
    let start = store.head().await.unwrap();
    let key = token_key("1", NOON);
    assert!(store.add_token_key(&key, None).await.unwrap());
    assert!(store.remove_token_key(&key.id).await.unwrap());
    assert_eq!(follow(&**store, start).await.0, [Change::TokenKeys; 2]);
}

pub async fn what_nobody_keeps_in_memory_is_not_recorded(Fixture { store, .. }: &Fixture) {
    let start = store.head().await.unwrap();
    add_consumer(&**store, 1).await;
    begin(&**store, &session(1, address(1))).await;
    store.advance_session(&advance(1, 0)).await.unwrap();
    store.grant(address(1), &scopes("a")).await.unwrap();
    store.grant(address(2), &scopes("a")).await.unwrap();
    store.revoke_grant(address(2), NOON).await.unwrap();
    store.sweep(later(1_000_000), 100).await.unwrap();
    assert_eq!(follow(&**store, start).await, (vec![], start));
}

pub async fn what_writes_nothing_records_nothing(Fixture { store, .. }: &Fixture) {
    let whose = add_consumer(&**store, 1).await;
    issue(&**store, &api_key(1, &whose)).await;
    issue(&**store, &api_key(2, &whose)).await;
    store.revoke_credential(&digest(1), NOON).await.unwrap();
    begin(&**store, &session(1, address(1))).await;
    store.end_session(session_id(1), SessionEnd::Reuse { at: NOON }).await.unwrap();
    let key = token_key("1", NOON);
    store.add_token_key(&key, None).await.unwrap();
    let start = store.head().await.unwrap();

    store.insert_credential(&api_key(1, &whose)).await.unwrap();
    store.insert_credential(&api_key(3, &consumer(9))).await.unwrap();
    store.rotate_credential(&digest(1), later(60), &api_key(3, &whose)).await.unwrap();
    store.rotate_credential(&digest(2), later(60), &api_key(1, &whose)).await.unwrap();
    store.rotate_credential(&digest(9), later(60), &api_key(3, &whose)).await.unwrap();
    store.revoke_credential(&digest(1), later(1)).await.unwrap();
    store.revoke_credential(&digest(9), later(1)).await.unwrap();
    store.set_consumer_state(consumer(9).id, ConsumerState::Enabled).await.unwrap();
    store.remove_consumer(consumer(9).id).await.unwrap();
    store.end_session(session_id(1), SessionEnd::Reuse { at: NOON }).await.unwrap();
    store.end_session(session_id(9), SessionEnd::Reuse { at: NOON }).await.unwrap();
    store.begin_session(generation(0), &session(1, address(1))).await.unwrap();
    store.revoke_grant(address(1), NOON).await.unwrap();
    store.add_token_key(&key, Some(&key.id)).await.unwrap();
    store.add_token_key(&token_key("2", NOON), None).await.unwrap();
    store.remove_token_key(&TokenKeyId("9".into())).await.unwrap();
    assert_eq!(follow(&**store, start).await, (vec![], start));
}

pub async fn each_process_sees_what_the_other_changed(fixture: &Fixture) {
    let whose = add_consumer(&*fixture.store, 1).await;
    let mut cursors = [Cursor::default(); 2];
    for number in 0..20 {
        let (writer, reader) = match number % 2 {
            0 => (&fixture.store, &fixture.other),
            _ => (&fixture.other, &fixture.store),
        };
        issue(&**writer, &api_key(number, &whose)).await;
        for (cursor, store) in cursors.iter_mut().zip([writer, reader]) {
            let (changes, reached) = follow(&**store, *cursor).await;
            assert_eq!(changes, [Change::Credential(digest(number))]);
            assert_eq!(store.head().await.unwrap(), reached);
            *cursor = reached;
        }
        // Nothing happened since.
        assert_eq!(follow(&**reader, cursors[1]).await, (vec![], cursors[1]));
        cursors.swap(0, 1);
    }
}

pub async fn a_batch_is_bounded_and_the_next_goes_on(fixture: &Fixture) {
    let id = add_consumer(&*fixture.store, 1).await.id;
    let start = fixture.store.head().await.unwrap();
    let share = BATCH_LIMIT as u64 / CONTENDERS + 1;
    race(fixture, |_, store| async move {
        for _ in 0..share {
            assert!(store.set_consumer_state(id, ConsumerState::Enabled).await.unwrap());
        }
    })
    .await;
    let Batch::Changes(first, reached) = fixture.store.changes_since(start).await.unwrap() else {
        panic!("a reset of an untrimmed feed")
    };
    assert_eq!(first, vec![Change::Consumer(id); BATCH_LIMIT]);
    let rest = usize::try_from(share * CONTENDERS).unwrap() - BATCH_LIMIT;
    assert_eq!(follow(&*fixture.store, reached).await.0, vec![Change::Consumer(id); rest]);
}

pub async fn a_cursor_that_the_feed_never_gave_is_a_reset(Fixture { store, .. }: &Fixture) {
    let whose = add_consumer(&**store, 1).await;
    issue(&**store, &api_key(1, &whose)).await;
    let head = store.head().await.unwrap();
    for never in [i64::MIN, -1, head.0 + 1, i64::MAX] {
        assert_eq!(store.changes_since(Cursor(never)).await.unwrap(), Batch::Reset(head), "{never}");
    }
}

pub async fn a_follower_beside_many_writers_misses_nothing(fixture: &Fixture) {
    const EACH: u64 = 40;
    let whose = add_consumer(&*fixture.store, 1).await;
    let start = fixture.store.head().await.unwrap();
    let expected: HashSet<KeyDigest> = (0..CONTENDERS * EACH).map(digest).collect();
    let (store, wanted) = (fixture.store.clone(), expected.len());
    let follower = tokio::spawn(async move {
        let (mut cursor, mut seen) = (start, Vec::new());
        while seen.len() < wanted {
            let (changes, reached) = follow(&*store, cursor).await;
            seen.extend(changes);
            cursor = reached;
            tokio::task::yield_now().await;
        }
        seen
    });
    race(fixture, |number, store| {
        let whose = whose.clone();
        async move {
            for step in 0..EACH {
                issue(&*store, &api_key(number * EACH + step, &whose)).await;
            }
        }
    })
    .await;
    // All is written now: had the follower missed one, it would wait for ever. Another look tells.
    let all = follow(&*fixture.store, start).await.0;
    assert_eq!(all.len(), wanted);
    let seen = tokio::time::timeout(std::time::Duration::from_secs(30), follower).await;
    let seen = seen.expect("the follower missed a change").unwrap();
    assert_eq!(seen, all);
    let digests = seen.into_iter().map(|change| match change {
        Change::Credential(digest) => digest,
        Change::Consumer(_) | Change::Session(_) | Change::TokenKeys => panic!("{change:?}"),
    });
    assert_eq!(digests.collect::<HashSet<_>>(), expected);
}
