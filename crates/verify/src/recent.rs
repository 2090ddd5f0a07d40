//! What was used lately, up to a number.

use std::hash::BuildHasherDefault;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use countersign_model::KeyDigest;
use papaya::HashSet;

use crate::kept::{ByDigest, HasDigest};
use crate::memory::DigestHasher;

type Set<T> = HashSet<ByDigest<T>, BuildHasherDefault<DigestHasher>>;

/// The entries that were used lately: at least the last `each` of them, at most about twice as many. They are in two
/// generations. When the young one is full it becomes the old one, and what was the old one is let go of; what is used in the
/// old one becomes young again.
pub(crate) struct Recent<T> {
    generations: ArcSwap<Generations<T>>,
    each: usize,
    turning: AtomicBool,
}

struct Generations<T> {
    young: Arc<Set<T>>,
    old: Arc<Set<T>>,
}

impl<T: HasDigest + Clone> Recent<T> {
    /// Nothing yet; room for `each` entries in a generation.
    pub(crate) fn new(each: usize) -> Self {
        let generations = Generations { young: Arc::default(), old: Arc::default() };
        Self { generations: ArcSwap::from_pointee(generations), each, turning: AtomicBool::new(false) }
    }

    /// The entry with that digest. `still` is asked after an old one became young: where it says no, it is taken back out.
    pub(crate) fn get(&self, digest: &KeyDigest, still: impl FnOnce() -> bool) -> Option<T> {
        let generations = self.generations.load();
        if let Some(ByDigest(entry)) = generations.young.pin().get(digest) {
            return Some(entry.clone());
        }
        let entry = generations.old.pin().get(digest).map(|ByDigest(entry)| entry.clone())?;
        self.insert(entry.clone(), still);
        Some(entry)
    }

    /// Keeps an entry, if `still` says so once it is in.
    pub(crate) fn insert(&self, entry: T, still: impl FnOnce() -> bool) {
        let generations = self.generations.load();
        let young = generations.young.pin();
        let digest = *entry.digest();
        young.insert(ByDigest(entry));
        if !still() {
            young.remove(&digest);
        }
        if young.len() >= self.each && !self.turning.swap(true, Ordering::Acquire) {
            // Another thread may have turned them just before.
            let current = self.generations.load();
            if Arc::ptr_eq(&current.young, &generations.young) {
                let turned = Generations { young: Arc::default(), old: Arc::clone(&current.young) };
                self.generations.store(Arc::new(turned));
            }
            self.turning.store(false, Ordering::Release);
        }
    }

    /// Lets go of the entry with that digest.
    pub(crate) fn remove(&self, digest: &KeyDigest) {
        self.each_generation(|set| {
            set.pin().remove(digest);
        });
    }

    /// Lets go of all that `keep` does not want.
    pub(crate) fn retain(&self, keep: impl Fn(&T) -> bool) {
        self.each_generation(|set| set.pin().retain(|ByDigest(entry)| keep(entry)));
    }

    fn each_generation(&self, act: impl Fn(&Set<T>)) {
        let generations = self.generations.load();
        act(&generations.young);
        act(&generations.old);
        // They may have turned meanwhile: what was young is old, and what is young now began empty.
        let turned = self.generations.load();
        if !Arc::ptr_eq(&turned.young, &generations.young) {
            act(&turned.young);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Numbered(KeyDigest, &'static str);

    impl HasDigest for Numbered {
        fn digest(&self) -> &KeyDigest {
            &self.0
        }
    }

    fn digest(number: u8) -> KeyDigest {
        KeyDigest([number; 32])
    }

    fn kept(recent: &Recent<Numbered>) -> Vec<u8> {
        let there = |number: &u8| {
            let generations = recent.generations.load();
            let digest = digest(*number);
            [&generations.young, &generations.old].into_iter().any(|set| set.pin().contains(&digest))
        };
        (0..20).filter(there).collect()
    }

    #[test]
    fn what_was_used_lately_stays_and_the_rest_goes() {
        let recent = Recent::new(4);
        for number in 0..9 {
            recent.insert(Numbered(digest(number), "first"), || true);
            assert!(recent.get(&digest(0), || true).is_some(), "it is used all the time");
        }
        let kept = kept(&recent);
        assert!(kept.contains(&0) && kept.contains(&8) && !kept.contains(&1), "{kept:?}");
        assert!(kept.len() <= 8, "{kept:?}");
    }

    #[test]
    fn a_newer_entry_takes_the_place_of_the_older() {
        let recent = Recent::new(4);
        recent.insert(Numbered(digest(1), "first"), || true);
        recent.insert(Numbered(digest(1), "second"), || true);
        assert_eq!(recent.get(&digest(1), || true).unwrap().1, "second");
    }

    #[test]
    fn what_is_let_go_of_is_in_neither_generation() {
        let recent = Recent::new(2);
        for number in 0..3 {
            recent.insert(Numbered(digest(number), ""), || true);
        }
        assert_eq!(kept(&recent), [0, 1, 2]);
        recent.remove(&digest(0));
        recent.remove(&digest(2));
        assert_eq!(kept(&recent), [1]);
        recent.retain(|_| false);
        assert_eq!(kept(&recent), []);
    }

    #[test]
    fn what_is_no_longer_so_once_it_is_in_is_taken_out() {
        let recent = Recent::new(2);
        recent.insert(Numbered(digest(1), ""), || false);
        assert_eq!(kept(&recent), []);
        for number in [1, 2] {
            recent.insert(Numbered(digest(number), ""), || true);
        }
        // It is old now, and read as such once more, but not made young.
        assert!(recent.get(&digest(1), || false).is_some());
        recent.insert(Numbered(digest(3), ""), || true);
        recent.insert(Numbered(digest(4), ""), || true);
        assert_eq!(kept(&recent), [3, 4]);
    }
}
