//! What changed, for whoever keeps a copy in memory.

use async_trait::async_trait;
use countersign_model::{ConsumerId, KeyDigest, SessionId};

use crate::StoreError;

/// The most changes that one [`Batch`] holds. A follower that gets as many asks again at once.
pub const BATCH_LIMIT: usize = 1024;

/// A place in the feed. It grows with every change. The default one stands before the first change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub i64);

/// Something that others may hold in memory is no longer as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A credential was issued, rotated or revoked, or has other limits.
    Credential(KeyDigest),
    /// A consumer was enabled, disabled or removed, or has other limits: all its credentials are affected.
    Consumer(ConsumerId),
    /// A session was ended before its time.
    Session(SessionId),
    /// Token keys were added or removed.
    TokenKeys,
}

/// A piece of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// What changed since the cursor, in order, at most [`BATCH_LIMIT`], and the cursor to go on from.
    Changes(Vec<Change>, Cursor),
    /// The feed no longer reaches back to the cursor, or never reached it (the storage is another one now):
    /// forget everything, and go on from this one.
    Reset(Cursor),
}

/// What changed.
#[async_trait]
pub trait Changes: Send + Sync {
    /// The end of the feed.
    async fn head(&self) -> Result<Cursor, StoreError>;

    /// What changed after `cursor`. Cheap when nothing did: followers ask several times a second. What is
    /// committed after a batch was given has a later place than that batch's cursor, whatever the number of
    /// writers: who goes on from cursor to cursor misses nothing.
    async fn changes_since(&self, cursor: Cursor) -> Result<Batch, StoreError>;
}
