//! What wallets may do.

use async_trait::async_trait;
use countersign_model::{Address, Scopes, UnixTime};

use crate::StoreError;

/// The scopes granted to one wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The wallet.
    pub address: Address,
    /// Its scopes.
    pub scopes: Scopes,
}

/// What wallets may do. A wallet without a grant can log in and has no scopes.
#[async_trait]
pub trait Grants: Send + Sync {
    /// Adds `scopes` to what `address` has, and gives the whole. No scopes added to none leave no grant.
    async fn grant(&self, address: Address, scopes: &Scopes) -> Result<Grant, StoreError>;

    /// What `address` has; the empty set where nothing was granted. A login reads it after the generation, a refresh
    /// after the session: then [`Grants::revoke_grant`] is either seen here or makes the write that follows `Raced`.
    async fn granted(&self, address: Address) -> Result<Scopes, StoreError>;

    /// All grants, by address.
    async fn grants(&self) -> Result<Vec<Grant>, StoreError>;

    /// In one transaction: takes everything from `address`, ends its sessions that have not ended at `at` (as
    /// [`countersign_model::SessionEnd::Revoked`]), each recorded as [`crate::Change::Session`], and moves the
    /// generation on, so that no login that is under way begins with the scopes it had. Gives how many sessions
    /// were ended, or nothing (and writes nothing) where there was neither a grant nor such a session.
    async fn revoke_grant(&self, address: Address, at: UnixTime) -> Result<Option<u64>, StoreError>;
}
