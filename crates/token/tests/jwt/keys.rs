//! Keys that come and go.

use countersign_token::MasterKey;
use countersign_token::jwt::{JwtRefusal, KeyRing};

use crate::common::{ISSUER, NOW, access_claims, master, refresh_claims, ring};
use countersign_model::TokenKeyId;

#[test]
fn a_new_key_signs_and_the_old_one_still_verifies() {
    let (before, after) = (ring(&["k1"]), ring(&["k2", "k1"]));
    let old = before.mint_access(&access_claims()).unwrap();
    let new = after.mint_access(&access_claims()).unwrap();
    assert_eq!(after.signing_key(), &TokenKeyId("k2".into()));
    assert_ne!(old, new);
    assert!(after.read_access(&old, NOW).is_ok());
    assert!(after.read_access(&new, NOW).is_ok());
    assert_eq!(before.read_access(&new, NOW), Err(JwtRefusal::UnknownKey));
}

#[test]
fn a_key_that_was_removed_verifies_nothing() {
    let (before, after) = (ring(&["k1"]), ring(&["k2"]));
    let access = before.mint_access(&access_claims()).unwrap();
    let refresh = before.mint_refresh(&refresh_claims()).unwrap();
    assert_eq!(after.read_access(&access, NOW), Err(JwtRefusal::UnknownKey));
    assert_eq!(after.read_refresh(&refresh, NOW), Err(JwtRefusal::UnknownKey));
}

#[test]
fn another_master_key_has_other_token_keys() {
    let other = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let other = KeyRing::new(&MasterKey::parse(other).unwrap(), ISSUER, &[TokenKeyId("k1".into())]).unwrap();
    let token = other.mint_access(&access_claims()).unwrap();
    assert_eq!(ring(&["k1"]).read_access(&token, NOW), Err(JwtRefusal::WrongSignature));
}

#[test]
fn another_issuers_token_is_refused_though_the_key_is_the_same() {
    let other = KeyRing::new(&master(), "other", &[TokenKeyId("k1".into())]).unwrap();
    let token = other.mint_access(&access_claims()).unwrap();
    assert_eq!(ring(&["k1"]).read_access(&token, NOW), Err(JwtRefusal::WrongIssuer));
}

#[test]
fn an_access_token_and_a_refresh_token_never_pass_for_each_other() {
    let ring = ring(&["k1"]);
    let access = ring.mint_access(&access_claims()).unwrap();
    let refresh = ring.mint_refresh(&refresh_claims()).unwrap();
    assert_eq!(ring.read_refresh(&access, NOW), Err(JwtRefusal::WrongSignature));
    assert_eq!(ring.read_access(&refresh, NOW), Err(JwtRefusal::WrongSignature));
}
