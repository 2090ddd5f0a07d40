//! The claims of a token as JSON members.

use countersign_model::{Address, Scopes, SessionId, UnixTime};
use uuid::Uuid;

use super::object::{FlatObject, NotFlat, integer, string};
use super::{JwtRefusal, MAX_TIME, Part};

/// The members that a token may have, each there at most once and not yet read for what it means.
#[derive(Debug, Default, PartialEq)]
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
        Self::read_as_minted(json).map_or_else(|| Self::read_in_any_order(json), Ok)
    }

    /// The short way through what nearly every token is: the members in the order of `mint`, and no white
    /// space. Finds nothing else than [`Self::read_in_any_order`] does, and says nothing about any other
    /// text.
    fn read_as_minted(json: &'a [u8]) -> Option<Self> {
        let (address, rest) = string(json.strip_prefix(br#"{"address":"#)?)?;
        let (exp, rest) = integer(rest.strip_prefix(br#","exp":"#)?)?;
        let (iat, rest) = integer(rest.strip_prefix(br#","iat":"#)?)?;
        let (iss, rest) = string(rest.strip_prefix(br#","iss":"#)?)?;
        let (scopes, rest) = string(rest.strip_prefix(br#","scopes":"#)?)?;
        let (jti, rest) = string(rest.strip_prefix(br#","jti":"#)?)?;
        let (sid, rest) = string(rest.strip_prefix(br#","sid":"#)?)?;
        let (token_use, rest) = string(rest.strip_prefix(br#","token_use":"#)?)?;
        let (ctr, rest) = match rest.strip_prefix(br#","ctr":"#) {
            Some(rest) => integer(rest).map(|(ctr, rest)| (Some(ctr), rest))?,
            None => (None, rest),
        };
        let members = Self {
            address: Some(address),
            exp: Some(exp),
            iat: Some(iat),
            iss: Some(iss),
            scopes: Some(scopes),
            jti: Some(jti),
            sid: Some(sid),
            token_use: Some(token_use),
            ctr,
        };
        (rest == b"}").then_some(members)
    }

    fn read_in_any_order(json: &'a [u8]) -> Result<Self, JwtRefusal> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINTED: &str =
        r#"{"address":"a","exp":1,"iat":2,"iss":"b","scopes":"","jti":"c","sid":"d","token_use":"e""#;

    #[test]
    fn the_short_way_is_taken_for_what_is_minted() {
        assert!(Members::read_as_minted(format!("{MINTED}}}").as_bytes()).is_some());
        assert_eq!(Members::read_as_minted(format!("{MINTED},\"ctr\":3}}").as_bytes()).unwrap().ctr, Some(3));
    }

    proptest! {
        #[test]
        fn the_short_way_finds_what_the_long_way_finds(
            texts in prop::collection::vec("[a-z,:]{0,12}[\"\\\\{}é]?", 6),
            numbers in prop::collection::vec("[0-9]{1,21}|-1|1\\.0|", 3),
            end in "}|} |,|}}|",
        ) {
            let [address, iss, scopes, jti, sid, token_use] = &texts[..] else { unreachable!() };
            let [exp, iat, ctr] = &numbers[..] else { unreachable!() };
            let json = format!(
                r#"{{"address":"{address}","exp":{exp},"iat":{iat},"iss":"{iss}","scopes":"{scopes}","jti":"{jti}","sid":"{sid}","token_use":"{token_use}","ctr":{ctr}{end}"#
            );
            if let Some(members) = Members::read_as_minted(json.as_bytes()) {
                prop_assert_eq!(Members::read_in_any_order(json.as_bytes()), Ok(members));
            }
        }
    }
}
