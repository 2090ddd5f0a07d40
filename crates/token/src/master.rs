//! The one key that an operator keeps.

use std::fmt;

use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Salt};
use countersign_model::{Entropy, Secret};
use zeroize::Zeroizing;

/// Separates what is derived here from anything else that might be derived from the same bytes (RFC 5869 section 3.1).
const SALT: &[u8] = b"countersign master key, version 1";

/// The master key: 32 random bytes from which every other key is derived.
///
/// As text, in a file or in the environment, it is 64 hex digits. `openssl rand -hex 32` makes one.
pub struct MasterKey(Secret<[u8; MasterKey::LEN]>);

/// Why a text is no master key. It tells of the text's shape and never of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAMasterKey {
    /// Another length.
    #[error("a master key is {} hex digits; found {found} characters", MasterKey::TEXT_LEN)]
    Length {
        /// How many characters were found, without the white space around them.
        found: usize,
    },
    /// The right length, and a character that is no hex digit.
    #[error("a master key is {} hex digits; character {position} is none", MasterKey::TEXT_LEN)]
    NotHex {
        /// Which character, counted from 1.
        position: usize,
    },
    /// One byte over and over: a placeholder that somebody forgot to replace.
    #[error("a master key is random; this one repeats a single byte")]
    Placeholder,
}

impl MasterKey {
    /// How long it is, in bytes.
    pub const LEN: usize = 32;
    /// How long it is as text, in characters.
    pub const TEXT_LEN: usize = 2 * Self::LEN;

    /// Makes one from fresh randomness.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        entropy.fill(&mut *bytes);
        Self(Secret::new(*bytes))
    }

    /// Reads 64 hex digits of either case. White space around them is ignored: files end with a newline.
    pub fn parse(text: &str) -> Result<Self, NotAMasterKey> {
        let digits = text.trim_ascii();
        if digits.len() != Self::TEXT_LEN {
            return Err(NotAMasterKey::Length { found: digits.chars().count() });
        }
        let mut bytes = Zeroizing::new([0_u8; Self::LEN]);
        for (position, digit) in digits.chars().enumerate() {
            let value = digit.to_digit(16).and_then(|value| u8::try_from(value).ok());
            let value = value.ok_or(NotAMasterKey::NotHex { position: position + 1 })?;
            if let Some(byte) = bytes.get_mut(position / 2) {
                *byte = (*byte << 4) | value;
            }
        }
        if bytes.windows(2).all(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(NotAMasterKey::Placeholder);
        }
        Ok(Self(Secret::new(*bytes)))
    }

    /// The 64 lower-case hex digits that [`MasterKey::parse`] reads.
    pub fn to_text(&self) -> Secret<String> {
        let mut text = Zeroizing::new(String::with_capacity(Self::TEXT_LEN));
        for byte in self.0.expose() {
            for value in [byte >> 4, byte & 0x0f] {
                text.extend(char::from_digit(u32::from(value), 16));
            }
        }
        Secret::new(std::mem::take(&mut *text))
    }

    /// Derives a key of `N` bytes for one use: HKDF-SHA-512 (RFC 5869).
    ///
    /// `label` names the use and `context` the thing it is used for (a key's name, or nothing). Each pair of them gives a key of its
    /// own, from which neither the master key nor any other derived key can be found. The expansion's `info` is the
    /// length of the label as eight bytes, most significant first, then the label, then the context.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "the length is checked when this is compiled"
    )]
    pub fn derive<const N: usize>(&self, label: &'static str, context: &[u8]) -> Secret<[u8; N]> {
        const { assert!(0 < N && N <= 255 * 64, "HKDF-SHA-512 gives 1 to 16,320 bytes") };
        let label_len = (label.len() as u64).to_be_bytes();
        let info = [&label_len[..], label.as_bytes(), context];
        let mut key = Zeroizing::new([0; N]);
        Salt::new(HKDF_SHA512, SALT)
            .extract(self.0.expose())
            .expand(&info, OutputLen(N))
            .and_then(|okm| okm.fill(&mut *key))
            .expect("HKDF gives that many bytes");
        Secret::new(*key)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

struct OutputLen(usize);

impl KeyType for OutputLen {
    fn len(&self) -> usize {
        self.0
    }
}
