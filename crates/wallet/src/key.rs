//! A wallet's private key, for clients and demonstrations.

use countersign_model::{Address, Secret};
use secp256k1::ecdsa::RecoverableSignature;
use secp256k1::{Message, PublicKey, SecretKey};
use zeroize::{Zeroize, Zeroizing};

use crate::recover::address_of;
use crate::{WalletSignature, hex, personal_hash};

/// The private key of an externally owned account. It prints nothing of itself and is wiped when dropped.
#[derive(Clone, Debug)]
pub struct PrivateKey(Secret<Scalar>);

/// Why a text is no private key. It tells of the text's shape and never of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPrivateKey {
    /// Another length.
    #[error("a private key is 64 hex digits, with or without 0x; found {found} characters")]
    Length {
        /// How many characters were found, without `0x` and the white space around them.
        found: usize,
    },
    /// The right length, and a character that is no hex digit.
    #[error("a private key is 64 hex digits; there is another character in it")]
    NotHex,
    /// Zero, or not below the order of the curve.
    #[error("a private key is a number from 1 to the order of secp256k1; this one is not")]
    OutOfRange,
}

impl PrivateKey {
    /// Reads 64 hex digits of either case, with or without `0x`. White space around them is ignored: files
    /// end with a newline.
    pub fn parse(text: &str) -> Result<Self, NotAPrivateKey> {
        let text = text.trim_ascii();
        let digits = text.strip_prefix("0x").unwrap_or(text);
        if digits.len() != 64 {
            return Err(NotAPrivateKey::Length { found: digits.chars().count() });
        }
        Self::from_bytes(&Zeroizing::new(hex::decode::<32>(digits).ok_or(NotAPrivateKey::NotHex)?))
    }

    /// Reads 32 bytes, most significant first.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, NotAPrivateKey> {
        let key = SecretKey::from_secret_bytes(*bytes).map_err(|_| NotAPrivateKey::OutOfRange)?;
        Ok(Self(Secret::new(Scalar(key))))
    }

    /// The address of its account.
    pub fn address(&self) -> Address {
        address_of(&PublicKey::from_secret_key(&self.0.expose().0))
    }

    /// Signs `text` as `personal_sign` does (EIP-191) and gives `0x` and 130 hex digits, with `v` as 27 or
    /// 28.
    ///
    /// The nonce follows from the key and the text (RFC 6979): the same text gets the same signature.
    pub fn sign_personal(&self, text: &[u8]) -> String {
        let message = Message::from_digest(personal_hash(text));
        WalletSignature::new(RecoverableSignature::sign_ecdsa_recoverable(message, &self.0.expose().0))
            .to_text()
    }
}

#[derive(Clone)]
struct Scalar(SecretKey);

impl Zeroize for Scalar {
    fn zeroize(&mut self) {
        self.0.non_secure_erase();
    }
}
