//! The schema, and how a database of an earlier version gets it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::busy::patiently;
use crate::{Limits, OpenError, open};

/// What makes a file ours: SQLite keeps this number in its header (`CtSg`).
const APPLICATION_ID: i64 = 0x4374_5367;

/// Each brings the schema from its place in the list to the next. What was released is never changed, only added to.
const MIGRATIONS: [&str; 5] = [
    include_str!("../migrations/0001_foundation.sql"),
    include_str!("../migrations/0002_replays.sql"),
    include_str!("../migrations/0003_imported.sql"),
    include_str!("../migrations/0004_followers.sql"),
    include_str!("../migrations/0005_limits.sql"),
];

/// The schema that [`MIGRATIONS`] lead to.
const NEWEST: i64 = MIGRATIONS.len().cast_signed() as i64;

/// The numbers by which a file says what it is.
struct Identity {
    application: i64,
    /// How many [`MIGRATIONS`] it has had.
    schema: i64,
    /// Tables, indexes and such.
    objects: i64,
}

/// Gives the database at `path` the newest schema, one transaction a step. A file that is not ours, or from a later
/// version, is left as it is. Of processes that do this at once, one does each step.
pub(crate) fn bring_up_to_date(
    connection: &Connection,
    path: &Path,
    limits: Limits,
) -> Result<(), OpenError> {
    let wait = limits.write_wait;
    let failed = |source| OpenError::from_sqlite(source, path, wait);
    let reached = patiently(wait, || {
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Deferred)?;
        Identity::of(&transaction)
    });
    reached.map_err(failed)?.schema_of_ours(path)?;
    open::share(connection, path, limits)?;
    for (number, step) in (1..).zip(MIGRATIONS) {
        migrate(connection, path, wait, number, step)?;
    }
    Ok(())
}

/// Takes the step to schema `number`, unless it was taken.
fn migrate(
    connection: &Connection,
    path: &Path,
    wait: Duration,
    number: i64,
    step: &str,
) -> Result<(), OpenError> {
    let failed = |source| OpenError::from_sqlite(source, path, wait);
    let begin = || Transaction::new_unchecked(connection, TransactionBehavior::Immediate);
    let transaction = patiently(wait, begin).map_err(failed)?;
    let reached = Identity::of(&transaction).map_err(failed)?.schema_of_ours(path)?;
    if reached >= number {
        return Ok(());
    }
    let take = || {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", number)
    };
    take().map_err(failed)?;
    transaction.commit().map_err(failed)
}

impl Identity {
    /// Read in one transaction, so that the numbers belong together.
    fn of(transaction: &Transaction<'_>) -> rusqlite::Result<Self> {
        let number = |sql| transaction.query_row(sql, [], |row| row.get::<_, i64>(0));
        Ok(Self {
            application: number("PRAGMA application_id")?,
            schema: number("PRAGMA user_version")?,
            objects: number("SELECT count(*) FROM sqlite_schema")?,
        })
    }

    /// The number of its schema, 0 where nothing is in it yet; an error where it is not ours to write.
    fn schema_of_ours(&self, path: &Path) -> Result<i64, OpenError> {
        let path = path.to_owned();
        match (self.application, self.schema, self.objects) {
            (APPLICATION_ID, found, _) if found > NEWEST => {
                Err(OpenError::Newer { path, found, known: NEWEST })
            }
            (APPLICATION_ID, reached, _) => Ok(reached),
            (0, 0, 0) => Ok(0),
            (application, schema, objects) => {
                let found = format!(
                    "application id {application:#x}, schema number {schema}, {objects} tables and indexes"
                );
                Err(OpenError::Foreign { path, found })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits::COMMAND;

    fn in_new_directory() -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        (directory, path)
    }

    /// A database with the schema of this number.
    fn of_schema(number: i64, path: &Path) -> Connection {
        let connection = open::for_writing(path, LIMITS).unwrap();
        for (number, step) in (1..=number).zip(MIGRATIONS) {
            migrate(&connection, path, LIMITS.write_wait, number, step).unwrap();
        }
        connection
    }

    fn schema(connection: &Connection) -> Vec<(String, Option<String>)> {
        let mut statement = connection.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn every_earlier_schema_is_brought_to_the_newest() {
        let (_directory, path) = in_new_directory();
        let newest = schema(&of_schema(NEWEST, &path));
        assert!(newest.iter().any(|(name, _)| name == "credentials"));
        for earlier in 0..=NEWEST {
            let (_directory, path) = in_new_directory();
            let connection = of_schema(earlier, &path);
            bring_up_to_date(&connection, &path, LIMITS).unwrap();
            assert_eq!(schema(&connection), newest, "from schema {earlier}");
            let transaction = connection.unchecked_transaction().unwrap();
            assert_eq!(Identity::of(&transaction).unwrap().schema_of_ours(&path).unwrap(), NEWEST);
        }
    }

    #[test]
    fn a_step_that_fails_half_way_leaves_nothing_behind() {
        let (_directory, path) = in_new_directory();
        let connection = of_schema(NEWEST, &path);
        let before = schema(&connection);
        let step = "CREATE TABLE half (x) STRICT; CREATE TABLE whole (x INTEGER) STRICT";
        let failed = migrate(&connection, &path, LIMITS.write_wait, NEWEST + 1, step);
        assert!(matches!(failed, Err(OpenError::Sqlite { .. })), "{failed:?}");
        assert_eq!(schema(&connection), before);
        bring_up_to_date(&connection, &path, LIMITS).unwrap();
    }
}
