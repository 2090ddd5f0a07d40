use async_trait::async_trait;
use countersign_model::TokenKeyId;

use super::MemoryStore;
use crate::{Change, StoreError, TokenKey, TokenKeys};

#[async_trait]
impl TokenKeys for MemoryStore {
    async fn token_keys(&self) -> Result<Vec<TokenKey>, StoreError> {
        Ok(self.state("list token keys")?.token_keys.iter().rev().cloned().collect())
    }

    async fn add_token_key(&self, key: &TokenKey, newest: Option<&TokenKeyId>) -> Result<bool, StoreError> {
        let mut state = self.state("add a token key")?;
        let is_taken = state.token_keys.iter().any(|held| held.id == key.id);
        if is_taken || state.token_keys.last().map(|held| &held.id) != newest {
            return Ok(false);
        }
        state.token_keys.push(key.clone());
        state.record(Change::TokenKeys);
        Ok(true)
    }

    async fn remove_token_key(&self, id: &TokenKeyId) -> Result<bool, StoreError> {
        let mut state = self.state("remove a token key")?;
        let Some(place) = state.token_keys.iter().position(|held| held.id == *id) else { return Ok(false) };
        state.token_keys.remove(place);
        state.record(Change::TokenKeys);
        Ok(true)
    }
}
