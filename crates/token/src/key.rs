//! Keys as they stand on the wire.
//!
//! A key is 38 ASCII characters:
//!
//! | characters | what |
//! |---|---|
//! | 4 | the kind: `csk_`, `csp_` or `css_` ([`KeyKind`]) |
//! | 28 | base62 digits, drawn uniformly: 166 bits |
//! | 6 | the checksum |
//!
//! The base62 digits are `0` to `9`, `A` to `Z`, `a` to `z`, in that order. The checksum is the CRC-32 of
//! zlib and PNG (ISO 3309: polynomial `0x04C11DB7`, reflected, inverted at both ends) over the 32 characters
//! before it, written as a base62 number of six digits, most significant first.
//!
//! A scanner for leaked secrets finds keys with the regular expression [`PATTERN`] and drops false alarms by
//! the checksum. The checksum is no secret and proves nothing: it lets garbage be refused without a look-up in storage.

use aws_lc_rs::digest::{Context, SHA256};
use countersign_model::{DialectName, Entropy, KeyDigest, KeyId, Secret};
use countersign_sha256::sha256;
use zeroize::Zeroizing;

/// Matches every key that [`mint`] makes, for scanners; [`check`] tells the rest.
pub const PATTERN: &str = r"\bcs[kps]_[0-9A-Za-z]{34}\b";

/// How long a key is, in characters.
pub const KEY_LEN: usize = PREFIX_LEN + RANDOM_LEN + CHECKSUM_LEN;

const PREFIX_LEN: usize = 4;
const RANDOM_LEN: usize = 28;
const CHECKSUM_LEN: usize = 6;
const KEY_ID_PREFIX: &str = "key_";
const KEY_ID_RANDOM_LEN: usize = 16;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a key is for; its first four characters say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// `csk_`: an API key. Whoever has it acts as its consumer.
    ApiKey,
    /// `csp_`: the public half of a signature credential. It may stand in web pages and opens nothing alone.
    PublicKey,
    /// `css_`: the signing secret that belongs to a public key. It never travels.
    SigningSecret,
}

/// Why a text is no key of ours. It says nothing about which keys exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    /// Another length, prefix or alphabet.
    #[error("not a key of the form {PATTERN}")]
    Form,
    /// The form of a key, and the wrong checksum: it was mistyped, cut or made up.
    #[error("the key's checksum is wrong: a character of it was changed")]
    Checksum,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::ApiKey, Self::PublicKey, Self::SigningSecret];

    /// The four characters that keys of this kind begin with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::ApiKey => "csk_",
            Self::PublicKey => "csp_",
            Self::SigningSecret => "css_",
        }
    }
}

/// Makes a key of this kind from fresh randomness.
pub fn mint(kind: KeyKind, entropy: &dyn Entropy) -> Secret<String> {
    // Room for the whole key from the start: a string that grows leaves copies of itself in memory.
    let mut key = Zeroizing::new(String::with_capacity(KEY_LEN));
    key.push_str(kind.prefix());
    push_random_digits(&mut key, RANDOM_LEN, entropy);
    let checksum = checksum(key.as_bytes());
    key.extend(checksum.map(char::from));
    Secret::new(std::mem::take(&mut *key))
}

/// Reads the form and the checksum of a key: no look-up, no allocation.
pub fn check(text: &str) -> Result<KeyKind, NotOurs> {
    let key: &[u8; KEY_LEN] = text.as_bytes().try_into().map_err(|_| NotOurs::Form)?;
    let (covered, found) = key.split_last_chunk::<CHECKSUM_LEN>().ok_or(NotOurs::Form)?;
    let (prefix, digits) = key.split_first_chunk::<PREFIX_LEN>().ok_or(NotOurs::Form)?;
    let kind =
        KeyKind::ALL.into_iter().find(|kind| kind.prefix().as_bytes() == prefix).ok_or(NotOurs::Form)?;
    // Without a way out in between, the compiler looks at many at once.
    if !digits.iter().fold(true, |all, digit| all & digit.is_ascii_alphanumeric()) {
        return Err(NotOurs::Form);
    }
    if number(*found) != Some(crc32fast::hash(covered)) {
        return Err(NotOurs::Checksum);
    }
    Ok(kind)
}

/// The SHA-256 of a key's characters: what is stored of an API key, and how any key is looked up.
///
/// Takes any text, so that keys that were not minted here can be kept too; those need 160 random bits of
/// their own.
pub fn digest(key: &str) -> KeyDigest {
    KeyDigest(sha256(key.as_bytes()))
}

/// Where a text is to be told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within<'a> {
    /// Everywhere: it opens something by itself, so it is one credential's and no other's.
    Everywhere,
    /// One dialect: what names a credential there may name another elsewhere.
    Dialect(&'a DialectName),
}

/// What separates the key ids of a dialect from everything else that is digested: no key that travels holds a NUL.
const FOREIGN_LABEL: &[u8] = b"key id of a dialect\0";

/// The digest by which the credential is found that `wire` names: for a key of our own form [`digest`], and so for any that is told from
/// others everywhere. A foreign key id is told from others in its dialect: its digest is the SHA-256 of a label, the dialect, a NUL and
/// the key id.
pub fn look_up_digest(wire: &str, within: Within<'_>) -> KeyDigest {
    match within {
        Within::Dialect(dialect) if check(wire).is_err() => {
            let mut context = Context::new(&SHA256);
            for part in [FOREIGN_LABEL, dialect.as_str().as_bytes(), b"\0", wire.as_bytes()] {
                context.update(part);
            }
            let mut bytes = [0; 32];
            bytes.copy_from_slice(context.finish().as_ref());
            KeyDigest(bytes)
        }
        Within::Dialect(_) | Within::Everywhere => digest(wire),
    }
}

/// Makes the public name of a new credential: `key_` and 16 base62 digits (95 bits).
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "the prefix and base62 digits are within the alphabet and the length of key ids"
)]
pub fn mint_key_id(entropy: &dyn Entropy) -> KeyId {
    let mut id = String::from(KEY_ID_PREFIX);
    push_random_digits(&mut id, KEY_ID_RANDOM_LEN, entropy);
    KeyId::parse(&id).expect("a minted key id is a key id")
}

fn push_random_digits(text: &mut String, count: usize, entropy: &dyn Entropy) {
    // A byte of 248 or more is thrown away: 256 is no multiple of 62, and the remainder alone would favour
    // the first digits.
    const FAIR: u8 = 248;
    let mut wanted = count;
    let mut bytes = Zeroizing::new([0; 64]);
    while wanted > 0 {
        entropy.fill(&mut *bytes);
        for byte in bytes.iter().filter(|byte| **byte < FAIR).take(wanted) {
            text.push(char::from(base62_digit(u32::from(*byte))));
            wanted -= 1;
        }
    }
}

fn checksum(covered: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut rest = crc32fast::hash(covered);
    let mut digits = [0; CHECKSUM_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = base62_digit(rest);
        rest /= 62;
    }
    digits
}

/// The number that base62 digits write; none where it is no number of 32 bits.
fn number(digits: [u8; CHECKSUM_LEN]) -> Option<u32> {
    // What the low five bits of a digit are short of its worth, by its high bits: a branch would be guessed wrong every second time.
    const SHORT_OF: [u8; 8] = [0, 0_u8.wrapping_sub(0x10), 9, 35, 0, 0, 0, 0];
    let worth = |digit: u8| {
        let short_of = SHORT_OF.get(usize::from(digit >> 5)).copied().unwrap_or_default();
        (digit & 0x1f).wrapping_add(short_of)
    };
    // Six digits are fewer than 64 bits hold.
    let number = digits.iter().fold(0, |number, digit| number * 62 + u64::from(worth(*digit)));
    u32::try_from(number).ok()
}

/// The digit for `value` modulo 62.
#[expect(clippy::indexing_slicing, reason = "a remainder of 62 is an index of 62 digits")]
fn base62_digit(value: u32) -> u8 {
    BASE62[value as usize % BASE62.len()]
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::seeded::Seeded;

    /// Made with Python's `zlib.crc32` and integer division.
    const MADE_ELSEWHERE: [(&str, KeyKind); 3] = [
        ("csk_00000000000000000000000000004VEycU", KeyKind::ApiKey),
        ("csp_zzzzzzzzzzzzzzzzzzzzzzzzzzzz0dUU71", KeyKind::PublicKey),
        ("css_0123456789ABCDEFGHIJKLMNOPQR0yqlV1", KeyKind::SigningSecret),
    ];

    #[test]
    fn a_minted_key_is_of_its_kind_and_of_the_documented_pattern() {
        let (entropy, pattern) = (Seeded::new(1), regex::Regex::new(PATTERN).unwrap());
        for kind in KeyKind::ALL.into_iter().cycle().take(300) {
            let key = mint(kind, &entropy);
            assert_eq!(check(key.expose()), Ok(kind));
            let line = format!("KEY=\"{}\"\n", key.expose());
            assert_eq!(pattern.find(&line).unwrap().as_str(), key.expose());
        }
    }

    #[test]
    fn a_key_made_as_documented_by_another_program_is_ours() {
        for (key, kind) in MADE_ELSEWHERE {
            assert_eq!(check(key), Ok(kind), "{key}");
        }
    }

    #[test]
    fn no_two_keys_are_the_same() {
        let entropy = Seeded::new(2);
        let mut keys: Vec<_> = (0..1000).map(|_| mint(KeyKind::ApiKey, &entropy).expose().clone()).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 1000);
        assert_ne!(mint_key_id(&entropy), mint_key_id(&entropy));
    }

    #[test]
    fn every_key_with_one_character_changed_is_refused() {
        for (key, _) in MADE_ELSEWHERE {
            for position in 0..KEY_LEN {
                for digit in BASE62.iter().filter(|digit| **digit != key.as_bytes()[position]) {
                    let mut changed = key.as_bytes().to_vec();
                    changed[position] = *digit;
                    let changed = String::from_utf8(changed).unwrap();
                    assert!(check(&changed).is_err(), "{changed}");
                }
            }
        }
    }

    #[test]
    fn a_mistyped_key_is_told_from_something_else_altogether() {
        let (key, _) = MADE_ELSEWHERE[2];
        assert_eq!(check(&key.replace("AB", "BA")), Err(NotOurs::Checksum));
        assert_eq!(check(&key.replacen("css", "csk", 1)), Err(NotOurs::Checksum));
        let longer = format!("{key}0");
        for other in ["", "css_", &key[..37], &longer, &key.replace('A', "-"), &key.replacen("css", "sk_", 1)]
        {
            assert_eq!(check(other), Err(NotOurs::Form), "{other}");
        }
        assert_eq!(check("csk_ééééééééééééééééé"), Err(NotOurs::Form));
    }

    /// Every byte there is, over and over.
    struct EveryByte(AtomicU8);

    impl Entropy for EveryByte {
        fn fill(&self, buffer: &mut [u8]) {
            for byte in buffer {
                *byte = self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn all_digits_are_equally_likely() {
        let mut text = String::new();
        push_random_digits(&mut text, 2 * 248, &EveryByte(AtomicU8::new(0)));
        for digit in BASE62 {
            assert_eq!(text.bytes().filter(|byte| byte == digit).count(), 8, "{}", char::from(*digit));
        }
    }

    #[test]
    fn a_checksum_reads_back_as_the_number_that_was_written() {
        for number in [0, 1, 9, 10, 35, 36, 61, 62, 3843, 123_456_789, u32::MAX] {
            let mut rest = number;
            let mut digits = [0; CHECKSUM_LEN];
            for digit in digits.iter_mut().rev() {
                *digit = base62_digit(rest);
                rest /= 62;
            }
            assert_eq!(super::number(digits), Some(number));
        }
        for digit in BASE62 {
            let worth = BASE62.iter().position(|known| known == digit).map(|at| u32::try_from(at).unwrap());
            assert_eq!(super::number([b'0', b'0', b'0', b'0', b'0', *digit]), worth);
        }
        // One more than 32 bits hold.
        assert_eq!(super::number(*b"4gfFC4"), None);
    }

    #[test]
    fn a_key_id_is_a_short_public_name() {
        let id = mint_key_id(&Seeded::new(3));
        assert!(id.as_str().starts_with("key_") && id.as_str().len() == 20, "{id}");
    }

    #[test]
    fn the_digest_is_sha_256() {
        // FIPS 180-4's example.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest("abc").0.map(|byte| format!("{byte:02x}")).concat(), abc);
    }

    #[test]
    fn a_foreign_key_id_is_told_from_the_same_in_another_dialect_and_a_key_of_ours_never_is() {
        let [a, ab] = ["a", "ab"].map(|name| DialectName::parse(name).unwrap());
        let (within_a, within_ab) = (Within::Dialect(&a), Within::Dialect(&ab));
        let digests = [
            look_up_digest("bc", within_a),
            look_up_digest("c", within_ab),
            look_up_digest("bc", within_ab),
            look_up_digest("bc", Within::Everywhere),
        ];
        assert!(digests.iter().enumerate().all(|(at, one)| !digests[..at].contains(one)));
        for (ours, _) in MADE_ELSEWHERE {
            assert_eq!(look_up_digest(ours, within_a), look_up_digest(ours, Within::Everywhere));
            assert_eq!(look_up_digest(ours, within_ab), digest(ours));
        }
        // Made with Python's hashlib.
        let made_elsewhere = "0a09b0156e770a869ebc23e88585020ded7b7d44793043851df6ea834f91065c";
        assert_eq!(
            look_up_digest("AKIDEXAMPLE", within_a).0.map(|byte| format!("{byte:02x}")).concat(),
            made_elsewhere
        );
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_a_panic(text in "\\PC{0,60}|cs[kps]_[0-9A-Za-z]{0,40}") {
            let judged = check(&text);
            prop_assert!(judged.is_err() || text.len() == KEY_LEN);
        }
    }
}
