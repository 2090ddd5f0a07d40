//! Signatures and nonces that were used.

use std::fmt;

use async_trait::async_trait;
use countersign_model::{DialectName, KeyId, UnixTime};

use crate::StoreError;

/// Whose signatures and nonces: one credential's, in its dialect. Scopes do not touch each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplayScope {
    /// The credential.
    pub key_id: KeyId,
    /// Its dialect.
    pub dialect: DialectName,
}

/// What serves once, as a digest (SHA-256) of it: storage never holds the text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplayToken(pub [u8; 32]);

impl fmt::Debug for ReplayToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplayToken(..)")
    }
}

/// How long a claim must be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Up to this moment, which is the last at which the same thing may be presented: its time refuses it afterwards.
    Until(UnixTime),
    /// As long as its credential can be used: nothing else would refuse it. It goes when the credential expires, or
    /// is revoked or removed.
    WithCredential,
}

/// What became of [`Replays::claim_once`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Once {
    /// Nobody had claimed it. It is claimed now.
    First,
    /// It was claimed before. Nothing was written.
    Seen,
    /// Its end is past, or so far back that whether it was claimed is no longer known. Nothing was written.
    Expired,
    /// The credential is gone, revoked or of another dialect. Nothing was written.
    NoCredential,
}

/// What became of [`Replays::claim_increasing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Increase {
    /// It is greater than all before it, and the greatest now.
    Increased,
    /// One as great or greater was claimed before. Nothing was written.
    NotGreater,
    /// The credential is gone, revoked or of another dialect. Nothing was written.
    NoCredential,
}

/// Signatures and nonces that were used. To be asked only about what was proven to come from the credential's holder:
/// then nobody else can fill the storage, or use up what they overheard.
///
/// A claim is exact, whatever happens around it:
///
/// - Of any number of claims of one thing at once, in any number of processes, one is [`Once::First`].
/// - A restart forgets nothing: what was acknowledged is there.
/// - A clock that steps back, or is behind that of another process, brings nothing back. What was swept after its end
///   is [`Once::Expired`] from then on, whatever the clock says: storage remembers for each scope how far its sweeps
///   went. What had not ended yet is not affected. A clock that was far ahead during a sweep and steps back makes
///   storage refuse what ends no later than what was swept then, which is for no longer than a window.
#[async_trait]
pub trait Replays: Send + Sync {
    /// Claims `token`, which is remembered for as long as `keep` says. What was claimed may be claimed again when its
    /// end is past, whether or not it was swept: a nonce may come again when its window has closed. `now` decides
    /// that and nothing else.
    async fn claim_once(
        &self,
        scope: &ReplayScope,
        token: &ReplayToken,
        keep: Keep,
        now: UnixTime,
    ) -> Result<Once, StoreError>;

    /// Claims `value` if it is greater than every value that was claimed in `scope`; the first may be any, zero too.
    /// The greatest is remembered as long as the credential can be used.
    async fn claim_increasing(&self, scope: &ReplayScope, value: u128) -> Result<Increase, StoreError>;
}
