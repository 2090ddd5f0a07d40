//! How a subject stands with a rate, for whoever tells it.

use std::sync::Arc;
use std::time::Duration;

use countersign_model::{Rate, UnixTime};

use crate::Rule;
use crate::bucket::Level;
use crate::ticks::Ticks as _;

/// How a subject stands with a rate after its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What the rate is called.
    pub name: Arc<str>,
    /// The rate.
    pub rate: Rate,
    /// How many more requests could pass at once.
    pub left: u32,
    /// How long until one more could pass; zero where one can now.
    pub wait: Duration,
    /// How long until everything will have come back.
    pub full_in: Duration,
    /// When that is.
    pub full_at: UnixTime,
}

impl Standing {
    pub(crate) fn of(rule: &Rule, level: Level, now: UnixTime) -> Self {
        let rate = rule.rate();
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        let ticks = rate.ticks(millis);
        // A level that is further ahead than a burst is one from before the clock was set back.
        let level = Level(level.0.min(ticks.saturating_add(rate.ticks_burst())));
        let full_at = rate.millis_after(level.0).max(millis);
        Self {
            name: Arc::clone(rule.name()),
            rate,
            left: level.left(rate, ticks),
            wait: Duration::from_millis(rate.millis_after(level.wait(rate, ticks))),
            full_in: Duration::from_millis(full_at - millis),
            full_at: UnixTime::from_millis(i64::try_from(full_at).unwrap_or(i64::MAX)),
        }
    }
}
