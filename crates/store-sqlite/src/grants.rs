//! What wallets may do.

use async_trait::async_trait;
use countersign_model::{Address, Scopes, SessionEnd, SessionId, UnixTime};
use countersign_store::{Change, Grant, Grants, StoreError};
use rusqlite::{Connection, params};

use crate::SqliteStore;
use crate::changes::record;
use crate::columns::Record;
use crate::error::Failure;
use crate::sessions::{end_columns, move_generation_on};

fn granted(db: &Connection, address: Address) -> Result<Scopes, Failure> {
    let mut statement = db.prepare_cached("SELECT scopes FROM grants WHERE address = ?1")?;
    let mut rows = statement.query([address.as_bytes()])?;
    let stored = rows.next()?.map(|row| Record::new("grant", row).scopes(0)).transpose()?;
    Ok(stored.unwrap_or_default())
}

fn grant(db: &Connection, address: Address, scopes: &Scopes) -> Result<Grant, Failure> {
    const SET: &str = "INSERT INTO grants (address, scopes) VALUES (?1, ?2)
                       ON CONFLICT DO UPDATE SET scopes = excluded.scopes";
    let whole = granted(db, address)?.union(scopes);
    if !whole.is_empty() {
        db.prepare_cached(SET)?.execute(params![address.as_bytes(), whole.to_list()])?;
    }
    Ok(Grant { address, scopes: whole })
}

fn revoke(db: &Connection, address: Address, at: UnixTime) -> Result<Option<u64>, Failure> {
    const END: &str = "UPDATE sessions SET ended = ?2, ended_at = ?3 WHERE address = ?1 AND ended IS NULL
                       RETURNING id";
    let granted =
        db.prepare_cached("DELETE FROM grants WHERE address = ?1")?.execute([address.as_bytes()])?;
    let ended = {
        let (ended, ended_at) = end_columns(Some(SessionEnd::Revoked { at }));
        let mut statement = db.prepare_cached(END)?;
        let mut rows = statement.query(params![address.as_bytes(), ended, ended_at])?;
        let mut ended: Vec<SessionId> = Vec::new();
        while let Some(row) = rows.next()? {
            ended.push(Record::new("session", row).session_id(0)?);
        }
        ended
    };
    if granted == 0 && ended.is_empty() {
        return Ok(None);
    }
    move_generation_on(db, address)?;
    for id in &ended {
        record(db, Change::Session(*id))?;
    }
    Ok(Some(ended.len() as u64))
}

#[async_trait]
impl Grants for SqliteStore {
    async fn grant(&self, address: Address, scopes: &Scopes) -> Result<Grant, StoreError> {
        let scopes = scopes.clone();
        let grant = move |db: &Connection| grant(db, address, &scopes);
        self.writer.write(grant).await.map_err(self.failed("grant scopes"))
    }

    async fn granted(&self, address: Address) -> Result<Scopes, StoreError> {
        self.lookups.look_up(|db| granted(db, address)).map_err(self.failed("read a grant"))
    }

    async fn grants(&self) -> Result<Vec<Grant>, StoreError> {
        let list = |db: &Connection| {
            let mut statement = db.prepare_cached("SELECT address, scopes FROM grants ORDER BY address")?;
            let mut rows = statement.query([])?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                let record = Record::new("grant", row);
                all.push(Grant { address: record.address(0)?, scopes: record.scopes(1)? });
            }
            Ok(all)
        };
        self.lists.list(list).await.map_err(self.failed("list grants"))
    }

    async fn revoke_grant(&self, address: Address, at: UnixTime) -> Result<Option<u64>, StoreError> {
        self.writer.write(move |db| revoke(db, address, at)).await.map_err(self.failed("revoke a grant"))
    }
}
