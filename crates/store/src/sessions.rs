//! Wallet logins and their sessions.

use async_trait::async_trait;
use countersign_model::{Address, Generation, Scopes, Session, SessionEnd, SessionId, UnixTime};

use crate::StoreError;

/// What became of [`Sessions::begin_session`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The generation moved on and the session is there.
    Begun,
    /// The generation was not the expected one: another login spent the nonce, or the wallet was revoked; or the
    /// session's identity is in use. Nothing was written.
    Raced,
}

/// A refresh, as [`Sessions::advance_session`] writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// The session.
    pub id: SessionId,
    /// The counter it must have now; it gets the next one.
    pub from: u64,
    /// When: the new [`Session::refreshed_at`].
    pub at: UnixTime,
    /// The scopes of the new pair.
    pub scopes: Scopes,
    /// When the new refresh token expires.
    pub expires_at: UnixTime,
}

/// What became of [`Sessions::advance_session`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// The session stands at the next counter.
    Advanced,
    /// The counter was another, or the session has ended or is gone. Nothing was written.
    Raced,
}

/// The most records of each kind that one [`Sessions::sweep`] removes.
pub const SWEEP_LIMIT: u64 = 500;

/// What [`Sessions::sweep`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sessions that had expired.
    pub sessions: u64,
    /// Entries of the change feed.
    pub changes: u64,
    /// Claims of signatures and nonces that can no longer matter.
    pub replays: u64,
}

/// Wallet logins and their sessions.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// How often `address` has logged in or was revoked. Reads only: asking for any number of addresses stores nothing.
    async fn generation(&self, address: Address) -> Result<Generation, StoreError>;

    /// In one transaction, only if the generation of the session's address is `expected`: moves it to the
    /// next and inserts the session. Of any number of logins with one nonce, one begins.
    async fn begin_session(&self, expected: Generation, session: &Session) -> Result<Begun, StoreError>;

    /// The session with that identity.
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// Only if the session stands at `advance.from` and has not ended: moves it on.
    async fn advance_session(&self, advance: &Advance) -> Result<Advanced, StoreError>;

    /// Ends a session that has not ended; `false` where there is none (the first end stands). Records [`crate::Change::Session`].
    async fn end_session(&self, id: SessionId, end: SessionEnd) -> Result<bool, StoreError>;

    /// Sessions that were ended before their time and have not expired at `now` (they expire at their moment, not
    /// after it): their access tokens must be refused.
    async fn ended_sessions(&self, now: UnixTime) -> Result<Vec<SessionId>, StoreError>;

    /// Removes sessions that have expired at `now`, the oldest entries of the change feed but for the newest
    /// `keep_changes`, and claims ([`crate::Replays`]) whose end is past at `now` or whose credential can no longer be
    /// used. Bounded: a call removes at most [`SWEEP_LIMIT`] of each, and the next goes on.
    async fn sweep(&self, now: UnixTime, keep_changes: u64) -> Result<Swept, StoreError>;
}
