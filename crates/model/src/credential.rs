//! What a consumer was given.

use std::fmt;

use crate::{ConsumerId, DialectName, KeyId, Label, Life, Rates, Scopes, UnixTime};

/// A credential as it is kept: nothing in it lets anybody act as the consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Its public name. No two credentials of one dialect have the same, nor two API keys.
    pub key_id: KeyId,
    /// Whose it is.
    pub consumer: ConsumerId,
    /// What it is for.
    pub kind: CredentialKind,
    /// The digest of what stands on the wire: the look-up key.
    pub digest: KeyDigest,
    /// Where it was made.
    pub origin: Origin,
    /// What it permits.
    pub scopes: Scopes,
    /// How many requests may pass with it, on all routes together and beside what those say.
    pub limits: Rates,
    /// An operator's note.
    pub label: Option<Label>,
    /// When it was issued.
    pub issued_at: UnixTime,
    /// Where it stands in its life.
    pub life: Life,
}

/// What a credential is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// An API key: a bearer credential, presented whole.
    ApiKey,
    /// The key and the signing secret of one dialect.
    Signature {
        /// The dialect.
        dialect: DialectName,
        /// The signing secret, encrypted.
        secret: SealedSecret,
    },
}

impl CredentialKind {
    /// The dialect, where there is one.
    pub fn dialect(&self) -> Option<&DialectName> {
        match self {
            Self::ApiKey => None,
            Self::Signature { dialect, .. } => Some(dialect),
        }
    }
}

/// Where a credential was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Here.
    Issued,
    /// Elsewhere, and taken over: what stands on the wire is of its maker's form.
    Imported,
}

/// A SHA-256 by which a credential is found: of a key as it stands on the wire, or of a foreign key id in its dialect. Keys that are made
/// here hold at least 160 random bits, so a plain digest of them cannot be searched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyDigest(pub [u8; 32]);

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(..)")
    }
}

/// A signing secret encrypted under the master key and bound to its credential: nonce, ciphertext and tag.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret(pub Box<[u8]>);

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedSecret({} bytes)", self.0.len())
    }
}
