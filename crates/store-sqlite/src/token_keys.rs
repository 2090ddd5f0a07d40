//! The keys that sign our tokens.

use async_trait::async_trait;
use countersign_model::TokenKeyId;
use countersign_store::{Change, StoreError, TokenKey, TokenKeys};
use rusqlite::{Connection, OptionalExtension, params};

use crate::SqliteStore;
use crate::changes::record;
use crate::columns::Record;
use crate::error::Failure;

fn add(db: &Connection, key: &TokenKey, newest: Option<&TokenKeyId>) -> Result<bool, Failure> {
    const NEWEST: &str = "SELECT id FROM token_keys ORDER BY place DESC LIMIT 1";
    const ADD: &str = "INSERT INTO token_keys (id, made_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    let found: Option<String> = db.prepare_cached(NEWEST)?.query_row([], |row| row.get(0)).optional()?;
    if found.as_deref() != newest.map(|id| &*id.0) {
        return Ok(false);
    }
    if db.prepare_cached(ADD)?.execute(params![key.id.0, key.made_at.millis()])? == 0 {
        return Ok(false);
    }
    record(db, Change::TokenKeys)?;
    Ok(true)
}

#[async_trait]
impl TokenKeys for SqliteStore {
    async fn token_keys(&self) -> Result<Vec<TokenKey>, StoreError> {
        // There are few, and whoever checks tokens needs them before others' long lists are done.
        let list = |db: &Connection| {
            let mut statement =
                db.prepare_cached("SELECT id, made_at FROM token_keys ORDER BY place DESC")?;
            let mut rows = statement.query([])?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                let record = Record::new("token key", row);
                all.push(TokenKey { id: TokenKeyId(record.text(0)?.into()), made_at: record.time(1)? });
            }
            Ok(all)
        };
        self.lookups.look_up(list).map_err(self.failed("list token keys"))
    }

    async fn add_token_key(&self, key: &TokenKey, newest: Option<&TokenKeyId>) -> Result<bool, StoreError> {
        let (key, newest) = (key.clone(), newest.cloned());
        let add = move |db: &Connection| add(db, &key, newest.as_ref());
        self.writer.write(add).await.map_err(self.failed("add a token key"))
    }

    async fn remove_token_key(&self, id: &TokenKeyId) -> Result<bool, StoreError> {
        let id = id.clone();
        let remove = move |db: &Connection| {
            if db.prepare_cached("DELETE FROM token_keys WHERE id = ?1")?.execute([&*id.0])? == 0 {
                return Ok(false);
            }
            record(db, Change::TokenKeys)?;
            Ok(true)
        };
        self.writer.write(remove).await.map_err(self.failed("remove a token key"))
    }
}
