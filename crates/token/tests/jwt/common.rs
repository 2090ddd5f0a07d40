//! Fixed keys and claims that the tests share.

use countersign_model::{Address, Scopes, SessionId, TokenKeyId, UnixTime};
use countersign_token::MasterKey;
use countersign_token::jwt::{AccessClaims, KeyRing, RefreshClaims};
use uuid::Uuid;

pub(crate) const ISSUER: &str = "redreamer";
/// 2026-11-21T12:00:00Z.
pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_795_262_400);

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
