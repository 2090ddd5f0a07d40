//! The one key that an operator keeps.

use std::fmt;

use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Salt};
use countersign_model::{Entropy, KeyCheck, Secret};
use zeroize::Zeroizing;

/// Separates what is derived here from anything else that might be derived from the same bytes (RFC 5869
/// section 3.1).
const SALT: &[u8] = b"countersign master key, version 1";

/// For [`MasterKey::check`].
const CHECK_LABEL: &str = "check";

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

    /// What it is told by. From it neither this key nor any that is derived can be found.
    pub fn check(&self) -> KeyCheck {
        KeyCheck(*self.derive::<{ KeyCheck::LEN }>(CHECK_LABEL, b"").expose())
    }

    /// Derives a key of `N` bytes for one use: HKDF-SHA-512 (RFC 5869).
    ///
    /// `label` names the use and `context` the thing it is used for (a key's name, or nothing). Each pair of
    /// them gives a key of its own, from which neither the master key nor any other derived key can be found.
    /// The expansion's `info` is the length of the label as eight bytes, most significant first, then the
    /// label, then the context.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;

    const TEXT: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn a_generated_key_reads_back_from_its_text() {
        let key = MasterKey::generate(&Seeded::new(1));
        let text = key.to_text();
        assert_eq!(text.expose().len(), MasterKey::TEXT_LEN);
        assert_eq!(MasterKey::parse(text.expose()).unwrap().to_text().expose(), text.expose());
        assert_ne!(MasterKey::generate(&Seeded::new(2)).to_text().expose(), text.expose());
    }

    #[test]
    fn a_file_may_end_with_a_newline_and_the_digits_may_be_upper_case() {
        for text in [format!("{TEXT}\n"), format!("{TEXT}\r\n"), format!(" {}\n\n", TEXT.to_uppercase())] {
            assert_eq!(MasterKey::parse(&text).unwrap().to_text().expose(), TEXT);
        }
    }

    #[test]
    fn what_is_no_key_is_described_by_its_shape_alone() {
        let refusal = |text: &str| MasterKey::parse(text).unwrap_err();
        assert_eq!(refusal(""), NotAMasterKey::Length { found: 0 });
        assert_eq!(refusal("\n"), NotAMasterKey::Length { found: 0 });
        assert_eq!(refusal(&TEXT[1..]), NotAMasterKey::Length { found: 63 });
        assert_eq!(refusal(&format!("0x{TEXT}")), NotAMasterKey::Length { found: 66 });
        assert_eq!(refusal(&"é".repeat(32)), NotAMasterKey::NotHex { position: 1 });
        assert_eq!(refusal(&TEXT.replace("1e1f", "1e1g")), NotAMasterKey::NotHex { position: 64 });
        assert_eq!(refusal(&"0".repeat(64)), NotAMasterKey::Placeholder);
        assert_eq!(refusal(&"ab".repeat(32)), NotAMasterKey::Placeholder);
        let secret = "hunter2 hunter2 hunter2 hunter2 hunter2 hunter2 hunter2 hunter2!";
        assert!(!refusal(secret).to_string().contains("hunter2"));
    }

    #[test]
    fn two_keys_are_told_apart_by_their_checks() {
        let check = |text: &str| MasterKey::parse(text).unwrap().check();
        assert_eq!(check(TEXT), check(&TEXT.to_uppercase()));
        assert_ne!(check(TEXT), check(&TEXT.replace("1e1f", "1e1e")));
    }

    #[test]
    fn a_key_prints_nothing_of_itself() {
        assert_eq!(format!("{:?}", MasterKey::parse(TEXT).unwrap()), "MasterKey(..)");
    }

    #[test]
    fn derived_keys_are_what_another_hkdf_derives() {
        // Made with the HKDF of the Python package `cryptography`, from the description of `derive`.
        let key = MasterKey::parse(TEXT).unwrap();
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        assert_eq!(
            hex(key.derive::<64>("jwt access", b"k1").expose()),
            "3ded4a4f6bacb2f58aa0ff22b080f5db59b4c03585ef406ac8d6f390f583f20b\
             07462cead6cd354e69baed28ee3541a2bb7282632aeceb53a36bf980a7419eb4"
        );
        assert_eq!(
            hex(key.derive::<32>("nonce", b"").expose()),
            "3cfa7083466936bcf67067d3df73d44ce74528087662669bd01d527c08eb35c9"
        );
    }

    #[test]
    fn each_label_and_each_context_has_a_key_of_its_own() {
        let key = MasterKey::parse(TEXT).unwrap();
        let derived = [("a", "b"), ("ab", ""), ("", "ab"), ("a", ""), ("a", "bc"), ("ab", "c")]
            .map(|(label, context)| *key.derive::<32>(label, context.as_bytes()).expose());
        for (index, one) in derived.iter().enumerate() {
            assert!(derived.iter().skip(index + 1).all(|other| one != other), "{index}");
        }
    }
}
