//! What a minted token looks like.

use countersign_model::{Scope, Scopes, TokenKeyId, UnixTime};
use countersign_token::jwt::{
    AccessClaims, KeyRing, MAX_ISSUER_LEN, MAX_KID_LEN, MAX_SCOPES_LEN, MAX_TIME, MAX_TOKEN_LEN, NotMinted,
    RefreshClaims,
};

use crate::common::{
    ACCESS, HEADER, REFRESH, access_claims, access_key, forge, master, refresh_claims, refresh_key, ring,
};

#[test]
fn the_same_claims_give_the_same_token_byte_for_byte() {
    let ring = ring(&["k1"]);
    assert_eq!(ring.mint_access(&access_claims()).unwrap(), forge(HEADER, ACCESS, &access_key()));
    assert_eq!(ring.mint_refresh(&refresh_claims()).unwrap(), forge(HEADER, REFRESH, &refresh_key()));
}

#[test]
fn a_token_says_what_it_was_minted_with() {
    let (ring, now) = (ring(&["k1"]), access_claims().issued_at);
    let access = ring.mint_access(&access_claims()).unwrap();
    assert_eq!(ring.read_access(&access, now).unwrap().into_claims(), access_claims());
    let refresh = ring.mint_refresh(&refresh_claims()).unwrap();
    assert_eq!(ring.read_refresh(&refresh, now).unwrap().into_claims(), refresh_claims());
}

#[test]
fn a_wallet_without_scopes_has_an_empty_list_of_them() {
    let (ring, claims) = (ring(&["k1"]), AccessClaims { scopes: Scopes::default(), ..access_claims() });
    let token = ring.mint_access(&claims).unwrap();
    assert_eq!(ring.read_access(&token, claims.issued_at).unwrap().claims(), &claims);
}

#[test]
fn a_part_of_a_second_is_dropped() {
    let (ring, whole) = (ring(&["k1"]), access_claims());
    let part = AccessClaims {
        issued_at: UnixTime::from_millis(whole.issued_at.millis() + 999),
        expires_at: UnixTime::from_millis(whole.expires_at.millis() + 1),
        ..whole.clone()
    };
    assert_eq!(ring.mint_access(&part).unwrap(), ring.mint_access(&whole).unwrap());
}

#[test]
fn the_longest_token_that_can_be_minted_can_be_read() {
    let kid = TokenKeyId("k".repeat(MAX_KID_LEN).into());
    let ring = KeyRing::new(&master(), &"i".repeat(MAX_ISSUER_LEN), &[kid]).unwrap();
    let claims = RefreshClaims {
        scopes: scopes(MAX_SCOPES_LEN),
        expires_at: UnixTime::from_secs(MAX_TIME.try_into().unwrap()),
        counter: u64::MAX,
        ..refresh_claims()
    };
    let token = ring.mint_refresh(&claims).unwrap();
    assert!(token.len() <= MAX_TOKEN_LEN, "{}", token.len());
    assert_eq!(ring.read_refresh(&token, claims.issued_at).unwrap().into_claims(), claims);
}

#[test]
fn a_token_that_could_not_be_read_is_not_minted() {
    let ring = ring(&["k1"]);
    let too_many = AccessClaims { scopes: scopes(MAX_SCOPES_LEN + 1), ..access_claims() };
    assert_eq!(ring.mint_access(&too_many), Err(NotMinted::ScopesTooLong { found: MAX_SCOPES_LEN + 1 }));
    for time in [UnixTime::from_secs(-1), UnixTime::from_secs(i64::try_from(MAX_TIME).unwrap() + 1)] {
        let late = AccessClaims { expires_at: time, ..access_claims() };
        assert_eq!(ring.mint_access(&late), Err(NotMinted::TimeOutOfRange));
        let early = AccessClaims { issued_at: time, ..access_claims() };
        assert_eq!(ring.mint_access(&early), Err(NotMinted::TimeOutOfRange));
    }
}

/// Scopes whose list is exactly `len` characters long.
fn scopes(len: usize) -> Scopes {
    let mut names: Vec<String> = (0..len / 101).map(|n| format!("{n:0>100}")).collect();
    let rest = len - names.iter().map(|name| name.len() + 1).sum::<usize>();
    names.push("z".repeat(rest));
    let scopes: Scopes = names.iter().map(|name| Scope::parse(name).unwrap()).collect();
    assert_eq!(scopes.to_list().len(), len);
    scopes
}
