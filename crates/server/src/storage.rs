//! Opening what the configuration names: the store, and the master key beside it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use countersign_manage::{WrongMasterKey, recognise_master_key};
use countersign_model::Entropy;
use countersign_store_sqlite::{Limits, OpenError, SqliteStore, kept_key_check};
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
    /// The key is another one than the database was used with.
    #[error(
        "the master key is not the one of the database {}: what is encrypted in it opens with its own alone. Put that key back; if \
         it is lost, move the database away and begin anew",
        database.display()
    )]
    WrongKey {
        /// The database.
        database: PathBuf,
        /// How that is known.
        source: WrongMasterKey,
    },
    /// Nothing could be asked of the database.
    #[error("the system gave no runtime")]
    Runtime(#[source] std::io::Error),
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
    let store = SqliteStore::open(database, limits)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(StorageError::Runtime)?;
    let recognised = runtime.block_on(recognise_master_key(&store, &master_key));
    recognised.map_err(|source| StorageError::WrongKey { database: database.clone(), source })?;
    Ok(Opened { store, master_key })
}

/// What somebody should know about storage that is there, and what keeps it from being opened. Nothing is opened for good, made or brought
/// up to date.
pub(crate) fn look(storage: &Storage) -> Look {
    let StoreLocation::Sqlite(database) = &storage.store;
    let mut look = Look { warnings: exposed(database).into_iter().collect(), mistake: None };
    if database.exists() {
        look.mistake = compare(database, &storage.master_key).err();
    }
    look
}

/// What a look at storage gave.
pub(crate) struct Look {
    /// What somebody should know.
    pub(crate) warnings: Vec<String>,
    /// What keeps it from being opened.
    pub(crate) mistake: Option<StorageError>,
}

/// Fails where the key is known to be another one than that of the database.
fn compare(database: &Path, key: &MasterKeySource) -> Result<(), StorageError> {
    let master_key = match key {
        MasterKeySource::Given(text) => master_key::parse(text)?,
        MasterKeySource::File(path) => master_key::read(path)?
            .ok_or_else(|| StorageError::KeyLost { key: path.clone(), database: database.to_owned() })?,
    };
    let found = master_key.check();
    match kept_key_check(database, Limits::COMMAND)? {
        Some(wanted) if wanted != found => {
            let source = WrongMasterKey::Another { wanted, found };
            Err(StorageError::WrongKey { database: database.to_owned(), source })
        }
        Some(_) | None => Ok(()),
    }
}

/// What is wrong with who may read or write the database.
pub(crate) fn exposed(database: &Path) -> Option<String> {
    let mode = std::fs::metadata(database).ok()?.permissions().mode() & 0o7777;
    (mode & OTHERS != 0).then(|| {
        format!(
            "the database {path} can be read by others (its mode is {mode:04o}): run `chmod 600 {path}*`",
            path = database.display()
        )
    })
}

const OTHERS: u32 = 0o077;

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
