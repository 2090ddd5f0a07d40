//! Who is acting, once known.

use crate::{Address, ConsumerId, ConsumerName, KeyId};

/// Who is acting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A consumer, by one of its credentials.
    Consumer {
        /// Its identity.
        id: ConsumerId,
        /// What people call it.
        name: ConsumerName,
        /// The credential that proved it.
        key_id: KeyId,
    },
    /// The owner of a wallet.
    Wallet {
        /// The wallet's address.
        address: Address,
    },
}
