//! The simplest store that keeps every promise of the ports: plain maps behind one lock.

mod changes;
mod consumers;
mod credentials;
mod followers;
mod grants;
mod key_check;
mod replays;
mod sessions;
mod token_keys;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_model::{
    Address, Consumer, ConsumerId, Credential, DialectName, Generation, KeyCheck, KeyId, Scopes, Session,
    SessionId,
};

use crate::{Change, Follower, FollowerId, ReplayScope, Store, StoreError, TokenKey};

/// A store in memory. It can be cut off, to see what others do when storage fails.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    line: Line,
    consumers: BTreeMap<ConsumerId, Consumer>,
    credentials: BTreeMap<(KeyId, Option<DialectName>), Credential>,
    imported_for: BTreeSet<Option<DialectName>>,
    key_check: Option<KeyCheck>,
    sessions: BTreeMap<SessionId, Session>,
    generations: BTreeMap<Address, Generation>,
    grants: BTreeMap<Address, Scopes>,
    replays: BTreeMap<ReplayScope, replays::Claims>,
    followers: BTreeMap<FollowerId, Follower>,
    /// In the order in which they were added.
    token_keys: Vec<TokenKey>,
    feed: VecDeque<Change>,
    /// The place of the newest change; the feed holds those up to it.
    head: i64,
}

/// Whether the store answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Line {
    #[default]
    Whole,
    Cut,
}

/// Why a [`MemoryStore`] did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store was cut off")]
struct CutOff;

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on everything asked of it fails with [`StoreError::Unavailable`].
    pub fn cut(&self) {
        self.lock().line = Line::Cut;
    }

    /// It answers again, and has what it had.
    pub fn mend(&self) {
        self.lock().line = Line::Whole;
    }

    fn state(&self, act: &'static str) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.lock();
        match state.line {
            Line::Whole => Ok(state),
            Line::Cut => Err(StoreError::Unavailable { act, source: Box::new(CutOff) }),
        }
    }

    // Nothing panics between two changes of the state, so a poisoned lock still guards a whole one.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn record(&mut self, change: Change) {
        self.feed.push_back(change);
        self.head += 1;
    }
}

#[async_trait::async_trait]
impl Store for MemoryStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.state("answer").map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::conformance::Fixture;

    async fn empty() -> Fixture {
        let store = Arc::new(MemoryStore::new());
        Fixture { store: store.clone(), other: store, keep: Box::new(()) }
    }

    crate::conformance!(empty);

    #[tokio::test]
    async fn a_store_that_is_cut_off_fails_and_has_everything_when_it_is_mended() {
        let store = MemoryStore::new();
        let address = Address::from_bytes([7; 20]);
        let scopes = Scopes::parse_list("a").unwrap();
        crate::Grants::grant(&store, address, &scopes).await.unwrap();
        store.cut();
        assert!(matches!(store.ping().await, Err(StoreError::Unavailable { act: "answer", .. })));
        store.mend();
        assert_eq!(crate::Grants::granted(&store, address).await.unwrap(), scopes);
    }
}
