//! Signing secrets at rest.
//!
//! A sealed secret is one byte of version (1), a nonce of 12 random bytes, the ciphertext and a tag of 16 bytes:
//! AES-256-GCM (NIST SP 800-38D) under a key derived from the master key. The version and the [`Binding`] are the
//! associated data, so that a record that was moved to another row, or changed, does not open.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use countersign_model::{DialectName, Entropy, KeyId, SealedSecret, Secret};
use zeroize::Zeroizing;

use crate::MasterKey;

/// The longest secret that can be sealed, in bytes: room for the private key of any dialect.
pub const MAX_SECRET_LEN: usize = 16 * 1024;

const LABEL: &str = "seal";
const VERSION: u8 = 1;
const TAG_LEN: usize = 16;

/// Seals and opens signing secrets.
///
/// Nonces are random, so one master key is good for 2^32 seals (SP 800-38D section 8.3).
pub struct Sealer(LessSafeKey);

/// What a sealed secret belongs to. It opens with the same binding and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding<'a> {
    /// The credential's public name.
    pub key_id: &'a KeyId,
    /// The dialect it signs.
    pub dialect: &'a DialectName,
}

/// Why a secret was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSealed {
    /// Longer than [`MAX_SECRET_LEN`].
    #[error("a signing secret has at most {MAX_SECRET_LEN} bytes; this one has {found}")]
    TooLong {
        /// How many bytes it has.
        found: usize,
    },
    /// The cipher failed; the machine is out of memory or broken.
    #[error("the cipher failed")]
    Cipher,
}

/// Why a sealed secret did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealBroken {
    /// Too short or too long to be a sealed secret.
    #[error("a sealed secret cannot have {found} bytes")]
    Length {
        /// How many bytes it has.
        found: usize,
    },
    /// Sealed by a newer version of this program, or no sealed secret at all.
    #[error("a sealed secret of version {found} is not known here")]
    Version {
        /// Its first byte.
        found: u8,
    },
    /// Another master key, another credential or dialect, or a changed byte: which of them cannot be told.
    #[error(
        "the sealed secret does not open: it was sealed under another master key, for another credential, or was changed"
    )]
    NotAuthentic,
}

impl Sealer {
    /// The sealer that belongs to this master key.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "fails where memory ran out; runs when the program starts"
    )]
    pub fn new(master: &MasterKey) -> Self {
        let key = master.derive::<32>(LABEL, b"");
        Self(LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, key.expose()).expect("32 bytes are an AES-256 key"),
        ))
    }

    /// Encrypts `secret` (at most [`MAX_SECRET_LEN`] bytes) for `binding`.
    pub fn seal(
        &self,
        secret: &[u8],
        binding: Binding<'_>,
        entropy: &dyn Entropy,
    ) -> Result<SealedSecret, NotSealed> {
        if secret.len() > MAX_SECRET_LEN {
            return Err(NotSealed::TooLong { found: secret.len() });
        }
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut text = Zeroizing::new(secret.to_vec());
        let tag = self
            .0
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                binding.associated_data(),
                &mut text,
            )
            .map_err(|_| NotSealed::Cipher)?;
        Ok(SealedSecret([&[VERSION][..], &nonce, &text, tag.as_ref()].concat().into()))
    }

    /// Decrypts what [`Sealer::seal`] made for the same binding.
    pub fn open(&self, sealed: &SealedSecret, binding: Binding<'_>) -> Result<Secret<Vec<u8>>, SealBroken> {
        let found = sealed.0.len();
        let (version, rest) = sealed.0.split_first().ok_or(SealBroken::Length { found })?;
        if *version != VERSION {
            return Err(SealBroken::Version { found: *version });
        }
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealBroken::Length { found })?;
        if !(TAG_LEN..=TAG_LEN + MAX_SECRET_LEN).contains(&text.len()) {
            return Err(SealBroken::Length { found });
        }
        let mut text = Zeroizing::new(text.to_vec());
        let opened = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), binding.associated_data(), &mut text)
            .map_err(|_| SealBroken::NotAuthentic)?
            .len();
        text.truncate(opened);
        Ok(Secret::new(std::mem::take(&mut *text)))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

impl Binding<'_> {
    /// The version, the length of the key id in one byte, the key id, the dialect: no two bindings give the same bytes.
    fn associated_data(self) -> Aad<Vec<u8>> {
        const { assert!(KeyId::MAX_LEN <= u8::MAX as usize, "the length of a key id is written in one byte") };
        let (key_id, dialect) = (self.key_id.as_str(), self.dialect.as_str());
        #[expect(clippy::cast_possible_truncation, reason = "checked above, when this is compiled")]
        let head = [VERSION, key_id.len() as u8];
        Aad::from([&head[..], key_id.as_bytes(), dialect.as_bytes()].concat())
    }
}
