//! A way to sign that a client may have gone, held against what it sent.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use countersign_model::Secret;

use crate::algorithm::{Algorithm, PublicKey};
use crate::hash::{Hash, HmacKey};

/// An algorithm and a key. It tells whether they make a signature, and never what they make.
pub struct Trial(Way);

enum Way {
    Hmac(HmacKey),
    Hash(Hash),
    Plain,
    Public(PublicKey),
}

impl Trial {
    /// The algorithm of that name, as dialects name them, with this key. `None` where there is no such algorithm, or the key
    /// is none of it. An empty key is one here: some clients sign with it by mistake.
    pub fn new(algorithm: &str, key: &Secret<Vec<u8>>) -> Option<Self> {
        let way = match Algorithm::named(algorithm)? {
            Algorithm::Hmac(hash) => Way::Hmac(HmacKey::new(hash, key.expose())),
            Algorithm::Hash(hash) => Way::Hash(hash),
            Algorithm::Plain => Way::Plain,
            Algorithm::Public(public) => Way::Public(public.key(key.expose())?),
        };
        Some(Self(way))
    }

    /// Which of these signatures is one of `text`, in constant time where it is made from a secret.
    pub fn which(&self, text: &[u8], signatures: &[&[u8]]) -> Option<usize> {
        let same = |made: &[u8]| {
            signatures.iter().position(|signature| verify_slices_are_equal(made, signature).is_ok())
        };
        match &self.0 {
            Way::Public(key) => signatures.iter().position(|signature| key.signed(text, signature)),
            Way::Hmac(key) => same(key.of(text).bytes()),
            Way::Hash(hash) => same(hash.of(text).bytes()),
            Way::Plain => same(text),
        }
    }

    /// Whether only a private key makes such signatures.
    pub fn is_public(&self) -> bool {
        matches!(self.0, Way::Public(_))
    }

    /// Gives what is made of `text` to `then`; `None` where only a private key makes it.
    pub(crate) fn with<T>(&self, text: &[u8], then: impl FnOnce(&[u8]) -> T) -> Option<T> {
        self.0.with(text, then)
    }
}

impl Way {
    fn with<T>(&self, text: &[u8], then: impl FnOnce(&[u8]) -> T) -> Option<T> {
        match self {
            Self::Hmac(key) => Some(then(key.of(text).bytes())),
            Self::Hash(hash) => Some(then(hash.of(text).bytes())),
            Self::Plain => Some(then(text)),
            Self::Public(_) => None,
        }
    }
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trial(..)")
    }
}
