//! Who keeps copies in memory.

use async_trait::async_trait;
use countersign_store::{Cursor, Follower, FollowerId, Followers, StoreError};
use rusqlite::{Connection, params};

use crate::SqliteStore;
use crate::columns::Record;

#[async_trait]
impl Followers for SqliteStore {
    async fn acknowledge(&self, follower: &Follower) -> Result<(), StoreError> {
        const NOTE: &str = "INSERT INTO followers (id, title, applied, at) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (id) DO UPDATE SET title = excluded.title, applied = excluded.applied, at = excluded.at";
        let Follower { id, title, applied, at } = follower.clone();
        let note = move |db: &Connection| {
            db.prepare_cached(NOTE)?.execute(params![id.0, title, applied.0, at.millis()])?;
            Ok(())
        };
        self.writer.write(note).await.map_err(self.failed("note a follower"))
    }

    async fn forget_follower(&self, id: FollowerId) -> Result<bool, StoreError> {
        let forget = move |db: &Connection| {
            Ok(db.prepare_cached("DELETE FROM followers WHERE id = ?1")?.execute([id.0])? == 1)
        };
        self.writer.write(forget).await.map_err(self.failed("forget a follower"))
    }

    async fn followers(&self) -> Result<Vec<Follower>, StoreError> {
        // There are few, and whoever waits for them asks often.
        let list = |db: &Connection| {
            let mut statement =
                db.prepare_cached("SELECT id, title, applied, at FROM followers ORDER BY id")?;
            let mut rows = statement.query([])?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                let record = Record::new("follower", row);
                all.push(Follower {
                    id: FollowerId(record.bytes(0)?),
                    title: record.text(1)?.to_owned(),
                    applied: Cursor(record.integer(2)?),
                    at: record.time(3)?,
                });
            }
            Ok(all)
        };
        self.lookups.look_up(list).map_err(self.failed("list the followers"))
    }
}
