//! Making, finding and opening the file.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::busy::patiently;
use crate::{Limits, OpenError};

/// Statements that each connection keeps compiled: more than there are in this crate.
const STATEMENTS: usize = 64;

/// The write-ahead log is cut back to this after it was longer, in bytes.
const LOG_LIMIT: i64 = 64 << 20;

/// A connection that writes, to a file that is made where there is none.
pub(crate) fn for_writing(path: &Path, limits: Limits) -> Result<Connection, OpenError> {
    make_directory(path)?;
    make_file(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |source| OpenError::from_sqlite(source, path, limits.write_wait);
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    // The writer waits by itself: see `busy`.
    connection.busy_timeout(Duration::ZERO).map_err(failed)?;
    patiently(limits.write_wait, || set_up(&connection)).map_err(failed)?;
    Ok(connection)
}

/// Turns on what is kept in the file (the journal) and what is not. The file's own identity is not looked at here,
/// so nothing here may change a file that has one already.
fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "foreign_keys", true)?;
    // Every commit is on the disk before it is acknowledged.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", LOG_LIMIT)?;
    set_up_any(connection)
}

/// Makes the journal one that lets others read while one writes. It is a property of the file, so the file must be
/// known to be ours.
pub(crate) fn share(connection: &Connection, path: &Path, limits: Limits) -> Result<(), OpenError> {
    let journal = patiently(limits.write_wait, || {
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))
    });
    match journal.map_err(|source| OpenError::from_sqlite(source, path, limits.write_wait))? {
        wal if wal == "wal" => Ok(()),
        found => Err(OpenError::Journal { path: path.to_owned(), found }),
    }
}

/// A connection that only reads, to a file that is ours.
pub(crate) fn for_reading(path: &Path, limits: Limits) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(limits.read_wait)?;
        set_up_any(&connection)?;
        Ok(connection)
    };
    open().map_err(|source| OpenError::from_sqlite(source, path, limits.read_wait))
}

/// A connection that only reads, to a file of which nothing is known yet.
pub(crate) fn for_a_look(path: &Path, limits: Limits) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(limits.read_wait)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// What every connection is told.
fn set_up_any(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without this a join is compiled again each time a value is bound, in case another plan is better for that
    // value: the look-up of a credential then takes five times as long.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // What the file says about itself is trusted as little as possible.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // What a query spills must not lie about on a disk.
    connection.pragma_update(None, "temp_store", "MEMORY")
}

fn make_directory(path: &Path) -> Result<(), OpenError> {
    let directory = directory_of(path);
    if directory.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|source| OpenError::Directory { path: directory.to_owned(), source })
}

/// SQLite gives the files beside this one (the log and its index) the same mode.
fn make_file(path: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |source| OpenError::File { path: path.to_owned(), source };
    match options.open(path) {
        // Its name must be on the disk too, before anything in it is acknowledged.
        Ok(_) => File::open(directory_of(path)).and_then(|directory| directory.sync_all()).map_err(failed),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            OpenOptions::new().read(true).write(true).open(path).map(drop).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        Some(_) | None => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_commit_waits_for_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        let connection = for_writing(&path, Limits::COMMAND).unwrap();
        share(&connection, &path, Limits::COMMAND).unwrap();
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        let full = 2;
        assert_eq!(pragma("synchronous"), full);
        assert_eq!(pragma("foreign_keys"), 1);
    }

    #[test]
    fn a_connection_for_reading_cannot_write() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        for_writing(&path, Limits::COMMAND).unwrap();
        let reading = for_reading(&path, Limits::COMMAND).unwrap();
        assert!(reading.execute_batch("CREATE TABLE t (x)").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn what_is_made_is_for_this_user_alone_and_what_is_there_stays_as_it_is() {
        use std::fs::{Permissions, metadata, set_permissions};
        use std::os::unix::fs::PermissionsExt;

        let mode = |path: &Path| metadata(path).unwrap().permissions().mode() & 0o777;
        let directory = tempfile::tempdir().unwrap();
        set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let path = directory.path().join("made/too/test.db");
        let connection = for_writing(&path, Limits::COMMAND).unwrap();
        share(&connection, &path, Limits::COMMAND).unwrap();
        connection.execute_batch("CREATE TABLE t (x)").unwrap();
        assert_eq!(mode(directory.path()), 0o755);
        assert_eq!(mode(&directory.path().join("made")), 0o700);
        assert_eq!(mode(&directory.path().join("made/too")), 0o700);
        for name in ["test.db", "test.db-wal", "test.db-shm"] {
            assert_eq!(mode(&directory.path().join("made/too").join(name)), 0o600, "{name}");
        }
        drop(connection);
        set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        for_writing(&path, Limits::COMMAND).unwrap();
        assert_eq!(mode(&path), 0o640);
    }
}
