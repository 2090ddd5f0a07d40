//! What the rooms above need from storage: one port a noun.
//!
//! An adapter implements [`Store`] and passes the conformance suite. Every write that returns `Ok` is
//! durable: it survives the process being killed at once. Every write that others keep in memory is
//! followed by a [`Change`] in the feed, in the same transaction. What returned `Ok` is seen by every read
//! that begins afterwards, in this process or another. A future that is dropped before it answers may or may not
//! have written; one that answers [`StoreError::Unavailable`] too.

mod changes;
mod consumers;
mod credentials;
mod error;
mod followers;
mod grants;
mod key_check;
mod replays;
mod sessions;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod token_keys;

pub use changes::{BATCH_LIMIT, Batch, Change, Changes, Cursor};
pub use consumers::{Added, Consumers};
pub use credentials::{Credentials, Held, Inserted, InsertedAll, Revoked, Rotated, SIGNERS_LIMIT};
pub use error::StoreError;
pub use followers::{Follower, FollowerId, Followers};
pub use grants::{Grant, Grants};
pub use key_check::KeyChecks;
pub use replays::{Increase, Keep, Once, ReplayScope, ReplayToken, Replays};
pub use sessions::{Advance, Advanced, Begun, SWEEP_LIMIT, Sessions, Swept};
pub use token_keys::{TokenKey, TokenKeys};

/// Everything an adapter provides.
#[async_trait::async_trait]
pub trait Store:
    Consumers + Credentials + Sessions + Grants + TokenKeys + Changes + Replays + KeyChecks + Followers
{
    /// Whether storage answers: reads something and finds it. For readiness, not for decisions.
    async fn ping(&self) -> Result<(), StoreError>;
}
