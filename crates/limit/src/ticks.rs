//! Time in the unit of a rate.

use countersign_model::Rate;

/// Time in a rate's own unit: as many ticks as its count are a millisecond. So one request comes back in a whole number of ticks,
/// whatever the rate, and nothing is ever rounded.
pub(crate) trait Ticks {
    /// A number of milliseconds.
    fn ticks(self, millis: u64) -> u64;

    /// How many ticks one request takes to come back.
    fn ticks_each(self) -> u64;

    /// How many ticks a whole burst takes to come back.
    fn ticks_burst(self) -> u64;

    /// The first millisecond that is not before so many ticks.
    fn millis_after(self, ticks: u64) -> u64;
}

impl Ticks for Rate {
    fn ticks(self, millis: u64) -> u64 {
        millis.saturating_mul(u64::from(self.count()))
    }

    fn ticks_each(self) -> u64 {
        self.period_ms()
    }

    fn ticks_burst(self) -> u64 {
        self.period_ms().saturating_mul(u64::from(self.burst()))
    }

    fn millis_after(self, ticks: u64) -> u64 {
        ticks.div_ceil(u64::from(self.count()))
    }
}
