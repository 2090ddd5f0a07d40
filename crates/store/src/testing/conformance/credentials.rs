//! [`crate::Credentials`].

use std::sync::Arc;

use countersign_model::{
    Consumer, ConsumerState, Credential, CredentialKind, DialectName, KeyDigest, KeyId, Label, Life, Origin,
    Scope, Scopes, SealedSecret, UnixTime,
};

use super::Fixture;
use super::race::{ROUNDS, count, race};
use super::samples::{
    MOMENTS, NOON, add_consumer, api_key, consumer, dialect, digest, issue, key_id, later, rates, scopes,
    signature,
};
use crate::{Held, Inserted, InsertedAll, Revoked, Rotated, SIGNERS_LIMIT, Store};

async fn life(store: &dyn Store, digest: &KeyDigest) -> Life {
    store.credential_by_digest(digest).await.unwrap().unwrap().credential.life
}

async fn assert_reads_back(store: &dyn Store, credential: &Credential, consumer: &Consumer) {
    let held = Held { credential: credential.clone(), consumer: consumer.clone() };
    let named = store.credentials_named(&credential.key_id).await.unwrap();
    assert_eq!(named, std::slice::from_ref(&held));
    assert_eq!(store.credential_by_digest(&credential.digest).await.unwrap(), Some(held));
}

pub async fn a_credential_reads_back_with_its_consumer(fixture: &Fixture) {
    let (one, two) = (add_consumer(&*fixture.store, 1).await, add_consumer(&*fixture.store, 2).await);
    let credentials = [(api_key(1, &one), &one), (signature(2, &two, b"sealed"), &two)];
    for (credential, _) in &credentials {
        issue(&*fixture.store, credential).await;
    }
    for (credential, consumer) in &credentials {
        assert_reads_back(&*fixture.store, credential, consumer).await;
        assert_reads_back(&*fixture.other, credential, consumer).await;
    }
}

pub async fn what_was_never_issued_is_not_found(Fixture { store, .. }: &Fixture) {
    let consumer = add_consumer(&**store, 1).await;
    issue(&**store, &api_key(1, &consumer)).await;
    assert_eq!(store.credentials_named(&key_id(2)).await.unwrap(), []);
    assert_eq!(store.credential_by_digest(&digest(2)).await.unwrap(), None);
    assert_eq!(store.credentials(Some(super::samples::consumer(2).id)).await.unwrap(), []);
}

pub async fn odd_but_legal_credentials_read_back(Fixture { store, .. }: &Fixture) {
    let whose = add_consumer(&**store, 1).await;
    let successor = KeyId::parse("-").unwrap();
    let mut lives = vec![Life::Active { expires_at: None }];
    for moment in MOMENTS {
        lives.push(Life::Active { expires_at: Some(moment) });
        lives.push(Life::Rotating { until: moment, successor: successor.clone() });
        lives.push(Life::Revoked { at: moment });
    }
    let every_byte: Vec<u8> = (0..=255).collect();
    let long = vec![0x80; 70_000];
    let secrets = [&[][..], &[0], b"\xff\xfe", &every_byte, &long];
    let labels = ["\u{1f5dd}", "'--", "\u{202e}abc", "e\u{301}", "\u{10ffff}", "ﬀ"];
    let sets: Vec<Scopes> =
        vec![scopes(""), scopes("*"), scopes("A,a,a:b.c_d-e/f*"), (0..200).map(widest_scope).collect()];
    for (number, life) in (0..).zip(lives) {
        let at = usize::try_from(number).unwrap();
        let secret = SealedSecret(secrets[at % secrets.len()].into());
        let dialect = DialectName::parse(&"d".repeat(DialectName::MAX_LEN)).unwrap();
        let kind = match number % 3 {
            0 => CredentialKind::ApiKey,
            _ => CredentialKind::Signature { dialect, secret },
        };
        let odd = Credential {
            key_id: KeyId::parse(&format!("{number:_>width$}", width = KeyId::MAX_LEN)).unwrap(),
            kind,
            scopes: sets[at % sets.len()].clone(),
            label: Some(Label::parse(labels[at % labels.len()]).unwrap()),
            issued_at: MOMENTS[at % MOMENTS.len()],
            life,
            ..api_key(number, &whose)
        };
        issue(&**store, &odd).await;
        assert_reads_back(&**store, &odd, &whose).await;
    }
}

fn widest_scope(number: u32) -> Scope {
    Scope::parse(&format!("{number:x>width$}", width = Scope::MAX_LEN)).unwrap()
}

pub async fn a_key_id_and_a_digest_are_given_once(Fixture { store, .. }: &Fixture) {
    let (one, two) = (add_consumer(&**store, 1).await, add_consumer(&**store, 2).await);
    let first = api_key(1, &one);
    issue(&**store, &first).await;
    let same_key_id = Credential { key_id: first.key_id.clone(), ..api_key(2, &two) };
    let same_digest = Credential { digest: first.digest, ..api_key(3, &two) };
    for other in [&first, &same_key_id, &same_digest] {
        assert_eq!(store.insert_credential(other).await.unwrap(), Inserted::Taken);
    }
    assert_eq!(store.credentials(None).await.unwrap(), [Held { credential: first, consumer: one }]);
}

pub async fn two_dialects_may_have_the_same_key_id_for_different_consumers(fixture: &Fixture) {
    let store = &*fixture.store;
    let (one, two) = (add_consumer(store, 1).await, add_consumer(store, 2).await);
    let in_dialect = |number, dialect: &str, whose| {
        let dialect = DialectName::parse(dialect).unwrap();
        let kind = CredentialKind::Signature { dialect, secret: SealedSecret(b"sealed".as_slice().into()) };
        Credential { key_id: key_id(1), kind, origin: Origin::Imported, ..signature(number, whose, b"") }
    };
    let (key, a, b) = (api_key(1, &one), in_dialect(2, "a", &one), in_dialect(3, "b", &two));
    for credential in [&b, &a, &key] {
        issue(store, credential).await;
    }
    assert_eq!(store.insert_credential(&in_dialect(4, "a", &two)).await.unwrap(), Inserted::Taken);
    let held = |credential: &Credential, consumer: &Consumer| Held {
        credential: credential.clone(),
        consumer: consumer.clone(),
    };
    let named = fixture.other.credentials_named(&key_id(1)).await.unwrap();
    assert_eq!(named, [held(&key, &one), held(&a, &one), held(&b, &two)]);
    assert_eq!(store.credentials(None).await.unwrap(), named);
    assert_eq!(store.revoke_credential(&a.digest, NOON).await.unwrap(), Revoked::Revoked);
    assert_eq!(life(store, &b.digest).await, Life::Active { expires_at: None });
    assert_eq!(life(store, &key.digest).await, Life::Active { expires_at: None });
}

pub async fn many_are_inserted_all_or_none(fixture: &Fixture) {
    let store = &*fixture.store;
    let one = add_consumer(store, 1).await;
    issue(store, &api_key(1, &one)).await;
    let (two, absent) = (consumer(2), consumer(3));
    let new = [api_key(2, &one), signature(3, &two, b"sealed")];
    let wrong = [
        (vec![two.clone(), one.clone()], api_key(4, &one), InsertedAll::NameTaken(one.name.clone())),
        (vec![two.clone(), two.clone()], api_key(4, &one), InsertedAll::NameTaken(two.name.clone())),
        (vec![two.clone()], api_key(1, &one), InsertedAll::Taken(key_id(1))),
        (
            vec![two.clone()],
            Credential { digest: digest(1), ..api_key(4, &one) },
            InsertedAll::Taken(key_id(4)),
        ),
        (vec![two.clone()], new[0].clone(), InsertedAll::Taken(key_id(2))),
        (vec![two.clone()], api_key(4, &absent), InsertedAll::NoConsumer(key_id(4))),
    ];
    for (consumers, last, outcome) in wrong {
        let credentials = [&new[..], &[last]].concat();
        assert_eq!(store.insert_all(&consumers, &credentials).await.unwrap(), outcome);
        assert_eq!(store.credentials(None).await.unwrap().len(), 1);
        assert_eq!(store.consumers().await.unwrap(), std::slice::from_ref(&one));
    }
    assert_eq!(store.insert_all(std::slice::from_ref(&two), &new).await.unwrap(), InsertedAll::Inserted);
    assert_eq!(store.insert_all(&[], &[]).await.unwrap(), InsertedAll::Inserted);
    assert_reads_back(&*fixture.other, &new[0], &one).await;
    assert_reads_back(&*fixture.other, &new[1], &two).await;
}

pub async fn what_was_imported_is_told_by_dialect(fixture: &Fixture) {
    let store = &*fixture.store;
    let one = add_consumer(store, 1).await;
    issue(store, &api_key(1, &one)).await;
    issue(store, &signature(2, &one, b"sealed")).await;
    assert_eq!(store.imported_for().await.unwrap(), []);
    let imported = |credential| Credential { origin: Origin::Imported, ..credential };
    assert_eq!(
        store.insert_all(&[], &[imported(signature(3, &one, b"sealed"))]).await.unwrap(),
        InsertedAll::Inserted
    );
    issue(store, &imported(signature(4, &one, b"sealed"))).await;
    assert_eq!(fixture.other.imported_for().await.unwrap(), [Some(dialect())]);
    store.rotate_credential(&digest(1), later(1), &imported(api_key(5, &one))).await.unwrap();
    assert_eq!(fixture.other.imported_for().await.unwrap(), [None, Some(dialect())]);
}

pub async fn the_signers_of_a_consumer_are_what_is_good_now_the_newest_first(fixture: &Fixture) {
    let store = &*fixture.store;
    let (one, two) = (add_consumer(store, 1).await, add_consumer(store, 2).await);
    let at = |number, seconds, life| Credential {
        issued_at: later(seconds),
        life,
        ..signature(number, &one, b"sealed")
    };
    let until = |seconds| Life::Active { expires_at: Some(later(seconds)) };
    for credential in [
        at(1, 1, Life::Active { expires_at: None }),
        at(2, 2, Life::Rotating { until: later(60), successor: key_id(9) }),
        at(3, 3, Life::Revoked { at: NOON }),
        at(4, 4, until(60)),
        at(5, 4, until(61)),
        api_key(6, &one),
        signature(7, &two, b"sealed"),
    ] {
        issue(store, &credential).await;
    }
    let signers = async |seconds| -> Vec<KeyId> {
        let found = fixture.other.signers(&one.name, &dialect(), later(seconds)).await.unwrap();
        found.into_iter().map(|held| held.credential.key_id).collect()
    };
    assert_eq!(signers(59).await, [4, 5, 2, 1].map(key_id));
    assert_eq!(signers(60).await, [5, 1].map(key_id));
    assert_eq!(signers(61).await, [1].map(key_id));
    let other = DialectName::parse("other").unwrap();
    assert_eq!(store.signers(&one.name, &other, NOON).await.unwrap(), []);
    assert_eq!(store.signers(&consumer(9).name, &dialect(), NOON).await.unwrap(), []);
    let disabled = ConsumerState::Disabled { at: NOON };
    assert!(store.set_consumer_state(one.id, disabled).await.unwrap());
    let found = store.signers(&one.name, &dialect(), later(61)).await.unwrap();
    assert_eq!(found.iter().map(|held| held.consumer.state).collect::<Vec<_>>(), [disabled]);
    for number in 10..20 {
        issue(store, &at(number, 10, until(1000))).await;
    }
    let first: Vec<KeyId> = (10..).take(SIGNERS_LIMIT).map(key_id).collect();
    assert_eq!(signers(62).await, first);
}

pub async fn no_credential_without_its_consumer(Fixture { store, .. }: &Fixture) {
    assert_eq!(store.insert_credential(&api_key(1, &consumer(1))).await.unwrap(), Inserted::NoConsumer);
    assert_eq!(store.credentials(None).await.unwrap(), []);
}

pub async fn credentials_are_listed_oldest_first(Fixture { store, .. }: &Fixture) {
    let (one, two) = (add_consumer(&**store, 1).await, add_consumer(&**store, 2).await);
    for (number, whose, issued_at) in
        [(5, &two, 20), (4, &one, 20), (3, &one, -7), (2, &two, i64::MAX), (1, &one, 30)]
    {
        let issued_at = UnixTime::from_millis(issued_at);
        issue(&**store, &Credential { issued_at, ..api_key(number, whose) }).await;
    }
    let ids = |list: Vec<Held>| list.into_iter().map(|held| held.credential.key_id).collect::<Vec<_>>();
    assert_eq!(ids(store.credentials(None).await.unwrap()), [3, 4, 5, 1, 2].map(key_id));
    assert_eq!(ids(store.credentials(Some(one.id)).await.unwrap()), [3, 4, 1].map(key_id));
}

pub async fn the_look_up_shows_that_the_consumer_is_disabled(Fixture { store, .. }: &Fixture) {
    let whose = add_consumer(&**store, 1).await;
    let credential = api_key(1, &whose);
    issue(&**store, &credential).await;
    let state = ConsumerState::Disabled { at: later(5) };
    assert!(store.set_consumer_state(whose.id, state).await.unwrap());
    assert_reads_back(&**store, &credential, &Consumer { state, ..whose }).await;
}

pub async fn rotation_leaves_the_old_one_rotating_and_the_new_one_active(Fixture { store, .. }: &Fixture) {
    let whose = add_consumer(&**store, 1).await;
    let (old, new) = (signature(1, &whose, b"old"), signature(2, &whose, b"new"));
    issue(&**store, &old).await;
    let rotated = store.rotate_credential(&old.digest, later(60), &new).await.unwrap();
    assert_eq!(rotated, Rotated::Rotated);
    let life = Life::Rotating { until: later(60), successor: new.key_id.clone() };
    assert_reads_back(&**store, &Credential { life, ..old }, &whose).await;
    assert_reads_back(&**store, &new, &whose).await;
}

pub async fn only_an_active_credential_is_rotated(Fixture { store, .. }: &Fixture) {
    let whose = add_consumer(&**store, 1).await;
    let rotating = Life::Rotating { until: later(60), successor: key_id(9) };
    for (number, life) in [(1, rotating), (2, Life::Revoked { at: NOON })] {
        let old = Credential { life, ..api_key(number, &whose) };
        issue(&**store, &old).await;
        let rotated = store.rotate_credential(&old.digest, later(60), &api_key(10, &whose)).await.unwrap();
        assert_eq!(rotated, Rotated::NotActive(old.clone()));
        assert_reads_back(&**store, &old, &whose).await;
    }
    assert_eq!(store.credential_by_digest(&digest(10)).await.unwrap(), None);
}

pub async fn a_rotation_that_cannot_be_done_writes_nothing(Fixture { store, .. }: &Fixture) {
    let (one, two) = (add_consumer(&**store, 1).await, add_consumer(&**store, 2).await);
    let (old, other) = (api_key(1, &one), api_key(2, &two));
    issue(&**store, &old).await;
    issue(&**store, &other).await;
    let before = store.credentials(None).await.unwrap();
    let same_key_id = Credential { key_id: other.key_id.clone(), ..api_key(3, &one) };
    let same_digest = Credential { digest: other.digest, ..api_key(3, &one) };
    let itself = Credential { digest: digest(3), ..old.clone() };
    for new in [same_key_id, same_digest, itself] {
        let rotated = store.rotate_credential(&old.digest, later(60), &new).await.unwrap();
        assert_eq!(rotated, Rotated::Taken);
    }
    let of_another = store.rotate_credential(&old.digest, later(60), &api_key(3, &two)).await.unwrap();
    assert_eq!(of_another, Rotated::NotFound);
    let absent = store.rotate_credential(&digest(9), later(60), &api_key(3, &one)).await.unwrap();
    assert_eq!(absent, Rotated::NotFound);
    assert_eq!(store.credentials(None).await.unwrap(), before);
}

pub async fn rotation_prolongs_nothing(Fixture { store, .. }: &Fixture) {
    let whose = add_consumer(&**store, 1).await;
    for (number, expiry, until) in [(1, 30, 30), (2, 60, 60), (3, 90, 60)] {
        let life_before = Life::Active { expires_at: Some(later(expiry)) };
        let old = Credential { life: life_before, ..api_key(number, &whose) };
        issue(&**store, &old).await;
        let new = api_key(number + 10, &whose);
        let rotated = store.rotate_credential(&old.digest, later(60), &new).await.unwrap();
        assert_eq!(rotated, Rotated::Rotated);
        let rotating = Life::Rotating { until: later(until), successor: new.key_id };
        assert_eq!(life(&**store, &old.digest).await, rotating);
    }
}

pub async fn a_credential_is_revoked_from_every_state_and_once(Fixture { store, .. }: &Fixture) {
    let whose = add_consumer(&**store, 1).await;
    let lives = [
        Life::Active { expires_at: None },
        Life::Active { expires_at: Some(NOON) },
        Life::Rotating { until: later(60), successor: key_id(9) },
    ];
    for (number, life_before) in (1..).zip(lives) {
        issue(&**store, &Credential { life: life_before, ..api_key(number, &whose) }).await;
        let id = digest(number);
        assert_eq!(store.revoke_credential(&id, later(1)).await.unwrap(), Revoked::Revoked);
        assert_eq!(store.revoke_credential(&id, later(2)).await.unwrap(), Revoked::Already(later(1)));
        assert_eq!(life(&**store, &id).await, Life::Revoked { at: later(1) });
    }
    assert_eq!(store.revoke_credential(&digest(9), later(1)).await.unwrap(), Revoked::NotFound);
}

pub async fn a_credential_keeps_the_limits_it_was_given_last_and_gives_them_to_nobody(fixture: &Fixture) {
    let store = &*fixture.store;
    let whose = add_consumer(store, 1).await;
    let limited = Credential { limits: rates("5/min"), ..signature(1, &whose, b"sealed") };
    issue(store, &limited).await;
    issue(store, &api_key(2, &whose)).await;
    for list in ["5/min", "10/s burst 20,1/366d", "1000000/s burst 1,7/90min,3/h,1/d", ""] {
        assert!(store.set_credential_limits(&digest(1), &rates(list)).await.unwrap());
        let expected = Credential { limits: rates(list), ..limited.clone() };
        assert_reads_back(&*fixture.other, &expected, &whose).await;
    }
    store.revoke_credential(&digest(1), NOON).await.unwrap();
    assert!(store.set_credential_limits(&digest(1), &rates("1/d")).await.unwrap());
    let ended = store.credential_by_digest(&digest(1)).await.unwrap().unwrap().credential;
    assert_eq!((ended.life, ended.limits), (Life::Revoked { at: NOON }, rates("1/d")));
    assert_reads_back(store, &api_key(2, &whose), &whose).await;
    assert!(!store.set_credential_limits(&digest(3), &rates("1/d")).await.unwrap());
}

pub async fn of_many_that_rotate_one_credential_at_once_one_does(fixture: &Fixture) {
    let whose = add_consumer(&*fixture.store, 1).await;
    for round in 0..ROUNDS {
        let old = api_key(round << 8, &whose);
        issue(&*fixture.store, &old).await;
        let outcomes = race(fixture, |number, store| {
            let (old, new) = (old.digest, api_key((round << 8) + 1 + number, &whose));
            async move { store.rotate_credential(&old, later(60), &new).await.unwrap() == Rotated::Rotated }
        })
        .await;
        assert_eq!(count(&outcomes, &true), 1, "{outcomes:?}");
        let winner = (0..).zip(&outcomes).find(|(_, rotated)| **rotated).unwrap().0;
        let successor = key_id((round << 8) + 1 + winner);
        let rotating = Life::Rotating { until: later(60), successor: successor.clone() };
        assert_eq!(life(&*fixture.other, &old.digest).await, rotating);
        assert_eq!(
            life(&*fixture.other, &digest((round << 8) + 1 + winner)).await,
            Life::Active { expires_at: None }
        );
    }
    let all = fixture.store.credentials(None).await.unwrap();
    assert_eq!(all.len(), usize::try_from(2 * ROUNDS).unwrap());
}

pub async fn of_many_that_revoke_one_credential_at_once_one_does(fixture: &Fixture) {
    let whose = add_consumer(&*fixture.store, 1).await;
    for round in 0..ROUNDS {
        issue(&*fixture.store, &api_key(round, &whose)).await;
        let outcomes = race(fixture, |number, store| async move {
            let at = UnixTime::from_millis(i64::try_from(number).unwrap());
            (at, store.revoke_credential(&digest(round), at).await.unwrap())
        })
        .await;
        let Life::Revoked { at } = life(&*fixture.store, &digest(round)).await else { panic!("not revoked") };
        for (when, outcome) in outcomes {
            let expected = if when == at { Revoked::Revoked } else { Revoked::Already(at) };
            assert_eq!(outcome, expected);
        }
    }
}

pub async fn a_credential_that_is_rotated_and_revoked_at_once_ends_revoked(fixture: &Fixture) {
    let whose = add_consumer(&*fixture.store, 1).await;
    for round in 0..ROUNDS {
        let (old, new) = (api_key(round << 8, &whose), api_key(round << 8 | 1, &whose));
        issue(&*fixture.store, &old).await;
        let outcomes = race(fixture, |number, store| {
            let (old, new) = (old.digest, new.clone());
            async move { rotate_or_revoke(number, store, &old, &new).await }
        })
        .await;
        assert_eq!(life(&*fixture.store, &old.digest).await, Life::Revoked { at: NOON });
        let successor = fixture.store.credential_by_digest(&new.digest).await.unwrap();
        assert_eq!(successor.is_some(), outcomes.contains(&Some(Rotated::Rotated)), "{outcomes:?}");
    }
}

async fn rotate_or_revoke(
    number: u64,
    store: Arc<dyn Store>,
    old: &KeyDigest,
    new: &Credential,
) -> Option<Rotated> {
    if number < 4 {
        return Some(store.rotate_credential(old, later(60), new).await.unwrap());
    }
    assert_ne!(store.revoke_credential(old, NOON).await.unwrap(), Revoked::NotFound);
    None
}

pub async fn no_credential_outlives_its_consumer_however_they_race(fixture: &Fixture) {
    for round in 0..ROUNDS {
        let whose = add_consumer(&*fixture.store, round).await;
        race(fixture, |number, store| {
            let credential = api_key(round << 8 | number, &whose);
            async move {
                if number == 4 {
                    assert!(store.remove_consumer(credential.consumer).await.unwrap());
                } else {
                    store.insert_credential(&credential).await.unwrap();
                }
            }
        })
        .await;
        assert_eq!(fixture.store.credentials(None).await.unwrap(), []);
        // Nothing of it is hidden either: the key ids are free.
        let again = add_consumer(&*fixture.store, round).await;
        for number in 0..4 {
            issue(&*fixture.store, &api_key(round << 8 | number, &again)).await;
        }
        assert!(fixture.store.remove_consumer(again.id).await.unwrap());
    }
}
