//! Reading tokens.

use std::sync::Arc;

use countersign_model::UnixTime;

use super::claims::TokenUse;
use super::members::Members;
use super::unverified::UnverifiedClaims;
use super::{AccessClaims, JwtRefusal, MAX_AHEAD, RefreshClaims};

/// Proof that an access token is ours, unchanged and in its time. Only [`super::KeyRing::read_access`] makes
/// one, and of one [`AccessTokenValid::again`] makes another. Copies share what the token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessTokenValid(Arc<AccessClaims>);

/// Proof that a refresh token is ours, unchanged and in its time. Only [`super::KeyRing::read_refresh`] makes
/// one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshTokenValid(RefreshClaims);

impl AccessTokenValid {
    /// What the token says.
    pub fn claims(&self) -> &AccessClaims {
        &self.0
    }

    /// What the token says, given away.
    pub fn into_claims(self) -> AccessClaims {
        Arc::unwrap_or_clone(self.0)
    }

    /// The proof for the moment `now`: whoever saw that the same token comes again need not check its signature again. The ring that
    /// read it must still be the one in use.
    pub fn again(&self, now: UnixTime) -> Result<Self, JwtRefusal> {
        check_times(self.0.issued_at, self.0.expires_at, now)?;
        Ok(self.clone())
    }
}

impl RefreshTokenValid {
    /// What the token says.
    pub fn claims(&self) -> &RefreshClaims {
        &self.0
    }

    /// What the token says, given away.
    pub fn into_claims(self) -> RefreshClaims {
        self.0
    }
}

pub(super) fn access(
    token: &UnverifiedClaims<'_>,
    issuer: &str,
    now: UnixTime,
) -> Result<AccessTokenValid, JwtRefusal> {
    let mut room = [0; _];
    let signed = token.verify(TokenUse::Access, &mut room)?;
    let members = Members::read(signed.json())?;
    check_origin(&members, issuer, TokenUse::Access)?;
    members.no_counter()?;
    let claims = AccessClaims {
        address: members.address()?,
        session: members.session()?,
        id: members.id()?,
        scopes: members.scopes()?,
        issued_at: members.issued_at()?,
        expires_at: members.expires_at()?,
    };
    check_times(claims.issued_at, claims.expires_at, now)?;
    Ok(AccessTokenValid(Arc::new(claims)))
}

pub(super) fn refresh(
    token: &UnverifiedClaims<'_>,
    issuer: &str,
    now: UnixTime,
) -> Result<RefreshTokenValid, JwtRefusal> {
    let mut room = [0; _];
    let signed = token.verify(TokenUse::Refresh, &mut room)?;
    let members = Members::read(signed.json())?;
    check_origin(&members, issuer, TokenUse::Refresh)?;
    let claims = RefreshClaims {
        address: members.address()?,
        session: members.session()?,
        id: members.id()?,
        scopes: members.scopes()?,
        issued_at: members.issued_at()?,
        expires_at: members.expires_at()?,
        counter: members.counter()?,
    };
    check_times(claims.issued_at, claims.expires_at, now)?;
    Ok(RefreshTokenValid(claims))
}

fn check_origin(members: &Members<'_>, issuer: &str, token_use: TokenUse) -> Result<(), JwtRefusal> {
    if members.issuer()? != issuer.as_bytes() {
        return Err(JwtRefusal::WrongIssuer);
    }
    if members.token_use()? != token_use.as_str().as_bytes() {
        return Err(JwtRefusal::WrongUse);
    }
    Ok(())
}

/// The last check: a token that has expired is good in all else.
fn check_times(issued_at: UnixTime, expires_at: UnixTime, now: UnixTime) -> Result<(), JwtRefusal> {
    if issued_at > now.plus(MAX_AHEAD) {
        return Err(JwtRefusal::FromTheFuture { issued_at });
    }
    if expires_at <= now {
        return Err(JwtRefusal::Expired { at: expires_at });
    }
    Ok(())
}
