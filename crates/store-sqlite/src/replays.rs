//! Signatures and nonces that were used.

use std::collections::BTreeMap;

use async_trait::async_trait;
use countersign_model::UnixTime;
use countersign_store::{Increase, Keep, Once, ReplayScope, ReplayToken, Replays, SWEEP_LIMIT, StoreError};
use rusqlite::{Connection, OptionalExtension, params};

use crate::SqliteStore;
use crate::error::Failure;

/// The end of a scope whose credential was revoked or removed, in milliseconds.
const GONE: i64 = i64::MIN;

/// A scope whose credential can be used.
struct Scope {
    number: i64,
    /// The latest end among its claims that were swept, in milliseconds.
    swept: Option<i64>,
    /// When its credential expires, in milliseconds.
    expires_at: Option<i64>,
}

/// The scope, which is made where nothing was claimed in it yet; nothing where its credential cannot be used.
fn scope(db: &Connection, of: &ReplayScope) -> Result<Option<Scope>, Failure> {
    const FIND: &str = "SELECT s.scope, s.swept, c.ends_at
        FROM credentials c LEFT JOIN replay_scopes s ON s.key_id = c.key_id AND s.dialect = c.dialect
        WHERE c.key_id = ?1 AND c.dialect = ?2 AND c.state <> 'revoked'";
    const MAKE: &str = "INSERT INTO replay_scopes (key_id, dialect, ends_at) VALUES (?1, ?2, ?3)";
    let (key_id, dialect) = (of.key_id.as_str(), of.dialect.as_str());
    let found: Option<(Option<i64>, Option<i64>, Option<i64>)> = db
        .prepare_cached(FIND)?
        .query_row([key_id, dialect], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((number, swept, expires_at)) = found else { return Ok(None) };
    let number = if let Some(number) = number {
        number
    } else {
        db.prepare_cached(MAKE)?.execute(params![key_id, dialect, expires_at])?;
        db.last_insert_rowid()
    };
    Ok(Some(Scope { number, swept, expires_at }))
}

fn claim_once(
    db: &Connection,
    of: &ReplayScope,
    token: &ReplayToken,
    keep: Keep,
    now: UnixTime,
) -> Result<Once, Failure> {
    const CLAIM: &str = "INSERT INTO replays (scope, token, ends_at) VALUES (?1, ?2, ?3)
        ON CONFLICT DO UPDATE SET ends_at = excluded.ends_at WHERE replays.ends_at < ?4";
    let Some(scope) = scope(db, of)? else { return Ok(Once::NoCredential) };
    let ends_at = match keep {
        Keep::Until(end) => Some(end.millis()),
        Keep::WithCredential => scope.expires_at.map(last_moment_before),
    };
    if ends_at.is_some_and(|end| end < now.millis() || scope.swept >= Some(end)) {
        return Ok(Once::Expired);
    }
    let claimed = db.prepare_cached(CLAIM)?.execute(params![scope.number, token.0, ends_at, now.millis()])?;
    Ok(if claimed == 0 { Once::Seen } else { Once::First })
}

fn last_moment_before(end: i64) -> i64 {
    end.saturating_sub(1)
}

/// Whether it was claimed and its end is not past, and its credential can be used.
fn seen(db: &Connection, of: &ReplayScope, token: &ReplayToken, now: UnixTime) -> Result<bool, Failure> {
    const SEEN: &str = "SELECT 1 FROM replay_scopes s JOIN replays r USING (scope)
        WHERE s.key_id = ?1 AND s.dialect = ?2 AND s.ends_at IS NOT ?5
        AND r.token = ?3 AND (r.ends_at IS NULL OR r.ends_at >= ?4)";
    let asked = params![of.key_id.as_str(), of.dialect.as_str(), token.0, now.millis(), GONE];
    Ok(db.prepare_cached(SEEN)?.exists(asked)?)
}

fn claim_increasing(db: &Connection, of: &ReplayScope, value: u128) -> Result<Increase, Failure> {
    const CLAIM: &str = "UPDATE replay_scopes SET greatest = ?2
                         WHERE scope = ?1 AND (greatest IS NULL OR greatest < ?2)";
    let Some(scope) = scope(db, of)? else { return Ok(Increase::NoCredential) };
    let claimed = db.prepare_cached(CLAIM)?.execute(params![scope.number, value.to_be_bytes()])?;
    Ok(if claimed == 0 { Increase::NotGreater } else { Increase::Increased })
}

/// Whether one as great was claimed, and the credential can be used.
fn surpassed(db: &Connection, of: &ReplayScope, value: u128) -> Result<bool, Failure> {
    const SURPASSED: &str = "SELECT 1 FROM replay_scopes
        WHERE key_id = ?1 AND dialect = ?2 AND ends_at IS NOT ?4 AND greatest >= ?3";
    let asked = params![of.key_id.as_str(), of.dialect.as_str(), value.to_be_bytes(), GONE];
    Ok(db.prepare_cached(SURPASSED)?.exists(asked)?)
}

/// Sweeps claims whose end is past, then those of credentials that have ended.
pub(crate) fn sweep_replays(db: &Connection, now: UnixTime) -> Result<u64, Failure> {
    const REMOVE_GONE: &str = "DELETE FROM replay_scopes WHERE scope IN (
        SELECT s.scope FROM replay_scopes s
        WHERE s.ends_at = ?1 AND NOT EXISTS (SELECT 1 FROM replays r WHERE r.scope = s.scope) LIMIT ?2)";
    const SETTLE: &str = "UPDATE replay_scopes SET ends_at = NULL WHERE scope IN (
        SELECT s.scope FROM replay_scopes s WHERE s.ends_at > ?1 AND s.ends_at <= ?2
        AND NOT EXISTS (SELECT 1 FROM replays r WHERE r.scope = s.scope AND r.ends_at IS NULL) LIMIT ?3)";
    let limit = SWEEP_LIMIT.cast_signed();
    let past = sweep_past(db, now, limit)?;
    let ended = sweep_ended(db, now, limit.saturating_sub_unsigned(past))?;
    db.prepare_cached(REMOVE_GONE)?.execute([GONE, limit])?;
    db.prepare_cached(SETTLE)?.execute([GONE, now.millis(), limit])?;
    Ok(past + ended)
}

/// Sweeps claims whose end is past, and notes in their scopes how far that went.
fn sweep_past(db: &Connection, now: UnixTime, limit: i64) -> Result<u64, Failure> {
    const PAST: &str = "DELETE FROM replays WHERE (scope, token) IN (
        SELECT scope, token FROM replays WHERE ends_at < ?1 ORDER BY ends_at LIMIT ?2)
        RETURNING scope, ends_at";
    let mut statement = db.prepare_cached(PAST)?;
    let mut rows = statement.query(params![now.millis(), limit])?;
    let (mut swept, mut latest) = (0, BTreeMap::<i64, i64>::new());
    while let Some(row) = rows.next()? {
        let (scope, end): (i64, i64) = (row.get(0)?, row.get(1)?);
        latest.entry(scope).and_modify(|latest| *latest = end.max(*latest)).or_insert(end);
        swept += 1;
    }
    for (scope, end) in latest {
        note_swept(db, scope, end)?;
    }
    Ok(swept)
}

/// Sweeps claims without an end whose credentials have expired, and notes that in their scopes; and all claims of
/// credentials that were revoked or removed.
fn sweep_ended(db: &Connection, now: UnixTime, limit: i64) -> Result<u64, Failure> {
    const ENDED: &str = "SELECT s.scope, s.ends_at, r.token FROM replay_scopes s JOIN replays r USING (scope)
        WHERE s.ends_at <= ?1 AND (r.ends_at IS NULL OR s.ends_at = ?2) LIMIT ?3";
    const REMOVE: &str = "DELETE FROM replays WHERE scope = ?1 AND token = ?2";
    let mut ended = Vec::<(i64, i64, [u8; 32])>::new();
    let mut statement = db.prepare_cached(ENDED)?;
    let mut rows = statement.query([now.millis(), GONE, limit])?;
    while let Some(row) = rows.next()? {
        ended.push((row.get(0)?, row.get(1)?, row.get(2)?));
    }
    let mut remove = db.prepare_cached(REMOVE)?;
    let mut expired = BTreeMap::<i64, i64>::new();
    for (scope, end, token) in &ended {
        remove.execute(params![scope, token])?;
        if *end != GONE {
            expired.insert(*scope, *end);
        }
    }
    for (scope, end) in expired {
        note_swept(db, scope, last_moment_before(end))?;
    }
    Ok(ended.len() as u64)
}

fn note_swept(db: &Connection, scope: i64, end: i64) -> Result<(), Failure> {
    const NOTE: &str = "UPDATE replay_scopes SET swept = max(?2, coalesce(swept, ?2)) WHERE scope = ?1";
    db.prepare_cached(NOTE)?.execute([scope, end])?;
    Ok(())
}

#[async_trait]
impl Replays for SqliteStore {
    async fn claim_once(
        &self,
        scope: &ReplayScope,
        token: &ReplayToken,
        keep: Keep,
        now: UnixTime,
    ) -> Result<Once, StoreError> {
        const ACT: &str = "claim a signature";
        // A claim that was acknowledged stays: a flood of repeats is answered here and never gets to the writer.
        if self.lookups.look_up(|db| seen(db, scope, token, now)).map_err(self.failed(ACT))? {
            return Ok(Once::Seen);
        }
        let (scope, token) = (scope.clone(), *token);
        let claim = move |db: &Connection| claim_once(db, &scope, &token, keep, now);
        self.writer.write(claim).await.map_err(self.failed(ACT))
    }

    async fn claim_increasing(&self, scope: &ReplayScope, value: u128) -> Result<Increase, StoreError> {
        const ACT: &str = "claim a nonce";
        if self.lookups.look_up(|db| surpassed(db, scope, value)).map_err(self.failed(ACT))? {
            return Ok(Increase::NotGreater);
        }
        let scope = scope.clone();
        let claim = move |db: &Connection| claim_increasing(db, &scope, value);
        self.writer.write(claim).await.map_err(self.failed(ACT))
    }
}
