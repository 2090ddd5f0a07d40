//! What a wallet login is made from.

use std::sync::Arc;
use std::time::Duration;

use countersign_model::Network;
use countersign_store::Store;
use countersign_token::MasterKey;

use crate::nonce::NonceKey;
use crate::pair::TokenIds;

/// The most networks. A login is tried against the nonces of each, so that the number bounds its cost.
pub const MAX_NETWORKS: usize = 8;

/// How the login behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The names of networks that clients may use; the first is meant where they name none.
    pub networks: Vec<Network>,
    /// How long an access token is good.
    pub access_lifetime: Duration,
    /// How long a refresh token is good.
    pub refresh_lifetime: Duration,
}

/// Why settings make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// There must be a default.
    #[error("there is no network; name at least one, such as `eth`")]
    NoNetwork,
    /// See [`MAX_NETWORKS`].
    #[error("{found} networks; at most {max} can be served", max = MAX_NETWORKS)]
    TooManyNetworks {
        /// How many there are.
        found: usize,
    },
}

/// The wallet login. One serves all threads; what it keeps is in storage.
pub struct Wallets {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) settings: Settings,
    pub(crate) nonce_key: NonceKey,
    pub(crate) token_ids: TokenIds,
}

impl Wallets {
    /// A login over `store`, whose nonces and token ids are derived from `master`.
    pub fn new(store: Arc<dyn Store>, master: &MasterKey, settings: Settings) -> Result<Self, SettingsError> {
        match settings.networks.len() {
            0 => Err(SettingsError::NoNetwork),
            found if found > MAX_NETWORKS => Err(SettingsError::TooManyNetworks { found }),
            _ => Ok(Self {
                store,
                settings,
                nonce_key: NonceKey::derive(master),
                token_ids: TokenIds::derive(master),
            }),
        }
    }
}
