//! The keys that sign tokens: make the first, rotate, remove. Only their names are stored.

use countersign_model::{Entropy, TokenKeyId, UnixTime};
use countersign_store::{Store, StoreError, TokenKey};
use countersign_token::jwt::MAX_KEYS;

/// There is no token key, and none could be made.
#[derive(Debug, thiserror::Error)]
pub enum NoTokenKey {
    /// The name of the new one is in use, though there is none.
    #[error("no first token key was made: the source of randomness is broken")]
    Taken,
    /// Storage failed.
    #[error("no first token key was made")]
    Store(#[source] StoreError),
}

/// Why token keys were not rotated.
#[derive(Debug, thiserror::Error)]
pub enum TokenKeyNotRotated {
    /// Somebody else rotated them at the same time; their key signs.
    #[error("the token keys were rotated by somebody else at the same time")]
    Raced,
    /// There are as many as can be.
    #[error("there are {MAX_KEYS} token keys, and no more are possible: remove old ones")]
    TooMany,
    /// Storage failed.
    #[error("the token keys were not rotated")]
    Store(#[source] StoreError),
}

/// Why a token key was not removed.
#[derive(Debug, thiserror::Error)]
pub enum TokenKeyNotRemoved {
    /// There is none of that name.
    #[error("there is no token key `{id}`")]
    NoKey {
        /// The name.
        id: TokenKeyId,
    },
    /// It is the one that signs.
    #[error("the token key `{id}` is the one that signs: rotate first")]
    Signing {
        /// The name.
        id: TokenKeyId,
    },
    /// Storage failed.
    #[error("the token key was not removed")]
    Store(#[source] StoreError),
}

/// All token keys, newest first: that one signs.
pub async fn token_keys(store: &dyn Store) -> Result<Vec<TokenKey>, StoreError> {
    store.token_keys().await
}

/// All token keys, newest first, and at least one: where there is none it is made. Processes that start together
/// agree on one.
pub async fn first_token_key(
    store: &dyn Store,
    now: UnixTime,
    entropy: &dyn Entropy,
) -> Result<Vec<TokenKey>, NoTokenKey> {
    let keys = store.token_keys().await.map_err(NoTokenKey::Store)?;
    if !keys.is_empty() {
        return Ok(keys);
    }
    // Where this is not added, another process was first, and its key is there.
    store.add_token_key(&new_key(now, entropy), None).await.map_err(NoTokenKey::Store)?;
    let keys = store.token_keys().await.map_err(NoTokenKey::Store)?;
    if keys.is_empty() { Err(NoTokenKey::Taken) } else { Ok(keys) }
}

/// Makes a key that signs from now on. Tokens that older keys signed stay good until those are removed.
pub async fn rotate_token_key(
    store: &dyn Store,
    now: UnixTime,
    entropy: &dyn Entropy,
) -> Result<TokenKey, TokenKeyNotRotated> {
    let keys = store.token_keys().await.map_err(TokenKeyNotRotated::Store)?;
    if keys.len() >= MAX_KEYS {
        return Err(TokenKeyNotRotated::TooMany);
    }
    let key = new_key(now, entropy);
    let newest = keys.first().map(|key| &key.id);
    if store.add_token_key(&key, newest).await.map_err(TokenKeyNotRotated::Store)? {
        return Ok(key);
    }
    Err(TokenKeyNotRotated::Raced)
}

/// Removes a key that no longer signs, and with it the validity of every token that it signed.
pub async fn remove_token_key(store: &dyn Store, id: &TokenKeyId) -> Result<(), TokenKeyNotRemoved> {
    let keys = store.token_keys().await.map_err(TokenKeyNotRemoved::Store)?;
    if keys.first().is_some_and(|signing| signing.id == *id) {
        return Err(TokenKeyNotRemoved::Signing { id: id.clone() });
    }
    // The newest only ever gives way to a newer one, so this is still not the one that signs.
    if store.remove_token_key(id).await.map_err(TokenKeyNotRemoved::Store)? {
        return Ok(());
    }
    Err(TokenKeyNotRemoved::NoKey { id: id.clone() })
}

/// The name is random: one that was removed never comes back, and with it tokens that were good before.
fn new_key(now: UnixTime, entropy: &dyn Entropy) -> TokenKey {
    let mut random = [0; 8];
    entropy.fill(&mut random);
    let id = TokenKeyId(format!("tk_{:016x}", u64::from_be_bytes(random)).into());
    TokenKey { id, made_at: now }
}
