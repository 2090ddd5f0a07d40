//! Fixed keys and claims, and a forger.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_model::{Address, Scopes, SessionId, TokenKeyId, UnixTime};
use countersign_token::MasterKey;
use countersign_token::jwt::{ACCESS_KEY_LABEL, AccessClaims, KeyRing, REFRESH_KEY_LABEL, RefreshClaims};
use uuid::Uuid;

pub(crate) const ISSUER: &str = "redreamer";
/// 2026-11-21T12:00:00Z.
pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_795_262_400);

/// The header that is minted.
pub(crate) const HEADER: &str = r#"{"alg":"HS512","typ":"JWT","kid":"k1"}"#;
/// The claims of [`access_claims`] as they are minted.
pub(crate) const ACCESS: &str = concat!(
    r#"{"address":"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed","exp":1795266000,"iat":1795262400,"#,
    r#""iss":"redreamer","scopes":"console:apikey:read,console:apikey:write","#,
    r#""jti":"01934c2b-7d1f-7b11-9a00-aabbccddeeff","sid":"01934c2b-7d1f-7a3e-8f00-112233445566","#,
    r#""token_use":"access"}"#,
);
/// The claims of [`refresh_claims`] as they are minted.
pub(crate) const REFRESH: &str = concat!(
    r#"{"address":"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed","exp":1795348800,"iat":1795262400,"#,
    r#""iss":"redreamer","scopes":"console:apikey:read,console:apikey:write","#,
    r#""jti":"01934c2b-7d1f-7b11-9a00-aabbccddeeff","sid":"01934c2b-7d1f-7a3e-8f00-112233445566","#,
    r#""token_use":"refresh","ctr":7}"#,
);

pub(crate) fn master() -> MasterKey {
    MasterKey::parse("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap()
}

pub(crate) fn ring(ids: &[&str]) -> KeyRing {
    let ids: Vec<_> = ids.iter().map(|id| TokenKeyId((*id).into())).collect();
    KeyRing::new(&master(), ISSUER, &ids).unwrap()
}

pub(crate) fn access_claims() -> AccessClaims {
    AccessClaims {
        address: Address::parse("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed").unwrap(),
        session: SessionId(Uuid::from_u128(0x0193_4c2b_7d1f_7a3e_8f00_1122_3344_5566)),
        id: Uuid::from_u128(0x0193_4c2b_7d1f_7b11_9a00_aabb_ccdd_eeff),
        scopes: Scopes::parse_list("console:apikey:read,console:apikey:write").unwrap(),
        issued_at: NOW,
        expires_at: UnixTime::from_secs(NOW.secs() + 3600),
    }
}

pub(crate) fn refresh_claims() -> RefreshClaims {
    let AccessClaims { address, session, id, scopes, issued_at, .. } = access_claims();
    let expires_at = UnixTime::from_secs(NOW.secs() + 86_400);
    RefreshClaims { address, session, id, scopes, issued_at, expires_at, counter: 7 }
}

/// The 64 bytes with which `k1` signs access tokens.
pub(crate) fn access_key() -> [u8; 64] {
    *master().derive(ACCESS_KEY_LABEL, b"k1").expose()
}

/// The 64 bytes with which `k1` signs refresh tokens.
pub(crate) fn refresh_key() -> [u8; 64] {
    *master().derive(REFRESH_KEY_LABEL, b"k1").expose()
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Any text at all as a token with a good HS512 signature by `key`.
pub(crate) fn forge(header: &str, claims: impl AsRef<[u8]>, key: &[u8]) -> String {
    sign(&format!("{}.{}", base64url(header), base64url(claims)), key)
}

/// `signed`, a dot, and its HS512 signature by `key`.
pub(crate) fn sign(signed: &str, key: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, key), signed.as_bytes());
    format!("{signed}.{}", base64url(tag))
}
