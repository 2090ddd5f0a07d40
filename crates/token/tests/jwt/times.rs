//! When a token is good.

use countersign_model::UnixTime;
use countersign_token::jwt::{JwtRefusal, MAX_AHEAD};

use crate::common::{access_claims, refresh_claims, ring};

#[test]
fn a_token_is_good_until_the_moment_it_expires_and_not_at_it() {
    let (ring, claims) = (ring(&["k1"]), access_claims());
    let token = ring.mint_access(&claims).unwrap();
    let end = claims.expires_at;
    assert!(ring.read_access(&token, UnixTime::from_millis(end.millis() - 1)).is_ok());
    assert_eq!(ring.read_access(&token, end), Err(JwtRefusal::Expired { at: end }));
    assert_eq!(
        ring.read_access(&token, UnixTime::from_millis(i64::MAX)),
        Err(JwtRefusal::Expired { at: end })
    );

    let token = ring.mint_refresh(&refresh_claims()).unwrap();
    let end = refresh_claims().expires_at;
    assert!(ring.read_refresh(&token, UnixTime::from_millis(end.millis() - 1)).is_ok());
    assert_eq!(ring.read_refresh(&token, end), Err(JwtRefusal::Expired { at: end }));
}

#[test]
fn a_token_may_be_minted_a_minute_ahead_of_the_readers_clock_and_no_more() {
    let (ring, claims) = (ring(&["k1"]), access_claims());
    let token = ring.mint_access(&claims).unwrap();
    let earliest = claims.issued_at.minus(MAX_AHEAD);
    assert!(ring.read_access(&token, earliest).is_ok());
    let refusal = JwtRefusal::FromTheFuture { issued_at: claims.issued_at };
    assert_eq!(ring.read_access(&token, UnixTime::from_millis(earliest.millis() - 1)), Err(refusal));
    assert_eq!(ring.read_access(&token, UnixTime::from_millis(i64::MIN)), Err(refusal));
}

#[test]
fn a_forged_token_is_never_called_expired() {
    let (ring, claims) = (ring(&["k1"]), access_claims());
    let token = ring.mint_access(&claims).unwrap();
    let forged = format!("{}AA", &token[..token.len() - 2]);
    assert_eq!(ring.read_access(&forged, claims.expires_at), Err(JwtRefusal::WrongSignature));
}
