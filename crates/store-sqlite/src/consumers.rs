//! Consumers.

use async_trait::async_trait;
use countersign_model::{Consumer, ConsumerId, ConsumerName, ConsumerState, Rates};
use countersign_store::{Added, Change, Consumers, StoreError};
use rusqlite::{Connection, Params, params};

use crate::SqliteStore;
use crate::changes::record;
use crate::columns::Record;
use crate::error::Failure;

/// The columns of a consumer, in the order in which [`read_consumer`] takes them.
macro_rules! consumer_columns {
    () => {
        "consumers.id, consumers.name, consumers.disabled_at, consumers.added_at, consumers.limits"
    };
}
pub(crate) use consumer_columns;

/// The consumer whose columns begin at `first`.
pub(crate) fn read_consumer(record: &Record<'_, '_>, first: usize) -> Result<Consumer, Failure> {
    Ok(Consumer {
        id: record.consumer_id(first)?,
        name: ConsumerName::parse(record.text(first + 1)?).map_err(|error| record.broken(error))?,
        state: match record.optional_time(first + 2)? {
            None => ConsumerState::Enabled,
            Some(at) => ConsumerState::Disabled { at },
        },
        added_at: record.time(first + 3)?,
        limits: record.rates(first + 4)?,
    })
}

fn disabled_at(state: ConsumerState) -> Option<i64> {
    match state {
        ConsumerState::Enabled => None,
        ConsumerState::Disabled { at } => Some(at.millis()),
    }
}

fn one(db: &Connection, sql: &str, key: impl Params) -> Result<Option<Consumer>, Failure> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(key)?;
    rows.next()?.map(|row| read_consumer(&Record::new("consumer", row), 0)).transpose()
}

/// Writes one that is new.
pub(crate) fn add(db: &Connection, new: &Consumer) -> Result<Added, Failure> {
    const ADD: &str = "INSERT INTO consumers (id, name, disabled_at, added_at, limits)
                       VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    let values = params![
        new.id.0.as_bytes(),
        new.name.as_str(),
        disabled_at(new.state),
        new.added_at.millis(),
        new.limits.to_list(),
    ];
    match db.prepare_cached(ADD)?.execute(values)? {
        0 => Ok(Added::NameTaken),
        _ => Ok(Added::Added),
    }
}

#[async_trait]
impl Consumers for SqliteStore {
    async fn add_consumer(&self, consumer: &Consumer) -> Result<Added, StoreError> {
        let new = consumer.clone();
        self.writer.write(move |db: &Connection| add(db, &new)).await.map_err(self.failed("add a consumer"))
    }

    async fn consumer_by_name(&self, name: &ConsumerName) -> Result<Option<Consumer>, StoreError> {
        const BY_NAME: &str = concat!("SELECT ", consumer_columns!(), " FROM consumers WHERE name = ?1");
        self.lookups.look_up(|db| one(db, BY_NAME, [name.as_str()])).map_err(self.failed("read a consumer"))
    }

    async fn consumer(&self, id: ConsumerId) -> Result<Option<Consumer>, StoreError> {
        const BY_ID: &str = concat!("SELECT ", consumer_columns!(), " FROM consumers WHERE id = ?1");
        self.lookups.look_up(|db| one(db, BY_ID, [id.0.as_bytes()])).map_err(self.failed("read a consumer"))
    }

    async fn consumers(&self) -> Result<Vec<Consumer>, StoreError> {
        const ALL: &str = concat!("SELECT ", consumer_columns!(), " FROM consumers ORDER BY name");
        let list = |db: &Connection| {
            let mut statement = db.prepare_cached(ALL)?;
            let mut rows = statement.query([])?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                all.push(read_consumer(&Record::new("consumer", row), 0)?);
            }
            Ok(all)
        };
        self.lists.list(list).await.map_err(self.failed("list consumers"))
    }

    async fn set_consumer_state(&self, id: ConsumerId, state: ConsumerState) -> Result<bool, StoreError> {
        const SET: &str = "UPDATE consumers SET disabled_at = ?2 WHERE id = ?1";
        let set = move |db: &Connection| {
            if db.prepare_cached(SET)?.execute(params![id.0.as_bytes(), disabled_at(state)])? == 0 {
                return Ok(false);
            }
            record(db, Change::Consumer(id))?;
            Ok(true)
        };
        self.writer.write(set).await.map_err(self.failed("set a consumer's state"))
    }

    async fn set_consumer_limits(&self, id: ConsumerId, limits: &Rates) -> Result<bool, StoreError> {
        const SET: &str = "UPDATE consumers SET limits = ?2 WHERE id = ?1";
        let limits = limits.to_list();
        let set = move |db: &Connection| {
            if db.prepare_cached(SET)?.execute(params![id.0.as_bytes(), limits])? == 0 {
                return Ok(false);
            }
            record(db, Change::Consumer(id))?;
            Ok(true)
        };
        self.writer.write(set).await.map_err(self.failed("set a consumer's limits"))
    }

    async fn remove_consumer(&self, id: ConsumerId) -> Result<bool, StoreError> {
        // Its credentials go with it: ON DELETE CASCADE.
        const REMOVE: &str = "DELETE FROM consumers WHERE id = ?1";
        let remove = move |db: &Connection| {
            if db.prepare_cached(REMOVE)?.execute([id.0.as_bytes()])? == 0 {
                return Ok(false);
            }
            record(db, Change::Consumer(id))?;
            Ok(true)
        };
        self.writer.write(remove).await.map_err(self.failed("remove a consumer"))
    }
}
