//! API keys that were used, up to millions of them.
//!
//! What a decision needs of a key lies in one line of the processor's cache, and where it lies follows from its digest: a look-up
//! among millions waits for memory once, and asks for it ([`Keys::read_ahead`]) before everything else that can be done is done.
//! Readers wait for nobody. A slot is filled once; what is forgotten is marked and stays until its table has grown full, when what
//! is left moves into a new one.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use countersign_model::{KeyDigest, KeyId, UnixTime};
use kevy_madvise::advise_hugepage;
use prefetch_index::prefetch_index;

use crate::kept::{Holder, Kept, KeptLife};

/// How many tables there are. Each grows by itself, so that nobody waits while millions are moved; with more of them, they would be too small
/// for large pages.
const TABLES: usize = 64;

/// The large pages of Linux on most processors, in bytes. Among millions of keys no page of the common size is met twice, and to find one
/// takes as long as to read it.
const LARGE_PAGE: usize = 2 * 1024 * 1024;

/// A page of the common size, in bytes. So much is left to the allocator, which writes down beside a piece of memory how long it is: a piece
/// that takes up whole large pages with it is put where one begins.
const PAGE: usize = 4096;

/// How many slots the smallest table has that has any.
const FEWEST_SLOTS: usize = 16;

/// The keys, and the most that may be remembered.
pub(crate) struct Keys {
    tables: Box<[Growing]>,
    most: usize,
    /// How many are remembered.
    count: AtomicUsize,
}

/// A table and whoever may write to it.
#[derive(Default)]
struct Growing {
    table: ArcSwap<Table>,
    /// Where its slots are. They are not read by way of this.
    begins: AtomicUsize,
    slots: AtomicUsize,
    /// How many slots of the table were filled.
    filled: Mutex<usize>,
}

#[derive(Default)]
struct Table(Box<[Slot]>);

/// One line of the processor's cache.
#[derive(Default)]
#[repr(align(64))]
struct Slot {
    key: OnceLock<Key>,
    /// In milliseconds since 1970, or one of the constants here.
    ends: AtomicI64,
}

/// What is known of a key, but for its end.
#[derive(Clone)]
struct Key {
    mark: Mark,
    id: KeyId,
    holder: Arc<Holder>,
}

/// Half of a digest: nobody finds another key with the same 128 bits.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark([u8; 16]);

/// Whether a slot was filled.
enum Filled {
    Yes,
    No,
}

/// Of a key that does not end.
const NEVER: i64 = i64::MAX;
/// Of a key that was ended.
const REVOKED: i64 = i64::MIN + 1;
/// Of a slot whose key was forgotten.
const FORGOTTEN: i64 = i64::MIN;

impl Keys {
    /// None yet, and room for `most`.
    pub(crate) fn new(most: usize) -> Self {
        let tables = (0..TABLES).map(|_| Growing::default()).collect();
        Self { tables, most, count: AtomicUsize::new(0) }
    }

    /// Has the processor read what it takes to know the key with that digest, while something else is done.
    pub(crate) fn read_ahead(&self, digest: &KeyDigest) {
        // Nothing comes of reading ahead but time: an address of a table that was just replaced does no harm.
        let nothing: &[u8] = &[];
        for line in self.lines(digest).into_iter().flatten() {
            prefetch_index(nothing, line.wrapping_sub(nothing.as_ptr().addr()));
        }
    }

    /// The addresses of the two lines in which a key with that digest lies most likely.
    fn lines(&self, digest: &KeyDigest) -> Option<[usize; 2]> {
        let (growing, mark) = self.place(digest)?;
        let at = mark.share(growing.slots.load(Ordering::Relaxed));
        let begins = growing.begins.load(Ordering::Relaxed);
        Some([at, at + 1].map(|slot| begins.wrapping_add(slot * size_of::<Slot>())))
    }

    /// The key with that digest.
    pub(crate) fn get(&self, digest: &KeyDigest) -> Option<Kept> {
        let (growing, mark) = self.place(digest)?;
        let table = growing.table.load();
        let (key, life) = table.find(mark)?.key()?;
        Some(Kept { digest: *digest, key_id: key.id.clone(), holder: Arc::clone(&key.holder), life })
    }

    /// Keeps a key in place of an older one with its digest, if `still` says so once nobody else can write here: what is forgotten
    /// meanwhile is forgotten after it. Where there is no room, or another thread is writing just here, it is not kept: it is read from
    /// storage again.
    pub(crate) fn insert(&self, kept: &Kept, still: impl FnOnce() -> bool) {
        let Some((growing, mark)) = self.place(kept.digest()) else { return };
        let Ok(mut filled) = growing.filled.try_lock() else { return };
        if self.count.load(Ordering::Relaxed) >= self.most || !still() {
            return;
        }
        let mut table = growing.table.load_full();
        self.forget(&table, mark);
        if !table.has_room(*filled + 1) {
            let (grown, living) = table.grown();
            table = Arc::new(grown);
            *filled = living;
            growing.replace(Arc::clone(&table));
        }
        let key = Key { mark, id: kept.key_id.clone(), holder: Arc::clone(&kept.holder) };
        match table.fill(key, ends(kept.life)) {
            Filled::Yes => {
                *filled += 1;
                self.count.fetch_add(1, Ordering::Relaxed);
            }
            Filled::No => {}
        }
    }

    /// Lets go of the key with that digest.
    pub(crate) fn remove(&self, digest: &KeyDigest) {
        let Some((growing, mark)) = self.place(digest) else { return };
        let _writing = growing.write();
        self.forget(&growing.table.load(), mark);
    }

    /// Lets go of all whose holder `keep` does not want.
    pub(crate) fn retain(&self, keep: impl Fn(&Holder) -> bool) {
        for growing in &self.tables {
            let _writing = growing.write();
            for slot in &growing.table.load().0 {
                if slot.key.get().is_some_and(|key| !keep(&key.holder)) {
                    self.forget_slot(slot);
                }
            }
        }
    }

    /// Lets go of all.
    pub(crate) fn clear(&self) {
        for growing in &self.tables {
            let mut filled = growing.write();
            *filled = 0;
            let before = growing.replace(Arc::default());
            self.count.fetch_sub(before.living().count(), Ordering::Relaxed);
        }
    }

    fn place(&self, digest: &KeyDigest) -> Option<(&Growing, Mark)> {
        let (first, rest) = digest.0.split_first_chunk::<2>()?;
        let growing = self.tables.get(usize::from(u16::from_be_bytes(*first)) % TABLES)?;
        Some((growing, Mark(*rest.first_chunk()?)))
    }

    fn forget(&self, table: &Table, mark: Mark) {
        if let Some(slot) = table.find(mark) {
            self.forget_slot(slot);
        }
    }

    fn forget_slot(&self, slot: &Slot) {
        if slot.ends.swap(FORGOTTEN, Ordering::AcqRel) != FORGOTTEN {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Growing {
    fn write(&self) -> MutexGuard<'_, usize> {
        self.filled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a table in place of the one there was.
    fn replace(&self, table: Arc<Table>) -> Arc<Table> {
        self.slots.store(table.0.len(), Ordering::Relaxed);
        self.begins.store(table.0.as_ptr().addr(), Ordering::Relaxed);
        self.table.swap(table)
    }
}

impl Table {
    /// The slot of a key that was not forgotten.
    fn find(&self, mark: Mark) -> Option<&Slot> {
        let filled = self.slots(mark).map_while(|slot| Some((slot, slot.key.get()?)));
        let mut same = filled.filter(|(_, key)| key.mark == mark).map(|(slot, _)| slot);
        same.find(|slot| slot.ends.load(Ordering::Acquire) != FORGOTTEN)
    }

    /// All slots, from the one in which a key of that mark lies best.
    fn slots(&self, mark: Mark) -> impl Iterator<Item = &Slot> {
        let (before, after) = self.0.split_at_checked(mark.share(self.0.len())).unwrap_or_default();
        after.iter().chain(before)
    }

    fn living(&self) -> impl Iterator<Item = (&Key, i64)> {
        let ends = |slot: &Slot| slot.ends.load(Ordering::Acquire);
        let filled = self.0.iter().filter_map(move |slot| Some((slot.key.get()?, ends(slot))));
        filled.filter(|(_, ends)| *ends != FORGOTTEN)
    }

    /// Whether so many slots may be filled: five of eight. Among fuller ones a look-up takes more than a step or two.
    fn has_room(&self, filled: usize) -> bool {
        filled * 8 <= self.0.len() * 5
    }

    /// An empty table with so many slots, or a few more.
    fn with_room(slots: usize) -> Self {
        let mut room = Vec::<Slot>::new();
        let bytes = slots * size_of::<Slot>();
        if bytes < LARGE_PAGE {
            room.reserve_exact(slots);
        } else {
            let whole = (bytes + PAGE).next_multiple_of(LARGE_PAGE) - PAGE;
            room.reserve_exact(whole / size_of::<Slot>());
            // Before anything is written to it, as pages are had when they are first used; and with the page in which it begins, which is
            // the allocator's too: a large page is had only where all of it was asked for.
            let before = room.as_ptr().addr() % PAGE;
            let first = room.as_ptr().cast::<u8>().wrapping_sub(before);
            advise_hugepage(first, (before + whole).next_multiple_of(PAGE));
        }
        room.resize_with(room.capacity(), Slot::default);
        Self(room.into_boxed_slice())
    }

    /// A table with the keys of this one, in which every second slot or fewer is filled, and how many they are.
    fn grown(&self) -> (Self, usize) {
        let living = self.living().count();
        let grown = Self::with_room((living * 9 / 4).max(FEWEST_SLOTS));
        for (key, ends) in self.living() {
            grown.fill(key.clone(), ends);
        }
        (grown, living)
    }

    /// Puts a key into the first slot that is empty and in which it will be looked for. One thread may do so at a time.
    fn fill(&self, key: Key, ends: i64) -> Filled {
        let empty = |slot: &&Slot| slot.key.get().is_none();
        let Some(slot) = self.slots(key.mark).find(empty) else { return Filled::No };
        // The key last: whoever sees it sees its end.
        slot.ends.store(ends, Ordering::Release);
        slot.key.set(key).map_or(Filled::No, |()| Filled::Yes)
    }
}

impl Mark {
    /// In which of so many slots a key of this mark lies best.
    fn share(self, slots: usize) -> usize {
        let Self([a, b, c, d, ..]) = self;
        let share = (u64::from(u32::from_be_bytes([a, b, c, d])) * slots as u64) >> u32::BITS;
        usize::try_from(share).unwrap_or_default()
    }
}

impl Slot {
    /// Its key and the life of that, where it was not forgotten.
    fn key(&self) -> Option<(&Key, KeptLife)> {
        let key = self.key.get()?;
        let life = match self.ends.load(Ordering::Acquire) {
            FORGOTTEN => return None,
            REVOKED => KeptLife::Revoked,
            NEVER => KeptLife::Unending,
            millis => KeptLife::Until(UnixTime::from_millis(millis)),
        };
        Some((key, life))
    }
}

fn ends(life: KeptLife) -> i64 {
    match life {
        KeptLife::Unending => NEVER,
        // What is as far off as the constants comes to the same.
        KeptLife::Until(end) => end.millis().clamp(REVOKED + 1, NEVER - 1),
        KeptLife::Revoked => REVOKED,
    }
}

const _: () = assert!(size_of::<Slot>() == 64, "a slot is one line of the cache");

#[cfg(test)]
mod tests {
    use countersign_limit::Limiter;
    use countersign_model::{
        Consumer, ConsumerId, ConsumerName, ConsumerState, Credential, CredentialKind, Life, Origin, Rates,
        Scopes,
    };
    use countersign_store::Held;
    use uuid::Uuid;

    use super::*;
    use crate::kept::Consumers;

    /// As uniform as a digest: a number times an odd constant, four times over.
    fn digest(number: u64) -> KeyDigest {
        let mut bytes = [0; 32];
        for (turn, eight) in [0, 17, 34, 51].into_iter().zip(bytes.chunks_mut(8)) {
            let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(turn);
            eight.copy_from_slice(&mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes());
        }
        KeyDigest(bytes)
    }

    fn kept(number: u64, key_id: &str, life: Life, consumer: u8) -> Kept {
        let consumer = Consumer {
            id: ConsumerId(Uuid::from_bytes([consumer; 16])),
            name: ConsumerName::parse("acme").unwrap(),
            state: ConsumerState::Enabled,
            limits: Rates::default(),
            added_at: UnixTime::from_secs(0),
        };
        let credential = Credential {
            key_id: KeyId::parse(key_id).unwrap(),
            consumer: consumer.id,
            kind: CredentialKind::ApiKey,
            digest: digest(number),
            origin: Origin::Issued,
            scopes: Scopes::default(),
            limits: Rates::default(),
            label: None,
            issued_at: UnixTime::from_secs(0),
            life,
        };
        Kept::of(Held { credential, consumer }, &Consumers::default(), &Limiter::new(0))
    }

    fn insert(keys: &Keys, number: u64) {
        let id = format!("key_{number}");
        keys.insert(&kept(number, &id, Life::Active { expires_at: None }, 1), || true);
    }

    fn found(keys: &Keys, number: u64) -> Option<String> {
        keys.get(&digest(number)).map(|kept| kept.key_id().to_string())
    }

    #[test]
    fn every_key_is_found_and_no_other_while_tables_grow_and_keys_are_forgotten() {
        let keys = Keys::new(usize::MAX);
        for number in 0..12_000 {
            insert(&keys, number);
            if number % 3 == 0 {
                keys.remove(&digest(number));
            }
            if number % 6 == 0 {
                insert(&keys, number);
            }
        }
        for number in 0..14_000 {
            let there = number < 12_000 && (number % 3 != 0 || number % 6 == 0);
            assert_eq!(found(&keys, number), there.then(|| format!("key_{number}")));
        }
        assert_eq!(keys.count.load(Ordering::Relaxed), 10_000);
    }

    #[test]
    fn what_is_read_ahead_is_where_most_keys_lie_also_after_tables_grew() {
        let keys = Keys::new(usize::MAX);
        (0..50_000).for_each(|number| insert(&keys, number));
        let lies_there = |number: &u64| {
            let (growing, mark) = keys.place(&digest(*number)).unwrap();
            let slot = std::ptr::from_ref(growing.table.load().find(mark).unwrap()).addr();
            keys.lines(&digest(*number)).unwrap().contains(&slot)
        };
        let ahead = (0..50_000).filter(lies_there).count();
        assert!(ahead > 40_000, "{ahead}");
    }

    #[test]
    fn a_key_that_is_kept_again_many_times_takes_no_more_room() {
        let keys = Keys::new(usize::MAX);
        (0..500).for_each(|_| insert(&keys, 1));
        let slots: usize = keys.tables.iter().map(|growing| growing.table.load().0.len()).sum();
        assert_eq!((slots, keys.count.load(Ordering::Relaxed)), (FEWEST_SLOTS, 1));
    }

    #[test]
    fn a_newer_key_takes_the_place_of_the_older_with_its_life_and_a_name_of_any_length() {
        let keys = Keys::new(10);
        let (end, long) = (UnixTime::from_secs(9), "x".repeat(KeyId::MAX_LEN));
        for (life, alive_at_8, alive_at_9) in [
            (Life::Active { expires_at: None }, true, true),
            (Life::Active { expires_at: Some(end) }, true, false),
            (Life::Revoked { at: end }, false, false),
            (Life::Active { expires_at: Some(UnixTime::from_millis(i64::MIN)) }, false, false),
            (Life::Active { expires_at: Some(UnixTime::from_millis(i64::MAX)) }, true, true),
        ] {
            keys.insert(&kept(1, &long, life.clone(), 1), || true);
            let kept = keys.get(&digest(1)).unwrap();
            let alive = [8, 9].map(|second| kept.alive(UnixTime::from_secs(second)).is_ok());
            assert_eq!((alive, kept.key_id().as_str()), ([alive_at_8, alive_at_9], &*long), "{life:?}");
        }
    }

    #[test]
    fn no_more_keys_are_kept_than_may_be_and_what_is_let_go_of_makes_room() {
        let keys = Keys::new(2);
        (0..3).for_each(|number| insert(&keys, number));
        assert_eq!([0, 1, 2].map(|number| found(&keys, number).is_some()), [true, true, false]);
        keys.remove(&digest(0));
        insert(&keys, 2);
        assert!(found(&keys, 2).is_some());
        keys.clear();
        assert_eq!([0, 1, 2].map(|number| found(&keys, number).is_some()), [false; 3]);
        insert(&keys, 0);
        assert!(found(&keys, 0).is_some());
    }

    #[test]
    fn the_keys_of_one_consumer_are_let_go_of_and_no_others() {
        let keys = Keys::new(10);
        for (number, consumer) in [(1, 1), (2, 2), (3, 1)] {
            keys.insert(&kept(number, "key", Life::Active { expires_at: None }, consumer), || true);
        }
        keys.retain(|holder| holder.consumer().id != ConsumerId(Uuid::from_bytes([1; 16])));
        assert_eq!([1, 2, 3].map(|number| found(&keys, number).is_some()), [false, true, false]);
    }

    #[test]
    fn what_is_no_longer_so_is_not_kept() {
        let keys = Keys::new(10);
        keys.insert(&kept(1, "key", Life::Active { expires_at: None }, 1), || false);
        assert!(found(&keys, 1).is_none());
    }
}
