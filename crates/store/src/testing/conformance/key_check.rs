//! [`crate::KeyChecks`].

use countersign_model::KeyCheck;

use super::Fixture;
use super::race::{count, race};
use super::samples::{add_consumer, api_key, issue, signature};

pub async fn the_first_check_that_is_kept_stays(fixture: &Fixture) {
    assert_eq!(fixture.store.key_check().await.unwrap(), None);
    let (first, second) = (KeyCheck([0; KeyCheck::LEN]), KeyCheck([0xff; KeyCheck::LEN]));
    assert_eq!(fixture.store.keep_key_check(first).await.unwrap(), first);
    assert_eq!(fixture.other.keep_key_check(second).await.unwrap(), first);
    assert_eq!(fixture.other.key_check().await.unwrap(), Some(first));
}

pub async fn of_many_checks_kept_at_once_all_are_given_the_same(fixture: &Fixture) {
    let kept = race(fixture, |number, store| async move {
        let mine = KeyCheck(number.to_be_bytes());
        store.keep_key_check(mine).await.unwrap()
    })
    .await;
    assert_eq!(count(&kept, &kept[0]), kept.len(), "{kept:?}");
}

pub async fn some_sealed_credential_is_found_where_there_is_one(fixture: &Fixture) {
    let whose = add_consumer(&*fixture.store, 1).await;
    issue(&*fixture.store, &api_key(1, &whose)).await;
    assert_eq!(fixture.store.any_sealed().await.unwrap(), None);
    let sealed = signature(2, &whose, b"sealed");
    issue(&*fixture.store, &sealed).await;
    assert_eq!(fixture.other.any_sealed().await.unwrap().map(|held| held.credential), Some(sealed));
}
