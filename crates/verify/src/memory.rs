//! What the decision keeps in memory, and how far it may be believed.
//!
//! Credentials are remembered when they were read from storage once; only what exists is remembered, so a
//! stranger cannot fill it. Sessions that were ended are all remembered until their tokens have expired. Both
//! follow storage's change feed. Where the feed could not be read for [`STALE_AFTER`], nothing in here is
//! believed and the decision is [`Outage::Stale`].

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use countersign_model::{KeyDigest, SessionId, UnixTime};
use countersign_store::{Change, Cursor};
use papaya::{HashMap, HashSet};

use crate::Outage;
use crate::usable::Entry;

/// How long the change feed may go unread before nothing in memory is believed.
pub const STALE_AFTER: Duration = Duration::from_secs(5);

/// The most credentials that are remembered; further ones are read from storage each time.
const REMEMBERED_CREDENTIALS: usize = 1_000_000;

/// A digest is uniformly distributed already, and only digests of stored credentials get in here, so nobody
/// can choose colliding ones: its first bytes serve as the hash.
#[derive(Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_ne_bytes(*first);
        }
    }

    // The length prefix of an array or slice: every key has the same.
    fn write_usize(&mut self, _: usize) {}
}

pub(crate) struct Memory {
    credentials: HashMap<KeyDigest, Entry, BuildHasherDefault<DigestHasher>>,
    ended: HashSet<SessionId>,
    /// Counts the pieces of the feed that were applied; see [`Memory::remember`].
    epoch: AtomicU64,
    cursor: AtomicI64,
    read_at: AtomicI64,
}

/// The epoch in which a read from storage began.
#[derive(Clone, Copy)]
pub(crate) struct Epoch(u64);

impl Memory {
    /// An empty memory that is as good as storage was at `cursor`.
    pub(crate) fn new(cursor: Cursor, ended: impl IntoIterator<Item = SessionId>, now: UnixTime) -> Self {
        let memory = Self {
            credentials: HashMap::default(),
            ended: HashSet::new(),
            epoch: AtomicU64::new(0),
            cursor: AtomicI64::new(cursor.0),
            read_at: AtomicI64::new(now.millis()),
        };
        memory.remember_ended(ended);
        memory
    }

    /// Fails unless the feed was read recently.
    pub(crate) fn believable(&self, now: UnixTime) -> Result<(), Outage> {
        let behind = now.since(UnixTime::from_millis(self.read_at.load(Ordering::Relaxed)));
        if behind > STALE_AFTER {
            return Err(Outage::Stale { behind_secs: behind.as_secs() });
        }
        Ok(())
    }

    pub(crate) fn credential(&self, digest: &KeyDigest) -> Option<Entry> {
        self.credentials.pin().get(digest).cloned()
    }

    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::SeqCst))
    }

    /// Keeps what was read from storage, unless the feed moved since the read began: then what was read may be
    /// what the feed has just told to forget. The epoch moves before anything is forgotten, so either the
    /// forgetting finds the entry, or the second look here sees the new epoch.
    pub(crate) fn remember(&self, began: Epoch, digest: KeyDigest, entry: Entry) {
        let credentials = self.credentials.pin();
        if credentials.len() >= REMEMBERED_CREDENTIALS {
            return;
        }
        credentials.insert(digest, entry);
        if self.epoch().0 != began.0 {
            credentials.remove(&digest);
        }
    }

    pub(crate) fn is_ended(&self, session: &SessionId) -> bool {
        self.ended.pin().contains(session)
    }

    pub(crate) fn remember_ended(&self, sessions: impl IntoIterator<Item = SessionId>) {
        let ended = self.ended.pin();
        for session in sessions {
            ended.insert(session);
        }
    }

    /// All sessions that are remembered as ended.
    pub(crate) fn ended(&self) -> Vec<SessionId> {
        self.ended.pin().iter().copied().collect()
    }

    pub(crate) fn forget_ended(&self, session: &SessionId) {
        self.ended.pin().remove(session);
    }

    pub(crate) fn cursor(&self) -> Cursor {
        Cursor(self.cursor.load(Ordering::SeqCst))
    }

    /// Takes in a piece of the feed that ends at `cursor`.
    pub(crate) fn apply(&self, changes: &[Change], cursor: Cursor) {
        if !changes.is_empty() {
            self.epoch.fetch_add(1, Ordering::SeqCst);
        }
        for change in changes {
            match change {
                Change::Credential(digest) => {
                    self.credentials.pin().remove(digest);
                }
                Change::Consumer(id) => {
                    self.credentials.pin().retain(|_, entry| entry.held().consumer.id != *id);
                }
                Change::Session(session) => self.remember_ended([*session]),
                // Whoever holds the token keys reads them anew; nothing of them is in here.
                Change::TokenKeys => {}
            }
        }
        self.cursor.store(cursor.0, Ordering::SeqCst);
    }

    /// Forgets every credential: the feed no longer says what changed before `cursor`.
    pub(crate) fn forget_credentials(&self, cursor: Cursor) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.credentials.pin().clear();
        self.cursor.store(cursor.0, Ordering::SeqCst);
    }

    /// Notes that the feed was read to its end at `now`.
    pub(crate) fn read_at(&self, now: UnixTime) {
        self.read_at.store(now.millis(), Ordering::Relaxed);
    }
}
