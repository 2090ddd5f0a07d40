//! What operators do: consumers, credentials, wallet grants and token keys.
//!
//! Every function takes storage, the moment and randomness as arguments and answers with what became of it. The command
//! line and the admin API are two ways to call them.

mod consumers;
mod issue;
mod keys;
mod secret;
mod token_keys;
mod wallets;

pub use consumers::{
    ConsumerNotAdded, ConsumerNotFound, Removed, add_consumer, consumers, disable_consumer, enable_consumer,
    remove_consumer, show_consumer,
};
pub use issue::{Expiry, Form, Issue, Issued, Issuer, Material, NotIssued, NotRotated, Replaced, Rotation};
pub use keys::{KeyNotFound, KeysNotListed, Revocation, keys, revoke_key, show_key};
pub use token_keys::{
    NoTokenKey, TokenKeyNotRemoved, TokenKeyNotRotated, first_token_key, remove_token_key, rotate_token_key,
    token_keys,
};
pub use wallets::{NotGranted, WalletNotFound, grant, grants, revoke_wallet};
