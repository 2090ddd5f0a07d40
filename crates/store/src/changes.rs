//! What changed, for whoever keeps a copy in memory.

use async_trait::async_trait;
use countersign_model::{ConsumerId, KeyDigest, SessionId};

use crate::StoreError;

/// A place in the feed. It grows with every change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub i64);

/// Something that others may hold in memory is no longer as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A credential was issued, rotated or revoked.
    Credential(KeyDigest),
    /// A consumer was enabled, disabled or removed: all its credentials are affected.
    Consumer(ConsumerId),
    /// A session was ended before its time.
    Session(SessionId),
    /// Token keys were added or removed.
    TokenKeys,
}

/// A piece of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// What changed since the cursor, in order, and the cursor to go on from.
    Changes(Vec<Change>, Cursor),
    /// The feed no longer reaches back to the cursor: forget everything, and go on from this one.
    Reset(Cursor),
}

/// What changed.
#[async_trait]
pub trait Changes: Send + Sync {
    /// The end of the feed.
    async fn head(&self) -> Result<Cursor, StoreError>;

    /// What changed after `cursor`. Cheap when nothing did: followers ask several times a second.
    async fn changes_since(&self, cursor: Cursor) -> Result<Batch, StoreError>;
}
