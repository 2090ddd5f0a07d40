//! Credentials that are there: list, show, revoke.

use countersign_model::{ConsumerName, DialectName, KeyId, Rates, UnixTime};
use countersign_store::{Held, Revoked, Store, StoreError};

use crate::ConsumerNotFound;
use crate::consumers::find;

/// How somebody names a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName {
    /// Its key id.
    pub key_id: KeyId,
    /// Its dialect, which must be said where several have the same key id.
    pub dialect: Option<DialectName>,
}

impl From<KeyId> for KeyName {
    fn from(key_id: KeyId) -> Self {
        Self { key_id, dialect: None }
    }
}

/// Why nothing was done to a credential.
#[derive(Debug, thiserror::Error)]
pub enum KeyNotFound {
    /// There is none with that key id.
    #[error("there is no key `{key_id}`")]
    NoKey {
        /// The key id.
        key_id: KeyId,
    },
    /// There are several, in different dialects.
    #[error("there are several keys `{key_id}`: say in which dialect, {dialects}")]
    Several {
        /// The key id.
        key_id: KeyId,
        /// Their dialects.
        dialects: String,
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

/// The credential of that name, and its consumer.
pub async fn show_key(store: &dyn Store, name: &KeyName) -> Result<Held, KeyNotFound> {
    find_key(store, name).await
}

pub(crate) async fn find_key(store: &dyn Store, name: &KeyName) -> Result<Held, KeyNotFound> {
    let mut named = store.credentials_named(&name.key_id).await.map_err(KeyNotFound::Store)?;
    if name.dialect.is_some() {
        named.retain(|held| held.credential.kind.dialect() == name.dialect.as_ref());
    }
    if named.len() > 1 {
        let dialects = named.iter().filter_map(|held| held.credential.kind.dialect());
        let dialects: Vec<String> = dialects.map(|dialect| format!("`{dialect}`")).collect();
        return Err(KeyNotFound::Several { key_id: name.key_id.clone(), dialects: dialects.join(" or ") });
    }
    named.pop().ok_or_else(|| KeyNotFound::NoKey { key_id: name.key_id.clone() })
}

/// Has a credential keep `limits`, in place of those before.
pub async fn set_key_limits(store: &dyn Store, name: &KeyName, limits: Rates) -> Result<Held, KeyNotFound> {
    let mut held = find_key(store, name).await?;
    if store.set_credential_limits(&held.credential.digest, &limits).await.map_err(KeyNotFound::Store)? {
        held.credential.limits = limits;
        return Ok(held);
    }
    Err(KeyNotFound::NoKey { key_id: held.credential.key_id })
}

/// Ends a credential at once. One that replaced it, or that it replaced, lives on.
pub async fn revoke_key(store: &dyn Store, name: &KeyName, now: UnixTime) -> Result<Revocation, KeyNotFound> {
    let found = find_key(store, name).await?.credential;
    match store.revoke_credential(&found.digest, now).await.map_err(KeyNotFound::Store)? {
        Revoked::Revoked => Ok(Revocation::Revoked { at: now }),
        Revoked::Already(at) => Ok(Revocation::Already { at }),
        Revoked::NotFound => Err(KeyNotFound::NoKey { key_id: found.key_id }),
    }
}
