//! A credential as memory keeps it.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use countersign_limit::{Check, Limiter, Rule, Subject};
use countersign_model::{
    Consumer, ConsumerId, ConsumerState, KeyDigest, KeyId, Life, Phase, Rate, Rates, Scopes, UnixTime,
};
use countersign_store::Held;
use papaya::HashMap;

use crate::usable::Unusable;

/// What a decision needs of a credential, and no more.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) digest: KeyDigest,
    pub(crate) key_id: KeyId,
    pub(crate) holder: Arc<Holder>,
    pub(crate) life: KeptLife,
}

/// The part of a [`Life`] that decides.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeptLife {
    /// It is good.
    Unending,
    /// It is good before this moment.
    Until(UnixTime),
    /// It was ended.
    Revoked,
}

/// Whose a credential is, what it permits, and what storage says of how many requests may pass.
#[derive(Debug)]
pub(crate) struct Holder {
    consumer: Consumer,
    scopes: Scopes,
    of_consumer: Box<[Arc<Rule>]>,
    /// Of one credential: then this is of no other. So one without limits takes no room for them.
    of_credential: Box<[Arc<Rule>]>,
}

/// Consumers, each once with the same scopes, however many credentials without limits of their own it has.
#[derive(Default)]
pub(crate) struct Consumers(HashMap<(ConsumerId, Scopes), Arc<Holder>>);

impl Kept {
    /// The part of `held` that is kept.
    pub(crate) fn of(held: Held, consumers: &Consumers, limiter: &Limiter) -> Self {
        let Held { credential, consumer } = held;
        let life = match credential.life {
            Life::Active { expires_at: None } => KeptLife::Unending,
            Life::Active { expires_at: Some(until) } | Life::Rotating { until, .. } => KeptLife::Until(until),
            Life::Revoked { .. } => KeptLife::Revoked,
        };
        Self {
            digest: credential.digest,
            key_id: credential.key_id,
            holder: consumers.holder(consumer, credential.scopes, &credential.limits, limiter),
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
        &self.holder.consumer
    }

    pub(crate) fn scopes(&self) -> &Scopes {
        &self.holder.scopes
    }

    /// Whether storage says nothing of how many requests may pass.
    pub(crate) fn is_unlimited(&self) -> bool {
        self.holder.of_credential.is_empty() && self.holder.of_consumer.is_empty()
    }

    /// How many requests may pass by what storage says, wherever they go.
    pub(crate) fn checks(&self) -> impl Iterator<Item = Check<'_>> {
        let Holder { consumer, scopes: _, of_consumer, of_credential } = &*self.holder;
        let check = |subject| move |rule| Check { rule, subject };
        let own = of_credential.iter().map(check(Subject::Credential(self.digest)));
        own.chain(of_consumer.iter().map(check(Subject::Consumer(consumer.id))))
    }

    /// Whether it works at `now`, as far as its life and its consumer say.
    pub(crate) fn alive(&self, now: UnixTime) -> Result<(), Unusable> {
        match self.life {
            KeptLife::Until(end) if end <= now => return Err(Unusable::Ended(Phase::Expired)),
            KeptLife::Unending | KeptLife::Until(_) => {}
            KeptLife::Revoked => return Err(Unusable::Ended(Phase::Revoked)),
        }
        match self.holder.consumer.state {
            ConsumerState::Enabled => Ok(()),
            ConsumerState::Disabled { .. } => Err(Unusable::ConsumerDisabled),
        }
    }
}

impl Holder {
    pub(crate) fn consumer(&self) -> &Consumer {
        &self.consumer
    }
}

impl Consumers {
    /// The holder of a credential with these limits: where it has none, the one that is kept already, if it has not changed since.
    fn holder(&self, consumer: Consumer, scopes: Scopes, limits: &Rates, limiter: &Limiter) -> Arc<Holder> {
        let rules = |whose: &str, rates: &Rates| -> Box<[Arc<Rule>]> {
            let rule = |rate: Rate| limiter.window(&format!("{whose}:{}", rate.window()), rate);
            rates.iter().map(rule).collect()
        };
        let of_consumer = |consumer: &Consumer| rules("consumer", &consumer.limits);
        if !limits.is_empty() {
            let (of_consumer, of_credential) = (of_consumer(&consumer), rules("credential", limits));
            return Arc::new(Holder { consumer, scopes, of_consumer, of_credential });
        }
        let consumers = self.0.pin();
        let named = (consumer.id, scopes.clone());
        if let Some(known) = consumers.get(&named)
            && known.consumer == consumer
        {
            return Arc::clone(known);
        }
        let of_consumer = of_consumer(&consumer);
        let fresh = Arc::new(Holder { consumer, scopes, of_consumer, of_credential: Box::default() });
        consumers.insert(named, Arc::clone(&fresh));
        fresh
    }

    /// Lets go of one; credentials that are kept with it keep it.
    pub(crate) fn forget(&self, consumer: &ConsumerId) {
        self.0.pin().retain(|(id, _), _| id != consumer);
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
