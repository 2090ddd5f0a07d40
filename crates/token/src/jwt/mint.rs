//! Writing tokens.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use countersign_model::{Address, Scopes, SessionId, UnixTime};
use uuid::Uuid;

use super::base64url;
use super::claims::TokenUse;
use super::ring::RingKey;
use super::{AccessClaims, MAX_SCOPES_LEN, MAX_TIME, RefreshClaims};

/// How long the claims are at most without issuer and scopes, in bytes.
const MEMBERS_LEN: usize = 320;
/// How long a signature is in base64url, in characters.
const SIGNATURE_LEN: usize = 86;

/// Why a token was not minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMinted {
    /// The list of scopes is longer than [`MAX_SCOPES_LEN`].
    #[error("a token carries at most {MAX_SCOPES_LEN} characters of scopes; there are {found}")]
    ScopesTooLong {
        /// How long the list is, in characters.
        found: usize,
    },
    /// A time before 1970 or after 9999.
    #[error("a token's times are within the years 1970 to 9999")]
    TimeOutOfRange,
}

struct Content<'a> {
    address: Address,
    session: SessionId,
    id: Uuid,
    scopes: &'a Scopes,
    issued_at: UnixTime,
    expires_at: UnixTime,
    token_use: TokenUse,
    counter: Option<u64>,
}

pub(super) fn access(claims: &AccessClaims, issuer: &str, key: &RingKey) -> Result<String, NotMinted> {
    let AccessClaims { address, session, id, ref scopes, issued_at, expires_at } = *claims;
    let token_use = TokenUse::Access;
    sign(
        &Content { address, session, id, scopes, issued_at, expires_at, token_use, counter: None },
        issuer,
        key,
    )
}

pub(super) fn refresh(claims: &RefreshClaims, issuer: &str, key: &RingKey) -> Result<String, NotMinted> {
    let RefreshClaims { address, session, id, ref scopes, issued_at, expires_at, counter } = *claims;
    let (token_use, counter) = (TokenUse::Refresh, Some(counter));
    sign(&Content { address, session, id, scopes, issued_at, expires_at, token_use, counter }, issuer, key)
}

fn sign(content: &Content<'_>, issuer: &str, key: &RingKey) -> Result<String, NotMinted> {
    let claims = write(content, issuer)?;
    let mut token = String::with_capacity(key.header.len() + claims.len() * 4 / 3 + SIGNATURE_LEN + 8);
    token.push_str(&key.header);
    token.push('.');
    base64url::encode_to(claims.as_bytes(), &mut token);
    let tag = hmac::sign(key.key(content.token_use), token.as_bytes());
    token.push('.');
    base64url::encode_to(tag.as_ref(), &mut token);
    Ok(token)
}

/// The claims as JSON. No value needs an escape: [`super::KeyRing::new`] saw to the issuer, the types to the
/// others.
fn write(content: &Content<'_>, issuer: &str) -> Result<String, NotMinted> {
    let scopes = content.scopes.to_list();
    if scopes.len() > MAX_SCOPES_LEN {
        return Err(NotMinted::ScopesTooLong { found: scopes.len() });
    }
    let (exp, iat) = (seconds(content.expires_at)?, seconds(content.issued_at)?);
    let (address, jti, sid) = (content.address, content.id.hyphenated(), content.session.0.hyphenated());
    let token_use = content.token_use.as_str();
    let mut claims = String::with_capacity(MEMBERS_LEN + issuer.len() + scopes.len());
    // Writing to a string does not fail.
    let _ = write!(
        claims,
        r#"{{"address":"{address}","exp":{exp},"iat":{iat},"iss":"{issuer}","scopes":"{scopes}","jti":"{jti}","sid":"{sid}","token_use":"{token_use}""#
    );
    if let Some(counter) = content.counter {
        let _ = write!(claims, r#","ctr":{counter}"#);
    }
    claims.push('}');
    Ok(claims)
}

fn seconds(time: UnixTime) -> Result<u64, NotMinted> {
    let seconds = u64::try_from(time.secs()).ok();
    seconds.filter(|seconds| *seconds <= MAX_TIME).ok_or(NotMinted::TimeOutOfRange)
}
