//! Whether the database is still where others look for it.

use std::path::{Path, PathBuf};

use crate::error::{Failure, Fault};

/// A file's path, and which file that was when it was opened.
///
/// An open file goes on when it is renamed, deleted or replaced (a backup put in its place, a cleaned directory), and
/// this process with it: it would let in what commands, which open the new file, have revoked.
pub(crate) struct Place {
    path: PathBuf,
    file: Identity,
}

/// What tells one file from another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Identity {
    /// Its device and its number on it.
    #[cfg(unix)]
    Inode(u64, u64),
    /// This system has nothing of the kind.
    #[cfg(not(unix))]
    Unknown,
}

impl Place {
    /// The place of a database that was just opened.
    pub(crate) fn of(path: &Path) -> std::io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: identity(path)? })
    }

    /// Fails where another file is there now, or none.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match identity(&self.path) {
            Ok(file) if file == self.file => Ok(()),
            Ok(_) | Err(_) => Err(Failure::Fault(Fault::Replaced { path: self.path.clone() })),
        }
    }
}

fn identity(path: &Path) -> std::io::Result<Identity> {
    let metadata = path.metadata()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        Ok(Identity::Inode(metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        drop(metadata);
        Ok(Identity::Unknown)
    }
}
