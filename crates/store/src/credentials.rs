//! Credentials.

use async_trait::async_trait;
use countersign_model::{
    Consumer, ConsumerId, ConsumerName, Credential, DialectName, KeyDigest, KeyId, Rates, UnixTime,
};

use crate::StoreError;

/// The most credentials that [`Credentials::signers`] gives: the one in use, those that it replaced and that are still good, and
/// room for a change in a hurry.
pub const SIGNERS_LIMIT: usize = 4;

/// A credential with whoever holds it, read together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The credential.
    pub credential: Credential,
    /// Its consumer.
    pub consumer: Consumer,
}

/// What became of [`Credentials::insert_credential`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is there now.
    Inserted,
    /// Its key id (in its dialect) or its digest is in use; nothing was written.
    Taken,
    /// Its consumer is not there; nothing was written.
    NoConsumer,
}

/// What became of [`Credentials::insert_all`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InsertedAll {
    /// All of them are there now.
    Inserted,
    /// Another consumer has this name or its identity; nothing was written.
    NameTaken(ConsumerName),
    /// This one's key id (in its dialect) or its digest is in use; nothing was written.
    Taken(KeyId),
    /// This one's consumer is not there; nothing was written.
    NoConsumer(KeyId),
}

/// What became of [`Credentials::rotate_credential`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "an operator's command makes one, no request does")]
pub enum Rotated {
    /// Both are written: the old one rotating, the new one active.
    Rotated,
    /// The old one is not active (rotating already, or revoked); nothing was written. It is as given here.
    NotActive(Credential),
    /// The new one's key id or digest is in use; nothing was written.
    Taken,
    /// The consumer of the new one has no credential with that digest; nothing was written.
    NotFound,
}

/// What became of [`Credentials::revoke_credential`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It is revoked now.
    Revoked,
    /// It was revoked before, at this moment; nothing was written.
    Already(UnixTime),
    /// There is none with that digest.
    NotFound,
}

/// Credentials.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// Adds one that was just issued or imported. Records [`crate::Change::Credential`].
    async fn insert_credential(&self, credential: &Credential) -> Result<Inserted, StoreError>;

    /// In one transaction: adds these consumers, then these credentials, of these consumers or of others that are there. The first that
    /// cannot be added stops it. Records [`crate::Change::Credential`] for each.
    async fn insert_all(
        &self,
        consumers: &[Consumer],
        credentials: &[Credential],
    ) -> Result<InsertedAll, StoreError>;

    /// The one whose wire form has this digest, and its consumer. The look-up on a request's path.
    async fn credential_by_digest(&self, digest: &KeyDigest) -> Result<Option<Held>, StoreError>;

    /// Those with that key id, and their consumers: at most one of each dialect and one API key, which is the first; then by dialect.
    async fn credentials_named(&self, key_id: &KeyId) -> Result<Vec<Held>, StoreError>;

    /// What checks signatures of one consumer in one dialect at `now`: its credentials that are neither revoked nor expired, whether or not
    /// the consumer is enabled; newest first (ties by key id), at most [`SIGNERS_LIMIT`].
    async fn signers(
        &self,
        consumer: &ConsumerName,
        dialect: &DialectName,
        now: UnixTime,
    ) -> Result<Vec<Held>, StoreError>;

    /// In which dialects there are credentials that were imported; `None` for API keys. It may name more: those in which there were
    /// some. In order, each once.
    async fn imported_for(&self) -> Result<Vec<Option<DialectName>>, StoreError>;

    /// All of them, or one consumer's, oldest first (ties by key id, then API keys first and by dialect).
    async fn credentials(&self, of: Option<ConsumerId>) -> Result<Vec<Held>, StoreError>;

    /// In one transaction: sets the life of `old` from active to rotating with `new` as its successor, and inserts
    /// `new`, which belongs to the same consumer. `old` is good until `until`, or its own expiry where that is sooner:
    /// to rotate prolongs nothing. Records [`crate::Change::Credential`] for both.
    async fn rotate_credential(
        &self,
        old: &KeyDigest,
        until: UnixTime,
        new: &Credential,
    ) -> Result<Rotated, StoreError>;

    /// Has one keep these limits in place of those before, whatever state it is in; `false` where there is none with that digest. Records
    /// [`crate::Change::Credential`].
    async fn set_credential_limits(&self, digest: &KeyDigest, limits: &Rates) -> Result<bool, StoreError>;

    /// Ends one at `at`, whatever state it is in. Records [`crate::Change::Credential`].
    async fn revoke_credential(&self, digest: &KeyDigest, at: UnixTime) -> Result<Revoked, StoreError>;
}
