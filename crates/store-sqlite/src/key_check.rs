//! By which a wrong master key is noticed.

use std::path::Path;

use async_trait::async_trait;
use countersign_model::KeyCheck;
use countersign_store::{Held, KeyChecks, StoreError};
use rusqlite::{Connection, OptionalExtension};

use crate::credentials::{ANY_SEALED, one};
use crate::error::Failure;
use crate::open::for_a_look;
use crate::{Limits, OpenError, SqliteStore};

/// What is kept, in a database of this version.
pub(crate) fn read(db: &Connection) -> Result<Option<KeyCheck>, Failure> {
    const READ: &str = "SELECT value FROM key_check";
    let kept: Option<[u8; KeyCheck::LEN]> =
        db.prepare_cached(READ)?.query_row([], |row| row.get(0)).optional()?;
    Ok(kept.map(KeyCheck))
}

/// What the master key of the database at `path` is told by: nothing where that is not kept yet. The file is looked at, and left as
/// it is: one of an earlier version is not brought up to date.
pub fn kept_key_check(path: &Path, limits: Limits) -> Result<Option<KeyCheck>, OpenError> {
    const IS_THERE: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'key_check'";
    const READ: &str = "SELECT value FROM key_check";
    let look = || {
        let db = for_a_look(path, limits)?;
        if !db.prepare(IS_THERE)?.exists([])? {
            return Ok(None);
        }
        db.query_row(READ, [], |row| row.get(0)).optional()
    };
    let kept = look().map_err(|source| OpenError::from_sqlite(source, path, limits.read_wait))?;
    Ok(kept.map(KeyCheck))
}

#[async_trait]
impl KeyChecks for SqliteStore {
    async fn key_check(&self) -> Result<Option<KeyCheck>, StoreError> {
        self.lookups.look_up(read).map_err(self.failed("read the check of the master key"))
    }

    async fn keep_key_check(&self, check: KeyCheck) -> Result<KeyCheck, StoreError> {
        const KEEP: &str = "INSERT INTO key_check (one, value) VALUES (1, ?1) ON CONFLICT DO NOTHING";
        let keep = move |db: &Connection| {
            db.prepare_cached(KEEP)?.execute([check.0])?;
            Ok(read(db)?.unwrap_or(check))
        };
        self.writer.write(keep).await.map_err(self.failed("keep the check of the master key"))
    }

    async fn any_sealed(&self) -> Result<Option<Held>, StoreError> {
        self.lookups.look_up(|db| one(db, ANY_SEALED, [])).map_err(self.failed("read a credential"))
    }
}
