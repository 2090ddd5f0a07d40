//! How times are written, and the window in which a request is good.

use std::time::Duration;

use countersign_model::UnixTime;

use crate::calendar;

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Whole seconds since 1970, in digits.
    Unix,
    /// Whole milliseconds.
    UnixMs,
    /// Whole microseconds.
    UnixUs,
    /// Whole nanoseconds.
    UnixNs,
    /// ISO 8601: `2026-11-21T12:00:00Z`. Read with or without separators, fraction and zone.
    Iso,
    /// The same, written with milliseconds: `2026-11-21T12:00:00.123Z`.
    IsoMs,
    /// The same, written without separators: `20261121T120000Z`.
    IsoBasic,
    /// The day alone, written without separators: `20261121`.
    Day,
    /// RFC 9110 section 5.6.7: `Sat, 21 Nov 2026 12:00:00 GMT`.
    HttpDate,
}

impl Format {
    /// All of them, as files name them.
    pub(crate) const NAMES: [(&'static str, Self); 9] = [
        ("unix", Self::Unix),
        ("unix-ms", Self::UnixMs),
        ("unix-us", Self::UnixUs),
        ("unix-ns", Self::UnixNs),
        ("iso", Self::Iso),
        ("iso-ms", Self::IsoMs),
        ("iso-basic", Self::IsoBasic),
        ("day", Self::Day),
        ("http-date", Self::HttpDate),
    ];

    /// The most digits of a time in seconds (the year 5138); finer units have three more each.
    const MAX_SECOND_DIGITS: usize = 11;

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| *name)
    }

    /// Reads a time. Digits are digits: no sign, exponent, fraction, leading zero or blank.
    pub(crate) fn parse(self, text: &[u8]) -> Option<UnixTime> {
        match self {
            Self::Unix => digits(text, Self::MAX_SECOND_DIGITS).map(UnixTime::from_secs),
            Self::UnixMs => digits(text, Self::MAX_SECOND_DIGITS + 3).map(UnixTime::from_millis),
            Self::UnixUs => {
                digits(text, Self::MAX_SECOND_DIGITS + 6).map(|us| UnixTime::from_millis(us / 1000))
            }
            // Past nineteen digits an i64 ends; that is the year 2262.
            Self::UnixNs => digits(text, 19).map(|ns| UnixTime::from_millis(ns / 1_000_000)),
            Self::Iso | Self::IsoMs | Self::IsoBasic | Self::Day => calendar::iso(text),
            Self::HttpDate => calendar::http_date(text),
        }
    }

    /// Whether a time is written as a number.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Unix | Self::UnixMs | Self::UnixUs | Self::UnixNs)
    }

    /// Writes a time.
    pub(crate) fn write(self, at: UnixTime) -> String {
        let date = calendar::Date::of(at);
        match self {
            Self::Unix => at.secs().to_string(),
            Self::UnixMs => at.millis().to_string(),
            Self::UnixUs => format!("{}000", at.millis()),
            Self::UnixNs => format!("{}000000", at.millis()),
            Self::Iso => format!("{}T{}Z", date.day("-"), date.clock(":")),
            Self::IsoMs => {
                format!("{}T{}.{:03}Z", date.day("-"), date.clock(":"), at.millis().rem_euclid(1000))
            }
            Self::IsoBasic => format!("{}T{}Z", date.day(""), date.clock("")),
            Self::Day => date.day(""),
            Self::HttpDate => date.http(),
        }
    }
}

fn digits(text: &[u8], most: usize) -> Option<i64> {
    if text.is_empty() || text.len() > most || (text.len() > 1 && text.first() == Some(&b'0')) {
        return None;
    }
    // Nineteen digits are fewer than 64 bits hold.
    let (number, all_digits) = text.iter().fold((0_u64, true), |(number, all_digits), byte| {
        let digit = byte.wrapping_sub(b'0');
        (number.wrapping_mul(10).wrapping_add(u64::from(digit)), all_digits && digit <= 9)
    });
    if all_digits { i64::try_from(number).ok() } else { None }
}

/// Proof that a claim is neither too old nor too far ahead. Only [`crate::Recipe::fresh`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    pub(crate) until: Option<UnixTime>,
}

impl Fresh {
    /// The last moment at which the same claim is still fresh; `None` where the dialect has no time. A replay guard
    /// need not remember it longer.
    pub fn until(&self) -> Option<UnixTime> {
        self.until
    }
}

/// Why a claim is not fresh, with by how much it misses, for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untimely {
    /// It is further ahead than the window reaches.
    #[error("it is {} s further ahead than the window reaches", by.as_secs())]
    Early {
        /// By how much it is outside.
        by: Duration,
    },
    /// It is older than the window reaches.
    #[error("it is {} s older than the window reaches", by.as_secs())]
    Late {
        /// By how much it is outside.
        by: Duration,
    },
    /// The end that it named is past.
    #[error("it ended {} s ago", by.as_secs())]
    Expired {
        /// How long ago it ended.
        by: Duration,
    },
    /// The end that it names is further off than the dialect allows.
    #[error("it ends {} s later than it may", by.as_secs())]
    TooLong {
        /// By how much.
        by: Duration,
    },
}

/// Judges a timestamp at `now`, to the whole second: exactly as far as the limits reach is good.
pub(crate) fn judge(
    at: UnixTime,
    now: UnixTime,
    past: Duration,
    future: Duration,
) -> Result<Fresh, Untimely> {
    let ahead = at.secs().saturating_sub(now.secs());
    let seconds = |count: i64| Duration::from_secs(u64::try_from(count).unwrap_or(0));
    let (age, lead) = (seconds(ahead.saturating_neg()), seconds(ahead));
    if age > past {
        return Err(Untimely::Late { by: age.saturating_sub(past) });
    }
    if lead > future {
        return Err(Untimely::Early { by: lead.saturating_sub(future) });
    }
    Ok(Fresh { until: Some(end_of_second(UnixTime::from_secs(at.secs()).plus(past))) })
}

/// The last moment of the second in which a moment is.
pub(crate) fn end_of_second(at: UnixTime) -> UnixTime {
    UnixTime::from_secs(at.secs()).plus(Duration::from_millis(999))
}

/// Reads a length of time: digits and `ms`, `s`, `m`, `h` or `d`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(unit_at);
    let number: u64 = digits.parse().ok()?;
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_digits_has_no_other_shape() {
        assert_eq!(Format::Unix.parse(b"1795262400"), Some(UnixTime::from_secs(1_795_262_400)));
        assert_eq!(Format::Unix.parse(b"0"), Some(UnixTime::from_secs(0)));
        for bad in [
            "",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1e9",
            "1.0",
            "01",
            "0x10",
            "123456789012",
            "1795262400\n",
            "\u{661}",
            "1_0",
        ] {
            assert_eq!(Format::Unix.parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let at = UnixTime::from_millis(1_795_262_400_123);
        for (name, format) in Format::NAMES.into_iter().filter(|(name, _)| *name != "day") {
            let read = format.parse(format.write(at).as_bytes()).unwrap();
            assert_eq!(read.secs(), at.secs(), "{name}");
        }
    }

    #[test]
    fn the_window_holds_to_the_second_at_both_ends() {
        let at = UnixTime::from_secs(1000);
        let judge = |now| {
            super::judge(at, UnixTime::from_millis(now), Duration::from_mins(5), Duration::from_mins(1))
                .map(|fresh| fresh.until.unwrap().millis())
        };
        assert_eq!(judge(1_300_999), Ok(1_300_999));
        assert_eq!(judge(1_301_000), Err(Untimely::Late { by: Duration::from_secs(1) }));
        assert_eq!(judge(940_000), Ok(1_300_999));
        assert_eq!(judge(939_999), Err(Untimely::Early { by: Duration::from_secs(1) }));
    }

    #[test]
    fn lengths_of_time_have_a_unit() {
        assert_eq!(duration("15m"), Some(Duration::from_mins(15)));
        assert_eq!(duration("1500ms"), Some(Duration::from_millis(1500)));
        for bad in ["", "15", "m", "-1s", "1 s", "1w", "99999999999999999999d", "1844674407370955161d"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
