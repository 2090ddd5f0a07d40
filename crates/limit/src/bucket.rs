//! What one subject has used of one rate: one number.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use countersign_model::{Rate, UnixTime};

use crate::ticks::Ticks as _;

/// No moment: the bucket was taken out, and whoever still holds it looks for another.
const GONE: u64 = u64::MAX;

/// Beside a moment: the bucket is about to be replaced by one of another rate, and stays as it is. No moment is as great.
const FROZEN: u64 = 1 << 63;

/// The moment at which everything that was used will have come back (GCRA's theoretical arrival time), in the rate's ticks
/// since 1970. A moment that is past, zero too: nothing is used.
///
/// One number needs no order among others: every change is one compare-and-swap, and two never see the same value before.
#[derive(Debug, Default)]
pub(crate) struct Bucket(AtomicU64);

/// What became of taking one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// One was taken.
    Taken(Level),
    /// There was none.
    Refused(Level),
    /// The bucket was taken out.
    Gone,
    /// The bucket waits to be replaced by one of another rate.
    Frozen,
}

/// A moment in the ticks of a rate, since 1970. Nothing happens before that.
pub(crate) fn ticks(rate: Rate, at: UnixTime) -> u64 {
    rate.ticks(u64::try_from(at.millis()).unwrap_or(0))
}

/// How full a bucket is: when all of it is back, in ticks since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Level(pub(crate) u64);

impl Level {
    /// How many ticks from `now` until one can be taken; zero where it can be now.
    pub(crate) fn wait(self, rate: Rate, now: u64) -> u64 {
        self.after_one(rate, now).saturating_sub(now).saturating_sub(rate.ticks_burst())
    }

    /// How many can be taken at `now`.
    pub(crate) fn left(self, rate: Rate, now: u64) -> u32 {
        let left = rate.ticks_burst().saturating_sub(self.0.saturating_sub(now)) / rate.ticks_each();
        u32::try_from(left).unwrap_or(u32::MAX)
    }

    /// The level at which as much is used by the rate `to` as at this one by the rate `from`, which has the same period; but never
    /// more than a burst. As long as the periods are the same, a request takes as many ticks by the one as by the other.
    pub(crate) fn carried(self, from: Rate, to: Rate, now: UnixTime) -> Self {
        let used = self.0.saturating_sub(ticks(from, now)).min(to.ticks_burst());
        Self(ticks(to, now).saturating_add(used))
    }

    /// The level when one more is taken.
    fn after_one(self, rate: Rate, now: u64) -> u64 {
        self.0.max(now).saturating_add(rate.ticks_each())
    }
}

impl Bucket {
    /// A bucket at a level.
    pub(crate) fn at(Level(moment): Level) -> Self {
        Self(AtomicU64::new(moment.min(FROZEN - 1)))
    }

    /// What is in it, unless it was taken out.
    pub(crate) fn level(&self) -> Option<Level> {
        match self.0.load(Relaxed) {
            GONE => None,
            moment => Some(Level(moment & !FROZEN)),
        }
    }

    /// Has nobody take from it any more, for whoever replaces it by another.
    pub(crate) fn freeze(&self) {
        self.change(|level| Some(level | FROZEN));
    }

    /// The level at which it is kept for whoever replaces it; none where it is not.
    pub(crate) fn frozen(&self) -> Option<Level> {
        match self.0.load(Relaxed) {
            GONE => None,
            moment => (moment & FROZEN != 0).then_some(Level(moment & !FROZEN)),
        }
    }

    /// Takes one, if there is one at `now`.
    pub(crate) fn take(&self, rate: Rate, now: u64) -> Take {
        let mut level = Level(self.0.load(Relaxed));
        loop {
            if level.0 == GONE {
                return Take::Gone;
            }
            if level.0 & FROZEN != 0 {
                return Take::Frozen;
            }
            if level.wait(rate, now) > 0 {
                return Take::Refused(level);
            }
            let next = level.after_one(rate, now).min(FROZEN - 1);
            match self.0.compare_exchange_weak(level.0, next, Relaxed, Relaxed) {
                Ok(_) => return Take::Taken(Level(next)),
                Err(other) => level = Level(other),
            }
        }
    }

    /// Gives back one that was taken. A bucket that was taken out meanwhile needs nothing: it was full again. One that is replaced keeps it.
    pub(crate) fn give_back(&self, rate: Rate) {
        self.change(|level| Some(level.saturating_sub(rate.ticks_each())));
    }

    /// Marks it as taken out where it is full at `now`; then nobody takes from it any more.
    pub(crate) fn retire(&self, now: u64) -> bool {
        self.change(|level| (level <= now).then_some(GONE)) || self.level().is_none()
    }

    /// Has what was used at `before`, the moment at which the clock was set back, be what is used at `now`.
    pub(crate) fn set_back(&self, rate: Rate, before: u64, now: u64) {
        self.change(|level| {
            let used = level.saturating_sub(before).min(rate.ticks_burst());
            Some(level.min(now.saturating_add(used)))
        });
    }

    /// Puts what `to` gives in the place of the level; `false` where it gives nothing, or the bucket was taken out or is being replaced.
    fn change(&self, to: impl Fn(u64) -> Option<u64>) -> bool {
        let next = |level| if level & FROZEN != 0 { None } else { to(level) };
        self.0.fetch_update(Relaxed, Relaxed, next).is_ok()
    }
}
