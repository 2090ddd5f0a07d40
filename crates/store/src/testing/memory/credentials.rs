use async_trait::async_trait;
use countersign_model::{
    Consumer, ConsumerId, ConsumerName, Credential, DialectName, KeyDigest, KeyId, Life, Origin, Phase,
    Rates, UnixTime,
};

use super::{MemoryStore, State};
use crate::{Change, Credentials, Held, Inserted, InsertedAll, Revoked, Rotated, SIGNERS_LIMIT, StoreError};

fn name(credential: &Credential) -> (KeyId, Option<DialectName>) {
    (credential.key_id.clone(), credential.kind.dialect().cloned())
}

impl State {
    pub(super) fn held(&self, credential: &Credential) -> Option<Held> {
        let consumer = self.consumers.get(&credential.consumer)?.clone();
        Some(Held { credential: credential.clone(), consumer })
    }

    fn is_taken(&self, new: &Credential) -> bool {
        self.credentials.contains_key(&name(new)) || self.found(&new.digest).is_some()
    }

    fn found(&self, digest: &KeyDigest) -> Option<&Credential> {
        self.credentials.values().find(|credential| credential.digest == *digest)
    }

    fn put(&mut self, credential: &Credential) {
        self.credentials.insert(name(credential), credential.clone());
        match credential.origin {
            Origin::Imported => {
                self.imported_for.insert(credential.kind.dialect().cloned());
            }
            Origin::Issued => {}
        }
        self.record(Change::Credential(credential.digest));
    }
}

#[async_trait]
impl Credentials for MemoryStore {
    async fn insert_credential(&self, credential: &Credential) -> Result<Inserted, StoreError> {
        let mut state = self.state("insert a credential")?;
        if !state.consumers.contains_key(&credential.consumer) {
            return Ok(Inserted::NoConsumer);
        }
        if state.is_taken(credential) {
            return Ok(Inserted::Taken);
        }
        state.put(credential);
        Ok(Inserted::Inserted)
    }

    async fn insert_all(
        &self,
        consumers: &[Consumer],
        credentials: &[Credential],
    ) -> Result<InsertedAll, StoreError> {
        let mut state = self.state("insert credentials")?;
        let mut ids: Vec<ConsumerId> = state.consumers.keys().copied().collect();
        let mut names: Vec<ConsumerName> = state.consumers.values().map(|known| known.name.clone()).collect();
        for new in consumers {
            if ids.contains(&new.id) || names.contains(&new.name) {
                return Ok(InsertedAll::NameTaken(new.name.clone()));
            }
            ids.push(new.id);
            names.push(new.name.clone());
        }
        for (at, new) in credentials.iter().enumerate() {
            if !ids.contains(&new.consumer) {
                return Ok(InsertedAll::NoConsumer(new.key_id.clone()));
            }
            let before = credentials.get(..at).unwrap_or_default();
            let same = |other: &Credential| name(other) == name(new) || other.digest == new.digest;
            if state.is_taken(new) || before.iter().any(same) {
                return Ok(InsertedAll::Taken(new.key_id.clone()));
            }
        }
        for new in consumers {
            state.consumers.insert(new.id, new.clone());
        }
        for new in credentials {
            state.put(new);
        }
        Ok(InsertedAll::Inserted)
    }

    async fn credential_by_digest(&self, digest: &KeyDigest) -> Result<Option<Held>, StoreError> {
        let state = self.state("read a credential")?;
        Ok(state.found(digest).and_then(|credential| state.held(credential)))
    }

    async fn credentials_named(&self, key_id: &KeyId) -> Result<Vec<Held>, StoreError> {
        let state = self.state("read credentials")?;
        let named = state.credentials.values().filter(|credential| credential.key_id == *key_id);
        Ok(named.filter_map(|credential| state.held(credential)).collect())
    }

    async fn signers(
        &self,
        consumer: &ConsumerName,
        dialect: &DialectName,
        now: UnixTime,
    ) -> Result<Vec<Held>, StoreError> {
        let state = self.state("read signers")?;
        let good = |held: &Held| {
            held.consumer.name == *consumer
                && held.credential.kind.dialect() == Some(dialect)
                && matches!(held.credential.life.phase(now), Phase::Active | Phase::Rotating)
        };
        let all = state.credentials.values().filter_map(|credential| state.held(credential));
        let mut found: Vec<Held> = all.filter(good).collect();
        found.sort_by_key(|held| std::cmp::Reverse(held.credential.issued_at));
        found.truncate(SIGNERS_LIMIT);
        Ok(found)
    }

    async fn imported_for(&self) -> Result<Vec<Option<DialectName>>, StoreError> {
        Ok(self.state("read what was imported")?.imported_for.iter().cloned().collect())
    }

    async fn credentials(&self, of: Option<ConsumerId>) -> Result<Vec<Held>, StoreError> {
        let state = self.state("list credentials")?;
        let wanted = |held: &Held| of.is_none_or(|consumer| held.consumer.id == consumer);
        // The map is in the order of key ids, and sorting is stable.
        let mut all: Vec<Held> = state
            .credentials
            .values()
            .filter_map(|credential| state.held(credential))
            .filter(wanted)
            .collect();
        all.sort_by_key(|held| held.credential.issued_at);
        Ok(all)
    }

    async fn rotate_credential(
        &self,
        old: &KeyDigest,
        until: UnixTime,
        new: &Credential,
    ) -> Result<Rotated, StoreError> {
        let mut state = self.state("rotate a credential")?;
        let Some(mut old) = state.found(old).filter(|old| old.consumer == new.consumer).cloned() else {
            return Ok(Rotated::NotFound);
        };
        let until = match old.life {
            Life::Active { expires_at } => expires_at.map_or(until, |end| end.min(until)),
            Life::Rotating { .. } | Life::Revoked { .. } => return Ok(Rotated::NotActive(old)),
        };
        if state.is_taken(new) {
            return Ok(Rotated::Taken);
        }
        old.life = Life::Rotating { until, successor: new.key_id.clone() };
        state.put(&old);
        state.put(new);
        Ok(Rotated::Rotated)
    }

    async fn set_credential_limits(&self, digest: &KeyDigest, limits: &Rates) -> Result<bool, StoreError> {
        let mut state = self.state("set a credential's limits")?;
        let Some(mut credential) = state.found(digest).cloned() else { return Ok(false) };
        credential.limits = limits.clone();
        state.put(&credential);
        Ok(true)
    }

    async fn revoke_credential(&self, digest: &KeyDigest, at: UnixTime) -> Result<Revoked, StoreError> {
        let mut state = self.state("revoke a credential")?;
        let Some(mut credential) = state.found(digest).cloned() else {
            return Ok(Revoked::NotFound);
        };
        match credential.life {
            Life::Revoked { at } => return Ok(Revoked::Already(at)),
            Life::Active { .. } | Life::Rotating { .. } => {}
        }
        credential.life = Life::Revoked { at };
        state.put(&credential);
        Ok(Revoked::Revoked)
    }
}
