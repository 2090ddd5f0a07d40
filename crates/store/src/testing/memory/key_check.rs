use async_trait::async_trait;
use countersign_model::{CredentialKind, KeyCheck};

use super::MemoryStore;
use crate::{Held, KeyChecks, StoreError};

#[async_trait]
impl KeyChecks for MemoryStore {
    async fn key_check(&self) -> Result<Option<KeyCheck>, StoreError> {
        Ok(self.state("read the check of the master key")?.key_check)
    }

    async fn keep_key_check(&self, check: KeyCheck) -> Result<KeyCheck, StoreError> {
        Ok(*self.state("keep the check of the master key")?.key_check.get_or_insert(check))
    }

    async fn any_sealed(&self) -> Result<Option<Held>, StoreError> {
        let state = self.state("read a credential")?;
        let sealed = |held: &Held| matches!(held.credential.kind, CredentialKind::Signature { .. });
        Ok(state.credentials.values().filter_map(|credential| state.held(credential)).find(sealed))
    }
}
