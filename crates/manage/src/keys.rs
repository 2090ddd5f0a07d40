//! Credentials that are there: list, show, revoke.

use countersign_model::{ConsumerName, KeyId, UnixTime};
use countersign_store::{Held, Revoked, Store, StoreError};

use crate::ConsumerNotFound;
use crate::consumers::find;

/// Why nothing was done to a credential.
#[derive(Debug, thiserror::Error)]
pub enum KeyNotFound {
    /// There is none with that key id.
    #[error("there is no key `{key_id}`")]
    NoKey {
        /// The key id.
        key_id: KeyId,
    },
    /// Storage failed.
    #[error("keys are not to be had")]
    Store(#[source] StoreError),
}

/// Why credentials were not listed.
#[derive(Debug, thiserror::Error)]
pub enum KeysNotListed {
    /// Whose they should be is not there.
    #[error(transparent)]
    Consumer(ConsumerNotFound),
    /// Storage failed.
    #[error("keys are not to be had")]
    Store(#[source] StoreError),
}

/// What became of [`revoke_key`]: the credential has ended either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// It has ended now.
    Revoked {
        /// When.
        at: UnixTime,
    },
    /// It had been revoked before.
    Already {
        /// When.
        at: UnixTime,
    },
}

/// All credentials, or those of one consumer, oldest first.
pub async fn keys(store: &dyn Store, of: Option<&ConsumerName>) -> Result<Vec<Held>, KeysNotListed> {
    let of = match of {
        Some(name) => Some(find(store, name).await.map_err(KeysNotListed::Consumer)?.id),
        None => None,
    };
    store.credentials(of).await.map_err(KeysNotListed::Store)
}

/// The credential with that key id, and its consumer.
pub async fn show_key(store: &dyn Store, key_id: &KeyId) -> Result<Held, KeyNotFound> {
    let found = store.credential(key_id).await.map_err(KeyNotFound::Store)?;
    found.ok_or_else(|| KeyNotFound::NoKey { key_id: key_id.clone() })
}

/// Ends a credential at once. One that replaced it, or that it replaced, lives on.
pub async fn revoke_key(store: &dyn Store, key_id: &KeyId, now: UnixTime) -> Result<Revocation, KeyNotFound> {
    match store.revoke_credential(key_id, now).await.map_err(KeyNotFound::Store)? {
        Revoked::Revoked => Ok(Revocation::Revoked { at: now }),
        Revoked::Already(at) => Ok(Revocation::Already { at }),
        Revoked::NotFound => Err(KeyNotFound::NoKey { key_id: key_id.clone() }),
    }
}
