//! Credentials.

use async_trait::async_trait;
use countersign_model::{
    ConsumerId, Credential, CredentialKind, DialectName, KeyDigest, KeyId, Label, Life, SealedSecret,
    UnixTime,
};
use countersign_store::{Change, Credentials, Held, Inserted, Revoked, Rotated, StoreError};
use rusqlite::{Connection, Params, params};

use crate::SqliteStore;
use crate::changes::record;
use crate::columns::Record;
use crate::consumers::{consumer_columns, read_consumer};
use crate::error::Failure;

/// A query for credentials with their consumers, in the order in which [`read_held`] takes the columns.
macro_rules! select_held {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            consumer_columns!(),
            ", digest, key_id, dialect, sealed_secret, scopes, label, issued_at, state, ends_at, successor
             FROM credentials JOIN consumers ON consumers.id = credentials.consumer ",
            $rest
        )
    };
}

const BY_DIGEST: &str = select_held!("WHERE digest = ?1");
const BY_KEY_ID: &str = select_held!("WHERE key_id = ?1");
const OF_ONE: &str = select_held!("WHERE consumer = ?1 ORDER BY issued_at, key_id");
const ALL: &str = select_held!("ORDER BY issued_at, key_id");

fn read_held(record: &Record<'_, '_>) -> Result<Held, Failure> {
    let consumer = read_consumer(record, 0)?;
    let credential = Credential {
        consumer: consumer.id,
        digest: record.digest(4)?,
        key_id: KeyId::parse(record.text(5)?).map_err(|error| record.broken(error))?,
        kind: read_kind(record, 6)?,
        scopes: record.scopes(8)?,
        label: match record.optional_text(9)? {
            None => None,
            Some(text) => Some(Label::parse(text).map_err(|error| record.broken(error))?),
        },
        issued_at: record.time(10)?,
        life: read_life(record, 11)?,
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

/// The columns `state`, `ends_at` and `successor`.
fn life_columns(life: &Life) -> (&'static str, Option<i64>, Option<&str>) {
    match life {
        Life::Active { expires_at } => ("active", expires_at.map(UnixTime::millis), None),
        Life::Rotating { until, successor } => ("rotating", Some(until.millis()), Some(successor.as_str())),
        Life::Revoked { at } => ("revoked", Some(at.millis()), None),
    }
}

fn one(db: &Connection, sql: &str, key: impl Params) -> Result<Option<Held>, Failure> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(key)?;
    rows.next()?.map(|row| read_held(&Record::new("credential", row))).transpose()
}

/// Writes one that is new, and records it; `false` where its key id or digest is in use.
fn insert(db: &Connection, new: &Credential) -> Result<bool, Failure> {
    const INSERT: &str = "INSERT INTO credentials
        (digest, key_id, consumer, dialect, sealed_secret, scopes, label, issued_at, state, ends_at, successor)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING";
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

fn rotate(db: &Connection, old: &KeyId, until: UnixTime, new: &Credential) -> Result<Rotated, Failure> {
    let Some(Held { credential: old, .. }) = one(db, BY_KEY_ID, [old.as_str()])? else {
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

fn revoke(db: &Connection, key_id: &KeyId, at: UnixTime) -> Result<Revoked, Failure> {
    let Some(Held { credential, .. }) = one(db, BY_KEY_ID, [key_id.as_str()])? else {
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
        const IS_THERE: &str = "SELECT 1 FROM consumers WHERE id = ?1";
        let new = credential.clone();
        let insert = move |db: &Connection| {
            if !db.prepare_cached(IS_THERE)?.exists([new.consumer.0.as_bytes()])? {
                return Ok(Inserted::NoConsumer);
            }
            Ok(if insert(db, &new)? { Inserted::Inserted } else { Inserted::Taken })
        };
        self.writer.write(insert).await.map_err(self.failed("insert a credential"))
    }

    async fn credential_by_digest(&self, digest: &KeyDigest) -> Result<Option<Held>, StoreError> {
        self.lookups.look_up(|db| one(db, BY_DIGEST, [digest.0])).map_err(self.failed("read a credential"))
    }

    async fn credential(&self, key_id: &KeyId) -> Result<Option<Held>, StoreError> {
        self.lookups
            .look_up(|db| one(db, BY_KEY_ID, [key_id.as_str()]))
            .map_err(self.failed("read a credential"))
    }

    async fn credentials(&self, of: Option<ConsumerId>) -> Result<Vec<Held>, StoreError> {
        let list = move |db: &Connection| {
            let mut statement = db.prepare_cached(if of.is_some() { OF_ONE } else { ALL })?;
            let mut rows = match &of {
                Some(consumer) => statement.query([consumer.0.as_bytes()])?,
                None => statement.query([])?,
            };
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                all.push(read_held(&Record::new("credential", row))?);
            }
            Ok(all)
        };
        self.lists.list(list).await.map_err(self.failed("list credentials"))
    }

    async fn rotate_credential(
        &self,
        old: &KeyId,
        until: UnixTime,
        new: &Credential,
    ) -> Result<Rotated, StoreError> {
        let (old, new) = (old.clone(), new.clone());
        let rotate = move |db: &Connection| rotate(db, &old, until, &new);
        self.writer.write(rotate).await.map_err(self.failed("rotate a credential"))
    }

    async fn revoke_credential(&self, key_id: &KeyId, at: UnixTime) -> Result<Revoked, StoreError> {
        let key_id = key_id.clone();
        let revoke = move |db: &Connection| revoke(db, &key_id, at);
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
