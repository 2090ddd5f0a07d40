//! How a server has done lately.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How long a server that failed once is set aside; each further failure in a row doubles it.
const FIRST_ASIDE: Duration = Duration::from_secs(1);
/// The longest that a server is set aside.
const LONGEST_ASIDE: Duration = Duration::from_secs(30);
/// More failures in a row than this make no difference.
const LONGEST_ROW: u32 = 16;

/// What all threads know of a server: whether requests should go to it. Nothing here locks, and a server that does well is only read.
///
/// A server that took no connection, or broke one off without an answer, is set aside for a while, after which [`super::tend`] tries it. Where its
/// health is asked for, it also has to be found well.
#[derive(Debug)]
pub struct Standing {
    began: Instant,
    /// How often in a row it failed.
    failures: AtomicU32,
    /// Until when it is set aside at least, in milliseconds since `began`; [`NOT_ASIDE`] where it is not.
    aside_until: AtomicU64,
    /// What was last found where its health is asked for, as [`Health`].
    health: AtomicU8,
}

const NOT_ASIDE: u64 = 0;

/// What asking for a server's health has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nobody asked yet.
    Unknown,
    /// It said that it is well.
    Well,
    /// It did not.
    Ill,
}

impl Health {
    /// The word for it in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Well => "well",
            Self::Ill => "ill",
        }
    }
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            failures: AtomicU32::new(0),
            aside_until: AtomicU64::new(NOT_ASIDE),
            health: AtomicU8::new(Health::Unknown as u8),
        }
    }
}

impl Standing {
    /// Whether requests should go to the server now.
    pub fn is_good(&self) -> bool {
        self.aside_until.load(Ordering::Relaxed) == NOT_ASIDE && self.health() != Health::Ill
    }

    /// What was last found of its health.
    pub fn health(&self) -> Health {
        match self.health.load(Ordering::Relaxed) {
            1 => Health::Well,
            2 => Health::Ill,
            _ => Health::Unknown,
        }
    }

    /// Records what was found of its health. Being well is no proof that requests are answered: failures of those count on.
    pub fn found(&self, health: Health) {
        self.health.store(health as u8, Ordering::Relaxed);
    }

    /// Until when it is set aside: the smaller, the sooner it may be tried again.
    pub(super) fn aside_until(&self) -> u64 {
        self.aside_until.load(Ordering::Relaxed)
    }

    /// Whether it is set aside and its time is over.
    pub(super) fn is_due(&self) -> bool {
        let until = self.aside_until();
        until != NOT_ASIDE && until <= self.now()
    }

    /// It takes connections again. Only an answer makes good what was before: the next failure counts as one more in the row.
    pub(super) fn restored(&self) {
        self.aside_until.store(NOT_ASIDE, Ordering::Relaxed);
    }

    /// It answered.
    pub(crate) fn succeeded(&self) {
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        if self.aside_until() != NOT_ASIDE {
            self.restored();
        }
    }

    /// It took no connection, or broke one off without an answer.
    pub(crate) fn failed(&self) {
        let before = self.failures.fetch_add(1, Ordering::Relaxed).min(LONGEST_ROW);
        let aside = FIRST_ASIDE.saturating_mul(1 << before).min(LONGEST_ASIDE);
        self.aside_until.store((self.now() + millis(aside)).max(NOT_ASIDE + 1), Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        millis(self.began.elapsed())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_failure_in_a_row_doubles_the_time_aside_up_to_half_a_minute() {
        let standing = Standing::default();
        assert!(standing.is_good());
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            standing.failed();
            assert!(!standing.is_good(), "{seconds}");
            tokio::time::advance(Duration::from_millis(seconds * 1000 - 1)).await;
            assert!(!standing.is_due(), "{seconds}");
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(standing.is_due(), "{seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn taking_connections_again_ends_the_time_aside_and_only_an_answer_ends_the_row() {
        let standing = Standing::default();
        standing.failed();
        standing.restored();
        assert!(standing.is_good());
        standing.failed();
        tokio::time::advance(Duration::from_millis(1999)).await;
        assert!(!standing.is_due(), "the second in a row");
        standing.succeeded();
        assert!(standing.is_good());
        standing.failed();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(standing.is_due(), "the first in a row");
    }

    #[test]
    fn a_server_that_is_ill_gets_nothing_until_it_is_found_well() {
        let standing = Standing::default();
        standing.found(Health::Ill);
        assert!(!standing.is_good());
        standing.succeeded();
        assert!(!standing.is_good());
        standing.found(Health::Well);
        assert!(standing.is_good());
    }
}
