//! Amounts with their units: periods of time, sizes in bytes, counts.

use std::fmt;
use std::time::Duration;

/// A period of time: `250ms`, `300s`, `15m`, `24h`, `90d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Period(Duration);

/// A size: `512B`, `64KiB`, `10MiB`, `1GiB`, `1TiB` (powers of 1024), or `kB`, `MB`, `GB`, `TB` (powers of 1000).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ByteSize(u64);

/// How many of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Count(pub(crate) usize);

/// The text is no amount of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no {what}: use {rule}")]
pub(crate) struct InvalidAmount {
    pub(crate) found: String,
    pub(crate) what: &'static str,
    pub(crate) rule: &'static str,
}

const PERIOD_UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

const SIZE_UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

impl Period {
    /// How such a value is written.
    pub(crate) const RULE: &'static str =
        "a whole number and a unit: \"250ms\", \"300s\", \"15m\", \"24h\" or \"90d\"";

    pub(crate) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub(crate) const fn minutes(minutes: u64) -> Self {
        Self::seconds(minutes * 60)
    }

    pub(crate) const fn hours(hours: u64) -> Self {
        Self::minutes(hours * 60)
    }

    pub(crate) const fn days(days: u64) -> Self {
        Self::hours(days * 24)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, InvalidAmount> {
        let millis = scaled(text, &PERIOD_UNITS);
        millis.map(|millis| Self(Duration::from_millis(millis))).ok_or_else(|| InvalidAmount {
            found: text.to_owned(),
            what: "period of time",
            rule: Self::RULE,
        })
    }

    pub(crate) const fn duration(self) -> Duration {
        self.0
    }
}

impl ByteSize {
    /// How such a value is written.
    pub(crate) const RULE: &'static str =
        "a whole number and a unit: \"512B\", \"64KiB\", \"10MiB\" or \"1GiB\"";

    pub(crate) const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    pub(crate) const fn kib(kib: u64) -> Self {
        Self(kib << 10)
    }

    pub(crate) const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    pub(crate) const fn gib(gib: u64) -> Self {
        Self(gib << 30)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, InvalidAmount> {
        scaled(text, &SIZE_UNITS).map(Self).ok_or_else(|| InvalidAmount {
            found: text.to_owned(),
            what: "size",
            rule: Self::RULE,
        })
    }

    pub(crate) const fn get(self) -> u64 {
        self.0
    }
}

/// Digits and then one of `units`, with or without a space between them.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at_checked(split)?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(*scale)
}

/// In the largest of `units` that leaves a whole number.
fn in_largest_unit(f: &mut fmt::Formatter<'_>, amount: u64, units: &[(&str, u64)]) -> fmt::Result {
    let fits = units.iter().filter(|(_, scale)| amount != 0 && amount.is_multiple_of(*scale));
    let (name, scale) = fits.max_by_key(|(_, scale)| *scale).unwrap_or(&("", 1));
    let name = if amount == 0 { units.first().map_or("", |(name, _)| *name) } else { name };
    write!(f, "{}{name}", amount / scale)
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        in_largest_unit(f, millis, &PERIOD_UNITS)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        in_largest_unit(f, self.0, SIZE_UNITS.get(..5).unwrap_or_default())
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_prints_as_it_would_be_written() {
        for text in ["0ms", "250ms", "90s", "15m", "36h", "90d"] {
            assert_eq!(Period::parse(text).unwrap().to_string(), text);
        }
        for text in ["0B", "1023B", "64KiB", "10MiB", "3GiB"] {
            assert_eq!(ByteSize::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Period::parse("3600 s").unwrap().to_string(), "1h");
        assert_eq!(ByteSize::parse("2kB").unwrap(), ByteSize::bytes(2000));
    }

    #[test]
    fn an_amount_without_its_unit_is_refused_as_is_one_that_does_not_fit() {
        for bad in ["", "300", "s", "-1s", "1.5h", "1h30m", "1 day", "300S", "99999999999999999999s", "1e3s"]
        {
            assert!(Period::parse(bad).is_err(), "{bad}");
        }
        for bad in ["10", "10mb", "10 M", "18446744073709551615KiB", "１MiB"] {
            assert!(ByteSize::parse(bad).is_err(), "{bad}");
        }
    }
}
