//! By which a wrong master key is noticed.

use async_trait::async_trait;
use countersign_model::KeyCheck;

use crate::{Held, StoreError};

/// By which a wrong master key is noticed.
#[async_trait]
pub trait KeyChecks: Send + Sync {
    /// What the master key of this storage is told by, where that was kept.
    async fn key_check(&self) -> Result<Option<KeyCheck>, StoreError>;

    /// Keeps `check`, unless one is kept already. Gives the one that is kept now.
    async fn keep_key_check(&self, check: KeyCheck) -> Result<KeyCheck, StoreError>;

    /// Some credential with a sealed secret, where there is one: it tells the master key of storage that was made before a check was
    /// kept.
    async fn any_sealed(&self) -> Result<Option<Held>, StoreError>;
}
