//! So many in so long, and so many at once.

use std::fmt;
use std::time::Duration;

/// A rate, such as `100/min` or `10/s burst 20`: how many requests come back in a period, and how many may come at once.
///
/// In any stretch of time `t` at most `burst + t · count / period` requests pass. Where no burst is said it is the count: whoever
/// was quiet for a period may send all of it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    count: u32,
    period_ms: u64,
    burst: u32,
}

/// The text is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no rate: {rule}")]
pub struct InvalidRate {
    /// The text, as it was given.
    pub found: String,
    /// What would do.
    pub rule: &'static str,
}

const FORM: &str =
    "write a count and a period, as in \"100/min\", \"1000/h\", \"50/10s\" or \"10/s burst 20\"";
const UNIT: &str = "the period ends in s, min, h or d, as in \"100/min\" or \"50/10s\"";
const RANGE: &str = "use counts and bursts of 1 to 1000000, and periods of 1s to 366d";

const UNITS: [(&str, u64); 4] = [("s", 1_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Rate {
    /// The most that the count and the burst of a rate can be. With it, the milliseconds until the year 2260 times the count fit
    /// into 64 bits.
    pub const MAX_COUNT: u32 = 1_000_000;
    /// The longest period.
    pub const MAX_PERIOD: Duration = Duration::from_hours(366 * 24);

    /// Reads `COUNT/PERIOD` or `COUNT/PERIOD burst COUNT`, where the period is `s`, `min`, `h` or `d`, perhaps with a number
    /// before it.
    pub fn parse(text: &str) -> Result<Self, InvalidRate> {
        let invalid = |rule| InvalidRate { found: text.to_owned(), rule };
        let mut words = text.split_ascii_whitespace();
        let (rate, burst) = match (words.next(), words.next(), words.next(), words.next()) {
            (Some(rate), None, None, None) => (rate, None),
            (Some(rate), Some("burst"), Some(burst), None) => (rate, Some(burst)),
            _ => return Err(invalid(FORM)),
        };
        let (count, period) = rate.split_once('/').ok_or_else(|| invalid(FORM))?;
        let unit_at = period.find(|c: char| !c.is_ascii_digit()).ok_or_else(|| invalid(UNIT))?;
        let (number, unit) = period.split_at_checked(unit_at).ok_or_else(|| invalid(FORM))?;
        let (_, unit_ms) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| invalid(UNIT))?;
        let number = if number.is_empty() { 1 } else { whole(number).ok_or_else(|| invalid(RANGE))? };
        let count = whole(count).ok_or_else(|| invalid(FORM))?;
        let burst = match burst {
            Some(burst) => whole(burst).ok_or_else(|| invalid(FORM))?,
            None => count,
        };
        let period_ms = number.saturating_mul(*unit_ms);
        let fits = |amount: u64| u32::try_from(amount).ok().filter(|n| (1..=Self::MAX_COUNT).contains(n));
        let most_ms = u64::try_from(Self::MAX_PERIOD.as_millis()).unwrap_or(u64::MAX);
        match (fits(count), fits(burst)) {
            (Some(count), Some(burst)) if (1..=most_ms).contains(&period_ms) => {
                Ok(Self { count, period_ms, burst })
            }
            _ => Err(invalid(RANGE)),
        }
    }

    /// How many requests come back in a [period](Self::period).
    pub const fn count(self) -> u32 {
        self.count
    }

    /// How long the [count](Self::count) takes to come back.
    pub const fn period(self) -> Duration {
        Duration::from_millis(self.period_ms)
    }

    /// The same in milliseconds.
    pub const fn period_ms(self) -> u64 {
        self.period_ms
    }

    /// How many requests may come at once, after a time without any.
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// The period as it is written: `min`, `10s`.
    pub fn window(self) -> impl fmt::Display {
        Window(self.period_ms)
    }
}

/// As it is written in a configuration.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.window())?;
        if self.burst == self.count { Ok(()) } else { write!(f, " burst {}", self.burst) }
    }
}

/// A period in its largest whole unit, without the number where that is one.
struct Window(u64);

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, unit_ms) =
            UNITS.iter().rev().find(|(_, unit_ms)| self.0.is_multiple_of(*unit_ms)).unwrap_or(&("ms", 1));
        match self.0 / unit_ms {
            1 => f.write_str(unit),
            number => write!(f, "{number}{unit}"),
        }
    }
}

/// A whole number without a sign.
fn whole(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_reads_as_it_is_spoken() {
        for (text, count, period_secs, burst) in [
            ("100/min", 100, 60, 100),
            ("10/s burst 20", 10, 1, 20),
            ("1000/h", 1000, 3600, 1000),
            ("50/10s", 50, 10, 50),
            ("1/366d burst 1000000", 1, 31_622_400, 1_000_000),
        ] {
            let rate = Rate::parse(text).unwrap();
            let expected = (count, Duration::from_secs(period_secs), burst);
            assert_eq!((rate.count(), rate.period(), rate.burst()), expected, "{text}");
            assert_eq!(rate.to_string(), text);
        }
        assert_eq!(Rate::parse("60/60s burst 60").unwrap().to_string(), "60/min");
    }

    #[test]
    fn what_is_no_rate_is_refused_with_what_would_do() {
        for (text, rule) in [
            ("", FORM),
            ("100", FORM),
            ("min/100", UNIT),
            ("100/", UNIT),
            ("100/m", UNIT),
            ("100/10", UNIT),
            ("100 / min", FORM),
            ("-1/s", FORM),
            ("+1/s", FORM),
            ("1.5/s", FORM),
            ("10/s burst", FORM),
            ("10/s bursts 20", FORM),
            ("10/s burst 20 30", FORM),
            ("0/s", RANGE),
            ("1/0s", RANGE),
            ("1/s burst 0", RANGE),
            ("1000001/s", RANGE),
            ("1/367d", RANGE),
            ("99999999999999999999/s", FORM),
            ("1/99999999999999999999s", RANGE),
        ] {
            let refused = Rate::parse(text).unwrap_err();
            assert_eq!((refused.rule, refused.found.as_str()), (rule, text));
        }
    }
}
