//! Wallet logins and their sessions.

use async_trait::async_trait;
use countersign_model::{Address, Generation, Session, SessionEnd, SessionId, UnixTime};
use countersign_store::{Advance, Advanced, Begun, Change, SWEEP_LIMIT, Sessions, StoreError, Swept};
use rusqlite::{Connection, OptionalExtension, params};

use crate::SqliteStore;
use crate::changes::{record, sweep_feed};
use crate::columns::Record;
use crate::error::Failure;
use crate::replays::sweep_replays;

fn read_session(record: &Record<'_, '_>) -> Result<Session, Failure> {
    Ok(Session {
        id: record.session_id(0)?,
        address: record.address(1)?,
        counter: record.unsigned(2)?,
        refreshed_at: record.time(3)?,
        scopes: record.scopes(4)?,
        expires_at: record.time(5)?,
        ended: match (record.optional_text(6)?, record.optional_time(7)?) {
            (None, None) => None,
            (Some("reuse"), Some(at)) => Some(SessionEnd::Reuse { at }),
            (Some("revoked"), Some(at)) => Some(SessionEnd::Revoked { at }),
            (end, _) => return Err(record.broken(format_args!("an end `{end:?}` that is none"))),
        },
    })
}

/// The columns `ended` and `ended_at`.
pub(crate) fn end_columns(end: Option<SessionEnd>) -> (Option<&'static str>, Option<i64>) {
    match end {
        None => (None, None),
        Some(SessionEnd::Reuse { at }) => (Some("reuse"), Some(at.millis())),
        Some(SessionEnd::Revoked { at }) => (Some("revoked"), Some(at.millis())),
    }
}

fn generation(db: &Connection, address: Address) -> Result<Generation, Failure> {
    const READ: &str = "SELECT generation FROM generations WHERE address = ?1";
    let mut statement = db.prepare_cached(READ)?;
    let stored: Option<i64> = statement.query_row([address.as_bytes()], |row| row.get(0)).optional()?;
    Ok(stored.map(i64::cast_unsigned).map(Generation).unwrap_or_default())
}

/// Sets the generation of `address` to the next.
pub(crate) fn move_generation_on(db: &Connection, address: Address) -> Result<(), Failure> {
    move_on_from(db, address, generation(db, address)?)
}

fn move_on_from(db: &Connection, address: Address, present: Generation) -> Result<(), Failure> {
    const SET: &str = "INSERT INTO generations (address, generation) VALUES (?1, ?2)
                       ON CONFLICT DO UPDATE SET generation = excluded.generation";
    let next = present.next().0.cast_signed();
    db.prepare_cached(SET)?.execute(params![address.as_bytes(), next])?;
    Ok(())
}

fn begin(db: &Connection, expected: Generation, new: &Session) -> Result<Begun, Failure> {
    const INSERT: &str = "INSERT INTO sessions
        (id, address, counter, refreshed_at, scopes, expires_at, ended, ended_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    if generation(db, new.address)? != expected {
        return Ok(Begun::Raced);
    }
    let (ended, ended_at) = end_columns(new.ended);
    let inserted = db.prepare_cached(INSERT)?.execute(params![
        new.id.0.as_bytes(),
        new.address.as_bytes(),
        new.counter.cast_signed(),
        new.refreshed_at.millis(),
        new.scopes.to_list(),
        new.expires_at.millis(),
        ended,
        ended_at,
    ])?;
    if inserted == 0 {
        return Ok(Begun::Raced);
    }
    move_on_from(db, new.address, expected)?;
    Ok(Begun::Begun)
}

fn end(db: &Connection, id: SessionId, end: SessionEnd) -> Result<bool, Failure> {
    const END: &str = "UPDATE sessions SET ended = ?2, ended_at = ?3 WHERE id = ?1 AND ended IS NULL";
    let (ended, ended_at) = end_columns(Some(end));
    if db.prepare_cached(END)?.execute(params![id.0.as_bytes(), ended, ended_at])? == 0 {
        return Ok(false);
    }
    record(db, Change::Session(id))?;
    Ok(true)
}

fn sweep_sessions(db: &Connection, now: UnixTime) -> Result<u64, Failure> {
    const SWEEP: &str = "DELETE FROM sessions WHERE id IN
        (SELECT id FROM sessions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    let swept = db.prepare_cached(SWEEP)?.execute(params![now.millis(), SWEEP_LIMIT.cast_signed()])?;
    Ok(swept as u64)
}

#[async_trait]
impl Sessions for SqliteStore {
    async fn generation(&self, address: Address) -> Result<Generation, StoreError> {
        self.lookups.look_up(|db| generation(db, address)).map_err(self.failed("read a generation"))
    }

    async fn begin_session(&self, expected: Generation, session: &Session) -> Result<Begun, StoreError> {
        let new = session.clone();
        let begin = move |db: &Connection| begin(db, expected, &new);
        self.writer.write(begin).await.map_err(self.failed("begin a session"))
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        const READ: &str = "SELECT id, address, counter, refreshed_at, scopes, expires_at, ended, ended_at
                            FROM sessions WHERE id = ?1";
        let read = |db: &Connection| {
            let mut statement = db.prepare_cached(READ)?;
            let mut rows = statement.query([id.0.as_bytes()])?;
            rows.next()?.map(|row| read_session(&Record::new("session", row))).transpose()
        };
        self.lookups.look_up(read).map_err(self.failed("read a session"))
    }

    async fn advance_session(&self, advance: &Advance) -> Result<Advanced, StoreError> {
        const ADVANCE: &str = "UPDATE sessions
            SET counter = ?3, refreshed_at = ?4, scopes = ?5, expires_at = ?6
            WHERE id = ?1 AND counter = ?2 AND ended IS NULL";
        let step = advance.clone();
        let advance = move |db: &Connection| {
            let advanced = db.prepare_cached(ADVANCE)?.execute(params![
                step.id.0.as_bytes(),
                step.from.cast_signed(),
                step.from.wrapping_add(1).cast_signed(),
                step.at.millis(),
                step.scopes.to_list(),
                step.expires_at.millis(),
            ])?;
            Ok(if advanced == 0 { Advanced::Raced } else { Advanced::Advanced })
        };
        self.writer.write(advance).await.map_err(self.failed("advance a session"))
    }

    async fn end_session(&self, id: SessionId, with: SessionEnd) -> Result<bool, StoreError> {
        self.writer.write(move |db| end(db, id, with)).await.map_err(self.failed("end a session"))
    }

    async fn ended_sessions(&self, now: UnixTime) -> Result<Vec<SessionId>, StoreError> {
        const ENDED: &str = "SELECT id FROM sessions WHERE ended IS NOT NULL AND expires_at > ?1";
        let list = move |db: &Connection| {
            let mut statement = db.prepare_cached(ENDED)?;
            let mut rows = statement.query([now.millis()])?;
            let mut ended = Vec::new();
            while let Some(row) = rows.next()? {
                ended.push(Record::new("session", row).session_id(0)?);
            }
            Ok(ended)
        };
        self.lists.list(list).await.map_err(self.failed("list ended sessions"))
    }

    async fn sweep(&self, now: UnixTime, keep_changes: u64) -> Result<Swept, StoreError> {
        let sweep = move |db: &Connection| {
            Ok(Swept {
                sessions: sweep_sessions(db, now)?,
                changes: sweep_feed(db, keep_changes)?,
                replays: sweep_replays(db, now)?,
            })
        };
        self.writer.write(sweep).await.map_err(self.failed("sweep"))
    }
}
