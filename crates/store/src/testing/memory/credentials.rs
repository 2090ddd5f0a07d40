use async_trait::async_trait;
use countersign_model::{ConsumerId, Credential, KeyDigest, KeyId, Life, UnixTime};

use super::{MemoryStore, State};
use crate::{Change, Credentials, Held, Inserted, Revoked, Rotated, StoreError};

impl State {
    fn held(&self, credential: &Credential) -> Option<Held> {
        let consumer = self.consumers.get(&credential.consumer)?.clone();
        Some(Held { credential: credential.clone(), consumer })
    }

    fn is_taken(&self, new: &Credential) -> bool {
        self.credentials.values().any(|held| held.key_id == new.key_id || held.digest == new.digest)
    }

    fn put(&mut self, credential: &Credential) {
        self.credentials.insert(credential.key_id.clone(), credential.clone());
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

    async fn credential_by_digest(&self, digest: &KeyDigest) -> Result<Option<Held>, StoreError> {
        let state = self.state("read a credential")?;
        let found = state.credentials.values().find(|credential| credential.digest == *digest);
        Ok(found.and_then(|credential| state.held(credential)))
    }

    async fn credential(&self, key_id: &KeyId) -> Result<Option<Held>, StoreError> {
        let state = self.state("read a credential")?;
        Ok(state.credentials.get(key_id).and_then(|credential| state.held(credential)))
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
        old: &KeyId,
        until: UnixTime,
        new: &Credential,
    ) -> Result<Rotated, StoreError> {
        let mut state = self.state("rotate a credential")?;
        let Some(mut old) = state.credentials.get(old).filter(|old| old.consumer == new.consumer).cloned()
        else {
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

    async fn revoke_credential(&self, key_id: &KeyId, at: UnixTime) -> Result<Revoked, StoreError> {
        let mut state = self.state("revoke a credential")?;
        let Some(mut credential) = state.credentials.get(key_id).cloned() else {
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
