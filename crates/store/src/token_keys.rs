//! The keys that sign our tokens.

use async_trait::async_trait;
use countersign_model::{TokenKeyId, UnixTime};

use crate::StoreError;

/// A token key: only its name is stored. The key itself is derived from the master key and this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKey {
    /// Its name, the `kid` of the tokens it signs.
    pub id: TokenKeyId,
    /// When it was made.
    pub made_at: UnixTime,
}

/// The keys that sign our tokens. The newest signs; older ones verify until they are removed. Newest is the one that
/// was added last: clocks have no say, so that of two processes each sees the same one.
#[async_trait]
pub trait TokenKeys: Send + Sync {
    /// All of them, newest first.
    async fn token_keys(&self) -> Result<Vec<TokenKey>, StoreError>;

    /// Adds one, but only if the newest is still `newest` (`None`: only if there is none yet): two processes
    /// that start together agree on one. `false`, and nothing written, where that was not so or the name is in use.
    /// Records [`crate::Change::TokenKeys`].
    async fn add_token_key(&self, key: &TokenKey, newest: Option<&TokenKeyId>) -> Result<bool, StoreError>;

    /// Removes one, and with it the validity of every token it signed; `false` where there is none. Records
    /// [`crate::Change::TokenKeys`].
    async fn remove_token_key(&self, id: &TokenKeyId) -> Result<bool, StoreError>;
}
