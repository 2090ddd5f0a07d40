//! Opening what the configuration names: the store, and the master key beside it.

use std::path::{Path, PathBuf};

use countersign_model::Entropy;
use countersign_store_sqlite::{Limits, OpenError, SqliteStore};
use countersign_token::MasterKey;

use crate::config::{MasterKeySource, Storage, StoreLocation};
use crate::master_key::{self, MasterKeyError};

/// What a process works with.
pub(crate) struct Opened {
    /// The store.
    pub(crate) store: SqliteStore,
    /// The key that all others are derived from.
    pub(crate) master_key: MasterKey,
}

/// Why storage was not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// The master key is not to be had.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// There is a database, and the key is gone.
    #[error(
        "the master key {} is not there, but the database {} is: what is encrypted in it opens with that key alone. \
         Put the key back; if it is lost, move the database away and begin anew",
        key.display(),
        database.display()
    )]
    KeyLost {
        /// Where the key should be.
        key: PathBuf,
        /// The database.
        database: PathBuf,
    },
    /// The database does not open.
    #[error("the store was not opened")]
    Store(#[from] OpenError),
}

/// Opens the store and reads the master key. On first use both are made: the key first, so that there is never a
/// database without its key.
pub(crate) fn open(storage: &Storage, limits: Limits, entropy: &dyn Entropy) -> Result<Opened, StorageError> {
    let StoreLocation::Sqlite(database) = &storage.store;
    let master_key = match &storage.master_key {
        MasterKeySource::Given(text) => master_key::parse(text)?,
        MasterKeySource::File(key) => key_beside(database, key, entropy)?,
    };
    Ok(Opened { store: SqliteStore::open(database, limits)?, master_key })
}

/// The order matters to processes that start together: whoever sees the database sees the key too.
fn key_beside(database: &Path, key: &Path, entropy: &dyn Entropy) -> Result<MasterKey, StorageError> {
    let database_is_there = database.exists();
    match master_key::read(key)? {
        Some(master_key) => Ok(master_key),
        None if database_is_there => {
            Err(StorageError::KeyLost { key: key.to_owned(), database: database.to_owned() })
        }
        None => Ok(master_key::make(key, entropy)?),
    }
}
