//! Signing credentials by the key ids that requests name.
//!
//! A key id is no secret, so nothing speaks against comparing it as it is: that takes a tenth of digesting it and searching by the digest.
//! What was named serves until anything at all changes, so that nothing here has to be forgotten one by one; and it is held by whoever else
//! keeps it, not from here.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;
use countersign_token::key::KEY_LEN;

use crate::memory::Epoch;

/// A place for each of some key ids. Which one follows from the key id; of two that share one, the first keeps it.
pub(crate) struct Named<T> {
    places: Box<[ArcSwapOption<Name<T>>]>,
}

struct Name<T> {
    wire: [u8; KEY_LEN],
    epoch: Epoch,
    what: Weak<T>,
}

impl<T> Named<T> {
    /// Nothing yet, and so many places.
    pub(crate) fn new(places: usize) -> Self {
        Self { places: (0..places).map(|_| ArcSwapOption::empty()).collect() }
    }

    /// What has that key id in this epoch.
    pub(crate) fn get(&self, wire: &str, epoch: Epoch) -> Option<Arc<T>> {
        let wire = wire.as_bytes().try_into().ok()?;
        let found = self.place(wire)?.load();
        let name = found.as_ref().filter(|name| name.epoch == epoch && name.wire == *wire)?;
        name.what.upgrade()
    }

    /// Names something for this epoch, unless its place belongs to another in it.
    pub(crate) fn put(&self, wire: &str, epoch: Epoch, what: &Arc<T>) {
        let Ok(wire) = wire.as_bytes().try_into() else { return };
        let Some(place) = self.place(wire) else { return };
        let taken = |name: &Arc<Name<T>>| name.epoch == epoch && name.what.strong_count() > 0;
        if !place.load().as_ref().is_some_and(taken) {
            place.store(Some(Arc::new(Name { wire: *wire, epoch, what: Arc::downgrade(what) })));
        }
    }

    /// The place of a key id, by its last characters: the checksum, and two that were drawn.
    fn place(&self, wire: &[u8; KEY_LEN]) -> Option<&ArcSwapOption<Name<T>>> {
        let mixed = u64::from_le_bytes(*wire.last_chunk()?).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let share = (u128::from(mixed) * self.places.len() as u128) >> u64::BITS;
        self.places.get(usize::try_from(share).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "csp_zzzzzzzzzzzzzzzzzzzzzzzzzzzz0dUU71";
    const SECOND: &str = "csp_zzzzzzzzzzzzzzzzzzzzzzzzzzzz0dUU72";

    #[test]
    fn a_name_serves_in_its_epoch_and_for_nothing_else() {
        let (named, what) = (Named::new(8), Arc::new(7));
        let [epoch, later] = [Epoch::new(4), Epoch::new(6)];
        named.put(FIRST, epoch, &what);
        assert_eq!(named.get(FIRST, epoch), Some(Arc::clone(&what)));
        assert_eq!(
            [named.get(FIRST, later), named.get(SECOND, epoch), named.get("csp_", epoch)],
            [None, None, None]
        );
        named.put(FIRST, later, &what);
        assert_eq!([named.get(FIRST, epoch), named.get(FIRST, later)], [None, Some(what)]);
    }

    #[test]
    fn of_two_that_share_a_place_the_first_keeps_it_as_long_as_it_is_there() {
        let (named, epoch) = (Named::new(1), Epoch::new(0));
        let (first, second) = (Arc::new(1), Arc::new(2));
        named.put(FIRST, epoch, &first);
        named.put(SECOND, epoch, &second);
        assert_eq!([named.get(FIRST, epoch), named.get(SECOND, epoch)], [Some(Arc::clone(&first)), None]);
        drop(first);
        assert_eq!(named.get(FIRST, epoch), None);
        named.put(SECOND, epoch, &second);
        assert_eq!(named.get(SECOND, epoch), Some(second));
    }

    #[test]
    fn key_ids_are_spread_over_all_places() {
        let named: Named<u8> = Named::new(64);
        let places: std::collections::HashSet<_> = (0..1000_u32)
            .map(|number| {
                let wire = format!("csp_{}{:06}", "0".repeat(28), number);
                std::ptr::from_ref(named.place(wire.as_bytes().try_into().unwrap()).unwrap())
            })
            .collect();
        assert!(places.len() > 60, "{}", places.len());
    }
}
