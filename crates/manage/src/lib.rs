//! What operators do: consumers, credentials, wallet grants and token keys.
//!
//! Every function takes storage, the moment and randomness as arguments and answers with what became of it. The command
//! line and the admin API are two ways to call them.

mod consumers;
mod foreign;
mod import;
mod issue;
mod keys;
mod master_key;
mod not_imported;
mod public_key;
mod secret;
mod token_keys;
mod wallets;

pub use consumers::{
    ConsumerNotAdded, ConsumerNotFound, Removed, add_consumer, add_limited_consumer, consumers,
    disable_consumer, enable_consumer, remove_consumer, set_consumer_limits, show_consumer,
};
pub use foreign::{Foreign, ForeignSecret, MAX_API_KEY_LEN, MIN_API_KEY_LEN, MIN_SECRET_LEN, Weakness};
pub use import::{
    AbsentConsumers, IMPORT_LIMIT, Import, ImportLine, ImportRun, Imported, ImportedAll, Importer,
};
pub use issue::{Expiry, Form, Issue, Issued, Issuer, Material, NotIssued, NotRotated, Replaced, Rotation};
pub use keys::{KeyName, KeyNotFound, KeysNotListed, Revocation, keys, revoke_key, set_key_limits, show_key};
pub use master_key::{WrongMasterKey, recognise_master_key};
pub use not_imported::{NotImported, NotImportedAll};
pub use token_keys::{
    NoTokenKey, TokenKeyNotRemoved, TokenKeyNotRotated, first_token_key, remove_token_key, rotate_token_key,
    token_keys,
};
pub use wallets::{NotGranted, WalletNotFound, grant, grants, revoke_wallet};
