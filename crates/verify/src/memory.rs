//! What the decision keeps in memory, and how far it may be believed.
//!
//! Credentials are remembered when they were read from storage once; only what exists is remembered, so a
//! stranger cannot fill it. Sessions that were ended are all remembered until their tokens have expired. Both
//! follow storage's change feed. Where the feed could not be read for [`STALE_AFTER`], nothing in here is
//! believed and the decision is [`Outage::Stale`].

use std::hash::Hasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use countersign_model::{ConsumerName, DialectName, KeyDigest, SessionId, UnixTime};
use countersign_store::{Change, Cursor};
use papaya::{HashMap, HashSet};

use crate::Outage;
use crate::imported::Imported;
use crate::kept::Consumers;
use crate::keys::Keys;
use crate::named::Named;
use crate::recent::Recent;
use crate::usable::{Entry, Signing};

/// How long the change feed may go unread before nothing in memory is believed.
pub const STALE_AFTER: Duration = Duration::from_secs(5);

/// The most API keys that are remembered; further ones are read from storage each time. One takes some 100 bytes.
const REMEMBERED_KEYS: usize = 20_000_000;

/// How many signing credentials that were used lately are remembered at least, and half of how many at most. One takes a
/// kilobyte or two, as its secret is made ready.
const RECENT_SIGNERS: usize = 100_000;

/// How many signing credentials are found by their key ids at most, without a digest of them.
const NAMED_SIGNERS: usize = 16_384;

/// A digest is uniformly distributed already, and only digests of stored credentials get in here, so nobody
/// can choose colliding ones: its first bytes serve as the hash.
#[derive(Default)]
pub(crate) struct DigestHasher(u64);

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

/// Whose signatures in which dialect: as many as routes name.
pub(crate) type SignersOf = (ConsumerName, DialectName);

pub(crate) struct Memory {
    keys: Keys,
    /// What signs, and what is of a dialect that is not configured.
    signing: Recent<Entry>,
    /// What signs, by the key ids that requests name.
    named: Named<Signing>,
    consumers: Consumers,
    /// The credentials that check what names none.
    signers: HashMap<SignersOf, Arc<[Entry]>>,
    /// Where keys of another form than ours are looked up.
    imported: ArcSwap<Imported>,
    ended: HashSet<SessionId>,
    /// Twice the number of pieces of the feed that were applied, and one more while one is; see [`Memory::remember`].
    epoch: AtomicU64,
    cursor: AtomicI64,
    read_at: AtomicI64,
}

/// The epoch in which a look-up began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

impl Epoch {
    #[cfg(test)]
    pub(crate) fn new(number: u64) -> Self {
        Self(number)
    }

    /// Whether nothing is being forgotten in it.
    fn is_settled(self) -> bool {
        self.0.is_multiple_of(2)
    }
}

impl Memory {
    /// An empty memory that is as good as storage was at `cursor`.
    pub(crate) fn new(cursor: Cursor, ended: impl IntoIterator<Item = SessionId>, now: UnixTime) -> Self {
        let memory = Self {
            keys: Keys::new(REMEMBERED_KEYS),
            signing: Recent::new(RECENT_SIGNERS),
            named: Named::new(NAMED_SIGNERS),
            consumers: Consumers::default(),
            signers: HashMap::new(),
            imported: ArcSwap::default(),
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
        let read_at = self.was_read_at();
        // A clock that was set back tells nothing about how long ago that was, until the feed is read again.
        let behind = now.millis().abs_diff(read_at.millis());
        if u128::from(behind) > STALE_AFTER.as_millis() {
            return Err(Outage::Stale { behind_secs: behind / 1000 });
        }
        Ok(())
    }

    /// Has what [`Memory::credential`] will look at read meanwhile.
    pub(crate) fn read_ahead(&self, digest: &KeyDigest) {
        self.keys.read_ahead(digest);
    }

    /// The credential with that digest, which is likely to be an API key.
    pub(crate) fn credential(&self, digest: &KeyDigest) -> Option<Entry> {
        self.key(digest).or_else(|| self.signing(digest))
    }

    /// The same, where it is likely to sign.
    pub(crate) fn signer(&self, digest: &KeyDigest) -> Option<Entry> {
        self.signing(digest).or_else(|| self.key(digest))
    }

    fn key(&self, digest: &KeyDigest) -> Option<Entry> {
        self.keys.get(digest).map(Entry::Key)
    }

    fn signing(&self, digest: &KeyDigest) -> Option<Entry> {
        let began = self.epoch();
        self.signing.get(digest, || self.is_still(began))
    }

    /// Whether what a look-up found in memory that began then may be kept. What was found while something was being forgotten may
    /// be just that, and its place may have been cleared already.
    fn is_still(&self, began: Epoch) -> bool {
        began.is_settled() && self.epoch() == began
    }

    /// The signing credential that [`Memory::name`] gave this key id in the present epoch.
    pub(crate) fn named(&self, wire: &str) -> Option<Arc<Signing>> {
        self.named.get(wire, self.epoch())
    }

    /// Gives a signing credential the key id by which it was found, in a look-up that began then. The key id must be of our own form: another
    /// may name another credential in another dialect.
    pub(crate) fn name(&self, began: Epoch, wire: &str, signing: &Arc<Signing>) {
        if self.is_still(began) {
            self.named.put(wire, began, signing);
        }
    }

    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::SeqCst))
    }

    /// Keeps what was read from storage, unless the feed moved since the read began: then what was read may be
    /// what the feed has just told to forget. The epoch moves before anything is forgotten, so either the
    /// forgetting finds the entry, or the second look here sees the new epoch.
    pub(crate) fn remember(&self, began: Epoch, entry: Entry) {
        let still = || self.epoch() == began;
        match entry {
            Entry::Key(kept) => self.keys.insert(&kept, still),
            Entry::Signing(_) | Entry::Idle(_) => self.signing.insert(entry, still),
        }
    }

    /// Consumers as they are kept.
    pub(crate) fn consumers(&self) -> &Consumers {
        &self.consumers
    }

    pub(crate) fn signers(&self, of: &SignersOf) -> Option<Arc<[Entry]>> {
        self.signers.pin().get(of).cloned()
    }

    /// Keeps signers as [`Memory::remember`] keeps a credential.
    pub(crate) fn remember_signers(&self, began: Epoch, of: &SignersOf, entries: Arc<[Entry]>) {
        let signers = self.signers.pin();
        signers.insert(of.clone(), entries);
        if self.epoch().0 != began.0 {
            signers.remove(of);
        }
    }

    /// Where keys of another form than ours are looked up.
    pub(crate) fn imported(&self) -> Guard<Arc<Imported>> {
        self.imported.load()
    }

    pub(crate) fn set_imported(&self, imported: Imported) {
        self.imported.store(Arc::new(imported));
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
            self.forgetting(|| changes.iter().for_each(|change| self.take_in(change)));
        }
        self.cursor.store(cursor.0, Ordering::SeqCst);
    }

    /// Forgets in an epoch of its own. What is looked up in it may be found or not, and is kept nowhere.
    fn forgetting(&self, forget: impl FnOnce()) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        forget();
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    fn take_in(&self, change: &Change) {
        match change {
            Change::Credential(digest) => {
                self.keys.remove(digest);
                self.signing.remove(digest);
                // Whose it is is not said, and a new one is in no list yet.
                self.signers.pin().clear();
            }
            Change::Consumer(id) => {
                self.signers.pin().clear();
                self.consumers.forget(id);
                self.keys.retain(|holder| holder.consumer().id != *id);
                self.signing.retain(|entry| entry.kept().consumer().id != *id);
            }
            Change::Session(session) => self.remember_ended([*session]),
            // Whoever holds the token keys reads them anew; nothing of them is in here.
            Change::TokenKeys => {}
        }
    }

    /// Forgets every credential: the feed no longer says what changed before `cursor`.
    pub(crate) fn forget_credentials(&self, cursor: Cursor) {
        self.forgetting(|| {
            self.consumers.forget_all();
            self.keys.clear();
            self.signing.retain(|_| false);
            self.signers.pin().clear();
        });
        self.cursor.store(cursor.0, Ordering::SeqCst);
    }

    /// When the feed was read to its end last.
    pub(crate) fn was_read_at(&self) -> UnixTime {
        UnixTime::from_millis(self.read_at.load(Ordering::Relaxed))
    }

    /// Notes that the feed was read to its end at `now`.
    pub(crate) fn read_at(&self, now: UnixTime) {
        self.read_at.store(now.millis(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use countersign_limit::Limiter;
    use countersign_model::{
        Consumer, ConsumerId, ConsumerName, ConsumerState, Credential, CredentialKind, KeyId, Life, Origin,
        Rates, Scopes,
    };
    use countersign_store::Held;
    use uuid::Uuid;

    use super::*;
    use crate::kept::Kept;

    const NOON: UnixTime = UnixTime::from_secs(43_200);

    fn entry(number: u8, consumer: u8) -> (KeyDigest, Entry) {
        let digest = KeyDigest([number; 32]);
        let consumer = Consumer {
            id: ConsumerId(Uuid::from_bytes([consumer; 16])),
            name: ConsumerName::parse("acme").unwrap(),
            state: ConsumerState::Enabled,
            limits: Rates::default(),
            added_at: NOON,
        };
        let credential = Credential {
            key_id: KeyId::parse(&format!("key_{number}")).unwrap(),
            consumer: consumer.id,
            kind: CredentialKind::ApiKey,
            digest,
            origin: Origin::Issued,
            scopes: Scopes::default(),
            limits: Rates::default(),
            label: None,
            issued_at: NOON,
            life: Life::Active { expires_at: None },
        };
        (digest, Entry::Key(Kept::of(Held { credential, consumer }, &Consumers::default(), &Limiter::new(0))))
    }

    fn memory() -> Memory {
        Memory::new(Cursor(0), [], NOON)
    }

    #[test]
    fn what_the_feed_names_is_forgotten_and_nothing_else() {
        let memory = memory();
        for (number, consumer) in [(1, 1), (2, 1), (3, 2)] {
            let (_, entry) = entry(number, consumer);
            memory.remember(memory.epoch(), entry);
        }
        memory.apply(&[Change::Credential(KeyDigest([1; 32]))], Cursor(1));
        let there = |number: u8| memory.credential(&KeyDigest([number; 32])).is_some();
        assert_eq!([there(1), there(2), there(3)], [false, true, true]);
        memory.apply(&[Change::Consumer(ConsumerId(Uuid::from_bytes([1; 16])))], Cursor(2));
        assert_eq!([there(1), there(2), there(3)], [false, false, true]);
        memory.forget_credentials(Cursor(9));
        assert_eq!(([there(1), there(2), there(3)], memory.cursor()), ([false; 3], Cursor(9)));
    }

    #[test]
    fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let memory = memory();
        let (digest, stale) = entry(1, 1);
        let began = memory.epoch();
        memory.apply(&[Change::Credential(digest)], Cursor(1));
        memory.remember(began, stale.clone());
        assert!(memory.credential(&digest).is_none());
        memory.remember(memory.epoch(), stale);
        assert!(memory.credential(&digest).is_some());
    }

    #[test]
    fn nothing_older_than_a_change_is_seen_after_it_whoever_remembers_at_the_same_time() {
        let memory = memory();
        let (digest, _) = entry(0, 1);
        let (stored, done) = (AtomicU64::new(0), AtomicBool::new(false));
        let version = |number: u64| match entry(0, 1) {
            (_, Entry::Key(kept)) => {
                let key_id = KeyId::parse(&format!("key_{number}")).unwrap();
                Entry::Key(Kept { key_id, ..kept })
            }
            (_, other) => other,
        };
        std::thread::scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| {
                    while !done.load(Ordering::SeqCst) {
                        let began = memory.epoch();
                        memory.remember(began, version(stored.load(Ordering::SeqCst)));
                    }
                });
            }
            let (mut seen, mut number, mut too_old) = (0, 0, None);
            while (number < 200 || seen < 200) && too_old.is_none() {
                number += 1;
                stored.store(number, Ordering::SeqCst);
                memory.apply(&[Change::Credential(digest)], Cursor(0));
                for entry in (0..200).filter_map(|_| memory.credential(&digest)) {
                    let found: u64 = entry.kept().key_id().as_str()[4..].parse().unwrap();
                    too_old = too_old.or((found < number).then_some((found, number)));
                    seen += 1;
                }
            }
            done.store(true, Ordering::SeqCst);
            assert_eq!(too_old, None);
        });
    }

    #[test]
    fn what_was_found_while_it_was_being_forgotten_does_not_come_back() {
        let memory = memory();
        let (digest, entry) = entry(1, 1);
        memory.forgetting(|| {
            // Found in the old generation before it was let go of there, and made young again after.
            let began = memory.epoch();
            memory.signing.insert(entry, || memory.is_still(began));
        });
        assert!(memory.signing(&digest).is_none());
    }

    #[test]
    fn a_feed_without_news_keeps_what_is_being_read() {
        let memory = memory();
        let (digest, entry) = entry(1, 1);
        let began = memory.epoch();
        memory.apply(&[], Cursor(0));
        memory.remember(began, entry);
        assert!(memory.credential(&digest).is_some());
    }

    #[test]
    fn signers_are_forgotten_when_any_credential_or_consumer_changes() {
        let of: SignersOf = (ConsumerName::parse("acme").unwrap(), DialectName::parse("github").unwrap());
        let changes =
            [Change::Credential(KeyDigest([9; 32])), Change::Consumer(ConsumerId(Uuid::from_bytes([1; 16])))];
        for change in changes {
            let memory = memory();
            let before = memory.epoch();
            memory.remember_signers(before, &of, [].into());
            assert!(memory.signers(&of).is_some());
            memory.apply(&[change], Cursor(1));
            assert!(memory.signers(&of).is_none());
            memory.remember_signers(before, &of, [].into());
            assert!(memory.signers(&of).is_none());
        }
    }

    #[test]
    fn memory_is_believed_for_five_seconds_after_the_feed_was_read() {
        let memory = memory();
        assert!(memory.believable(NOON.plus(STALE_AFTER)).is_ok());
        let late = NOON.plus(STALE_AFTER + Duration::from_millis(1));
        assert!(matches!(memory.believable(late), Err(Outage::Stale { behind_secs: 5 })));
        memory.read_at(late);
        assert!(memory.believable(late).is_ok());
    }

    #[test]
    fn memory_is_not_believed_after_the_clock_was_set_back_until_the_feed_was_read_again() {
        let memory = memory();
        let earlier = NOON.minus(Duration::from_hours(1));
        assert!(memory.believable(earlier).is_err());
        memory.read_at(earlier);
        assert!(memory.believable(earlier).is_ok());
    }

    #[test]
    fn ended_sessions_stay_until_they_are_let_go() {
        let memory = memory();
        let session = SessionId(Uuid::from_bytes([7; 16]));
        assert!(!memory.is_ended(&session));
        memory.apply(&[Change::Session(session)], Cursor(1));
        memory.forget_credentials(Cursor(2));
        assert!(memory.is_ended(&session));
        assert_eq!(memory.ended(), [session]);
        memory.forget_ended(&session);
        assert!(!memory.is_ended(&session));
    }
}
