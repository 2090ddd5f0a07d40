//! Credentials that begin: issue, and rotate.

use std::time::Duration;

use countersign_dialect::{Dialects, Recipe};
use countersign_model::{
    Consumer, ConsumerName, Credential, CredentialKind, DialectName, Entropy, KeyDigest, KeyId, Label, Life,
    Origin, Phase, Rates, Scopes, Secret, UnixTime,
};
use countersign_store::{Held, Inserted, Rotated, Store, StoreError};
use countersign_token::jwt::MAX_SCOPES_LEN;
use countersign_token::key::{self, KeyKind};
use countersign_token::{Binding, NotSealed, Sealer};

use crate::consumers::find;
use crate::keys::find_key;
use crate::secret::mint_for;
use crate::{ConsumerNotFound, KeyName, KeyNotFound, NotImported};

/// Issues credentials.
#[derive(Clone, Copy)]
pub struct Issuer<'a> {
    /// Where they are kept.
    pub store: &'a dyn Store,
    /// What encrypts their signing secrets.
    pub sealer: &'a Sealer,
    /// The dialects that there are.
    pub dialects: &'a Dialects,
    /// What keys and secrets are made of.
    pub entropy: &'a dyn Entropy,
}

/// A credential that somebody wants.
#[derive(Clone, Debug)]
pub struct Issue {
    /// Whose it will be.
    pub consumer: ConsumerName,
    /// What it is for.
    pub form: Form,
    /// What it permits; at most [`MAX_SCOPES_LEN`] characters as a list.
    pub scopes: Scopes,
    /// How many requests may pass with it, on all routes together.
    pub limits: Rates,
    /// How long it is good.
    pub expiry: Expiry,
    /// A note for operators.
    pub label: Option<Label>,
}

/// What a credential is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A bearer credential.
    ApiKey,
    /// A key and a signing secret of this dialect.
    Signature(DialectName),
}

/// How long a credential is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// Until it is revoked.
    Never,
    /// For so long from now.
    After(Duration),
    /// Up to this moment.
    Until(UnixTime),
}

/// A credential that should be replaced.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The one to replace.
    pub key: KeyName,
    /// How long it stays good, though never longer than it would have been.
    pub overlap: Duration,
    /// How long the new one is good. Where this says nothing: as long as the old one was issued for, counted anew. A
    /// key that was given for 90 days is so good for 90 days after each rotation.
    pub expiry: Option<Expiry>,
}

/// A credential that was issued, and what is secret of it: nothing gives that a second time.
#[derive(Clone, Debug)]
pub struct Issued {
    /// As it is kept.
    pub credential: Credential,
    /// Whose it is.
    pub consumer: Consumer,
    /// What its holder needs.
    pub material: Material,
}

/// What became of a rotation.
#[derive(Clone, Debug)]
pub struct Replaced {
    /// The old one, as it is kept now.
    pub old: Credential,
    /// The one that replaces it.
    pub new: Issued,
}

/// What the holder of a credential needs.
#[derive(Clone, Debug)]
pub enum Material {
    /// A key that is presented whole.
    ApiKey {
        /// The key.
        api_key: Secret<String>,
    },
    /// A key that names its holder, and a secret that signs.
    Signature {
        /// The key as it stands on the wire.
        api_key: Secret<String>,
        /// The secret, which does not travel.
        secret: Secret<String>,
    },
}

/// Why a credential was not issued.
#[derive(Debug, thiserror::Error)]
pub enum NotIssued {
    /// Whose it should be is not there.
    #[error(transparent)]
    Consumer(ConsumerNotFound),
    /// There is no such dialect.
    #[error("there is no dialect `{dialect}`")]
    NoDialect {
        /// The dialect.
        dialect: DialectName,
    },
    /// The dialect takes no secret that can be made here.
    #[error(
        "secrets of `{dialect}` cannot be made here: its holder makes a private key and gives the public one, which is \
         imported (`key import`, and to replace another `--replaces`)"
    )]
    NoSecret {
        /// The dialect.
        dialect: DialectName,
    },
    /// So many scopes that they fit into no header.
    #[error("the scopes have {found} characters as a list; at most {MAX_SCOPES_LEN} are possible")]
    TooManyScopes {
        /// How many characters they have.
        found: usize,
    },
    /// The new key is in use already, which happens where randomness is none.
    #[error("a key that was just made is in use already: the source of randomness is broken")]
    Taken,
    /// The secret was not sealed.
    #[error("the signing secret was not encrypted")]
    Sealer(#[source] NotSealed),
    /// Storage failed.
    #[error("the key was not issued")]
    Store(#[source] StoreError),
}

/// Why a credential was not rotated. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum NotRotated {
    /// The one to replace is not there.
    #[error(transparent)]
    Key(KeyNotFound),
    /// It has ended, and what has ended needs no replacement but a new credential.
    #[error("the key `{key_id}` is {}: issue a new one", phase.as_str())]
    Ended {
        /// The key id.
        key_id: KeyId,
        /// How it ended.
        phase: Phase,
    },
    /// It was rotated before.
    #[error("the key `{key_id}` is replaced by `{successor}` already: rotate that one")]
    Rotating {
        /// The key id.
        key_id: KeyId,
        /// The one that replaces it.
        successor: KeyId,
    },
    /// The new one could not be made.
    #[error(transparent)]
    Successor(NotIssued),
    /// The new one could not be taken over.
    #[error(transparent)]
    Import(NotImported),
}

impl NotRotated {
    /// It was there a moment ago.
    pub(crate) fn gone(key_id: KeyId) -> Self {
        Self::Key(KeyNotFound::NoKey { key_id })
    }
}

impl Issuer<'_> {
    /// Issues a credential.
    pub async fn issue(&self, issue: Issue, now: UnixTime) -> Result<Issued, NotIssued> {
        let found = issue.scopes.to_list().len();
        if found > MAX_SCOPES_LEN {
            return Err(NotIssued::TooManyScopes { found });
        }
        let consumer = find(self.store, &issue.consumer).await.map_err(NotIssued::Consumer)?;
        let minted = self.mint(&issue.form)?;
        let credential = Credential {
            key_id: minted.key_id,
            consumer: consumer.id,
            kind: minted.kind,
            digest: minted.digest,
            origin: Origin::Issued,
            scopes: issue.scopes,
            limits: issue.limits,
            label: issue.label,
            issued_at: now,
            life: Life::Active { expires_at: issue.expiry.end(now) },
        };
        let material = minted.material;
        match self.store.insert_credential(&credential).await.map_err(NotIssued::Store)? {
            Inserted::Inserted => Ok(Issued { credential, consumer, material }),
            Inserted::Taken => Err(NotIssued::Taken),
            Inserted::NoConsumer => {
                Err(NotIssued::Consumer(ConsumerNotFound::NoConsumer { name: consumer.name }))
            }
        }
    }

    /// Replaces a credential by one with the same consumer, dialect, scopes, limits and label. The new one is of our own form, also where the old one was
    /// imported.
    pub async fn rotate(&self, rotation: Rotation, now: UnixTime) -> Result<Replaced, NotRotated> {
        let Held { credential: mut old, consumer } =
            find_key(self.store, &rotation.key).await.map_err(NotRotated::Key)?;
        let expires_at = active_until(&old, now)?;
        let expiry = rotation.expiry.unwrap_or(match expires_at {
            Some(end) => Expiry::After(end.since(old.issued_at)),
            None => Expiry::Never,
        });
        let form = old.kind.dialect().cloned().map_or(Form::ApiKey, Form::Signature);
        let minted = self.mint(&form).map_err(NotRotated::Successor)?;
        let credential = Credential {
            key_id: minted.key_id,
            kind: minted.kind,
            digest: minted.digest,
            origin: Origin::Issued,
            issued_at: now,
            life: Life::Active { expires_at: expiry.end(now) },
            ..old.clone()
        };
        let until = now.plus(rotation.overlap);
        let until = expires_at.map_or(until, |end| until.min(end));
        let rotated = self.store.rotate_credential(&old.digest, until, &credential).await;
        match rotated.map_err(|error| NotRotated::Successor(NotIssued::Store(error)))? {
            Rotated::Rotated => {}
            Rotated::Taken => return Err(NotRotated::Successor(NotIssued::Taken)),
            Rotated::NotFound => return Err(NotRotated::gone(old.key_id)),
            Rotated::NotActive(found) => {
                let why = active_until(&found, now).err();
                return Err(why.unwrap_or_else(|| NotRotated::gone(found.key_id)));
            }
        }
        old.life = Life::Rotating { until, successor: credential.key_id.clone() };
        Ok(Replaced { old, new: Issued { credential, consumer, material: minted.material } })
    }

    fn mint(&self, form: &Form) -> Result<Minted, NotIssued> {
        let key_id = key::mint_key_id(self.entropy);
        let dialect = match form {
            Form::ApiKey => {
                let api_key = key::mint(KeyKind::ApiKey, self.entropy);
                let digest = key::digest(api_key.expose());
                return Ok(Minted {
                    key_id,
                    kind: CredentialKind::ApiKey,
                    digest,
                    material: Material::ApiKey { api_key },
                });
            }
            Form::Signature(dialect) => dialect.clone(),
        };
        let recipe = self.dialects.get(&dialect);
        let recipe = recipe.ok_or_else(|| NotIssued::NoDialect { dialect: dialect.clone() })?;
        let api_key = key::mint(wire_kind(recipe), self.entropy);
        let digest = key::digest(api_key.expose());
        let secret =
            mint_for(recipe, self.entropy).ok_or_else(|| NotIssued::NoSecret { dialect: dialect.clone() })?;
        let binding = Binding { key_id: &key_id, dialect: &dialect };
        let sealed =
            self.sealer.seal(secret.expose().as_bytes(), binding, self.entropy).map_err(NotIssued::Sealer)?;
        let kind = CredentialKind::Signature { dialect, secret: sealed };
        Ok(Minted { key_id, kind, digest, material: Material::Signature { api_key, secret } })
    }
}

/// A credential before anybody has it.
struct Minted {
    key_id: KeyId,
    kind: CredentialKind,
    digest: KeyDigest,
    material: Material,
}

/// What stands on the wire: a key that opens routes alone looks like one, so that scanners for leaks know it.
fn wire_kind(recipe: &Recipe) -> KeyKind {
    if recipe.key_alone() { KeyKind::ApiKey } else { KeyKind::PublicKey }
}

/// When an active credential ends, if ever; why it cannot be rotated, where it is not active.
pub(crate) fn active_until(credential: &Credential, now: UnixTime) -> Result<Option<UnixTime>, NotRotated> {
    let key_id = credential.key_id.clone();
    match (credential.life.phase(now), &credential.life) {
        (Phase::Active, life) => Ok(life.ends_at()),
        (Phase::Rotating, Life::Rotating { successor, .. }) => {
            Err(NotRotated::Rotating { key_id, successor: successor.clone() })
        }
        (phase @ (Phase::Rotating | Phase::Expired | Phase::Revoked), _) => {
            Err(NotRotated::Ended { key_id, phase })
        }
    }
}

impl Expiry {
    pub(crate) fn end(self, now: UnixTime) -> Option<UnixTime> {
        match self {
            Self::Never => None,
            Self::After(lifetime) => Some(now.plus(lifetime)),
            Self::Until(end) => Some(end),
        }
    }
}
