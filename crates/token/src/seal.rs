//! Signing secrets at rest.
//!
//! A sealed secret is one byte of version (1), a nonce of 12 random bytes, the ciphertext and a tag of 16
//! bytes: AES-256-GCM (NIST SP 800-38D) under a key derived from the master key. The version and the
//! [`Binding`] are the associated data, so that a record that was moved to another row, or changed, does not
//! open.

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
        "the sealed secret does not open: it is under another master key, for another credential, or changed"
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
    /// The version, the length of the key id in one byte, the key id, the dialect: no two bindings give the
    /// same bytes.
    fn associated_data(self) -> Aad<Vec<u8>> {
        const { assert!(KeyId::MAX_LEN <= u8::MAX as usize, "the length of a key id is written in one byte") };
        let (key_id, dialect) = (self.key_id.as_str(), self.dialect.as_str());
        #[expect(clippy::cast_possible_truncation, reason = "checked above, when this is compiled")]
        let head = [VERSION, key_id.len() as u8];
        Aad::from([&head[..], key_id.as_bytes(), dialect.as_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;

    fn sealer() -> Sealer {
        let text = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        Sealer::new(&MasterKey::parse(text).unwrap())
    }

    fn names(key_id: &str, dialect: &str) -> (KeyId, DialectName) {
        (KeyId::parse(key_id).unwrap(), DialectName::parse(dialect).unwrap())
    }

    fn binding(names: &(KeyId, DialectName)) -> Binding<'_> {
        Binding { key_id: &names.0, dialect: &names.1 }
    }

    #[test]
    fn a_secret_opens_for_the_credential_it_was_sealed_for() {
        let (sealer, names) = (sealer(), names("key_1", "realm"));
        for secret in [&b""[..], b"css_secret", &vec![0xff; MAX_SECRET_LEN]] {
            let record = sealer.seal(secret, binding(&names), &Seeded::new(1)).unwrap();
            assert_eq!(sealer.open(&record, binding(&names)).unwrap().expose(), secret);
        }
    }

    #[test]
    fn a_record_moved_to_another_row_does_not_open() {
        let (sealer, mine) = (sealer(), names("key_1", "realm"));
        let record = sealer.seal(b"css_secret", binding(&mine), &Seeded::new(1)).unwrap();
        for other in [("key_2", "realm"), ("key_1", "kraken"), ("key_1r", "ealm"), ("key_", "1realm")] {
            let other = names(other.0, other.1);
            assert_eq!(sealer.open(&record, binding(&other)).unwrap_err(), SealBroken::NotAuthentic);
        }
    }

    #[test]
    fn another_master_key_opens_nothing() {
        let names = names("key_1", "realm");
        let record = sealer().seal(b"css_secret", binding(&names), &Seeded::new(1)).unwrap();
        let other = Sealer::new(&MasterKey::generate(&Seeded::new(9)));
        assert_eq!(other.open(&record, binding(&names)).unwrap_err(), SealBroken::NotAuthentic);
    }

    #[test]
    fn a_record_with_any_bit_changed_or_any_byte_lost_does_not_open() {
        let (sealer, names) = (sealer(), names("key_1", "realm"));
        let record = sealer.seal(b"css_secret", binding(&names), &Seeded::new(1)).unwrap();
        for bit in 0..8 * record.0.len() {
            let mut changed = record.clone();
            changed.0[bit / 8] ^= 1 << (bit % 8);
            assert!(sealer.open(&changed, binding(&names)).is_err(), "bit {bit}");
        }
        for len in 0..record.0.len() {
            let cut = SealedSecret(record.0[..len].into());
            assert!(sealer.open(&cut, binding(&names)).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn what_is_wrong_with_a_record_is_told() {
        let (sealer, names) = (sealer(), names("key_1", "realm"));
        let refusal = |bytes: &[u8]| sealer.open(&SealedSecret(bytes.into()), binding(&names)).unwrap_err();
        assert_eq!(refusal(&[]), SealBroken::Length { found: 0 });
        assert_eq!(refusal(&[2; 60]), SealBroken::Version { found: 2 });
        assert_eq!(refusal(&[1; 28]), SealBroken::Length { found: 28 });
        assert_eq!(refusal(&[1; 29]), SealBroken::NotAuthentic);
        let too_long = 1 + NONCE_LEN + MAX_SECRET_LEN + TAG_LEN + 1;
        assert_eq!(refusal(&vec![1; too_long]), SealBroken::Length { found: too_long });
    }

    #[test]
    fn the_same_secret_sealed_twice_looks_different() {
        let (sealer, names, entropy) = (sealer(), names("key_1", "realm"), Seeded::new(1));
        let one = sealer.seal(b"css_secret", binding(&names), &entropy).unwrap();
        assert_ne!(sealer.seal(b"css_secret", binding(&names), &entropy).unwrap(), one);
    }

    #[test]
    fn a_secret_that_is_too_long_is_refused() {
        let names = names("key_1", "realm");
        let refusal =
            sealer().seal(&vec![0; MAX_SECRET_LEN + 1], binding(&names), &Seeded::new(1)).unwrap_err();
        assert_eq!(refusal, NotSealed::TooLong { found: MAX_SECRET_LEN + 1 });
    }

    #[test]
    fn a_record_made_as_documented_by_another_program_opens() {
        // Made with AESGCM and HKDF of the Python package `cryptography`.
        let record = [
            0x01, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0xd1, 0xd7, 0x0d,
            0xdb, 0x24, 0x0f, 0x55, 0xe9, 0x13, 0xbc, 0xab, 0x26, 0x54, 0x2f, 0xbd, 0x1a, 0x35, 0x59, 0x61,
            0xb8, 0x67, 0xfb, 0x45, 0x55, 0x96, 0x99, 0x50, 0x9c, 0x2d, 0xe6, 0xf1, 0xe7, 0x62, 0x3f,
        ];
        let names = names("key_0123456789ABCDEF", "realm");
        let opened = sealer().open(&SealedSecret(record.into()), binding(&names)).unwrap();
        assert_eq!(opened.expose(), b"css_signing secret");
    }
}
