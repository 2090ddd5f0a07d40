//! Who signed this text: EIP-191 personal messages and EIP-55 addresses.
//!
//! A wallet's `personal_sign` signs a text with the key of an externally owned account; the signature tells
//! the account's address.
//!
//! ```
//! use countersign_wallet::{PrivateKey, WalletSignature, signed_by};
//!
//! let key = PrivateKey::parse("0x4646464646464646464646464646464646464646464646464646464646464646")?;
//! let signature = WalletSignature::parse(&key.sign_personal(b"hello"))?;
//! assert!(signed_by(key.address(), b"hello", &signature).is_ok());
//! assert!(signed_by(key.address(), b"hallo", &signature).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Contract accounts (EIP-1271) sign in their contract's own way, which only the chain can check. Their
//! signatures are told apart by [`BadSignature::NotFromAnOwnedAccount`].

mod eip55;
mod hash;
mod hex;
mod key;
mod recover;
mod signature;

pub use eip55::eip55;
pub use hash::personal_hash;
pub use key::{NotAPrivateKey, PrivateKey};
pub use recover::{NotRecovered, NotSignedBy, SignedBy, recover, signed_by};
pub use signature::{BadSignature, MAX_SIGNATURE_TEXT_LEN, WalletSignature};
