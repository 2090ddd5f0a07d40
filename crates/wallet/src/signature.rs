//! A wallet's signature, as clients send it.

use std::fmt;

use secp256k1::constants::CURVE_ORDER;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};

use crate::hex;

/// The longest text that is looked at as a signature, in characters. Contract accounts send far more than 65
/// bytes; nobody's is longer than this.
pub const MAX_SIGNATURE_TEXT_LEN: usize = 2 + 2 * 16 * 1024;

const PREFIX: &str = "0x";
const LEN: usize = 65;

/// Half the order of secp256k1, rounded down: the greatest `s` that EIP-2 allows.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, //
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// The signature of an externally owned account: `r`, `s` and the parity of the nonce's point, in the one form
/// that counts. `r` and `s` are within 1 and n - 1, and `s` is in the lower half (EIP-2): nobody can turn it into
/// another one. As in Ethereum, a point whose x-coordinate is not below n cannot be written; nobody has met one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WalletSignature(RecoverableSignature);

/// Why a text is no signature of an externally owned account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// It does not begin with `0x`.
    #[error("a signature begins with 0x")]
    NoPrefix,
    /// An odd number of hex digits.
    #[error("a signature has two hex digits a byte; there are {found} digits")]
    OddDigits {
        /// How many there are.
        found: usize,
    },
    /// A character that is no hex digit.
    #[error("a signature is hex digits; there is another character in it")]
    NotHex,
    /// Longer than [`MAX_SIGNATURE_TEXT_LEN`].
    #[error("a signature has at most {MAX_SIGNATURE_TEXT_LEN} characters; this one has {found}")]
    TooLong {
        /// How many it has.
        found: usize,
    },
    /// Bytes, but not 65 of them: what a contract account sends (EIP-1271), a compact signature (EIP-2098),
    /// or a mistake.
    #[error("the signature of an externally owned account has 65 bytes; this one has {found}")]
    NotFromAnOwnedAccount {
        /// How many there are.
        found: usize,
    },
    /// The last byte is not 0, 1, 27 or 28.
    #[error("a signature's last byte is 0, 1, 27 or 28; this one is {found}")]
    BadParity {
        /// The last byte.
        found: u8,
    },
    /// `r` or `s` is zero, or not below the order of the curve.
    #[error("a signature's r and s are from 1 to the order of the curve")]
    OutOfRange,
    /// `s` is in the upper half: the twin that anybody can make of a signature they saw (EIP-2).
    #[error("a signature's s is in the lower half of its range")]
    HighS,
}

impl WalletSignature {
    /// Reads `0x` and 130 hex digits of either case: `r`, `s`, and `v`, which is 0, 1, 27 or 28.
    pub fn parse(text: &str) -> Result<Self, BadSignature> {
        let digits = text.strip_prefix(PREFIX).ok_or(BadSignature::NoPrefix)?;
        if text.len() > MAX_SIGNATURE_TEXT_LEN {
            return Err(BadSignature::TooLong { found: text.len() });
        }
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(BadSignature::NotHex);
        }
        if digits.len() % 2 == 1 {
            return Err(BadSignature::OddDigits { found: digits.len() });
        }
        let bytes = hex::decode::<LEN>(digits)
            .ok_or(BadSignature::NotFromAnOwnedAccount { found: digits.len() / 2 })?;
        Self::from_bytes(&bytes)
    }

    /// Reads `r`, `s` (32 bytes each, most significant first) and `v`, which is 0, 1, 27 or 28.
    pub fn from_bytes(bytes: &[u8; LEN]) -> Result<Self, BadSignature> {
        let [compact @ .., v] = bytes;
        let parity = match v {
            0 | 27 => RecoveryId::Zero,
            1 | 28 => RecoveryId::One,
            found => return Err(BadSignature::BadParity { found: *found }),
        };
        let (r, s) = compact.split_at(32);
        let in_range = |number: &[u8]| number.iter().any(|byte| *byte != 0) && number < &CURVE_ORDER[..];
        if !in_range(r) || !in_range(s) {
            return Err(BadSignature::OutOfRange);
        }
        if s > &HALF_ORDER[..] {
            return Err(BadSignature::HighS);
        }
        RecoverableSignature::from_compact(compact, parity).map(Self).map_err(|_| BadSignature::OutOfRange)
    }

    /// Writes `0x` and 130 lower-case hex digits, with `v` as 27 or 28, which is what wallets send.
    pub fn to_text(&self) -> String {
        let (parity, compact) = self.0.serialize_compact();
        let mut text = String::with_capacity(PREFIX.len() + 2 * LEN);
        text.push_str(PREFIX);
        hex::encode_to(&compact, &mut text);
        hex::encode_to(&[27 + parity.to_u8()], &mut text);
        text
    }

    pub(crate) fn new(inner: RecoverableSignature) -> Self {
        Self(inner)
    }

    pub(crate) fn inner(&self) -> &RecoverableSignature {
        &self.0
    }
}

/// A signature can be used by whoever sees it until its nonce is spent: it prints nothing of itself.
impl fmt::Debug for WalletSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WalletSignature(..)")
    }
}
