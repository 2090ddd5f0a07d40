//! Reading tokens.

use countersign_model::{Address, Scopes, SessionId, UnixTime};
use uuid::Uuid;

use super::claims::TokenUse;
use super::object::{FlatObject, NotFlat};
use super::unverified::UnverifiedClaims;
use super::{AccessClaims, JwtRefusal, MAX_AHEAD, MAX_TIME, Part, RefreshClaims};

/// Proof that an access token is ours, unchanged and in its time. Only [`super::KeyRing::read_access`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessTokenValid(AccessClaims);

/// Proof that a refresh token is ours, unchanged and in its time. Only [`super::KeyRing::read_refresh`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshTokenValid(RefreshClaims);

impl AccessTokenValid {
    /// What the token says.
    pub fn claims(&self) -> &AccessClaims {
        &self.0
    }

    /// What the token says, given away.
    pub fn into_claims(self) -> AccessClaims {
        self.0
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
    let signed = token.verify(TokenUse::Access)?;
    let members = Members::read(signed.json()?)?;
    members.check_origin(issuer, TokenUse::Access)?;
    if members.ctr.is_some() {
        return Err(JwtRefusal::UnexpectedMember { part: Part::Claims });
    }
    let claims = AccessClaims {
        address: address(members.address)?,
        session: SessionId(uuid("sid", members.sid)?),
        id: uuid("jti", members.jti)?,
        scopes: scopes(members.scopes)?,
        issued_at: time("iat", members.iat)?,
        expires_at: time("exp", members.exp)?,
    };
    check_times(claims.issued_at, claims.expires_at, now)?;
    Ok(AccessTokenValid(claims))
}

pub(super) fn refresh(
    token: &UnverifiedClaims<'_>,
    issuer: &str,
    now: UnixTime,
) -> Result<RefreshTokenValid, JwtRefusal> {
    let signed = token.verify(TokenUse::Refresh)?;
    let members = Members::read(signed.json()?)?;
    members.check_origin(issuer, TokenUse::Refresh)?;
    let claims = RefreshClaims {
        address: address(members.address)?,
        session: SessionId(uuid("sid", members.sid)?),
        id: uuid("jti", members.jti)?,
        scopes: scopes(members.scopes)?,
        issued_at: time("iat", members.iat)?,
        expires_at: time("exp", members.exp)?,
        counter: there("ctr", members.ctr)?,
    };
    check_times(claims.issued_at, claims.expires_at, now)?;
    Ok(RefreshTokenValid(claims))
}

/// The members of the claims, each there at most once.
#[derive(Default)]
struct Members<'a> {
    address: Option<&'a str>,
    exp: Option<u64>,
    iat: Option<u64>,
    iss: Option<&'a str>,
    scopes: Option<&'a str>,
    jti: Option<&'a str>,
    sid: Option<&'a str>,
    token_use: Option<&'a str>,
    ctr: Option<u64>,
}

impl<'a> Members<'a> {
    fn read(json: &'a str) -> Result<Self, JwtRefusal> {
        let not_an_object = |NotFlat| JwtRefusal::NotAnObject { part: Part::Claims };
        let mut object = FlatObject::open(json).map_err(not_an_object)?;
        let mut members = Self::default();
        while let Some(name) = object.name().map_err(not_an_object)? {
            match name {
                "address" => fill("address", &mut members.address, object.text())?,
                "exp" => fill("exp", &mut members.exp, object.integer())?,
                "iat" => fill("iat", &mut members.iat, object.integer())?,
                "iss" => fill("iss", &mut members.iss, object.text())?,
                "scopes" => fill("scopes", &mut members.scopes, object.text())?,
                "jti" => fill("jti", &mut members.jti, object.text())?,
                "sid" => fill("sid", &mut members.sid, object.text())?,
                "token_use" => fill("token_use", &mut members.token_use, object.text())?,
                "ctr" => fill("ctr", &mut members.ctr, object.integer())?,
                _ => return Err(JwtRefusal::UnexpectedMember { part: Part::Claims }),
            }
        }
        Ok(members)
    }

    fn check_origin(&self, issuer: &str, token_use: TokenUse) -> Result<(), JwtRefusal> {
        if there("iss", self.iss)? != issuer {
            return Err(JwtRefusal::WrongIssuer);
        }
        if there("token_use", self.token_use)? != token_use.as_str() {
            return Err(JwtRefusal::WrongUse);
        }
        Ok(())
    }
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

fn fill<T>(name: &'static str, slot: &mut Option<T>, value: Result<T, NotFlat>) -> Result<(), JwtRefusal> {
    let value = value.map_err(|NotFlat| JwtRefusal::WrongForm { name })?;
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(JwtRefusal::RepeatedMember { name }),
    }
}

fn there<T>(name: &'static str, slot: Option<T>) -> Result<T, JwtRefusal> {
    slot.ok_or(JwtRefusal::MissingMember { name })
}

fn time(name: &'static str, slot: Option<u64>) -> Result<UnixTime, JwtRefusal> {
    let seconds = Some(there(name, slot)?).filter(|seconds| *seconds <= MAX_TIME);
    let seconds = seconds.and_then(|seconds| i64::try_from(seconds).ok());
    seconds.map(UnixTime::from_secs).ok_or(JwtRefusal::WrongForm { name })
}

fn address(slot: Option<&str>) -> Result<Address, JwtRefusal> {
    let wrong = JwtRefusal::WrongForm { name: "address" };
    let text = lower_case(there("address", slot)?).ok_or(wrong)?;
    Address::parse(text).map_err(|_| wrong)
}

fn scopes(slot: Option<&str>) -> Result<Scopes, JwtRefusal> {
    let text = there("scopes", slot)?;
    Scopes::parse_list(text).map_err(|_| JwtRefusal::WrongForm { name: "scopes" })
}

/// A UUID in its usual form: 36 characters, lower case (RFC 9562 section 4).
fn uuid(name: &'static str, slot: Option<&str>) -> Result<Uuid, JwtRefusal> {
    const HYPHENATED_LEN: usize = 36;
    let text = lower_case(there(name, slot)?).filter(|text| text.len() == HYPHENATED_LEN);
    text.and_then(|text| Uuid::try_parse(text).ok()).ok_or(JwtRefusal::WrongForm { name })
}

fn lower_case(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.bytes().any(|byte| byte.is_ascii_uppercase()))
}
