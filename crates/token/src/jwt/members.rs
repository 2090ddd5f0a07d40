//! The claims of a token as JSON members.

use countersign_model::{Address, Scopes, SessionId, UnixTime};
use uuid::Uuid;

use super::object::{FlatObject, NotFlat};
use super::{JwtRefusal, MAX_TIME, Part};

/// The members that a token may have, each there at most once and not yet read for what it means.
#[derive(Default)]
pub(super) struct Members<'a> {
    address: Option<&'a [u8]>,
    exp: Option<u64>,
    iat: Option<u64>,
    iss: Option<&'a [u8]>,
    scopes: Option<&'a [u8]>,
    jti: Option<&'a [u8]>,
    sid: Option<&'a [u8]>,
    token_use: Option<&'a [u8]>,
    ctr: Option<u64>,
}

impl<'a> Members<'a> {
    pub(super) fn read(json: &'a [u8]) -> Result<Self, JwtRefusal> {
        let not_an_object = |NotFlat| JwtRefusal::NotAnObject { part: Part::Claims };
        let mut object = FlatObject::open(json).map_err(not_an_object)?;
        let mut members = Self::default();
        while let Some(name) = object.name().map_err(not_an_object)? {
            match name {
                b"address" => fill("address", &mut members.address, object.text())?,
                b"exp" => fill("exp", &mut members.exp, object.integer())?,
                b"iat" => fill("iat", &mut members.iat, object.integer())?,
                b"iss" => fill("iss", &mut members.iss, object.text())?,
                b"scopes" => fill("scopes", &mut members.scopes, object.text())?,
                b"jti" => fill("jti", &mut members.jti, object.text())?,
                b"sid" => fill("sid", &mut members.sid, object.text())?,
                b"token_use" => fill("token_use", &mut members.token_use, object.text())?,
                b"ctr" => fill("ctr", &mut members.ctr, object.integer())?,
                _ => return Err(JwtRefusal::UnexpectedMember { part: Part::Claims }),
            }
        }
        Ok(members)
    }

    pub(super) fn address(&self) -> Result<Address, JwtRefusal> {
        let text = std::str::from_utf8(there("address", self.address)?).ok();
        text.and_then(|text| Address::parse(text).ok()).ok_or(JwtRefusal::WrongForm { name: "address" })
    }

    pub(super) fn session(&self) -> Result<SessionId, JwtRefusal> {
        uuid("sid", self.sid).map(SessionId)
    }

    pub(super) fn id(&self) -> Result<Uuid, JwtRefusal> {
        uuid("jti", self.jti)
    }

    pub(super) fn scopes(&self) -> Result<Scopes, JwtRefusal> {
        let list = std::str::from_utf8(there("scopes", self.scopes)?).ok();
        list.and_then(|list| Scopes::parse_list(list).ok()).ok_or(JwtRefusal::WrongForm { name: "scopes" })
    }

    pub(super) fn issued_at(&self) -> Result<UnixTime, JwtRefusal> {
        time("iat", self.iat)
    }

    pub(super) fn expires_at(&self) -> Result<UnixTime, JwtRefusal> {
        time("exp", self.exp)
    }

    pub(super) fn issuer(&self) -> Result<&'a [u8], JwtRefusal> {
        there("iss", self.iss)
    }

    pub(super) fn token_use(&self) -> Result<&'a [u8], JwtRefusal> {
        there("token_use", self.token_use)
    }

    pub(super) fn counter(&self) -> Result<u64, JwtRefusal> {
        there("ctr", self.ctr)
    }

    pub(super) fn no_counter(&self) -> Result<(), JwtRefusal> {
        match self.ctr {
            None => Ok(()),
            Some(_) => Err(JwtRefusal::UnexpectedMember { part: Part::Claims }),
        }
    }
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

/// A UUID in its usual form of 36 characters (RFC 9562 section 4).
fn uuid(name: &'static str, slot: Option<&[u8]>) -> Result<Uuid, JwtRefusal> {
    const HYPHENATED_LEN: usize = 36;
    let text = Some(there(name, slot)?).filter(|text| text.len() == HYPHENATED_LEN);
    text.and_then(|text| Uuid::try_parse_ascii(text).ok()).ok_or(JwtRefusal::WrongForm { name })
}
