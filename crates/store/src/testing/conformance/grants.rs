//! [`crate::Grants`].

use countersign_model::{Address, Scopes, Session, SessionEnd};

use super::Fixture;
use super::race::{CONTENDERS, ROUNDS, race};
use super::samples::{NOON, address, advance, begin, generation, later, scopes, session, session_id};
use crate::{Advanced, Begun, Grant};

pub async fn grants_add_up(fixture: &Fixture) {
    let store = &fixture.store;
    assert_eq!(store.granted(address(1)).await.unwrap(), Scopes::default());
    for (added, whole) in [("b,c", "b,c"), ("a", "a,b,c"), ("c,d", "a,b,c,d"), ("", "a,b,c,d")] {
        let grant = store.grant(address(1), &scopes(added)).await.unwrap();
        assert_eq!(grant, Grant { address: address(1), scopes: scopes(whole) });
        assert_eq!(fixture.other.granted(address(1)).await.unwrap(), scopes(whole));
    }
    assert_eq!(store.granted(address(2)).await.unwrap(), Scopes::default());
}

pub async fn a_grant_of_nothing_leaves_no_grant(Fixture { store, .. }: &Fixture) {
    let grant = store.grant(address(1), &Scopes::default()).await.unwrap();
    assert_eq!(grant, Grant { address: address(1), scopes: Scopes::default() });
    assert_eq!(store.grants().await.unwrap(), []);
}

pub async fn grants_are_listed_by_address(Fixture { store, .. }: &Fixture) {
    let (lowest, highest) = (Address::from_bytes([0; 20]), Address::from_bytes([0xff; 20]));
    let sorted = [lowest, address(1), address(200), address(70_000), highest];
    for place in [2, 4, 0, 3, 1] {
        store.grant(sorted[place], &scopes("z,a")).await.unwrap();
    }
    let expected = sorted.map(|address| Grant { address, scopes: scopes("a,z") });
    assert_eq!(store.grants().await.unwrap(), expected);
}

pub async fn a_revoked_wallet_has_nothing_and_its_sessions_are_ended(fixture: &Fixture) {
    let store = &fixture.store;
    store.grant(address(1), &scopes("a")).await.unwrap();
    for number in [1, 2] {
        begin(&**store, &session(number, address(1))).await;
    }
    assert_eq!(store.revoke_grant(address(1), later(5)).await.unwrap(), Some(2));
    assert_eq!(fixture.other.granted(address(1)).await.unwrap(), Scopes::default());
    assert_eq!(store.grants().await.unwrap(), []);
    for number in [1, 2] {
        let ended = Some(SessionEnd::Revoked { at: later(5) });
        let expected = Session { ended, ..session(number, address(1)) };
        assert_eq!(fixture.other.session(session_id(number)).await.unwrap(), Some(expected));
        assert_eq!(store.advance_session(&advance(number, 0)).await.unwrap(), Advanced::Raced);
    }
    assert_eq!(store.revoke_grant(address(1), later(6)).await.unwrap(), None);
}

pub async fn revoking_a_wallet_spares_the_others(Fixture { store, .. }: &Fixture) {
    for number in [1, 2] {
        store.grant(address(number), &scopes("a")).await.unwrap();
        begin(&**store, &session(number, address(number))).await;
    }
    assert_eq!(store.revoke_grant(address(1), NOON).await.unwrap(), Some(1));
    assert_eq!(store.granted(address(2)).await.unwrap(), scopes("a"));
    assert_eq!(store.session(session_id(2)).await.unwrap(), Some(session(2, address(2))));
    assert_eq!(store.generation(address(2)).await.unwrap(), generation(1));
}

pub async fn revoking_a_wallet_counts_only_what_it_ends(Fixture { store, .. }: &Fixture) {
    let reuse = SessionEnd::Reuse { at: NOON };
    begin(&**store, &session(1, address(1))).await;
    begin(&**store, &session(2, address(1))).await;
    assert!(store.end_session(session_id(1), reuse).await.unwrap());
    assert_eq!(store.revoke_grant(address(1), later(5)).await.unwrap(), Some(1));
    let first = store.session(session_id(1)).await.unwrap().unwrap();
    assert_eq!(first.ended, Some(reuse));
    // A grant alone, and no session to end.
    store.grant(address(2), &scopes("a")).await.unwrap();
    assert_eq!(store.revoke_grant(address(2), later(5)).await.unwrap(), Some(0));
}

pub async fn revoking_what_is_not_there_writes_nothing(Fixture { store, .. }: &Fixture) {
    begin(&**store, &session(1, address(1))).await;
    assert!(store.end_session(session_id(1), SessionEnd::Reuse { at: NOON }).await.unwrap());
    for (wallet, logins) in [(address(1), 1), (address(2), 0)] {
        assert_eq!(store.revoke_grant(wallet, NOON).await.unwrap(), None);
        assert_eq!(store.generation(wallet).await.unwrap(), generation(logins));
    }
}

pub async fn a_login_under_way_does_not_begin_after_the_wallet_was_revoked(Fixture { store, .. }: &Fixture) {
    for wallet in [address(1), address(2)] {
        store.grant(wallet, &scopes("a")).await.unwrap();
    }
    begin(&**store, &session(1, address(1))).await;
    for (wallet, logins) in [(address(1), 1), (address(2), 0)] {
        let seen = store.generation(wallet).await.unwrap();
        assert_eq!(seen, generation(logins));
        let held = store.granted(wallet).await.unwrap();
        assert!(store.revoke_grant(wallet, NOON).await.unwrap().is_some());
        let late = Session { scopes: held, ..session(2, wallet) };
        assert_eq!(store.begin_session(seen, &late).await.unwrap(), Begun::Raced);
        assert_eq!(store.session(late.id).await.unwrap(), None);
    }
}

pub async fn grants_made_at_once_all_count(fixture: &Fixture) {
    for round in 0..ROUNDS {
        race(fixture, |number, store| async move {
            store.grant(address(round), &scopes(&format!("scope:{number}"))).await.unwrap();
        })
        .await;
        let all: Vec<String> = (0..CONTENDERS).map(|number| format!("scope:{number}")).collect();
        assert_eq!(fixture.store.granted(address(round)).await.unwrap(), scopes(&all.join(",")));
    }
}

pub async fn a_login_and_a_revocation_at_once_leave_no_session_alive_behind_it(fixture: &Fixture) {
    for round in 0..ROUNDS {
        let wallet = address(round);
        fixture.store.grant(wallet, &scopes("a")).await.unwrap();
        race(fixture, |number, store| async move {
            if number == 4 {
                assert!(store.revoke_grant(wallet, NOON).await.unwrap().is_some());
                return;
            }
            // As a login does it: the generation, then the scopes, then the write.
            let seen = store.generation(wallet).await.unwrap();
            let held = store.granted(wallet).await.unwrap();
            let login = Session { scopes: held, ..session(round << 8 | number, wallet) };
            store.begin_session(seen, &login).await.unwrap();
        })
        .await;
        for number in 0..CONTENDERS {
            let stored = fixture.store.session(session_id(round << 8 | number)).await.unwrap();
            if let Some(Session { ended: None, scopes, .. }) = stored {
                assert_eq!(scopes, Scopes::default(), "round {round}, login {number}");
            }
        }
    }
}
