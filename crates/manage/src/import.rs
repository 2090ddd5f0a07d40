//! Credentials that were made elsewhere: taken over one by one, as the successor of another, or all of a file at once.

use std::collections::HashMap;
use std::time::Duration;

use countersign_dialect::{Dialects, KeyNaming, Recipe};
use countersign_model::{
    Consumer, ConsumerName, Credential, CredentialKind, DialectName, Entropy, KeyDigest, KeyId, Label, Life,
    Origin, Rates, Scopes, Secret, UnixTime,
};
use countersign_store::{Inserted, InsertedAll, Rotated, Store};
use countersign_token::jwt::MAX_SCOPES_LEN;
use countersign_token::key::{self, Within};
use countersign_token::{Binding, Sealer};

use crate::consumers::{find, new_consumer};
use crate::foreign::{Foreign, Form, Weakness};
use crate::issue::active_until;
use crate::keys::find_key;
use crate::{ConsumerNotFound, Expiry, KeyName, NotImported, NotImportedAll, NotRotated};

/// The most credentials that are imported together. They are written in one transaction, and a server's own writes wait for it: as many as
/// this take a fraction of the seconds that those have, also on a slow machine.
pub const IMPORT_LIMIT: usize = 20_000;

/// Takes over credentials that were made elsewhere.
#[derive(Clone, Copy)]
pub struct Importer<'a> {
    /// Where they will be kept.
    pub store: &'a dyn Store,
    /// What encrypts their secrets.
    pub sealer: &'a Sealer,
    /// The dialects that there are.
    pub dialects: &'a Dialects,
    /// For names and for encryption.
    pub entropy: &'a dyn Entropy,
    /// What becomes of secrets that are easily guessed.
    pub weakness: Weakness,
}

/// A credential that was made elsewhere.
#[derive(Clone, Debug)]
pub struct Import {
    /// Whose it is.
    pub consumer: ConsumerName,
    /// Its public name. Where requests in its dialect carry a key id, this is what they carry. Otherwise it is a name and no more, and one is
    /// made where there is none.
    pub key_id: Option<KeyId>,
    /// What it proves itself by.
    pub foreign: Foreign,
    /// What it permits; at most [`MAX_SCOPES_LEN`] characters as a list.
    pub scopes: Scopes,
    /// How many requests may pass with it, on all routes together.
    pub limits: Rates,
    /// How long it is good from now.
    pub expiry: Expiry,
    /// A note for operators.
    pub label: Option<Label>,
}

/// One of several that are imported together, and the line that it stands in.
#[derive(Clone, Debug)]
pub struct ImportLine {
    /// From 1.
    pub line: usize,
    /// The credential.
    pub import: Import,
}

/// What becomes of credentials whose consumer is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbsentConsumers {
    /// They are mistakes.
    Refuse,
    /// Their consumers are added with them.
    Add,
}

/// Whether anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportRun {
    /// Everything is looked at, and nothing is written.
    Dry,
    /// All is written, or nothing.
    Write,
}

/// A credential that was taken over.
#[derive(Clone, Debug)]
pub struct Imported {
    /// As it is kept.
    pub credential: Credential,
    /// Whose it is.
    pub consumer: Consumer,
}

/// What became of the import of several.
#[derive(Clone, Debug)]
pub struct ImportedAll {
    /// The credentials, in the order in which they were given.
    pub imported: Vec<Imported>,
    /// The consumers that were added with them.
    pub added: Vec<Consumer>,
}

impl Importer<'_> {
    /// Takes one over.
    pub async fn import(&self, import: Import, now: UnixTime) -> Result<Imported, NotImported> {
        let consumer = self.consumer(&import.consumer).await?;
        let credential = self.credential(import, &consumer, now)?;
        self.is_free(&credential).await?;
        match self.store.insert_credential(&credential).await.map_err(NotImported::Store)? {
            Inserted::Inserted => Ok(Imported { credential, consumer }),
            Inserted::Taken => Err(taken(credential)),
            Inserted::NoConsumer => {
                Err(NotImported::Consumer(ConsumerNotFound::NoConsumer { name: consumer.name }))
            }
        }
    }

    /// Takes one over in the place of another of the same consumer, which stays good for `overlap`, though never longer than it would have
    /// been. Gives the old one, as it is kept now, and the new one.
    pub async fn replace(
        &self,
        old: &KeyName,
        overlap: Duration,
        import: Import,
        now: UnixTime,
    ) -> Result<(Credential, Imported), NotRotated> {
        let held = find_key(self.store, old).await.map_err(NotRotated::Key)?;
        let (mut old, consumer) = (held.credential, held.consumer);
        let expires_at = active_until(&old, now)?;
        if import.consumer != consumer.name {
            let (key_id, consumer) = (old.key_id, consumer.name);
            return Err(NotRotated::Import(NotImported::OfAnother { key_id, consumer }));
        }
        let new = self.credential(import, &consumer, now).map_err(NotRotated::Import)?;
        if new.kind.dialect() != old.kind.dialect() {
            return Err(NotRotated::Import(NotImported::OfAnotherKind { key_id: old.key_id }));
        }
        self.is_free(&new).await.map_err(NotRotated::Import)?;
        let until = now.plus(overlap);
        let until = expires_at.map_or(until, |end| until.min(end));
        let rotated = self.store.rotate_credential(&old.digest, until, &new).await;
        match rotated.map_err(|error| NotRotated::Import(NotImported::Store(error)))? {
            Rotated::Rotated => {}
            Rotated::Taken => return Err(NotRotated::Import(taken(new))),
            Rotated::NotFound => return Err(NotRotated::gone(old.key_id)),
            Rotated::NotActive(found) => {
                let why = active_until(&found, now).err();
                return Err(why.unwrap_or_else(|| NotRotated::gone(found.key_id)));
            }
        }
        old.life = Life::Rotating { until, successor: new.key_id.clone() };
        Ok((old, Imported { credential: new, consumer }))
    }

    /// Takes all of them over, or none: then it says what is wrong with each. `progress` is told how many were looked at.
    pub async fn import_all(
        &self,
        lines: Vec<ImportLine>,
        absent: AbsentConsumers,
        run: ImportRun,
        now: UnixTime,
        progress: &dyn Fn(usize),
    ) -> Result<ImportedAll, NotImportedAll> {
        if lines.len() > IMPORT_LIMIT {
            return Err(NotImportedAll::TooMany { found: lines.len() });
        }
        let mut batch = Batch::default();
        for (place, ImportLine { line, import }) in lines.into_iter().enumerate() {
            match self.add_to(&mut batch, line, import, absent, now).await {
                Ok(()) => {}
                Err(NotImported::Store(error)) => return Err(NotImportedAll::Store(error)),
                Err(mistake) => batch.mistakes.push((line, mistake)),
            }
            progress(place + 1);
        }
        if !batch.mistakes.is_empty() {
            return Err(NotImportedAll::Mistakes(batch.mistakes));
        }
        let Batch { imported, added, .. } = batch;
        match run {
            ImportRun::Dry => {}
            ImportRun::Write => {
                let credentials: Vec<Credential> =
                    imported.iter().map(|one| one.credential.clone()).collect();
                let written = self.store.insert_all(&added, &credentials).await;
                match written.map_err(NotImportedAll::Store)? {
                    InsertedAll::Inserted => {}
                    InsertedAll::NameTaken(_) | InsertedAll::Taken(_) | InsertedAll::NoConsumer(_) => {
                        return Err(NotImportedAll::Raced);
                    }
                }
            }
        }
        Ok(ImportedAll { imported, added })
    }

    async fn add_to(
        &self,
        batch: &mut Batch,
        line: usize,
        import: Import,
        absent: AbsentConsumers,
        now: UnixTime,
    ) -> Result<(), NotImported> {
        let consumer = self.consumer_in(batch, &import.consumer, absent, now).await?;
        let credential = self.credential(import, &consumer, now)?;
        let name = (credential.key_id.clone(), credential.kind.dialect().cloned());
        if let Some(earlier) = batch.names.get(&name).or_else(|| batch.digests.get(&credential.digest)) {
            return Err(NotImported::Repeated { earlier: *earlier });
        }
        self.is_free(&credential).await?;
        batch.names.insert(name, line);
        batch.digests.insert(credential.digest, line);
        batch.imported.push(Imported { credential, consumer });
        Ok(())
    }

    /// The consumer of that name, there or to be added.
    async fn consumer_in(
        &self,
        batch: &mut Batch,
        name: &ConsumerName,
        absent: AbsentConsumers,
        now: UnixTime,
    ) -> Result<Consumer, NotImported> {
        if let Some(known) = batch.consumers.get(name) {
            return Ok(known.clone());
        }
        let consumer = match (self.consumer(name).await, absent) {
            (Err(NotImported::Consumer(ConsumerNotFound::NoConsumer { name })), AbsentConsumers::Add) => {
                let new = new_consumer(name, now, self.entropy);
                batch.added.push(new.clone());
                new
            }
            (found, AbsentConsumers::Add | AbsentConsumers::Refuse) => found?,
        };
        batch.consumers.insert(name.clone(), consumer.clone());
        Ok(consumer)
    }

    async fn consumer(&self, name: &ConsumerName) -> Result<Consumer, NotImported> {
        find(self.store, name).await.map_err(|error| match error {
            ConsumerNotFound::Store(error) => NotImported::Store(error),
            absent @ ConsumerNotFound::NoConsumer { .. } => NotImported::Consumer(absent),
        })
    }

    /// Fails where the names of a new credential are in use. Storage would refuse it too; here it is known in time for all of a file, and
    /// an API key gets no name that a command could take for another credential's.
    async fn is_free(&self, new: &Credential) -> Result<(), NotImported> {
        let named = self.store.credentials_named(&new.key_id).await.map_err(NotImported::Store)?;
        let same = |other: &Credential| {
            let (mine, theirs) = (new.kind.dialect(), other.kind.dialect());
            mine == theirs || mine.is_none() || theirs.is_none()
        };
        let by_digest = self.store.credential_by_digest(&new.digest).await.map_err(NotImported::Store)?;
        if by_digest.is_some() || named.iter().any(|held| same(&held.credential)) {
            return Err(taken(new.clone()));
        }
        Ok(())
    }

    /// The credential that an import describes, sealed and not written.
    fn credential(
        &self,
        import: Import,
        consumer: &Consumer,
        now: UnixTime,
    ) -> Result<Credential, NotImported> {
        let found = import.scopes.to_list().len();
        if found > MAX_SCOPES_LEN {
            return Err(NotImported::TooManyScopes { found });
        }
        let expires_at = import.expiry.end(now);
        if expires_at.is_some_and(|end| end <= now) {
            return Err(NotImported::Past);
        }
        let minted = || key::mint_key_id(self.entropy);
        let (key_id, kind, digest) = match import.foreign {
            Foreign::ApiKey(api_key) => {
                let key_id = import.key_id.unwrap_or_else(minted);
                let digest = self.bearer(&api_key, &key_id)?;
                (key_id, CredentialKind::ApiKey, digest)
            }
            Foreign::Signature { dialect, api_key, secret } => {
                let Some(recipe) = self.dialects.get(&dialect) else {
                    return Err(NotImported::NoDialect { dialect });
                };
                let secret = secret.for_recipe(recipe, self.weakness)?;
                let (key_id, digest) = self.wire(recipe, import.key_id, api_key.as_ref())?;
                let binding = Binding { key_id: &key_id, dialect: &dialect };
                let sealed = self.sealer.seal(secret.expose(), binding, self.entropy);
                let secret = sealed.map_err(NotImported::Sealer)?;
                (key_id, CredentialKind::Signature { dialect, secret }, digest)
            }
        };
        Ok(Credential {
            key_id,
            consumer: consumer.id,
            kind,
            digest,
            origin: Origin::Imported,
            scopes: import.scopes,
            limits: import.limits,
            label: import.label,
            issued_at: now,
            life: Life::Active { expires_at },
        })
    }

    /// By what a signature credential is known and found.
    fn wire(
        &self,
        recipe: &Recipe,
        key_id: Option<KeyId>,
        api_key: Option<&Secret<String>>,
    ) -> Result<(KeyId, KeyDigest), NotImported> {
        let dialect = recipe.name();
        let named = |key_id: KeyId| {
            let digest = key::look_up_digest(key_id.as_str(), Within::Dialect(dialect));
            (key_id, digest)
        };
        match (Form::of(recipe), key_id, api_key) {
            (Form::KeyIsSecret, key_id, Some(api_key)) => {
                let key_id = key_id.unwrap_or_else(|| key::mint_key_id(self.entropy));
                let digest = self.bearer(api_key, &key_id)?;
                Ok((key_id, digest))
            }
            (Form::KeyIsSecret, _, None) => Err(NotImported::KeyIsSecret { dialect: dialect.clone() }),
            (Form::KeyIsPublic, _, Some(_)) => Err(NotImported::KeyIsPublic { dialect: dialect.clone() }),
            (Form::KeyIsPublic, key_id, None) => match (recipe.key_naming(), key_id) {
                (KeyNaming::ByRequest, None) => Err(NotImported::NoKeyId { dialect: dialect.clone() }),
                (KeyNaming::ByRoute, None) => Ok(named(key::mint_key_id(self.entropy))),
                (KeyNaming::ByRequest | KeyNaming::ByRoute, Some(key_id)) => Ok(named(key_id)),
            },
        }
    }

    /// By what a key is found that opens something by itself.
    fn bearer(&self, api_key: &Secret<String>, key_id: &KeyId) -> Result<KeyDigest, NotImported> {
        let wire = self.weakness.judge_key(api_key)?;
        // Key ids are shown and logged.
        if wire == key_id.as_str() {
            return Err(NotImported::KeyAsName);
        }
        Ok(key::look_up_digest(wire, Within::Everywhere))
    }
}

/// What was made of some lines.
#[derive(Default)]
struct Batch {
    consumers: HashMap<ConsumerName, Consumer>,
    added: Vec<Consumer>,
    imported: Vec<Imported>,
    /// In which line each name and each digest stands.
    names: HashMap<(KeyId, Option<DialectName>), usize>,
    digests: HashMap<KeyDigest, usize>,
    mistakes: Vec<(usize, NotImported)>,
}

fn taken(new: Credential) -> NotImported {
    NotImported::Taken { key_id: new.key_id }
}
