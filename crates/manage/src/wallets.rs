//! What wallets may do: grant, list, revoke.

use countersign_model::{Address, Scopes, UnixTime};
use countersign_store::{Grant, Store, StoreError};
use countersign_token::jwt::MAX_SCOPES_LEN;

/// Why nothing was granted.
#[derive(Debug, thiserror::Error)]
pub enum NotGranted {
    /// No scope was named.
    #[error("no scope is named, so there is nothing to grant")]
    NoScopes,
    /// So many scopes that they fit into no token.
    #[error(
        "the wallet would have scopes of {found} characters as a list; at most {MAX_SCOPES_LEN} fit into a token"
    )]
    TooManyScopes {
        /// How many characters they would have.
        found: usize,
    },
    /// Storage failed.
    #[error("the scopes were not granted")]
    Store(#[source] StoreError),
}

/// Why nothing was revoked.
#[derive(Debug, thiserror::Error)]
pub enum WalletNotFound {
    /// The wallet has neither a grant nor a session.
    #[error("the wallet {address} has neither scopes nor a session")]
    NoWallet {
        /// The wallet.
        address: Address,
    },
    /// Storage failed.
    #[error("the wallet was not revoked")]
    Store(#[source] StoreError),
}

/// Adds scopes to what a wallet may do, and gives the whole. Its tokens carry them from its next login or refresh on.
pub async fn grant(store: &dyn Store, address: Address, scopes: &Scopes) -> Result<Grant, NotGranted> {
    if scopes.is_empty() {
        return Err(NotGranted::NoScopes);
    }
    let held = store.granted(address).await.map_err(NotGranted::Store)?;
    let found = held.union(scopes).to_list().len();
    if found > MAX_SCOPES_LEN {
        return Err(NotGranted::TooManyScopes { found });
    }
    store.grant(address, scopes).await.map_err(NotGranted::Store)
}

/// All grants, by address.
pub async fn grants(store: &dyn Store) -> Result<Vec<Grant>, StoreError> {
    store.grants().await
}

/// Takes every scope from a wallet and ends its sessions; gives how many. Its owner can log in again, without scopes.
pub async fn revoke_wallet(
    store: &dyn Store,
    address: Address,
    now: UnixTime,
) -> Result<u64, WalletNotFound> {
    let ended = store.revoke_grant(address, now).await.map_err(WalletNotFound::Store)?;
    ended.ok_or(WalletNotFound::NoWallet { address })
}
