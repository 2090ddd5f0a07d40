//! Counting requests.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_model::{Rate, UnixTime};
use smallvec::SmallVec;

use crate::bucket::{Bucket, Level, ticks};
use crate::rules::Rules;
use crate::table::{Pinned, Table};
use crate::{Rule, Standing, Subject};

/// How often buckets that are full again are taken out.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// One rule that a request must keep, and whose bucket counts it.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    /// The rule.
    pub rule: &'a Arc<Rule>,
    /// Whose bucket.
    pub subject: Subject,
}

/// How a request stands with every rule that it was counted by, in their order.
pub type Taken = SmallVec<[Standing; 2]>;

/// A request that is over a rule. It was counted by none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {} ({})", over.rate, over.name)]
pub struct Exceeded {
    /// How it stands with the rule that it is over; where there are several, the one that keeps it waiting the longest.
    pub over: Standing,
    /// How it stands with every rule, in their order.
    pub standings: Box<[Standing]>,
}

/// Who has used how much.
///
/// There are at most so many buckets as were said when it was made. Whoever finds no place shares one bucket of the rule
/// with all others who find none: together they get as much as one, and nobody gets more than the rule says. A bucket that
/// is full again is worth nothing and is taken out by [`Limiter::tick`].
///
/// Places in the network have a table of their own: strangers, who can come from many, take nobody's room but their own.
#[derive(Debug)]
pub struct Limiter {
    known: Table,
    strangers: Table,
    rules: Mutex<Rules>,
    /// The moment of the last tick, in milliseconds since 1970.
    ticked: AtomicI64,
    swept: AtomicI64,
}

/// Both tables for the length of one request.
struct Tables<'a> {
    known: Pinned<'a>,
    strangers: Pinned<'a>,
}

impl Limiter {
    /// Room for `most` buckets in each table, none of which is there yet.
    pub fn new(most: usize) -> Self {
        Self {
            known: Table::new(most),
            strangers: Table::new(most),
            rules: Mutex::default(),
            ticked: AtomicI64::new(0),
            swept: AtomicI64::new(0),
        }
    }

    /// The rule of this name and rate, for requests `of` something (a route), or of anything where that is empty. The same one
    /// each time, so that whoever asks again (a configuration that is read anew) finds the buckets as they were left. Takes a
    /// lock: not for the path of a request.
    pub fn rule(&self, name: &str, of: &str, rate: Rate) -> Arc<Rule> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).the_one(name, of, rate)
    }

    /// The rule of this rate in a window of this name, for subjects of which each has one rate in it, and perhaps another one later. The
    /// buckets are those of the window and of the rate's period: of another rate of the same period, what was used stays used. Takes
    /// a lock.
    pub fn window(&self, name: &str, rate: Rate) -> Arc<Rule> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).window(name, rate)
    }

    /// Counts a request that came at `now` by all of `checks`, or, where it is over one of them, by none.
    ///
    /// Two threads that take the last ones of two rules the other way around may both be refused. Never does more pass.
    pub fn take(&self, checks: &[Check<'_>], now: UnixTime) -> Result<Taken, Exceeded> {
        let now = self.present(now);
        let tables = self.tables();
        // Where there are several, what is over one of them is to change nothing of the others, not even for a moment.
        if checks.len() > 1
            && let Some(exceeded) = refusal(checks, &tables.levels(checks, now), now)
        {
            return Err(exceeded);
        }
        let mut taken: SmallVec<[&Bucket; 2]> = SmallVec::new();
        let mut standings = Taken::new();
        for check in checks {
            match tables.of(check.subject).take(*check, now) {
                Ok((bucket, level)) => {
                    taken.push(bucket);
                    standings.push(Standing::of(check.rule, level, now));
                }
                Err(level) => {
                    // There is none, or somebody else took the last one since the look.
                    for (bucket, check) in taken.iter().zip(checks) {
                        bucket.give_back(check.rule.rate);
                    }
                    let over = Standing::of(check.rule, level, now);
                    return Err(Exceeded {
                        over,
                        standings: standing_with(checks, &tables.levels(checks, now), now),
                    });
                }
            }
        }
        Ok(standings)
    }

    /// Whether a request at `now` would be over one of `checks`. Counts nothing.
    pub fn look(&self, checks: &[Check<'_>], now: UnixTime) -> Result<(), Exceeded> {
        let now = self.present(now);
        refusal(checks, &self.tables().levels(checks, now), now).map_or(Ok(()), Err)
    }

    /// Tells the time. To be called several times a second, by one thread.
    ///
    /// A request is counted at its own moment or that of the last tick, whichever is later: one whose body was long in coming is
    /// not early. Where the clock was set back, everybody keeps what they have used and what they have left.
    pub fn tick(&self, now: UnixTime) {
        let before = self.ticked.swap(now.millis(), Relaxed);
        if now.millis() < before {
            self.set_back(UnixTime::from_millis(before), now);
        }
        let swept = UnixTime::from_millis(self.swept.load(Relaxed));
        if now.since(swept) >= SWEEP_EVERY || now < swept {
            self.swept.store(now.millis(), Relaxed);
            self.known.sweep(now);
            self.strangers.sweep(now);
        }
    }

    /// How many buckets there are, of those who are known and of strangers.
    pub fn buckets(&self) -> [usize; 2] {
        [self.known.len(), self.strangers.len()]
    }

    /// How often there was no place for a bucket.
    pub fn crowded(&self) -> u64 {
        self.known.crowded() + self.strangers.crowded()
    }

    fn present(&self, now: UnixTime) -> UnixTime {
        now.max(UnixTime::from_millis(self.ticked.load(Relaxed)))
    }

    fn tables(&self) -> Tables<'_> {
        Tables { known: self.known.pin(), strangers: self.strangers.pin() }
    }

    fn set_back(&self, before: UnixTime, now: UnixTime) {
        self.known.set_back(before, now);
        self.strangers.set_back(before, now);
        let rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        for rule in rules.all() {
            rule.crowd.set_back(rule.rate, ticks(rule.rate, before), ticks(rule.rate, now));
        }
    }
}

impl Tables<'_> {
    fn of(&self, subject: Subject) -> &Pinned<'_> {
        match subject {
            Subject::Client(_) => &self.strangers,
            Subject::Credential(_) | Subject::Consumer(_) | Subject::Wallet(_) | Subject::Everybody => {
                &self.known
            }
        }
    }

    fn levels(&self, checks: &[Check<'_>], now: UnixTime) -> SmallVec<[Level; 2]> {
        checks.iter().map(|check| self.of(check.subject).level(check, now)).collect()
    }
}

/// The refusal of a request that is over one of `checks`, whose buckets are at `levels`.
fn refusal(checks: &[Check<'_>], levels: &[Level], now: UnixTime) -> Option<Exceeded> {
    let waits =
        |(check, level): &(&Check<'_>, &Level)| level.wait(check.rule.rate, ticks(check.rule.rate, now)) > 0;
    if !checks.iter().zip(levels).any(|each| waits(&each)) {
        return None;
    }
    let standings = standing_with(checks, levels, now);
    let over = standings.iter().max_by_key(|standing| standing.wait)?.clone();
    Some(Exceeded { over, standings })
}

fn standing_with(checks: &[Check<'_>], levels: &[Level], now: UnixTime) -> Box<[Standing]> {
    checks.iter().zip(levels).map(|(check, level)| Standing::of(check.rule, *level, now)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;

    use countersign_model::{ConsumerId, KeyDigest};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::Client;

    const NOON: UnixTime = UnixTime::from_secs(1_795_262_400);
    const ONE: Subject = Subject::Credential(KeyDigest([1; 32]));
    const TWO: Subject = Subject::Credential(KeyDigest([2; 32]));

    fn after(millis: i64) -> UnixTime {
        UnixTime::from_millis(NOON.millis() + millis)
    }

    fn rule(limiter: &Limiter, rate: &str) -> Arc<Rule> {
        limiter.rule(rate, "", Rate::parse(rate).unwrap())
    }

    /// How many of `tries` pass at `now`.
    fn passing(limiter: &Limiter, checks: &[Check<'_>], tries: usize, now: UnixTime) -> usize {
        (0..tries).filter(|_| limiter.take(checks, now).is_ok()).count()
    }

    #[test]
    fn a_request_passes_at_the_millisecond_at_which_one_has_come_back_and_not_before() {
        for (rate, burst, back_after) in [
            ("100/min", 100, 600),
            ("10/s burst 20", 20, 100),
            ("1000/h", 1000, 3_600),
            ("1000/h burst 1", 1, 3_600),
            // A third of a second: 333.3 ms are not enough.
            ("3/s", 3, 334),
            ("7/min burst 2", 2, 8_572),
            ("1/d", 1, 86_400_000),
        ] {
            let limiter = Limiter::new(10);
            let rule = rule(&limiter, rate);
            let checks = [Check { rule: &rule, subject: ONE }];
            assert_eq!(passing(&limiter, &checks, burst + 1, NOON), burst, "{rate}");
            let over = limiter.take(&checks, after(0)).unwrap_err().over;
            assert_eq!(over.wait, Duration::from_millis(back_after), "{rate}");
            let back_after = i64::try_from(back_after).unwrap();
            assert!(limiter.take(&checks, after(back_after - 1)).is_err(), "{rate}");
            assert!(limiter.take(&checks, after(back_after)).is_ok(), "{rate}");
            assert!(limiter.take(&checks, after(back_after)).is_err(), "{rate}");
        }
    }

    #[test]
    fn a_rate_that_no_millisecond_divides_is_kept_exactly() {
        let limiter = Limiter::new(10);
        let (one, two) = (rule(&limiter, "7/s burst 1"), rule(&limiter, "7/s burst 2"));
        let asking_each_millisecond = |rule| {
            let checks = [Check { rule, subject: ONE }];
            (0..=10_000).filter(|millis| limiter.take(&checks, after(*millis)).is_ok()).count()
        };
        // Without room for a second one, what comes back between two milliseconds is lost.
        assert_eq!(asking_each_millisecond(&one), 1 + 10_000 / 143);
        assert_eq!(asking_each_millisecond(&two), 2 + 70);
    }

    #[test]
    fn a_request_over_one_rule_is_counted_by_none() {
        let limiter = Limiter::new(10);
        let (short, long) = (rule(&limiter, "2/s"), rule(&limiter, "3/h"));
        let checks = [Check { rule: &short, subject: ONE }, Check { rule: &long, subject: ONE }];
        assert_eq!(passing(&limiter, &checks, 5, NOON), 2);
        assert_eq!(passing(&limiter, &checks, 5, after(1000)), 1);
        let exceeded = limiter.take(&checks, after(1000)).unwrap_err();
        assert_eq!(&*exceeded.over.name, "3/h");
        assert_eq!(exceeded.standings.iter().map(|standing| standing.left).collect::<Vec<_>>(), [1, 0]);
        let alone = [Check { rule: &short, subject: ONE }];
        assert_eq!(passing(&limiter, &alone, 5, after(1000)), 1);
    }

    #[test]
    fn what_one_uses_is_not_missed_by_another() {
        let limiter = Limiter::new(10);
        let rule = rule(&limiter, "2/min");
        assert_eq!(passing(&limiter, &[Check { rule: &rule, subject: ONE }], 5, NOON), 2);
        assert_eq!(passing(&limiter, &[Check { rule: &rule, subject: TWO }], 5, NOON), 2);
    }

    #[test]
    fn a_standing_says_what_is_left_when_one_comes_back_and_when_all_is() {
        let limiter = Limiter::new(10);
        let rule = rule(&limiter, "4/min");
        let checks = [Check { rule: &rule, subject: ONE }];
        for (left, wait, full_secs) in [(3, 0, 15), (2, 0, 30), (1, 0, 45), (0, 15, 60)] {
            let standing = limiter.take(&checks, NOON).unwrap().remove(0);
            let full_at = NOON.plus(Duration::from_secs(full_secs));
            assert_eq!((standing.left, standing.wait.as_secs(), standing.full_at), (left, wait, full_at));
        }
        assert_eq!(limiter.look(&checks, after(14_999)).unwrap_err().over.wait, Duration::from_millis(1));
        assert!(limiter.look(&checks, after(15_000)).is_ok());
    }

    #[test]
    fn a_rule_that_is_asked_for_again_finds_its_buckets_as_they_were() {
        let limiter = Limiter::new(10);
        let first = rule(&limiter, "2/min");
        assert_eq!(passing(&limiter, &[Check { rule: &first, subject: ONE }], 1, NOON), 1);
        let again = rule(&limiter, "2/min");
        assert_eq!(passing(&limiter, &[Check { rule: &again, subject: ONE }], 5, NOON), 1);
    }

    #[test]
    fn whoever_finds_no_place_shares_one_bucket_and_takes_nothing_from_those_who_have_one() {
        let limiter = Limiter::new(2);
        let rule = rule(&limiter, "3/min");
        let subject = |number| Subject::Consumer(ConsumerId(Uuid::from_bytes([number; 16])));
        let by = |number| [Check { rule: &rule, subject: subject(number) }];
        assert_eq!(passing(&limiter, &by(0), 1, NOON) + passing(&limiter, &by(1), 1, NOON), 2);
        let strangers: usize = (2..50).map(|number| passing(&limiter, &by(number), 2, NOON)).sum();
        assert_eq!((strangers, limiter.buckets()), (3, [2, 0]));
        assert!(limiter.crowded() > 0);
        assert_eq!(passing(&limiter, &by(0), 5, NOON), 2);
        // Those who have a place are full again after a minute, and make room.
        limiter.tick(after(61_000));
        assert_eq!(limiter.buckets(), [0, 0]);
        assert_eq!(passing(&limiter, &by(7), 5, after(61_000)), 3);
    }

    #[test]
    fn a_bucket_that_is_not_full_is_not_swept() {
        let limiter = Limiter::new(10);
        let rule = rule(&limiter, "2/min");
        let checks = [Check { rule: &rule, subject: ONE }];
        assert_eq!(passing(&limiter, &checks, 5, NOON), 2);
        limiter.tick(after(60_999));
        assert_eq!(limiter.buckets(), [1, 0]);
        limiter.tick(after(60_999 + 10_000));
        assert_eq!(limiter.buckets(), [0, 0]);
    }

    #[test]
    fn a_clock_that_is_set_back_gives_nothing_and_takes_nothing() {
        for step in [1, 1_000, 30_000, 3_600_000, 86_400_000] {
            let limiter = Limiter::new(10);
            let rule = rule(&limiter, "60/min");
            let checks = [Check { rule: &rule, subject: ONE }];
            limiter.tick(NOON);
            assert_eq!(passing(&limiter, &checks, 45, NOON), 45);
            limiter.tick(after(-step));
            assert_eq!(passing(&limiter, &checks, 100, after(-step)), 15, "{step}");
            // One comes back in a second, as ever.
            assert_eq!(passing(&limiter, &checks, 100, after(999 - step)), 0, "{step}");
            assert_eq!(passing(&limiter, &checks, 100, after(1_000 - step)), 1, "{step}");
        }
    }

    #[test]
    fn until_it_is_noticed_a_clock_that_was_set_back_keeps_nobody_waiting_for_longer_than_a_burst() {
        let limiter = Limiter::new(10);
        let rule = rule(&limiter, "60/min");
        let checks = [Check { rule: &rule, subject: ONE }];
        assert_eq!(passing(&limiter, &checks, 1, NOON), 1);
        let exceeded = limiter.take(&checks, after(-3_600_000)).unwrap_err();
        assert_eq!(
            (exceeded.over.wait, exceeded.over.full_at),
            (Duration::from_secs(1), after(60_000 - 3_600_000))
        );
    }

    #[test]
    fn a_request_whose_body_was_long_in_coming_is_not_early() {
        let limiter = Limiter::new(10);
        let rule = rule(&limiter, "1/s");
        let checks = [Check { rule: &rule, subject: ONE }];
        limiter.tick(after(60_000));
        assert_eq!(passing(&limiter, &checks, 5, after(60_000)), 1);
        limiter.tick(after(61_000));
        assert_eq!(passing(&limiter, &checks, 5, NOON), 1);
    }

    #[test]
    fn of_any_number_of_threads_exactly_as_many_pass_as_may() {
        const THREADS: usize = 8;
        for (short, long, may) in [("1000/min", "700/h", 700), ("300/s", "5000/h", 300), ("1/d", "1/d", 1)] {
            let limiter = Limiter::new(10);
            let rules = [rule(&limiter, short), limiter.rule("long", "", Rate::parse(long).unwrap())];
            let (passed, together) = (AtomicUsize::new(0), Barrier::new(THREADS));
            std::thread::scope(|scope| {
                for thread in 0..THREADS {
                    let (limiter, rules, passed, together) = (&limiter, &rules, &passed, &together);
                    scope.spawn(move || {
                        let mut checks = [
                            Check { rule: &rules[0], subject: ONE },
                            Check { rule: &rules[1], subject: ONE },
                        ];
                        if thread % 2 == 1 {
                            checks.reverse();
                        }
                        together.wait();
                        for _ in 0..may {
                            if limiter.take(&checks, NOON).is_ok() {
                                passed.fetch_add(1, Relaxed);
                            }
                        }
                    });
                }
            });
            // Two that take the last ones the other way around may both be refused; then these are left.
            let checks = [Check { rule: &rules[0], subject: ONE }, Check { rule: &rules[1], subject: ONE }];
            let left = passing(&limiter, &checks, may, NOON);
            assert!(left < THREADS, "{left}");
            assert_eq!(passed.into_inner() + left, may, "{short} {long}");
        }
    }

    #[test]
    fn strangers_who_come_from_many_places_take_no_room_of_those_who_are_known() {
        let limiter = Limiter::new(2);
        let rule = rule(&limiter, "3/min");
        for number in 0..50 {
            let client = Client::of([192, 0, 2, number].into());
            let _ = limiter.take(&[Check { rule: &rule, subject: Subject::Client(client) }], NOON);
        }
        assert_eq!(passing(&limiter, &[Check { rule: &rule, subject: ONE }], 5, NOON), 3);
        assert_eq!(limiter.buckets(), [1, 2]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn in_any_stretch_of_time_no_more_pass_than_the_burst_and_what_comes_back(
            count in 1_u32..50,
            period in 1_u32..90,
            burst in 1_u32..30,
            gaps in prop::collection::vec(0_i64..4_000, 1..200),
        ) {
            let limiter = Limiter::new(10);
            let rule = rule(&limiter, &format!("{count}/{period}s burst {burst}"));
            let checks = [Check { rule: &rule, subject: ONE }];
            let (mut at, mut passed) = (0, Vec::new());
            for gap in gaps {
                at += gap;
                if limiter.take(&checks, after(at)).is_ok() {
                    passed.push(at);
                }
            }
            for (first, begin) in passed.iter().enumerate() {
                for (last, end) in passed.iter().enumerate().skip(first) {
                    let came_back = (end - begin) * i64::from(count) / (i64::from(period) * 1000);
                    let number = i64::try_from(last - first + 1).unwrap();
                    prop_assert!(number <= i64::from(burst) + came_back, "{number} in {} ms", end - begin);
                }
            }
        }

        #[test]
        fn whoever_waits_as_long_as_was_said_passes_and_not_a_millisecond_sooner(
            count in 1_u32..50,
            period in 1_u32..90,
            burst in 1_u32..30,
            gaps in prop::collection::vec(0_i64..1_000, 1..100),
        ) {
            let limiter = Limiter::new(10);
            let rule = rule(&limiter, &format!("{count}/{period}s burst {burst}"));
            let checks = [Check { rule: &rule, subject: ONE }];
            let mut at = 0;
            for gap in gaps {
                at += gap;
                if let Err(exceeded) = limiter.take(&checks, after(at)) {
                    at += i64::try_from(exceeded.over.wait.as_millis()).unwrap();
                    prop_assert!(limiter.take(&checks, after(at - 1)).is_err());
                    prop_assert!(limiter.take(&checks, after(at)).is_ok());
                }
            }
        }
    }
}
