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
//! The base62 digits are `0` to `9`, `A` to `Z`, `a` to `z`, in that order. The checksum is the CRC-32 of zlib and PNG
//! (ISO 3309: polynomial `0x04C11DB7`, reflected, inverted at both ends) over the 32 characters before it, written as a base62 number of six digits,
//! most significant first.
//!
//! A scanner for leaked secrets finds keys with the regular expression [`PATTERN`] and drops false alarms by the checksum.
//! The checksum is no secret and proves nothing: it lets garbage be refused without a look-up.

use aws_lc_rs::digest::{SHA256, digest as hash};
use countersign_model::{Entropy, KeyDigest, KeyId, Secret};
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
    if !digits.iter().all(u8::is_ascii_alphanumeric) {
        return Err(NotOurs::Form);
    }
    if *found != checksum(covered) {
        return Err(NotOurs::Checksum);
    }
    Ok(kind)
}

/// The SHA-256 of a key's characters: what is stored of an API key, and how any key is looked up.
///
/// Takes any text, so that keys that were not minted here can be kept too; those need 160 random bits of their own.
pub fn digest(key: &str) -> KeyDigest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash(&SHA256, key.as_bytes()).as_ref());
    KeyDigest(bytes)
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
    // A byte of 248 or more is thrown away: 256 is no multiple of 62, and the remainder alone would favour the first digits.
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

/// The digit for `value` modulo 62.
#[expect(clippy::indexing_slicing, reason = "a remainder of 62 is an index of 62 digits")]
fn base62_digit(value: u32) -> u8 {
    BASE62[value as usize % BASE62.len()]
}
