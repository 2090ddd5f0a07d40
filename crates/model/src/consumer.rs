//! Whoever the API's owner gives credentials to.

use uuid::Uuid;

use crate::{ConsumerName, Rates, UnixTime};

/// The stable identity of a consumer; its name may change, this may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsumerId(pub Uuid);

/// A consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Its identity.
    pub id: ConsumerId,
    /// What people call it; unique.
    pub name: ConsumerName,
    /// Whether its credentials work at all.
    pub state: ConsumerState,
    /// How many requests may pass with all its credentials together, on all routes and beside what those say.
    pub limits: Rates,
    /// When it was added.
    pub added_at: UnixTime,
}

/// Whether a consumer's credentials work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsumerState {
    /// They do, each as its own life allows.
    Enabled,
    /// None does, until the consumer is enabled again.
    Disabled {
        /// Since when.
        at: UnixTime,
    },
}
