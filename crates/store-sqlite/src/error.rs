//! How storage in SQLite fails, and what would do.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_store::StoreError;
use rusqlite::ErrorCode;

/// What stands behind [`StoreError::Unavailable`]: what was found, where, and what would do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    /// There was no room for a write; nothing of it was kept.
    #[error("no room to write {}: make room on its disk; until then only reading works", path.display())]
    Full {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: Arc<rusqlite::Error>,
    },
    /// Another process held the write lock all the time.
    #[error(
        "{} was locked by another process for {waited:?}: end what holds it (a shell with an open transaction, a backup)",
        path.display()
    )]
    Locked {
        /// The database.
        path: PathBuf,
        /// How long.
        waited: Duration,
        /// What SQLite said.
        source: Arc<rusqlite::Error>,
    },
    /// The file or its directory may not be written.
    #[error("{} may not be written: let this user write it and its directory", path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: Arc<rusqlite::Error>,
    },
    /// Anything else that SQLite or the system below it said.
    #[error("SQLite failed on {}", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: Arc<rusqlite::Error>,
    },
    /// The file is not the one that was opened.
    #[error("{} was removed or replaced while it was in use: restart the program", path.display())]
    Replaced {
        /// The database.
        path: PathBuf,
    },
    /// More wait already than may.
    #[error("{limit} requests wait for storage already: it is slower than what is asked of it")]
    Overloaded {
        /// How many may wait.
        limit: usize,
    },
    /// The thread that does the work has ended: the store is being closed, or it failed in a way that was not foreseen.
    #[error("the storage thread has ended: restart the program")]
    Ended,
}

/// How work on a connection fails, before it is known where and for whom.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    Sqlite(Arc<rusqlite::Error>),
    /// It did not get as far as SQLite.
    Fault(Fault),
    /// A record that no version of this program writes.
    Record {
        what: &'static str,
        why: String,
    },
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Failure {
    /// What to tell a caller who asked to `act` on the database at `path`, where writes wait for `waited`.
    pub(crate) fn into_store_error(self, act: &'static str, path: &Path, waited: Duration) -> StoreError {
        let source = match self {
            Self::Record { what, why } => return StoreError::Corrupt { what: what.to_owned(), why },
            Self::Fault(fault) => return StoreError::Unavailable { act, source: Box::new(fault) },
            Self::Sqlite(source) => source,
        };
        let path = path.to_owned();
        let fault = match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                let why = format!("{source}; put a backup in its place");
                return StoreError::Corrupt { what: format!("database ({})", path.display()), why };
            }
            Some(ErrorCode::DiskFull) => Fault::Full { path, source },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Fault::Locked { path, waited, source }
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Fault::ReadOnly { path, source },
            Some(_) | None => Fault::Sqlite { path, source },
        };
        StoreError::Unavailable { act, source: Box::new(fault) }
    }
}
