//! [`crate::Sessions`], but for the sweep.

use countersign_model::{Address, Scopes, Session, SessionEnd, SessionId, UnixTime};
use uuid::Uuid;

use super::Fixture;
use super::race::{ROUNDS, count, race};
use super::samples::{
    MOMENTS, NOON, address, advance, begin, generation, later, scopes, session, session_id,
};
use crate::{Advance, Advanced, Begun};

const REUSE: SessionEnd = SessionEnd::Reuse { at: NOON };

pub async fn a_session_reads_back(fixture: &Fixture) {
    let begun = session(1, address(1));
    begin(&*fixture.store, &begun).await;
    for store in [&fixture.store, &fixture.other] {
        assert_eq!(store.session(begun.id).await.unwrap(), Some(begun.clone()));
        assert_eq!(store.session(session_id(2)).await.unwrap(), None);
    }
}

pub async fn odd_but_legal_sessions_read_back(Fixture { store, .. }: &Fixture) {
    let mut ends = vec![None];
    for at in MOMENTS {
        ends.extend([Some(SessionEnd::Reuse { at }), Some(SessionEnd::Revoked { at })]);
    }
    let counters = [0, 1, i64::MAX.cast_unsigned(), i64::MAX.cast_unsigned() + 1, u64::MAX];
    let addresses = [Address::from_bytes([0; 20]), Address::from_bytes([0xff; 20])];
    for (number, ended) in ends.into_iter().enumerate() {
        let odd = Session {
            id: SessionId(Uuid::from_u128(u128::MAX - number as u128)),
            address: addresses[number % 2],
            counter: counters[number % counters.len()],
            refreshed_at: MOMENTS[number % MOMENTS.len()],
            scopes: if number % 2 == 0 { Scopes::default() } else { scopes("a,b") },
            expires_at: MOMENTS[(number + 1) % MOMENTS.len()],
            ended,
        };
        begin(&**store, &odd).await;
        assert_eq!(store.session(odd.id).await.unwrap(), Some(odd));
    }
}

pub async fn an_address_that_never_logged_in_has_generation_zero(Fixture { store, .. }: &Fixture) {
    begin(&**store, &session(1, address(1))).await;
    for _ in 0..2 {
        assert_eq!(store.generation(address(2)).await.unwrap(), generation(0));
    }
}

pub async fn a_login_moves_the_generation_of_its_address_alone(fixture: &Fixture) {
    for login in 0..3 {
        assert_eq!(fixture.other.generation(address(1)).await.unwrap(), generation(login));
        let begun =
            fixture.store.begin_session(generation(login), &session(login, address(1))).await.unwrap();
        assert_eq!(begun, Begun::Begun);
    }
    assert_eq!(fixture.other.generation(address(1)).await.unwrap(), generation(3));
    assert_eq!(fixture.store.generation(address(2)).await.unwrap(), generation(0));
}

pub async fn a_login_with_a_spent_generation_writes_nothing(Fixture { store, .. }: &Fixture) {
    begin(&**store, &session(1, address(1))).await;
    for wrong in [0, 2, u64::MAX] {
        let begun = store.begin_session(generation(wrong), &session(2, address(1))).await.unwrap();
        assert_eq!(begun, Begun::Raced);
    }
    let never_before = store.begin_session(generation(1), &session(2, address(2))).await.unwrap();
    assert_eq!(never_before, Begun::Raced);
    assert_eq!(store.session(session_id(2)).await.unwrap(), None);
    assert_eq!(store.generation(address(1)).await.unwrap(), generation(1));
    assert_eq!(store.generation(address(2)).await.unwrap(), generation(0));
}

pub async fn a_login_with_an_identity_in_use_writes_nothing(Fixture { store, .. }: &Fixture) {
    let first = session(1, address(1));
    begin(&**store, &first).await;
    let begun = store.begin_session(generation(0), &session(1, address(2))).await.unwrap();
    assert_eq!(begun, Begun::Raced);
    assert_eq!(store.session(first.id).await.unwrap(), Some(first));
    assert_eq!(store.generation(address(2)).await.unwrap(), generation(0));
}

pub async fn a_refresh_moves_the_session_on(fixture: &Fixture) {
    let mut stands = session(1, address(1));
    begin(&*fixture.store, &stands).await;
    begin(&*fixture.store, &session(2, address(1))).await;
    for from in 0..3 {
        let at = UnixTime::from_millis(i64::try_from(from).unwrap());
        let step = Advance { at, scopes: scopes(&format!("refresh:{from}")), ..advance(1, from) };
        assert_eq!(fixture.store.advance_session(&step).await.unwrap(), Advanced::Advanced);
        stands = Session {
            counter: from + 1,
            refreshed_at: at,
            scopes: step.scopes,
            expires_at: step.expires_at,
            ..stands
        };
        assert_eq!(fixture.other.session(stands.id).await.unwrap(), Some(stands.clone()));
    }
    assert_eq!(fixture.store.session(session_id(2)).await.unwrap(), Some(session(2, address(1))));
}

pub async fn a_refresh_that_comes_late_writes_nothing(Fixture { store, .. }: &Fixture) {
    begin(&**store, &Session { counter: 5, ..session(1, address(1)) }).await;
    begin(&**store, &session(2, address(1))).await;
    assert!(store.end_session(session_id(2), REUSE).await.unwrap());
    let before = [store.session(session_id(1)).await.unwrap(), store.session(session_id(2)).await.unwrap()];
    for (number, from) in [(1, 4), (1, 6), (1, 0), (2, 0), (3, 0)] {
        let advanced = store.advance_session(&advance(number, from)).await.unwrap();
        assert_eq!(advanced, Advanced::Raced, "session {number} from {from}");
    }
    let after = [store.session(session_id(1)).await.unwrap(), store.session(session_id(2)).await.unwrap()];
    assert_eq!(after, before);
    assert_eq!(store.session(session_id(3)).await.unwrap(), None);
}

pub async fn an_ended_session_stays_ended_as_it_first_was(Fixture { store, .. }: &Fixture) {
    let live = session(1, address(1));
    begin(&**store, &live).await;
    assert!(!store.end_session(session_id(2), REUSE).await.unwrap());
    assert!(store.end_session(live.id, REUSE).await.unwrap());
    assert!(!store.end_session(live.id, SessionEnd::Revoked { at: later(1) }).await.unwrap());
    assert_eq!(store.session(live.id).await.unwrap(), Some(Session { ended: Some(REUSE), ..live }));
}

pub async fn ended_sessions_are_listed_until_they_expire(Fixture { store, .. }: &Fixture) {
    for (number, expires_at, ended) in
        [(1, 10, Some(REUSE)), (2, 20, Some(SessionEnd::Revoked { at: NOON })), (3, 20, None)]
    {
        let expires_at = later(expires_at);
        begin(&**store, &Session { expires_at, ended, ..session(number, address(number)) }).await;
    }
    begin(&**store, &Session { expires_at: later(20), ..session(4, address(1)) }).await;
    assert!(store.end_session(session_id(4), REUSE).await.unwrap());
    let before_the_first = UnixTime::from_millis(later(10).millis() - 1);
    for (now, expected) in
        [(before_the_first, &[1, 2, 4][..]), (later(10), &[2, 4]), (later(19), &[2, 4]), (later(20), &[])]
    {
        let mut listed = store.ended_sessions(now).await.unwrap();
        listed.sort();
        assert_eq!(listed, expected.iter().copied().map(session_id).collect::<Vec<_>>(), "{now:?}");
    }
}

pub async fn of_many_logins_with_one_generation_one_begins(fixture: &Fixture) {
    for round in 0..ROUNDS {
        let outcomes = race(fixture, |number, store| async move {
            let contender = session(round << 8 | number, address(1));
            store.begin_session(generation(round), &contender).await.unwrap()
        })
        .await;
        assert_eq!(count(&outcomes, &Begun::Begun), 1, "{outcomes:?}");
        assert_eq!(fixture.store.generation(address(1)).await.unwrap(), generation(round + 1));
        for (number, outcome) in (0..).zip(outcomes) {
            let stored = fixture.store.session(session_id(round << 8 | number)).await.unwrap();
            assert_eq!(stored.is_some(), outcome == Begun::Begun);
        }
    }
}

pub async fn logins_of_different_addresses_do_not_race(fixture: &Fixture) {
    for round in 0..ROUNDS {
        let outcomes = race(fixture, |number, store| async move {
            let contender = session(round << 8 | number, address(number));
            store.begin_session(generation(round), &contender).await.unwrap()
        })
        .await;
        assert_eq!(count(&outcomes, &Begun::Begun), outcomes.len(), "{outcomes:?}");
    }
}

pub async fn of_many_refreshes_from_one_counter_one_advances(fixture: &Fixture) {
    begin(&*fixture.store, &session(1, address(1))).await;
    for round in 0..ROUNDS {
        let outcomes = race(fixture, |number, store| async move {
            let step = Advance { scopes: scopes(&format!("by:{number}")), ..advance(1, round) };
            (step.scopes.clone(), store.advance_session(&step).await.unwrap())
        })
        .await;
        let stands = fixture.store.session(session_id(1)).await.unwrap().unwrap();
        assert_eq!(stands.counter, round + 1);
        for (by, outcome) in outcomes {
            let expected = if by == stands.scopes { Advanced::Advanced } else { Advanced::Raced };
            assert_eq!(outcome, expected);
        }
    }
}

pub async fn of_many_that_end_one_session_one_does(fixture: &Fixture) {
    for round in 0..ROUNDS {
        begin(&*fixture.store, &session(round, address(1))).await;
        let outcomes =
            race(
                fixture,
                |_, store| async move { store.end_session(session_id(round), REUSE).await.unwrap() },
            )
            .await;
        assert_eq!(count(&outcomes, &true), 1, "{outcomes:?}");
    }
}
