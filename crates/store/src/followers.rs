//! Who keeps copies in memory, and how far they have followed the feed.

use async_trait::async_trait;
use countersign_model::UnixTime;

use crate::{Cursor, StoreError};

/// The identity of a follower, drawn anew at each start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FollowerId(pub [u8; 16]);

/// A process that keeps a copy in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follower {
    /// Its identity.
    pub id: FollowerId,
    /// What operators know it by, such as its process and where it listens.
    pub title: String,
    /// How far it has taken the feed in.
    pub applied: Cursor,
    /// When it said so last.
    pub at: UnixTime,
}

/// Who keeps copies in memory. It is told for people who wait for a change to be in effect; no decision goes by it.
#[async_trait]
pub trait Followers: Send + Sync {
    /// Notes what a follower says of itself, in place of what it said before. Records no [`crate::Change`].
    async fn acknowledge(&self, follower: &Follower) -> Result<(), StoreError>;

    /// Forgets one; `false` where it is not known.
    async fn forget_follower(&self, id: FollowerId) -> Result<bool, StoreError>;

    /// All that are known, by identity. One that was killed is among them until it is forgotten.
    async fn followers(&self) -> Result<Vec<Follower>, StoreError>;
}
