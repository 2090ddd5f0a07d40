//! What kind of proof a dialect asks for.

use std::fmt;

use crate::algorithm::Algorithm;
use crate::recipe::Recipe;

/// A kind of proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// An HMAC under a secret that both sides have.
    Hmac,
    /// A plain hash over the request and the secret.
    Hash,
    /// A signature of a private key.
    PublicKey,
    /// The secret itself.
    SecretSent,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hmac => "hmac",
            Self::Hash => "hash",
            Self::PublicKey => "public key",
            Self::SecretSent => "secret sent",
        })
    }
}

impl Recipe {
    /// The kinds of proof that the dialect takes, in any variant.
    pub fn classes(&self) -> Vec<Class> {
        let algorithms = self.variants.iter().flat_map(|program| &program.algorithms.list);
        let mut found: Vec<Class> = algorithms
            .map(|algorithm| match algorithm {
                Algorithm::Hmac(_) => Class::Hmac,
                Algorithm::Hash(_) => Class::Hash,
                Algorithm::Public(_) => Class::PublicKey,
                Algorithm::Plain => Class::SecretSent,
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}
