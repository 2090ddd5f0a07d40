//! Writing tokens.

use aws_lc_rs::hmac;
use countersign_model::{Address, Scopes, SessionId, UnixTime};
use uuid::Uuid;

use super::base64url;
use super::claims::TokenUse;
use super::ring::RingKey;
use super::{AccessClaims, MAX_SCOPES_LEN, MAX_TIME, RefreshClaims};

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
    let signed = format!("{}.{}", key.header, base64url::encode(claims.as_bytes()));
    let tag = hmac::sign(key.key(content.token_use), signed.as_bytes());
    Ok(signed + "." + &base64url::encode(tag.as_ref()))
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
    Ok([
        format!(r#"{{"address":"{address}","exp":{exp},"iat":{iat},"iss":"{issuer}","scopes":"{scopes}""#),
        format!(r#","jti":"{jti}","sid":"{sid}","token_use":"{token_use}""#),
        content.counter.map(|counter| format!(r#","ctr":{counter}"#)).unwrap_or_default(),
        "}".to_owned(),
    ]
    .concat())
}

fn seconds(time: UnixTime) -> Result<u64, NotMinted> {
    let seconds = u64::try_from(time.secs()).ok();
    seconds.filter(|seconds| *seconds <= MAX_TIME).ok_or(NotMinted::TimeOutOfRange)
}
