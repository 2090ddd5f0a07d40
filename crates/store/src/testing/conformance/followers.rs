//! [`crate::Followers`].

use super::Fixture;
use super::samples::{NOON, later};
use crate::{Cursor, Follower, FollowerId};

fn follower(number: u8, applied: i64) -> Follower {
    Follower {
        id: FollowerId([number; 16]),
        title: format!("process {number}"),
        applied: Cursor(applied),
        at: NOON,
    }
}

pub async fn a_follower_is_known_by_what_it_said_last(fixture: &Fixture) {
    assert_eq!(fixture.store.followers().await.unwrap(), []);
    let (second, first) = (follower(2, 0), follower(1, i64::MAX));
    fixture.store.acknowledge(&second).await.unwrap();
    fixture.other.acknowledge(&first).await.unwrap();
    let moved = Follower { applied: Cursor(7), at: later(9), title: "Zoë's".to_owned(), ..second };
    fixture.store.acknowledge(&moved).await.unwrap();
    for store in [&fixture.store, &fixture.other] {
        assert_eq!(store.followers().await.unwrap(), [first.clone(), moved.clone()]);
    }
}

pub async fn a_forgotten_follower_is_gone_until_it_speaks_again(Fixture { store, .. }: &Fixture) {
    let (one, other) = (follower(1, 1), follower(2, 2));
    store.acknowledge(&one).await.unwrap();
    store.acknowledge(&other).await.unwrap();
    assert!(store.forget_follower(one.id).await.unwrap());
    assert!(!store.forget_follower(one.id).await.unwrap());
    assert_eq!(store.followers().await.unwrap(), std::slice::from_ref(&other));
    store.acknowledge(&one).await.unwrap();
    assert_eq!(store.followers().await.unwrap(), [one, other]);
}

pub async fn what_followers_say_is_no_change(Fixture { store, .. }: &Fixture) {
    let head = store.head().await.unwrap();
    store.acknowledge(&follower(1, 1)).await.unwrap();
    store.forget_follower(FollowerId([1; 16])).await.unwrap();
    assert_eq!(store.head().await.unwrap(), head);
}
