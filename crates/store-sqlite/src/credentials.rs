//! Credentials.

use async_trait::async_trait;
use countersign_model::{
    Consumer, ConsumerId, ConsumerName, Credential, CredentialKind, DialectName, KeyDigest, KeyId, Label,
    Life, Origin, Rates, SealedSecret, UnixTime,
};
use countersign_store::{
    Added, Change, Credentials, Held, Inserted, InsertedAll, Revoked, Rotated, SIGNERS_LIMIT, StoreError,
};
use rusqlite::{Connection, Params, params};

use crate::SqliteStore;
use crate::changes::record;
use crate::columns::Record;
use crate::consumers::{add, consumer_columns, read_consumer};
use crate::error::Failure;

/// A query for credentials with their consumers, in the order in which [`read_held`] takes the columns.
macro_rules! select_held {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            consumer_columns!(),
            ", digest, key_id, dialect, sealed_secret, scopes, label, issued_at, state, ends_at, successor, origin,
             credentials.limits FROM credentials JOIN consumers ON consumers.id = credentials.consumer ",
            $rest
        )
    };
}

const BY_DIGEST: &str = select_held!("WHERE digest = ?1");
const BY_KEY_ID: &str = select_held!("WHERE key_id = ?1 ORDER BY coalesce(dialect, '')");
const OF_ONE: &str = select_held!("WHERE consumer = ?1 ORDER BY issued_at, key_id, dialect");
const ALL: &str = select_held!("ORDER BY issued_at, key_id, dialect");
const SIGNERS: &str = select_held!(
    "WHERE consumers.name = ?1 AND dialect = ?2 AND state <> 'revoked' AND (ends_at IS NULL OR ends_at > ?3)
     ORDER BY issued_at DESC, key_id LIMIT ?4"
);
pub(crate) const ANY_SEALED: &str = select_held!("WHERE sealed_secret IS NOT NULL LIMIT 1");

fn read_held(record: &Record<'_, '_>) -> Result<Held, Failure> {
    let consumer = read_consumer(record, 0)?;
    let credential = Credential {
        consumer: consumer.id,
        digest: record.digest(5)?,
        key_id: KeyId::parse(record.text(6)?).map_err(|error| record.broken(error))?,
        kind: read_kind(record, 7)?,
        scopes: record.scopes(9)?,
        limits: record.rates(16)?,
        label: match record.optional_text(10)? {
            None => None,
            Some(text) => Some(Label::parse(text).map_err(|error| record.broken(error))?),
        },
        issued_at: record.time(11)?,
        life: read_life(record, 12)?,
        origin: read_origin(record, 15)?,
    };
    Ok(Held { credential, consumer })
}

fn read_kind(record: &Record<'_, '_>, first: usize) -> Result<CredentialKind, Failure> {
    match (record.optional_text(first)?, record.optional_blob(first + 1)?) {
        (None, None) => Ok(CredentialKind::ApiKey),
        (Some(dialect), Some(secret)) => Ok(CredentialKind::Signature {
            dialect: DialectName::parse(dialect).map_err(|error| record.broken(error))?,
            secret: SealedSecret(secret.into()),
        }),
        (None, Some(_)) | (Some(_), None) => Err(record.broken("a dialect without a secret, or the reverse")),
    }
}

fn read_life(record: &Record<'_, '_>, first: usize) -> Result<Life, Failure> {
    let (ends_at, successor) = (record.optional_time(first + 1)?, record.optional_text(first + 2)?);
    match (record.text(first)?, ends_at, successor) {
        ("active", expires_at, None) => Ok(Life::Active { expires_at }),
        ("rotating", Some(until), Some(successor)) => {
            let successor = KeyId::parse(successor).map_err(|error| record.broken(error))?;
            Ok(Life::Rotating { until, successor })
        }
        ("revoked", Some(at), None) => Ok(Life::Revoked { at }),
        (state, _, _) => Err(record.broken(format_args!("state `{state}` with what does not belong to it"))),
    }
}

fn read_origin(record: &Record<'_, '_>, at: usize) -> Result<Origin, Failure> {
    match record.text(at)? {
        "issued" => Ok(Origin::Issued),
        "imported" => Ok(Origin::Imported),
        other => Err(record.broken(format_args!("no such origin: `{other}`"))),
    }
}

fn origin_column(origin: Origin) -> &'static str {
    match origin {
        Origin::Issued => "issued",
        Origin::Imported => "imported",
    }
}

/// The columns `state`, `ends_at` and `successor`.
fn life_columns(life: &Life) -> (&'static str, Option<i64>, Option<&str>) {
    match life {
        Life::Active { expires_at } => ("active", expires_at.map(UnixTime::millis), None),
        Life::Rotating { until, successor } => ("rotating", Some(until.millis()), Some(successor.as_str())),
        Life::Revoked { at } => ("revoked", Some(at.millis()), None),
    }
}

pub(crate) fn one(db: &Connection, sql: &str, key: impl Params) -> Result<Option<Held>, Failure> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(key)?;
    rows.next()?.map(|row| read_held(&Record::new("credential", row))).transpose()
}

fn many(db: &Connection, sql: &str, key: impl Params) -> Result<Vec<Held>, Failure> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(key)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read_held(&Record::new("credential", row))?);
    }
    Ok(all)
}

/// Writes one that is new, and records it; `false` where its key id or digest is in use.
fn insert(db: &Connection, new: &Credential) -> Result<bool, Failure> {
    const INSERT: &str = "INSERT INTO credentials
        (digest, key_id, consumer, dialect, sealed_secret, scopes, label, issued_at, state, ends_at, successor, origin, limits)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO NOTHING";
    let (dialect, secret) = match &new.kind {
        CredentialKind::ApiKey => (None, None),
        CredentialKind::Signature { dialect, secret } => (Some(dialect.as_str()), Some(&*secret.0)),
    };
    let (state, ends_at, successor) = life_columns(&new.life);
    let inserted = db.prepare_cached(INSERT)?.execute(params![
        new.digest.0,
        new.key_id.as_str(),
        new.consumer.0.as_bytes(),
        dialect,
        secret,
        new.scopes.to_list(),
        new.label.as_ref().map(Label::as_str),
        new.issued_at.millis(),
        state,
        ends_at,
        successor,
        origin_column(new.origin),
        new.limits.to_list(),
    ])?;
    if inserted == 0 {
        return Ok(false);
    }
    record(db, Change::Credential(new.digest))?;
    Ok(true)
}

/// Writes the life of one that is there, and records it.
fn set_life(db: &Connection, digest: KeyDigest, life: &Life) -> Result<(), Failure> {
    const SET: &str = "UPDATE credentials SET state = ?2, ends_at = ?3, successor = ?4 WHERE digest = ?1";
    let (state, ends_at, successor) = life_columns(life);
    db.prepare_cached(SET)?.execute(params![digest.0, state, ends_at, successor])?;
    record(db, Change::Credential(digest))
}

/// Writes the limits of one, and records it; `false` where it is not there.
fn set_limits(db: &Connection, digest: KeyDigest, limits: &str) -> Result<bool, Failure> {
    const SET: &str = "UPDATE credentials SET limits = ?2 WHERE digest = ?1";
    if db.prepare_cached(SET)?.execute(params![digest.0, limits])? == 0 {
        return Ok(false);
    }
    record(db, Change::Credential(digest))?;
    Ok(true)
}

fn is_there(db: &Connection, consumer: ConsumerId) -> Result<bool, Failure> {
    const IS_THERE: &str = "SELECT 1 FROM consumers WHERE id = ?1";
    Ok(db.prepare_cached(IS_THERE)?.exists([consumer.0.as_bytes()])?)
}

/// Writes all of them, or up to the first that cannot be written: then what was written is to be undone.
fn insert_all(
    db: &Connection,
    consumers: &[Consumer],
    credentials: &[Credential],
) -> Result<InsertedAll, Failure> {
    for new in consumers {
        match add(db, new)? {
            Added::Added => {}
            Added::NameTaken => return Ok(InsertedAll::NameTaken(new.name.clone())),
        }
    }
    for new in credentials {
        if !is_there(db, new.consumer)? {
            return Ok(InsertedAll::NoConsumer(new.key_id.clone()));
        }
        if !insert(db, new)? {
            return Ok(InsertedAll::Taken(new.key_id.clone()));
        }
    }
    Ok(InsertedAll::Inserted)
}

fn rotate(db: &Connection, old: KeyDigest, until: UnixTime, new: &Credential) -> Result<Rotated, Failure> {
    let Some(Held { credential: old, .. }) = one(db, BY_DIGEST, [old.0])? else {
        return Ok(Rotated::NotFound);
    };
    if old.consumer != new.consumer {
        return Ok(Rotated::NotFound);
    }
    let until = match old.life {
        Life::Active { expires_at } => expires_at.map_or(until, |end| end.min(until)),
        Life::Rotating { .. } | Life::Revoked { .. } => return Ok(Rotated::NotActive(old)),
    };
    if !insert(db, new)? {
        return Ok(Rotated::Taken);
    }
    set_life(db, old.digest, &Life::Rotating { until, successor: new.key_id.clone() })?;
    Ok(Rotated::Rotated)
}

fn revoke(db: &Connection, digest: KeyDigest, at: UnixTime) -> Result<Revoked, Failure> {
    let Some(Held { credential, .. }) = one(db, BY_DIGEST, [digest.0])? else {
        return Ok(Revoked::NotFound);
    };
    match credential.life {
        Life::Revoked { at } => return Ok(Revoked::Already(at)),
        Life::Active { .. } | Life::Rotating { .. } => {}
    }
    set_life(db, credential.digest, &Life::Revoked { at })?;
    Ok(Revoked::Revoked)
}

#[async_trait]
impl Credentials for SqliteStore {
    async fn insert_credential(&self, credential: &Credential) -> Result<Inserted, StoreError> {
        let new = credential.clone();
        let insert = move |db: &Connection| {
            if !is_there(db, new.consumer)? {
                return Ok(Inserted::NoConsumer);
            }
            Ok(if insert(db, &new)? { Inserted::Inserted } else { Inserted::Taken })
        };
        self.writer.write(insert).await.map_err(self.failed("insert a credential"))
    }

    async fn insert_all(
        &self,
        consumers: &[Consumer],
        credentials: &[Credential],
    ) -> Result<InsertedAll, StoreError> {
        let (consumers, credentials) = (consumers.to_vec(), credentials.to_vec());
        let insert = move |db: &Connection| {
            db.prepare_cached("SAVEPOINT all_or_none")?.execute([])?;
            let outcome = insert_all(db, &consumers, &credentials)?;
            match outcome {
                InsertedAll::Inserted => {}
                InsertedAll::NameTaken(_) | InsertedAll::Taken(_) | InsertedAll::NoConsumer(_) => {
                    db.prepare_cached("ROLLBACK TO all_or_none")?.execute([])?;
                }
            }
            db.prepare_cached("RELEASE all_or_none")?.execute([])?;
            Ok(outcome)
        };
        self.writer.write(insert).await.map_err(self.failed("insert credentials"))
    }

    async fn credential_by_digest(&self, digest: &KeyDigest) -> Result<Option<Held>, StoreError> {
        self.lookups.look_up(|db| one(db, BY_DIGEST, [digest.0])).map_err(self.failed("read a credential"))
    }

    async fn credentials_named(&self, key_id: &KeyId) -> Result<Vec<Held>, StoreError> {
        self.lookups
            .look_up(|db| many(db, BY_KEY_ID, [key_id.as_str()]))
            .map_err(self.failed("read credentials"))
    }

    async fn signers(
        &self,
        consumer: &ConsumerName,
        dialect: &DialectName,
        now: UnixTime,
    ) -> Result<Vec<Held>, StoreError> {
        let limit = i64::try_from(SIGNERS_LIMIT).unwrap_or(i64::MAX);
        let read = |db: &Connection| {
            many(db, SIGNERS, params![consumer.as_str(), dialect.as_str(), now.millis(), limit])
        };
        self.lookups.look_up(read).map_err(self.failed("read signers"))
    }

    async fn imported_for(&self) -> Result<Vec<Option<DialectName>>, StoreError> {
        const READ: &str = "SELECT dialect FROM imported_for ORDER BY dialect";
        let read = |db: &Connection| {
            let mut statement = db.prepare_cached(READ)?;
            let mut rows = statement.query([])?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                let record = Record::new("dialect of imported credentials", row);
                all.push(match record.text(0)? {
                    "" => None,
                    name => Some(DialectName::parse(name).map_err(|error| record.broken(error))?),
                });
            }
            Ok(all)
        };
        self.lookups.look_up(read).map_err(self.failed("read what was imported"))
    }

    async fn credentials(&self, of: Option<ConsumerId>) -> Result<Vec<Held>, StoreError> {
        let list = move |db: &Connection| match &of {
            Some(consumer) => many(db, OF_ONE, [consumer.0.as_bytes()]),
            None => many(db, ALL, []),
        };
        self.lists.list(list).await.map_err(self.failed("list credentials"))
    }

    async fn rotate_credential(
        &self,
        old: &KeyDigest,
        until: UnixTime,
        new: &Credential,
    ) -> Result<Rotated, StoreError> {
        let (old, new) = (*old, new.clone());
        let rotate = move |db: &Connection| rotate(db, old, until, &new);
        self.writer.write(rotate).await.map_err(self.failed("rotate a credential"))
    }

    async fn set_credential_limits(&self, digest: &KeyDigest, limits: &Rates) -> Result<bool, StoreError> {
        let (digest, limits) = (*digest, limits.to_list());
        let set = move |db: &Connection| set_limits(db, digest, &limits);
        self.writer.write(set).await.map_err(self.failed("set a credential's limits"))
    }

    async fn revoke_credential(&self, digest: &KeyDigest, at: UnixTime) -> Result<Revoked, StoreError> {
        let digest = *digest;
        let revoke = move |db: &Connection| revoke(db, digest, at);
        self.writer.write(revoke).await.map_err(self.failed("revoke a credential"))
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::Limits;

    #[test]
    fn a_look_up_is_compiled_once() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("test.db"), Limits::COMMAND).unwrap();
        let compiled_again = store.lookups.look_up(|db| {
            for number in 0..10 {
                assert_eq!(one(db, BY_DIGEST, [[number; 32]])?, None);
                assert_eq!(one(db, BY_KEY_ID, [number.to_string()])?, None);
            }
            let again =
                |sql| Ok::<_, Failure>(db.prepare_cached(sql)?.get_status(StatementStatus::RePrepare));
            Ok((again(BY_DIGEST)?, again(BY_KEY_ID)?))
        });
        // The first time finds out what the schema is.
        let (by_digest, by_key_id) = compiled_again.unwrap();
        assert!(by_digest <= 1 && by_key_id <= 1, "{by_digest} and {by_key_id} times");
    }
}
