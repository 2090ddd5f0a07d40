//! Why a database could not be opened, and what would do.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::ErrorCode;

/// Why a database could not be opened. Nothing was changed, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory is not there and could not be made.
    #[error("cannot make the directory {}: make it, or let this user write to the one above", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file could not be made or opened.
    #[error("cannot open {}: it must be a file that this user may read and write, in such a directory", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not a SQLite database.
    #[error("{} is not a SQLite database (or its start is damaged): name another file, or put a backup in its place", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// It is a database, and not one of ours.
    #[error("{} is a database of another program ({found}): name another file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What tells.
        found: String,
    },
    /// It is one of ours, and from a later version.
    #[error(
        "{} was written by a newer version of this program (its schema is number {found}, the newest known here is \
         {known}): use that version, or put a backup from before it in its place",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema's number.
        found: i64,
        /// The newest schema that this version knows.
        known: i64,
    },
    /// Its content is damaged.
    #[error("{} is damaged: put a backup in its place", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Another process held it all the time.
    #[error("{} was locked by another process for {waited:?}: end what holds it, and try again", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
        /// How long.
        waited: Duration,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file system cannot do what several processes on one database need.
    #[error(
        "{} cannot be shared between processes there (its journal is `{found}` where `wal` is needed): put it on a local disk",
        path.display()
    )]
    Journal {
        /// The file.
        path: PathBuf,
        /// The journal that SQLite can have there.
        found: String,
    },
    /// There is no room for it.
    #[error("no room to write {}: make room on its disk", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// It or its directory may not be written.
    #[error("{} may not be written: let this user write it and its directory", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Anything else that SQLite or the system below it said.
    #[error("SQLite failed to open {}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A thread could not be started.
    #[error("cannot start a thread for {}: raise this user's limit of threads", path.display())]
    Thread {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl OpenError {
    /// What `source` means for the database at `path`, where opening waits for `waited`.
    pub(crate) fn from_sqlite(source: rusqlite::Error, path: &Path, waited: Duration) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase { path, source },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, source },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Locked { path, waited, source }
            }
            Some(ErrorCode::DiskFull) => Self::Full { path, source },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path, source },
            Some(_) | None => Self::Sqlite { path, source },
        }
    }
}
