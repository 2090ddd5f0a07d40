//! Keys and tokens that Countersign mints: API keys, sealed secrets, strict HS512 JWTs.
//!
//! - [`key`]: API keys with a prefix and a checksum, and the digest under which they are kept.
//! - [`MasterKey`]: the one key that an operator keeps; all others are derived from it.
//! - [`Sealer`]: encrypts signing secrets, each bound to its credential.
//! - [`jwt`]: the access and refresh tokens of a wallet's session.
//!
//! Nothing here does I/O, reads a clock or draws randomness: [`UnixTime`](countersign_model::UnixTime) and
//! [`Entropy`](countersign_model::Entropy) come in as arguments.

pub mod jwt;
pub mod key;
mod master;
mod seal;
#[cfg(test)]
mod seeded;

pub use master::{MasterKey, NotAMasterKey};
pub use seal::{Binding, MAX_SECRET_LEN, NotSealed, SealBroken, Sealer};
