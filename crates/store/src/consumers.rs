//! Consumers.

use async_trait::async_trait;
use countersign_model::{Consumer, ConsumerId, ConsumerName, ConsumerState, Rates};

use crate::StoreError;

/// What became of [`Consumers::add_consumer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is there now.
    Added,
    /// Another consumer has that name or that identity; nothing was written.
    NameTaken,
}

/// Consumers.
#[async_trait]
pub trait Consumers: Send + Sync {
    /// Adds one. Names are unique, byte for byte.
    async fn add_consumer(&self, consumer: &Consumer) -> Result<Added, StoreError>;

    /// The one with that name.
    async fn consumer_by_name(&self, name: &ConsumerName) -> Result<Option<Consumer>, StoreError>;

    /// The one with that identity.
    async fn consumer(&self, id: ConsumerId) -> Result<Option<Consumer>, StoreError>;

    /// All of them, by name (in the order of its bytes).
    async fn consumers(&self) -> Result<Vec<Consumer>, StoreError>;

    /// Enables or disables one, whatever it was before; `false` where there is none. Records [`crate::Change::Consumer`].
    async fn set_consumer_state(&self, id: ConsumerId, state: ConsumerState) -> Result<bool, StoreError>;

    /// Has one keep these limits in place of those before; `false` where there is none. Records [`crate::Change::Consumer`].
    async fn set_consumer_limits(&self, id: ConsumerId, limits: &Rates) -> Result<bool, StoreError>;

    /// Removes one and every credential it has, in one transaction; `false` where there is none. Records
    /// [`crate::Change::Consumer`], which stands for its credentials too.
    async fn remove_consumer(&self, id: ConsumerId) -> Result<bool, StoreError>;
}
