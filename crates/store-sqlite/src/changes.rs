//! What changed, for whoever keeps a copy in memory.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use countersign_store::{BATCH_LIMIT, Batch, Change, Changes, Cursor, SWEEP_LIMIT, StoreError};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::SqliteStore;
use crate::columns::Record;
use crate::error::Failure;
use crate::place::Place;

/// Puts `change` into the feed, in the transaction that makes it.
pub(crate) fn record(db: &Connection, change: Change) -> Result<(), Failure> {
    const RECORD: &str = "INSERT INTO changes (kind, subject) VALUES (?1, ?2)";
    let (kind, subject): (_, Option<&[u8]>) = match &change {
        Change::Credential(digest) => ("credential", Some(&digest.0)),
        Change::Consumer(id) => ("consumer", Some(id.0.as_bytes())),
        Change::Session(id) => ("session", Some(id.0.as_bytes())),
        Change::TokenKeys => ("token-keys", None),
    };
    db.prepare_cached(RECORD)?.execute(params![kind, subject])?;
    Ok(())
}

/// Removes the oldest entries but for the newest `keep`, [`SWEEP_LIMIT`] at most. Gives how many.
pub(crate) fn sweep_feed(db: &Connection, keep: u64) -> Result<u64, Failure> {
    const LAST: &str = "SELECT max(place) FROM
        (SELECT place FROM changes WHERE place <= ?1 ORDER BY place LIMIT ?2)";
    let keep = i64::try_from(keep).unwrap_or(i64::MAX);
    let last_but_kept = Ends::read(db)?.head.saturating_sub(keep);
    let mut statement = db.prepare_cached(LAST)?;
    let last: Option<i64> =
        statement.query_row(params![last_but_kept, SWEEP_LIMIT.cast_signed()], |row| row.get(0))?;
    let Some(last) = last else { return Ok(0) };
    let swept = db.prepare_cached("DELETE FROM changes WHERE place <= ?1")?.execute([last])?;
    db.prepare_cached("UPDATE feed SET swept = ?1")?.execute([last])?;
    Ok(swept as u64)
}

/// The two ends of the feed.
#[derive(Clone, Copy)]
struct Ends {
    /// The place of the newest change that was swept: the feed begins after it.
    swept: i64,
    /// The place of the newest change.
    head: i64,
}

impl Ends {
    fn read(db: &Connection) -> Result<Self, Failure> {
        const READ: &str = "SELECT swept, (SELECT place FROM changes ORDER BY place DESC LIMIT 1) FROM feed";
        let read = db.prepare_cached(READ)?.query_row([], |row| {
            let (swept, newest): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
            Ok(Self { swept, head: newest.unwrap_or(swept) })
        });
        read.optional()?.ok_or(Failure::Record { what: "change feed", why: "its one row is gone".to_owned() })
    }
}

/// The feed as one connection sees it, which is used for nothing else: so `PRAGMA data_version` tells without a look
/// at the feed that nobody wrote anything since the last time.
pub(crate) struct Feed {
    reader: Mutex<Reader>,
    place: Place,
}

struct Reader {
    connection: Connection,
    /// What was seen last: the version of the data, and at that version or a later one the ends of the feed.
    seen: Option<(i64, Ends)>,
}

impl Feed {
    pub(crate) fn new(connection: Connection, place: Place) -> Self {
        Self { reader: Mutex::new(Reader { connection, seen: None }), place }
    }

    fn head(&self) -> Result<Cursor, Failure> {
        self.place.check()?;
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Cursor(reader.ends()?.head))
    }

    fn since(&self, cursor: Cursor) -> Result<Batch, Failure> {
        self.place.check()?;
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if reader.ends()?.head == cursor.0 {
            return Ok(Batch::Changes(Vec::new(), cursor));
        }
        reader.read(cursor)
    }
}

impl Reader {
    /// The ends of the feed, from memory where nobody wrote.
    fn ends(&mut self) -> Result<Ends, Failure> {
        // Before the ends are read: what is written in between is a new version the next time.
        let version =
            self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        match self.seen {
            Some((seen, ends)) if seen == version => Ok(ends),
            Some(_) | None => {
                let ends = Ends::read(&self.connection)?;
                self.seen = Some((version, ends));
                Ok(ends)
            }
        }
    }

    /// One batch after `cursor`. In one transaction, so that nothing is swept between the look at the ends and the
    /// look at the changes.
    fn read(&self, cursor: Cursor) -> Result<Batch, Failure> {
        const SINCE: &str =
            "SELECT place, kind, subject FROM changes WHERE place > ?1 ORDER BY place LIMIT ?2";
        let snapshot = Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred)?;
        let ends = Ends::read(&snapshot)?;
        if cursor.0 < ends.swept || cursor.0 > ends.head {
            return Ok(Batch::Reset(Cursor(ends.head)));
        }
        let mut statement = snapshot.prepare_cached(SINCE)?;
        let mut rows = statement.query(params![cursor.0, i64::try_from(BATCH_LIMIT).unwrap_or(i64::MAX)])?;
        let (mut changes, mut reached) = (Vec::new(), cursor);
        while let Some(row) = rows.next()? {
            reached = Cursor(row.get(0)?);
            changes.push(read_change(&Record::new("change", row))?);
        }
        Ok(Batch::Changes(changes, reached))
    }
}

fn read_change(record: &Record<'_, '_>) -> Result<Change, Failure> {
    match record.text(1)? {
        "credential" => record.digest(2).map(Change::Credential),
        "consumer" => record.consumer_id(2).map(Change::Consumer),
        "session" => record.session_id(2).map(Change::Session),
        "token-keys" => Ok(Change::TokenKeys),
        other => Err(record.broken(format_args!("no such kind: `{other}`"))),
    }
}

#[async_trait]
impl Changes for SqliteStore {
    async fn head(&self) -> Result<Cursor, StoreError> {
        self.feed.head().map_err(self.failed("read the change feed"))
    }

    async fn changes_since(&self, cursor: Cursor) -> Result<Batch, StoreError> {
        self.feed.since(cursor).map_err(self.failed("read the change feed"))
    }
}
