//! A credential as memory keeps it.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use countersign_model::{
    Consumer, ConsumerId, ConsumerState, KeyDigest, KeyId, Life, Phase, Scopes, UnixTime,
};
use countersign_store::Held;
use papaya::HashMap;

use crate::usable::Unusable;

/// What a decision needs of a credential, and no more: there may be millions of them.
#[derive(Debug)]
pub(crate) struct Kept {
    digest: KeyDigest,
    key_id: KeyId,
    consumer: Arc<Consumer>,
    scopes: Scopes,
    life: KeptLife,
}

/// The part of a [`Life`] that decides.
#[derive(Clone, Copy, Debug)]
enum KeptLife {
    /// It is good.
    Unending,
    /// It is good before this moment.
    Until(UnixTime),
    /// It was ended.
    Revoked,
}

/// Consumers, each once, however many credentials it has.
#[derive(Default)]
pub(crate) struct Consumers(HashMap<ConsumerId, Arc<Consumer>>);

impl Kept {
    /// The part of `held` that is kept.
    pub(crate) fn of(held: Held, consumers: &Consumers) -> Self {
        let Held { credential, consumer } = held;
        let life = match credential.life {
            Life::Active { expires_at: None } => KeptLife::Unending,
            Life::Active { expires_at: Some(until) } | Life::Rotating { until, .. } => KeptLife::Until(until),
            Life::Revoked { .. } => KeptLife::Revoked,
        };
        Self {
            digest: credential.digest,
            key_id: credential.key_id,
            consumer: consumers.the_one(consumer),
            scopes: credential.scopes,
            life,
        }
    }

    pub(crate) fn digest(&self) -> &KeyDigest {
        &self.digest
    }

    pub(crate) fn key_id(&self) -> &KeyId {
        &self.key_id
    }

    pub(crate) fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    pub(crate) fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Whether it works at `now`, as far as its life and its consumer say.
    pub(crate) fn alive(&self, now: UnixTime) -> Result<(), Unusable> {
        match self.life {
            KeptLife::Until(end) if end <= now => return Err(Unusable::Ended(Phase::Expired)),
            KeptLife::Unending | KeptLife::Until(_) => {}
            KeptLife::Revoked => return Err(Unusable::Ended(Phase::Revoked)),
        }
        match self.consumer.state {
            ConsumerState::Enabled => Ok(()),
            ConsumerState::Disabled { .. } => Err(Unusable::ConsumerDisabled),
        }
    }
}

impl Consumers {
    /// `consumer` as it is kept already, if it has not changed since.
    fn the_one(&self, consumer: Consumer) -> Arc<Consumer> {
        let consumers = self.0.pin();
        if let Some(known) = consumers.get(&consumer.id)
            && **known == consumer
        {
            return Arc::clone(known);
        }
        let fresh = Arc::new(consumer);
        consumers.insert(fresh.id, Arc::clone(&fresh));
        fresh
    }

    /// Lets go of one; credentials that are kept with it keep it.
    pub(crate) fn forget(&self, consumer: &ConsumerId) {
        self.0.pin().remove(consumer);
    }

    /// Lets go of all.
    pub(crate) fn forget_all(&self) {
        self.0.pin().clear();
    }
}

/// A credential in a set that is searched by digests.
#[derive(Clone)]
pub(crate) struct ByDigest<T>(pub(crate) T);

/// What has the digest of a credential.
pub(crate) trait HasDigest {
    fn digest(&self) -> &KeyDigest;
}

impl<T: HasDigest> Borrow<KeyDigest> for ByDigest<T> {
    fn borrow(&self) -> &KeyDigest {
        self.0.digest()
    }
}

impl<T: HasDigest> PartialEq for ByDigest<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest() == other.0.digest()
    }
}

impl<T: HasDigest> Eq for ByDigest<T> {}

impl<T: HasDigest> Hash for ByDigest<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest().hash(state);
    }
}
