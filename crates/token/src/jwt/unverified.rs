//! A token whose signature is not yet checked.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::claims::TokenUse;
use super::object::FlatObject;
use super::ring::{KeyRing, RingKey};
use super::{JwtRefusal, MAX_TOKEN_LEN, Part};

const SIGNATURE_LEN: usize = 64;
/// The most bytes that one part of a token decodes to.
const MAX_PART_LEN: usize = MAX_TOKEN_LEN / 4 * 3;

/// The claims of a token and the key that is to verify them. There is no way to the claims but
/// [`UnverifiedClaims::verify`].
pub(super) struct UnverifiedClaims<'a> {
    signed: &'a str,
    claims: &'a str,
    signature: &'a str,
    key: &'a RingKey,
}

/// The claims of a token, signed by us and still as text.
pub(super) struct SignedClaims {
    bytes: [u8; MAX_PART_LEN],
    len: usize,
}

impl<'a> UnverifiedClaims<'a> {
    /// Takes a token apart and finds its key in the ring.
    pub(super) fn split(token: &'a str, ring: &'a KeyRing) -> Result<Self, JwtRefusal> {
        if token.len() > MAX_TOKEN_LEN {
            return Err(JwtRefusal::TooLong { found: token.len() });
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwtRefusal::NotThreeParts)?;
        let (header, claims) = signed.split_once('.').ok_or(JwtRefusal::NotThreeParts)?;
        if claims.contains('.') {
            return Err(JwtRefusal::NotThreeParts);
        }
        let key = match ring.keys().find(|key| *key.header == *header) {
            Some(key) => key,
            None => find_key(header, ring)?,
        };
        Ok(Self { signed, claims, signature, key })
    }

    /// Checks the signature, in constant time, and gives the claims.
    pub(super) fn verify(&self, token_use: TokenUse) -> Result<SignedClaims, JwtRefusal> {
        let not_base64url = |part| move |_| JwtRefusal::NotBase64url { part };
        // One byte more than a signature has, so that a longer one is told from one that does not decode.
        let mut signature = [0; SIGNATURE_LEN + 8];
        let decoded = URL_SAFE_NO_PAD.decode_slice(self.signature, &mut signature);
        let signature_len = decoded.map_err(not_base64url(Part::Signature))?;
        let signature = signature.get(..signature_len).ok_or(JwtRefusal::WrongSignature)?;
        hmac::verify(self.key.key(token_use), self.signed.as_bytes(), signature)
            .map_err(|_| JwtRefusal::WrongSignature)?;
        let mut bytes = [0; MAX_PART_LEN];
        let len =
            URL_SAFE_NO_PAD.decode_slice(self.claims, &mut bytes).map_err(not_base64url(Part::Claims))?;
        Ok(SignedClaims { bytes, len })
    }
}

impl SignedClaims {
    pub(super) fn json(&self) -> Result<&str, JwtRefusal> {
        let not_an_object = JwtRefusal::NotAnObject { part: Part::Claims };
        std::str::from_utf8(self.bytes.get(..self.len).ok_or(not_an_object)?).map_err(|_| not_an_object)
    }
}

/// Reads a header that is not written as we write it: other order, white space, or no header of ours at all.
fn find_key<'a>(header: &str, ring: &'a KeyRing) -> Result<&'a RingKey, JwtRefusal> {
    let part = Part::Header;
    let not_an_object = |_| JwtRefusal::NotAnObject { part };
    let mut bytes = [0; MAX_PART_LEN];
    let len =
        URL_SAFE_NO_PAD.decode_slice(header, &mut bytes).map_err(|_| JwtRefusal::NotBase64url { part })?;
    let json = std::str::from_utf8(bytes.get(..len).unwrap_or_default())
        .map_err(|_| JwtRefusal::NotAnObject { part })?;
    let mut object = FlatObject::open(json).map_err(not_an_object)?;
    let (mut alg, mut typ, mut kid) = (None, None, None);
    while let Some(name) = object.name().map_err(not_an_object)? {
        let (name, slot) = match name {
            "alg" => ("alg", &mut alg),
            "typ" => ("typ", &mut typ),
            "kid" => ("kid", &mut kid),
            _ => return Err(JwtRefusal::UnexpectedMember { part }),
        };
        let value = object.text().map_err(|_| JwtRefusal::WrongForm { name })?;
        if slot.replace(value).is_some() {
            return Err(JwtRefusal::RepeatedMember { name });
        }
    }
    for (name, found, wanted) in [("alg", alg, "HS512"), ("typ", typ, "JWT")] {
        if found.ok_or(JwtRefusal::MissingMember { name })? != wanted {
            return Err(JwtRefusal::WrongHeader { name });
        }
    }
    let kid = kid.ok_or(JwtRefusal::MissingMember { name: "kid" })?;
    ring.keys().find(|key| *key.id.0 == *kid).ok_or(JwtRefusal::UnknownKey)
}
