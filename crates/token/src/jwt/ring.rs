//! The keys that sign tokens.

use std::fmt;

use aws_lc_rs::hmac::{HMAC_SHA512, Key};
use countersign_model::{TokenKeyId, UnixTime};

use super::base64url;
use super::claims::TokenUse;
use super::read::{self, AccessTokenValid, RefreshTokenValid};
use super::unverified::UnverifiedClaims;
use super::{
    AccessClaims, JwtRefusal, MAX_ISSUER_LEN, MAX_KEYS, MAX_KID_LEN, NotMinted, RefreshClaims, mint,
};
use crate::MasterKey;

/// The label under which [`MasterKey::derive`] gives the 64-byte key of access tokens; the context is the
/// `kid`.
pub const ACCESS_KEY_LABEL: &str = "jwt access";
/// The label under which [`MasterKey::derive`] gives the 64-byte key of refresh tokens; the context is the
/// `kid`.
pub const REFRESH_KEY_LABEL: &str = "jwt refresh";

/// The token keys of one issuer: the first signs, all of them verify.
#[derive(Debug)]
pub struct KeyRing {
    issuer: Box<str>,
    signing: RingKey,
    older: Box<[RingKey]>,
}

/// One token key, ready for use.
pub(super) struct RingKey {
    pub(super) id: TokenKeyId,
    /// The first part of every token that this key signs. A token that begins with it needs no parsing of its
    /// header.
    pub(super) header: Box<str>,
    access: Key,
    refresh: Key,
}

/// Why a ring cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAKeyRing {
    /// There is no key to sign with.
    #[error("a key ring needs a key")]
    Empty,
    /// More than [`MAX_KEYS`].
    #[error("a key ring holds at most {MAX_KEYS} keys; there are {found}: remove old ones")]
    TooManyKeys {
        /// How many there are.
        found: usize,
    },
    /// A key's name that cannot stand in a token.
    #[error("`{id}` is no name of a token key: use 1 to {MAX_KID_LEN} ASCII letters, digits and - _ .")]
    BadKeyId {
        /// The name.
        id: TokenKeyId,
    },
    /// A key's name that stands there twice.
    #[error("the token key `{id}` is there twice")]
    RepeatedKey {
        /// The name.
        id: TokenKeyId,
    },
    /// An issuer that cannot stand in a token.
    #[error(
        "`{issuer}` is no issuer: use 1 to {MAX_ISSUER_LEN} printable ASCII characters without \" and \\"
    )]
    BadIssuer {
        /// The issuer.
        issuer: String,
    },
}

impl KeyRing {
    /// Derives the keys that `ids` name from the master key and prepares them. The first one signs.
    ///
    /// `issuer` is the `iss` of every token: what is minted carries it, what is read must.
    pub fn new(master: &MasterKey, issuer: &str, ids: &[TokenKeyId]) -> Result<Self, NotAKeyRing> {
        if !is_plain(issuer, MAX_ISSUER_LEN) {
            return Err(NotAKeyRing::BadIssuer { issuer: issuer.to_owned() });
        }
        let (first, rest) = ids.split_first().ok_or(NotAKeyRing::Empty)?;
        if ids.len() > MAX_KEYS {
            return Err(NotAKeyRing::TooManyKeys { found: ids.len() });
        }
        for (index, id) in ids.iter().enumerate() {
            if ids.iter().take(index).any(|earlier| earlier == id) {
                return Err(NotAKeyRing::RepeatedKey { id: id.clone() });
            }
        }
        let signing = RingKey::derive(master, first)?;
        let older = rest.iter().map(|id| RingKey::derive(master, id)).collect::<Result<_, _>>()?;
        Ok(Self { issuer: issuer.into(), signing, older })
    }

    /// Mints an access token. The same claims and the same ring give the same token, byte for byte.
    pub fn mint_access(&self, claims: &AccessClaims) -> Result<String, NotMinted> {
        mint::access(claims, &self.issuer, &self.signing)
    }

    /// Mints a refresh token. The same claims and the same ring give the same token, byte for byte.
    pub fn mint_refresh(&self, claims: &RefreshClaims) -> Result<String, NotMinted> {
        mint::refresh(claims, &self.issuer, &self.signing)
    }

    /// Verifies an access token at the moment `now`.
    pub fn read_access(&self, token: &str, now: UnixTime) -> Result<AccessTokenValid, JwtRefusal> {
        read::access(&UnverifiedClaims::split(token, self)?, &self.issuer, now)
    }

    /// Verifies a refresh token at the moment `now`.
    pub fn read_refresh(&self, token: &str, now: UnixTime) -> Result<RefreshTokenValid, JwtRefusal> {
        read::refresh(&UnverifiedClaims::split(token, self)?, &self.issuer, now)
    }

    /// The key that signs.
    pub fn signing_key(&self) -> &TokenKeyId {
        &self.signing.id
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &RingKey> {
        std::iter::once(&self.signing).chain(&self.older)
    }
}

impl RingKey {
    fn derive(master: &MasterKey, id: &TokenKeyId) -> Result<Self, NotAKeyRing> {
        let kid = &*id.0;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if kid.is_empty() || kid.len() > MAX_KID_LEN || !kid.bytes().all(allowed) {
            return Err(NotAKeyRing::BadKeyId { id: id.clone() });
        }
        let key = |label| Key::new(HMAC_SHA512, master.derive::<64>(label, kid.as_bytes()).expose());
        let header = format!(r#"{{"alg":"HS512","typ":"JWT","kid":"{kid}"}}"#);
        Ok(Self {
            id: id.clone(),
            header: base64url::encode(header.as_bytes()).into(),
            access: key(ACCESS_KEY_LABEL),
            refresh: key(REFRESH_KEY_LABEL),
        })
    }

    pub(super) fn key(&self, token_use: TokenUse) -> &Key {
        match token_use {
            TokenUse::Access => &self.access,
            TokenUse::Refresh => &self.refresh,
        }
    }
}

/// Whether `text` can stand in a JSON string as it is.
fn is_plain(text: &str, max_len: usize) -> bool {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    !text.is_empty() && text.len() <= max_len && text.bytes().all(plain)
}

/// The name alone; the keys are nobody's business.
impl fmt::Debug for RingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.id, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids<const N: usize>(ids: [&str; N]) -> [TokenKeyId; N] {
        ids.map(|id| TokenKeyId(id.into()))
    }

    fn ring(issuer: &str, names: &[TokenKeyId]) -> Result<KeyRing, NotAKeyRing> {
        let text = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        KeyRing::new(&MasterKey::parse(text).unwrap(), issuer, names)
    }

    #[test]
    fn a_ring_that_could_not_mint_a_readable_token_is_not_made() {
        assert!(ring("redreamer", &ids(["k1", "k2"])).is_ok());
        assert_eq!(ring("redreamer", &[]).unwrap_err(), NotAKeyRing::Empty);
        let [k1] = ids(["k1"]);
        let repeated = NotAKeyRing::RepeatedKey { id: k1.clone() };
        assert_eq!(ring("redreamer", &[k1.clone(), k1]).unwrap_err(), repeated);
        for bad in ["", "a b", "../k1", "a\"b", "é", &"k".repeat(MAX_KID_LEN + 1)] {
            let [id] = ids([bad]);
            assert_eq!(
                ring("redreamer", std::slice::from_ref(&id)).unwrap_err(),
                NotAKeyRing::BadKeyId { id },
                "{bad:?}"
            );
        }
        for bad in ["", "a\"b", "a\\b", "é", "a\n", &"i".repeat(MAX_ISSUER_LEN + 1)] {
            let refusal = NotAKeyRing::BadIssuer { issuer: bad.to_owned() };
            assert_eq!(ring(bad, &ids(["k1"])).unwrap_err(), refusal);
        }
        let many: Vec<_> = (0..=MAX_KEYS).map(|n| TokenKeyId(n.to_string().into())).collect();
        assert_eq!(ring("redreamer", &many).unwrap_err(), NotAKeyRing::TooManyKeys { found: MAX_KEYS + 1 });
    }

    #[test]
    fn a_ring_prints_the_names_of_its_keys_and_nothing_else() {
        let ring = ring("redreamer", &ids(["k1", "k2"])).unwrap();
        assert_eq!(format!("{ring:?}"), r#"KeyRing { issuer: "redreamer", signing: k1, older: [k2] }"#);
    }
}
