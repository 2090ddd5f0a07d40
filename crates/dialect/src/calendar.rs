//! Days and times of day: ISO 8601 and HTTP dates.

use countersign_model::UnixTime;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const DAY_SECONDS: i64 = 86_400;

/// A moment as a calendar shows it in UTC.
pub(crate) struct Date {
    year: i64,
    month: i64,
    day: i64,
    second_of_day: i64,
    weekday: i64,
}

impl Date {
    pub(crate) fn of(at: UnixTime) -> Self {
        let days = at.secs().div_euclid(DAY_SECONDS);
        let (year, month, day) = civil(days);
        let second_of_day = at.secs().rem_euclid(DAY_SECONDS);
        Self { year, month, day, second_of_day, weekday: days.rem_euclid(7) }
    }

    pub(crate) fn day(&self, sep: &str) -> String {
        format!("{:04}{sep}{:02}{sep}{:02}", self.year, self.month, self.day)
    }

    pub(crate) fn clock(&self, sep: &str) -> String {
        let s = self.second_of_day;
        format!("{:02}{sep}{:02}{sep}{:02}", s / 3600, s / 60 % 60, s % 60)
    }

    pub(crate) fn http(&self) -> String {
        let name = |names: &[&'static str], at: i64| {
            usize::try_from(at).ok().and_then(|at| names.get(at).copied()).unwrap_or_default()
        };
        let (weekday, month) = (name(&WEEKDAYS, self.weekday), name(&MONTHS, self.month - 1));
        format!("{weekday}, {:02} {month} {:04} {} GMT", self.day, self.year, self.clock(":"))
    }
}

/// Year, month and day of a day since 1970, in the proleptic Gregorian calendar (Howard Hinnant's algorithm).
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day since 1970 of a date; `None` where there is no such date.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let shifted_year = year - i64::from(month <= 2);
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    let days = era * 146_097 + of_era - 719_468;
    (civil(days) == (year, month, day)).then_some(days)
}

fn moment(days: i64, hour: i64, minute: i64, second: i64, milli: i64, zone_minutes: i64) -> Option<UnixTime> {
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days * DAY_SECONDS + hour * 3600 + minute * 60 + second - zone_minutes * 60;
    Some(UnixTime::from_millis(seconds * 1000 + milli))
}

struct Reader<'t>(&'t [u8]);

impl Reader<'_> {
    fn take(&mut self, wanted: &[u8]) -> bool {
        match self.0.strip_prefix(wanted) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Exactly so many digits.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (head, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        head.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    }
}

/// Reads `2026-11-21T12:00:00.123+01:00`, with a blank for the `T`, with or without `-`, `:`, fraction and zone; a day alone is
/// its first second.
pub(crate) fn iso(text: &[u8]) -> Option<UnixTime> {
    let mut reader = Reader(text);
    let year = reader.number(4)?;
    let dashed = reader.take(b"-");
    let month = reader.number(2)?;
    if dashed && !reader.take(b"-") {
        return None;
    }
    let day = reader.number(2)?;
    let days = days(year, month, day)?;
    if reader.0.is_empty() {
        return moment(days, 0, 0, 0, 0, 0);
    }
    if !reader.take(b"T") && !reader.take(b" ") {
        return None;
    }
    let hour = reader.number(2)?;
    let colons = reader.take(b":");
    let minute = reader.number(2)?;
    if colons && !reader.take(b":") {
        return None;
    }
    let second = reader.number(2)?;
    let milli = if reader.take(b".") { fraction(&mut reader)? } else { 0 };
    let zone = zone(&mut reader)?;
    reader.0.is_empty().then(|| moment(days, hour, minute, second, milli, zone)).flatten()
}

/// One to nine digits behind the point, as milliseconds.
fn fraction(reader: &mut Reader<'_>) -> Option<i64> {
    let len = reader.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&len) {
        return None;
    }
    let mut digits = reader.number(len)?;
    for _ in len..3 {
        digits *= 10;
    }
    for _ in 3..len {
        digits /= 10;
    }
    Some(digits)
}

/// Minutes east of UTC: `Z`, `+0100`, `+01:00`, or nothing.
fn zone(reader: &mut Reader<'_>) -> Option<i64> {
    if reader.0.is_empty() || reader.take(b"Z") {
        return Some(0);
    }
    let sign = if reader.take(b"+") { 1 } else { -1 };
    if sign < 0 && !reader.take(b"-") {
        return None;
    }
    let hours = reader.number(2)?;
    reader.take(b":");
    let minutes = reader.number(2)?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// Reads `Sat, 21 Nov 2026 12:00:00 GMT`. The day of the week must be the right one.
pub(crate) fn http_date(text: &[u8]) -> Option<UnixTime> {
    let mut reader = Reader(text);
    reader.0 = text.get(5..)?;
    let day = reader.number(2)?;
    let (name, rest) = reader.0.split_at_checked(5)?;
    reader.0 = rest;
    let name = name.strip_prefix(b" ")?.strip_suffix(b" ")?;
    let month = MONTHS.iter().position(|month| month.as_bytes() == name)?;
    let year = reader.number(4)?;
    let at = (|| {
        let hour = reader.take(b" ").then(|| reader.number(2))??;
        let minute = reader.take(b":").then(|| reader.number(2))??;
        let second = reader.take(b":").then(|| reader.number(2))??;
        moment(days(year, i64::try_from(month).ok()? + 1, day)?, hour, minute, second, 0, 0)
    })()?;
    // A leap second reads as the second after it, and writes differently.
    let same = Date::of(at).http().as_bytes() == text;
    same.then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_795_262_400;

    #[test]
    fn times_are_read_in_all_the_shapes_of_the_standard() {
        for text in [
            "2026-11-21T12:00:00Z",
            "20261121T120000Z",
            "2026-11-21 12:00:00",
            "2026-11-21T13:00:00+01:00",
            "20261121T12:00:00+0000",
            "2026-11-21T07:30:00.000-0430",
        ] {
            assert_eq!(iso(text.as_bytes()), Some(UnixTime::from_secs(NOON)), "{text}");
        }
        assert_eq!(iso(b"2026-11-21T12:00:00.1239Z"), Some(UnixTime::from_millis(NOON * 1000 + 123)));
        assert_eq!(http_date(b"Sat, 21 Nov 2026 12:00:00 GMT"), Some(UnixTime::from_secs(NOON)));
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for bad in [
            "",
            "2026",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T12:60:00Z",
            "2026-1121T12:00:00Z",
            "2026-11-21T12:00:00ZZ",
            "2026-11-21T12:00:00.Z",
            "2026-11-21T12:00:00+1",
            "+026-11-21T12:00:00Z",
            "2026-11-21T12:0000Z",
        ] {
            assert_eq!(iso(bad.as_bytes()), None, "{bad}");
        }
        for bad in [
            "",
            "Fri, 21 Nov 2026 12:00:00 GMT",
            "Sat, 21 Nov 2026 12:00:00",
            "Sat, 21 nov 2026 12:00:00 GMT",
        ] {
            assert_eq!(http_date(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn days_count_through_leap_years_both_ways() {
        for day in (-800_000..800_000).step_by(97) {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), Some(day));
        }
    }
}
