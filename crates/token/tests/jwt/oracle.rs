//! Another implementation of RFC 7519 agrees.

use std::collections::HashSet;

use countersign_model::UnixTime;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde_json::{Map, Value, json};

use crate::common::{ACCESS, ISSUER, REFRESH, access_claims, access_key, refresh_claims, refresh_key, ring};

fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::HS512);
    validation.set_issuer(&[ISSUER]);
    // The claims are of a fixed moment; `times` tests when they hold.
    validation.validate_exp = false;
    validation.required_spec_claims = HashSet::from(["exp".to_owned(), "iss".to_owned()]);
    validation
}

#[test]
fn it_accepts_what_is_minted_and_reads_the_same() {
    let ring = ring(&["k1"]);
    for (token, key, claims) in [
        (ring.mint_access(&access_claims()).unwrap(), access_key(), ACCESS),
        (ring.mint_refresh(&refresh_claims()).unwrap(), refresh_key(), REFRESH),
    ] {
        let header = decode_header(&token).unwrap();
        assert_eq!(
            (header.alg, header.typ.as_deref(), header.kid.as_deref()),
            (Algorithm::HS512, Some("JWT"), Some("k1"))
        );
        let read = decode::<Value>(&token, &DecodingKey::from_secret(&key), &validation()).unwrap();
        assert_eq!(read.claims, serde_json::from_str::<Value>(claims).unwrap());
        assert!(decode::<Value>(&token, &DecodingKey::from_secret(&key[1..]), &validation()).is_err());
    }
}

#[test]
fn what_it_mints_with_the_derived_keys_is_accepted() {
    let ring = ring(&["k1"]);
    let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::HS512) };
    let now = access_claims().issued_at;

    let claims: Map<String, Value> = serde_json::from_str(ACCESS).unwrap();
    let token = encode(&header, &claims, &EncodingKey::from_secret(&access_key())).unwrap();
    assert_eq!(ring.read_access(&token, now).unwrap().into_claims(), access_claims());

    let claims: Map<String, Value> = serde_json::from_str(REFRESH).unwrap();
    let token = encode(&header, &claims, &EncodingKey::from_secret(&refresh_key())).unwrap();
    assert_eq!(ring.read_refresh(&token, now).unwrap().into_claims(), refresh_claims());
}

#[test]
fn what_it_mints_with_another_key_algorithm_or_claim_is_refused() {
    let ring = ring(&["k1"]);
    let with = |algorithm| Header { kid: Some("k1".to_owned()), ..Header::new(algorithm) };
    let good: Value = serde_json::from_str(ACCESS).unwrap();
    let mut float = good.clone();
    float["exp"] = json!(1_795_266_000.5);
    let key = access_key();
    for (header, claims, key) in [
        (with(Algorithm::HS512), &good, &refresh_key()[..]),
        (with(Algorithm::HS512), &good, &key[..32]),
        (with(Algorithm::HS256), &good, &key[..]),
        (with(Algorithm::HS384), &good, &key[..]),
        (Header::new(Algorithm::HS512), &good, &key[..]),
        (with(Algorithm::HS512), &float, &key[..]),
    ] {
        let token = encode(&header, claims, &EncodingKey::from_secret(key)).unwrap();
        assert!(ring.read_access(&token, UnixTime::from_secs(1_795_262_400)).is_err(), "{header:?} {claims}");
    }
}
