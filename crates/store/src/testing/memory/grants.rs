use async_trait::async_trait;
use countersign_model::{Address, Scopes, SessionEnd, SessionId, UnixTime};

use super::MemoryStore;
use crate::{Change, Grant, Grants, StoreError};

#[async_trait]
impl Grants for MemoryStore {
    async fn grant(&self, address: Address, scopes: &Scopes) -> Result<Grant, StoreError> {
        let mut state = self.state("grant scopes")?;
        let whole = state.grants.get(&address).cloned().unwrap_or_default().union(scopes);
        if !whole.is_empty() {
            state.grants.insert(address, whole.clone());
        }
        Ok(Grant { address, scopes: whole })
    }

    async fn granted(&self, address: Address) -> Result<Scopes, StoreError> {
        Ok(self.state("read a grant")?.grants.get(&address).cloned().unwrap_or_default())
    }

    async fn grants(&self) -> Result<Vec<Grant>, StoreError> {
        let state = self.state("list grants")?;
        let grant =
            |(address, scopes): (&Address, &Scopes)| Grant { address: *address, scopes: scopes.clone() };
        Ok(state.grants.iter().map(grant).collect())
    }

    async fn revoke_grant(&self, address: Address, at: UnixTime) -> Result<Option<u64>, StoreError> {
        let mut state = self.state("revoke a grant")?;
        let granted = state.grants.remove(&address);
        let mut ended: Vec<SessionId> = Vec::new();
        for session in state.sessions.values_mut() {
            if session.address == address && session.ended.is_none() {
                session.ended = Some(SessionEnd::Revoked { at });
                ended.push(session.id);
            }
        }
        if granted.is_none() && ended.is_empty() {
            return Ok(None);
        }
        state.move_generation_on(address);
        for id in &ended {
            state.record(Change::Session(*id));
        }
        Ok(Some(ended.len() as u64))
    }
}
