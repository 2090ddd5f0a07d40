//! [`crate::TokenKeys`].

use countersign_model::{TokenKeyId, UnixTime};

use super::Fixture;
use super::race::{ROUNDS, count, race};
use super::samples::{MOMENTS, NOON, later, token_key};
use crate::{Store, TokenKey};

async fn add_after(store: &dyn Store, key: &TokenKey, newest: Option<&str>) -> bool {
    let newest = newest.map(|name| TokenKeyId(name.into()));
    store.add_token_key(key, newest.as_ref()).await.unwrap()
}

pub async fn token_keys_are_listed_the_last_added_first_whatever_their_times(fixture: &Fixture) {
    assert_eq!(fixture.store.token_keys().await.unwrap(), []);
    let (first, second, third) = (token_key("b", NOON), token_key("c", later(-9)), token_key("a", NOON));
    assert!(add_after(&*fixture.store, &first, None).await);
    assert!(add_after(&*fixture.other, &second, Some("b")).await);
    assert!(add_after(&*fixture.store, &third, Some("c")).await);
    for store in [&fixture.store, &fixture.other] {
        assert_eq!(store.token_keys().await.unwrap(), [third.clone(), second.clone(), first.clone()]);
    }
}

pub async fn a_token_key_is_added_only_after_the_newest(Fixture { store, .. }: &Fixture) {
    let (first, second) = (token_key("1", NOON), token_key("2", NOON));
    assert!(!add_after(&**store, &first, Some("0")).await);
    assert!(add_after(&**store, &first, None).await);
    assert!(add_after(&**store, &second, Some("1")).await);
    for newest in [None, Some("1"), Some("3"), Some("")] {
        assert!(!add_after(&**store, &token_key("3", NOON), newest).await, "{newest:?}");
    }
    assert_eq!(store.token_keys().await.unwrap(), [second, first]);
}

pub async fn the_name_of_a_token_key_is_given_once(Fixture { store, .. }: &Fixture) {
    let (first, second) = (token_key("1", NOON), token_key("2", NOON));
    assert!(add_after(&**store, &first, None).await);
    assert!(add_after(&**store, &second, Some("1")).await);
    for taken in ["1", "2"] {
        assert!(!add_after(&**store, &token_key(taken, later(9)), Some("2")).await);
    }
    assert_eq!(store.token_keys().await.unwrap(), [second, first]);
}

pub async fn a_removed_token_key_is_gone(Fixture { store, .. }: &Fixture) {
    let (first, second) = (token_key("1", NOON), token_key("2", NOON));
    assert!(add_after(&**store, &first, None).await);
    assert!(add_after(&**store, &second, Some("1")).await);
    assert!(store.remove_token_key(&second.id).await.unwrap());
    assert!(!store.remove_token_key(&second.id).await.unwrap());
    assert_eq!(store.token_keys().await.unwrap(), [first]);
    assert!(!add_after(&**store, &token_key("3", NOON), Some("2")).await);
    assert!(add_after(&**store, &second, Some("1")).await);
    for id in ["1", "2"].map(|name| TokenKeyId(name.into())) {
        assert!(store.remove_token_key(&id).await.unwrap());
    }
    assert!(add_after(&**store, &token_key("4", NOON), None).await);
}

pub async fn odd_but_legal_token_keys_read_back(Fixture { store, .. }: &Fixture) {
    let names = ["", "ключ \u{1f511}", "'\"--", "a\nb", &"k".repeat(500), " "];
    let mut newest = None;
    for (name, made_at) in names.into_iter().zip(MOMENTS) {
        let odd = token_key(name, made_at);
        assert!(add_after(&**store, &odd, newest).await, "{name:?}");
        assert_eq!(store.token_keys().await.unwrap()[0], odd);
        newest = Some(name);
    }
}

pub async fn of_many_that_add_the_first_token_key_one_does(fixture: &Fixture) {
    for _ in 0..ROUNDS {
        let outcomes = race(fixture, |number, store| async move {
            // Each has a clock of its own.
            let made_at = UnixTime::from_secs(NOON.secs() - i64::try_from(number).unwrap());
            add_after(&*store, &token_key(&number.to_string(), made_at), None).await
        })
        .await;
        assert_eq!(count(&outcomes, &true), 1, "{outcomes:?}");
        let keys = fixture.store.token_keys().await.unwrap();
        assert_eq!(keys.len(), 1);
        assert!(fixture.store.remove_token_key(&keys[0].id).await.unwrap());
    }
}

pub async fn of_many_that_add_the_next_token_key_one_does(fixture: &Fixture) {
    assert!(add_after(&*fixture.store, &token_key("first", NOON), None).await);
    let mut newest = String::from("first");
    for round in 0..ROUNDS {
        let outcomes = race(fixture, |number, store| {
            let newest = newest.clone();
            async move {
                let made_at = UnixTime::from_secs(NOON.secs() - i64::try_from(number).unwrap());
                add_after(&*store, &token_key(&format!("{round}.{number}"), made_at), Some(&newest)).await
            }
        })
        .await;
        assert_eq!(count(&outcomes, &true), 1, "{outcomes:?}");
        newest = fixture.store.token_keys().await.unwrap()[0].id.to_string();
    }
}
