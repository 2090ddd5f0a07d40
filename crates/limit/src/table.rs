//! Buckets, found by whose they are.

use std::hash::RandomState;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use countersign_model::{Rate, UnixTime};
use papaya::{HashMap, HashMapRef, LocalGuard, Operation};

use crate::bucket::{Bucket, Level, Take, ticks};
use crate::{Check, Subject};

/// How long a bucket stays after it is full again. A thread that read the clock, was interrupted, and then takes from a bucket
/// that was swept meanwhile, would take as if nothing had been used since it read the clock; none is interrupted for so long.
const FULL_FOR: Duration = Duration::from_secs(1);

/// The number of a rule, and whose bucket of it.
type Place = (u32, Subject);

/// At most so many buckets, and one more for each thread.
#[derive(Debug)]
pub(crate) struct Table {
    buckets: HashMap<Place, Own>,
    most: usize,
    crowded: AtomicU64,
}

/// A bucket with the rate that its number is read by.
#[derive(Debug)]
struct Own {
    rate: Rate,
    bucket: Bucket,
}

/// The table for the length of one request.
pub(crate) struct Pinned<'a> {
    table: &'a Table,
    buckets: HashMapRef<'a, Place, Own, RandomState, LocalGuard<'a>>,
}

impl Table {
    /// A table without buckets.
    pub(crate) fn new(most: usize) -> Self {
        Self { buckets: HashMap::new(), most, crowded: AtomicU64::new(0) }
    }

    pub(crate) fn pin(&self) -> Pinned<'_> {
        Pinned { table: self, buckets: self.buckets.pin() }
    }

    /// How many buckets there are.
    pub(crate) fn len(&self) -> usize {
        self.buckets.len()
    }

    /// How often there was no place for a bucket.
    pub(crate) fn crowded(&self) -> u64 {
        self.crowded.load(Relaxed)
    }

    /// Takes out the buckets that are full.
    pub(crate) fn sweep(&self, now: UnixTime) {
        let pinned = self.pin();
        let full_since = now.minus(FULL_FOR);
        for (place, own) in &pinned.buckets {
            // Marked before it is removed: who holds it already takes nothing from it.
            if own.bucket.retire(ticks(own.rate, full_since)) {
                pinned.discard(place);
            }
        }
    }

    /// Has everybody keep what was used and what was left when the clock was set back from `before` to `now`.
    pub(crate) fn set_back(&self, before: UnixTime, now: UnixTime) {
        for (_, own) in &self.buckets.pin() {
            own.bucket.set_back(own.rate, ticks(own.rate, before), ticks(own.rate, now));
        }
    }
}

impl Pinned<'_> {
    /// How full the bucket is that [`Pinned::take`] would take from at `now`.
    pub(crate) fn level(&self, Check { rule, subject }: &Check<'_>, now: UnixTime) -> Level {
        match self.buckets.get(&(rule.number, *subject)) {
            Some(own) => match own.bucket.level() {
                Some(level) if own.rate == rule.rate => level,
                Some(level) => level.carried(own.rate, rule.rate, now),
                None => Level::default(),
            },
            None if self.buckets.len() < self.table.most => Level::default(),
            None => rule.crowd.level().unwrap_or_default(),
        }
    }

    /// Takes one at `now`. Gives the bucket it was taken from and its level, or the level at which there was none to take.
    pub(crate) fn take<'a>(
        &'a self,
        Check { rule, subject }: Check<'a>,
        now: UnixTime,
    ) -> Result<(&'a Bucket, Level), Level> {
        let place = (rule.number, subject);
        loop {
            let bucket = match self.buckets.get(&place) {
                Some(own) if own.rate == rule.rate => &own.bucket,
                Some(own) => {
                    own.bucket.freeze();
                    self.replace(place, rule.rate, now);
                    continue;
                }
                None if self.buckets.len() < self.table.most => {
                    let new = || Own { rate: rule.rate, bucket: Bucket::default() };
                    let own = self.buckets.get_or_insert_with(place, new);
                    // Somebody else's may be there by now, of another rate.
                    if own.rate != rule.rate {
                        continue;
                    }
                    &own.bucket
                }
                None => {
                    self.table.crowded.fetch_add(1, Relaxed);
                    &rule.crowd
                }
            };
            match bucket.take(rule.rate, ticks(rule.rate, now)) {
                Take::Taken(level) => return Ok((bucket, level)),
                Take::Refused(level) => return Err(level),
                Take::Gone => self.discard(&place),
                Take::Frozen => self.replace(place, rule.rate, now),
            }
        }
    }

    /// Puts a bucket of another rate in the place of one that is frozen, with as much used. Whoever comes upon one does it: of several,
    /// one is first, and none waits for another.
    fn replace(&self, place: Place, rate: Rate, now: UnixTime) {
        self.buckets.compute(place, |there| match there {
            None => Operation::Abort(()),
            Some((_, own)) => match own.bucket.frozen() {
                None if own.bucket.level().is_none() => Operation::Remove,
                None => Operation::Abort(()),
                Some(level) => {
                    Operation::Insert(Own { rate, bucket: Bucket::at(level.carried(own.rate, rate, now)) })
                }
            },
        });
    }

    /// Removes a bucket that was marked; another may be in its place already.
    fn discard(&self, place: &Place) {
        // Whether it was there or not, it is not there now.
        let _ = self.buckets.remove_if(place, |_, own| own.bucket.level().is_none());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use countersign_model::KeyDigest;

    use super::*;
    use crate::{Limiter, Rule};

    const NOON: UnixTime = UnixTime::from_secs(1_795_262_400);
    const ONE: Subject = Subject::Credential(KeyDigest([1; 32]));

    #[test]
    fn nothing_is_taken_from_a_bucket_that_was_swept_under_the_hand_of_another_thread() {
        let table = Table::new(10);
        let rule: Arc<Rule> = Limiter::new(10).rule("default", "", Rate::parse("1/s").unwrap());
        let check = Check { rule: &rule, subject: ONE };
        let later = |millis| NOON.plus(Duration::from_millis(millis));
        let pinned = table.pin();
        let (held, _) = pinned.take(check, NOON).unwrap();
        table.sweep(later(1_999));
        assert_eq!(table.len(), 1);
        table.sweep(later(2_000));
        assert_eq!(table.len(), 0);
        assert_eq!(held.take(rule.rate, ticks(rule.rate, later(2_000))), Take::Gone);
        held.give_back(rule.rate);
        assert_eq!(held.level(), None);
        assert!(pinned.take(check, later(2_000)).is_ok());
        assert!(pinned.take(check, later(2_000)).is_err());
    }

    #[test]
    fn nothing_is_taken_from_a_bucket_that_was_replaced_under_the_hand_of_another_thread() {
        let (table, limiter) = (Table::new(10), Limiter::new(10));
        let window = |rate| limiter.window("credential:d", Rate::parse(rate).unwrap());
        let (before, then) = (window("2/d"), window("3/d"));
        let pinned = table.pin();
        let (held, _) = pinned.take(Check { rule: &before, subject: ONE }, NOON).unwrap();
        assert!(pinned.take(Check { rule: &then, subject: ONE }, NOON).is_ok());
        assert_eq!(held.take(before.rate, ticks(before.rate, NOON)), Take::Frozen);
        assert!(pinned.take(Check { rule: &then, subject: ONE }, NOON).is_ok());
        assert!(pinned.take(Check { rule: &then, subject: ONE }, NOON).is_err());
        assert_eq!(table.len(), 1);
    }
}
