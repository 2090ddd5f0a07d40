//! [`crate::Consumers`].

use countersign_model::{Consumer, ConsumerId, ConsumerName, ConsumerState};
use uuid::Uuid;

use super::Fixture;
use super::race::{ROUNDS, count, race};
use super::samples::{MOMENTS, NOON, add_consumer, api_key, consumer, digest, issue, key_id, rates};
use crate::Added;

fn named(number: u64, name: &str) -> Consumer {
    Consumer { name: ConsumerName::parse(name).unwrap(), ..consumer(number) }
}

pub async fn a_consumer_reads_back_by_name_and_by_identity(fixture: &Fixture) {
    let added = add_consumer(&*fixture.store, 1).await;
    add_consumer(&*fixture.store, 2).await;
    for store in [&fixture.store, &fixture.other] {
        assert_eq!(store.consumer_by_name(&added.name).await.unwrap(), Some(added.clone()));
        assert_eq!(store.consumer(added.id).await.unwrap(), Some(added.clone()));
    }
}

pub async fn what_was_never_added_is_not_found(Fixture { store, .. }: &Fixture) {
    store.ping().await.unwrap();
    assert_eq!(store.consumer(consumer(1).id).await.unwrap(), None);
    assert_eq!(store.consumer_by_name(&consumer(1).name).await.unwrap(), None);
    assert_eq!(store.consumers().await.unwrap(), []);
}

pub async fn a_name_and_an_identity_are_given_once(Fixture { store, .. }: &Fixture) {
    let first = add_consumer(&**store, 1).await;
    let same_name = Consumer { name: first.name.clone(), ..consumer(2) };
    let same_id = Consumer { id: first.id, ..consumer(3) };
    for other in [&first, &same_name, &same_id] {
        assert_eq!(store.add_consumer(other).await.unwrap(), Added::NameTaken);
    }
    assert_eq!(store.consumers().await.unwrap(), [first]);
}

pub async fn names_that_differ_in_case_are_two_names(Fixture { store, .. }: &Fixture) {
    for (number, name) in [(1, "Shop"), (2, "shop"), (3, "SHOP")] {
        assert_eq!(store.add_consumer(&named(number, name)).await.unwrap(), Added::Added);
    }
    let found = store.consumer_by_name(&ConsumerName::parse("shop").unwrap()).await.unwrap();
    assert_eq!(found, Some(named(2, "shop")));
}

pub async fn consumers_are_listed_by_name(Fixture { store, .. }: &Fixture) {
    let sorted = ["!", "0", "A", "B", "a", "ab", "b", "~"];
    for (number, name) in [(1, 5), (2, 0), (3, 7), (4, 1), (5, 3), (6, 6), (7, 2), (8, 4)] {
        assert_eq!(store.add_consumer(&named(number, sorted[name])).await.unwrap(), Added::Added);
    }
    let listed = store.consumers().await.unwrap();
    assert_eq!(listed.iter().map(|consumer| consumer.name.as_str()).collect::<Vec<_>>(), sorted);
}

pub async fn a_consumer_is_disabled_and_enabled_again(Fixture { store, .. }: &Fixture) {
    let id = add_consumer(&**store, 1).await.id;
    let other = add_consumer(&**store, 2).await;
    for state in [ConsumerState::Disabled { at: NOON }, ConsumerState::Enabled, ConsumerState::Enabled] {
        assert!(store.set_consumer_state(id, state).await.unwrap());
        assert_eq!(store.consumer(id).await.unwrap(), Some(Consumer { state, ..consumer(1) }));
    }
    assert_eq!(store.consumer(other.id).await.unwrap(), Some(other));
}

pub async fn a_consumer_keeps_the_limits_it_was_given_last(fixture: &Fixture) {
    let store = &*fixture.store;
    let limited = Consumer { limits: rates("5/min"), ..consumer(1) };
    assert_eq!(store.add_consumer(&limited).await.unwrap(), Added::Added);
    let other = add_consumer(store, 2).await;
    issue(store, &api_key(1, &limited)).await;
    for list in ["5/min", "10/s burst 20,1/366d", "1000000/s burst 1,7/90min,3/h,1/d", ""] {
        assert!(store.set_consumer_limits(limited.id, &rates(list)).await.unwrap());
        let expected = Consumer { limits: rates(list), ..consumer(1) };
        assert_eq!(fixture.other.consumer(limited.id).await.unwrap(), Some(expected.clone()));
        assert_eq!(store.credential_by_digest(&digest(1)).await.unwrap().unwrap().consumer, expected);
    }
    assert_eq!(store.consumer(other.id).await.unwrap(), Some(other));
}

pub async fn a_removed_consumer_takes_its_credentials_along(Fixture { store, .. }: &Fixture) {
    let (gone, stays) = (add_consumer(&**store, 1).await, add_consumer(&**store, 2).await);
    for (number, whose) in [(1, &gone), (2, &gone), (3, &stays)] {
        issue(&**store, &api_key(number, whose)).await;
    }
    assert!(store.remove_consumer(gone.id).await.unwrap());
    assert_eq!(store.consumer(gone.id).await.unwrap(), None);
    for number in [1, 2] {
        assert_eq!(store.credentials_named(&key_id(number)).await.unwrap(), []);
        assert_eq!(store.credential_by_digest(&digest(number)).await.unwrap(), None);
    }
    assert_eq!(store.credentials(Some(gone.id)).await.unwrap(), []);
    assert_eq!(store.credentials(None).await.unwrap().len(), 1);
    assert_eq!(store.consumers().await.unwrap(), [stays]);
}

pub async fn the_name_of_a_removed_consumer_is_free(Fixture { store, .. }: &Fixture) {
    let first = add_consumer(&**store, 1).await;
    assert!(store.remove_consumer(first.id).await.unwrap());
    let second = Consumer { name: first.name, ..consumer(2) };
    assert_eq!(store.add_consumer(&second).await.unwrap(), Added::Added);
}

pub async fn what_is_not_there_is_neither_set_nor_removed(Fixture { store, .. }: &Fixture) {
    let there = add_consumer(&**store, 1).await;
    let absent = consumer(2).id;
    assert!(!store.set_consumer_state(absent, ConsumerState::Enabled).await.unwrap());
    assert!(!store.set_consumer_limits(absent, &rates("1/s")).await.unwrap());
    assert!(!store.remove_consumer(absent).await.unwrap());
    assert_eq!(store.consumers().await.unwrap(), [there]);
}

pub async fn odd_but_legal_consumers_read_back(Fixture { store, .. }: &Fixture) {
    let graphic: String = (' '..='~').collect::<String>().trim().to_owned();
    let longest = "n".repeat(ConsumerName::MAX_LEN);
    let names = ["'; DROP TABLE consumers; --", "%_\\\"", "NULL", "0", &graphic, &longest];
    for (number, (name, at)) in names.into_iter().zip(MOMENTS).enumerate() {
        let id = ConsumerId(Uuid::from_u128(u128::MAX - number as u128));
        let state = ConsumerState::Disabled { at };
        let odd =
            Consumer { id, name: ConsumerName::parse(name).unwrap(), state, added_at: at, ..consumer(0) };
        assert_eq!(store.add_consumer(&odd).await.unwrap(), Added::Added);
        assert_eq!(store.consumer(id).await.unwrap(), Some(odd.clone()));
        assert_eq!(store.consumer_by_name(&odd.name).await.unwrap(), Some(odd));
    }
    let nil = Consumer { id: ConsumerId(Uuid::nil()), ..consumer(1) };
    assert_eq!(store.add_consumer(&nil).await.unwrap(), Added::Added);
    assert_eq!(store.consumer(nil.id).await.unwrap(), Some(nil));
}

pub async fn of_many_that_add_one_name_at_once_one_does(fixture: &Fixture) {
    for round in 0..ROUNDS {
        let name = ConsumerName::parse(&format!("round {round}")).unwrap();
        let outcomes = race(fixture, |number, store| {
            let contender = Consumer { name: name.clone(), ..consumer(round << 8 | number) };
            async move { store.add_consumer(&contender).await.unwrap() }
        })
        .await;
        assert_eq!(count(&outcomes, &Added::Added), 1, "{outcomes:?}");
    }
}
