//! Credentials.

use async_trait::async_trait;
use countersign_model::{Consumer, ConsumerId, Credential, KeyDigest, KeyId, UnixTime};

use crate::StoreError;

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
    /// Its key id or its digest is in use; nothing was written.
    Taken,
    /// Its consumer is not there; nothing was written.
    NoConsumer,
}

/// What became of [`Credentials::rotate_credential`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// Both are written: the old one rotating, the new one active.
    Rotated,
    /// The old one is not active (rotating already, or revoked); nothing was written. It is as given here.
    NotActive(Credential),
    /// The new one's key id or digest is in use; nothing was written.
    Taken,
    /// The consumer of the new one has no credential with that key id; nothing was written.
    NotFound,
}

/// What became of [`Credentials::revoke_credential`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It is revoked now.
    Revoked,
    /// It was revoked before, at this moment; nothing was written.
    Already(UnixTime),
    /// There is none with that key id.
    NotFound,
}

/// Credentials.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// Adds one that was just issued. Records [`crate::Change::Credential`].
    async fn insert_credential(&self, credential: &Credential) -> Result<Inserted, StoreError>;

    /// The one whose wire form has this digest, and its consumer. The look-up on a request's path.
    async fn credential_by_digest(&self, digest: &KeyDigest) -> Result<Option<Held>, StoreError>;

    /// The one with that key id, and its consumer.
    async fn credential(&self, key_id: &KeyId) -> Result<Option<Held>, StoreError>;

    /// All of them, or one consumer's, oldest first (ties by key id).
    async fn credentials(&self, of: Option<ConsumerId>) -> Result<Vec<Held>, StoreError>;

    /// In one transaction: sets the life of `old` from active to rotating with `new` as its successor, and inserts
    /// `new`, which belongs to the same consumer. `old` is good until `until`, or its own expiry where that is sooner:
    /// to rotate prolongs nothing. Records [`crate::Change::Credential`] for both.
    async fn rotate_credential(
        &self,
        old: &KeyId,
        until: UnixTime,
        new: &Credential,
    ) -> Result<Rotated, StoreError>;

    /// Ends one at `at`, whatever state it is in. Records [`crate::Change::Credential`].
    async fn revoke_credential(&self, key_id: &KeyId, at: UnixTime) -> Result<Revoked, StoreError>;
}
