//! Times, in the forms in which clients write them.

use countersign_model::UnixTime;
use jiff::Timestamp;
use jiff::fmt::strtime;

/// A way to write a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Seconds,
    Millis,
    Micros,
    Nanos,
    /// `1732190400.123`.
    Fraction,
    /// `2026-11-21T12:00:00Z` and the like, by how `strftime` writes them.
    Pattern(&'static str),
}

/// The forms that clients use, the commonest first. `{ms}` stands for three digits of milliseconds.
pub(crate) const FORMS: [Form; 17] = [
    Form::Seconds,
    Form::Millis,
    Form::Pattern("%Y-%m-%dT%H:%M:%SZ"),
    Form::Pattern("%Y-%m-%dT%H:%M:%S.{ms}Z"),
    Form::Micros,
    Form::Nanos,
    Form::Fraction,
    Form::Pattern("%Y%m%dT%H%M%SZ"),
    Form::Pattern("%a, %d %b %Y %H:%M:%S GMT"),
    Form::Pattern("%Y-%m-%dT%H:%M:%S+00:00"),
    Form::Pattern("%Y-%m-%dT%H:%M:%S"),
    Form::Pattern("%Y-%m-%dT%H:%M:%S.{ms}"),
    Form::Pattern("%Y-%m-%dT%H:%M:%S.{ms}+00:00"),
    Form::Pattern("%Y-%m-%d %H:%M:%S"),
    Form::Pattern("%Y-%m-%dT%H:%M:%S.{ms}000Z"),
    Form::Pattern("%Y%m%d"),
    Form::Pattern("%a, %d %b %Y %H:%M:%S +0000"),
];

impl Form {
    /// Writes a time, which never fails but past the end of the calendar.
    pub(crate) fn write(self, at: UnixTime) -> Option<String> {
        let millis = at.millis();
        Some(match self {
            Self::Seconds => at.secs().to_string(),
            Self::Millis => millis.to_string(),
            Self::Micros => format!("{millis}000"),
            Self::Nanos => format!("{millis}000000"),
            Self::Fraction => format!("{}.{:03}", at.secs(), millis.rem_euclid(1000)),
            Self::Pattern(pattern) => {
                let time = Timestamp::from_millisecond(millis).ok()?;
                let told = strtime::format(pattern.replace("{ms}", "MS"), time).ok()?;
                told.replace("MS", &format!("{:03}", millis.rem_euclid(1000)))
            }
        })
    }

    /// Whether it tells milliseconds.
    pub(crate) fn is_fine(self) -> bool {
        match self {
            Self::Seconds => false,
            Self::Millis | Self::Micros | Self::Nanos | Self::Fraction => true,
            Self::Pattern(pattern) => pattern.contains("{ms}"),
        }
    }

    /// In a sentence: "the time in seconds".
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Seconds => "in seconds",
            Self::Millis => "in milliseconds",
            Self::Micros => "in microseconds",
            Self::Nanos => "in nanoseconds",
            Self::Fraction => "in seconds with a fraction",
            Self::Pattern("%a, %d %b %Y %H:%M:%S GMT" | "%a, %d %b %Y %H:%M:%S +0000") => "as an HTTP date",
            Self::Pattern("%Y%m%d") => "as a day",
            Self::Pattern(_) => "as an ISO date",
        }
    }

    /// The form that a dialect names.
    pub(crate) fn of_dialect(name: &str) -> Self {
        match name {
            "unix-ms" => Self::Millis,
            "unix-us" => Self::Micros,
            "unix-ns" => Self::Nanos,
            "iso" => Self::Pattern("%Y-%m-%dT%H:%M:%SZ"),
            "iso-ms" => Self::Pattern("%Y-%m-%dT%H:%M:%S.{ms}Z"),
            "iso-basic" => Self::Pattern("%Y%m%dT%H%M%SZ"),
            "day" => Self::Pattern("%Y%m%d"),
            "http-date" => Self::Pattern("%a, %d %b %Y %H:%M:%S GMT"),
            _ => Self::Seconds,
        }
    }
}

/// The time that a text means, in whatever form, and that form. Numbers are told apart by their size: all are taken for a time
/// between the years 1990 and 2100.
pub(crate) fn guess(text: &[u8]) -> Option<(UnixTime, Form)> {
    const YEARS: std::ops::Range<i64> = 631_152_000..4_102_444_800;
    let text = std::str::from_utf8(text).ok()?.trim();
    if let Ok(number) = text.parse::<i64>()
        && text.len() > 8
    {
        let units = [
            (Form::Seconds, 1),
            (Form::Millis, 1_000),
            (Form::Micros, 1_000_000),
            (Form::Nanos, 1_000_000_000),
        ];
        let (form, by) = units.into_iter().find(|(_, by)| YEARS.contains(&(number / by)))?;
        let millis = if by == 1 { number * 1000 } else { number / (by / 1000) };
        return Some((UnixTime::from_millis(millis), form));
    }
    if let Some((secs, fraction)) = text.split_once('.')
        && let Ok(secs) = secs.parse::<i64>()
        && YEARS.contains(&secs)
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
    {
        let millis: i64 = format!("{fraction}000").get(..3)?.parse().ok()?;
        return Some((UnixTime::from_millis(secs * 1000 + millis), Form::Fraction));
    }
    let of = |time: Timestamp| UnixTime::from_millis(time.as_millisecond());
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some((of(time), Form::Pattern("%Y-%m-%dT%H:%M:%SZ")));
    }
    if let Ok(time) = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text) {
        return Some((of(time), Form::Pattern("%a, %d %b %Y %H:%M:%S GMT")));
    }
    let utc =
        |time: jiff::civil::DateTime| Some(of(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()));
    if let Ok(day) = jiff::civil::Date::strptime("%Y%m%d", text) {
        return Some((utc(day.at(0, 0, 0, 0))?, Form::Pattern("%Y%m%d")));
    }
    let time: jiff::civil::DateTime = text.trim_end_matches('Z').parse().ok()?;
    Some((utc(time)?, Form::Pattern("%Y-%m-%dT%H:%M:%S")))
}

/// A time for people.
pub(crate) fn shown(at: UnixTime) -> String {
    let form = if at.millis() % 1000 == 0 { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S.{ms}Z" };
    Form::Pattern(form).write(at).unwrap_or_else(|| at.secs().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: UnixTime = UnixTime::from_millis(1_795_262_400_123);

    #[test]
    fn every_form_is_recognised_when_it_is_read_back() {
        for form in FORMS {
            let text = form.write(AT).unwrap();
            let (read, _) = guess(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            let off = if text.len() == 8 { 86_400 } else { 0 };
            assert!((read.secs() - AT.secs()).abs() <= off, "{form:?} {text}");
        }
    }

    #[test]
    fn numbers_are_told_apart_by_their_size() {
        for (text, form) in [
            ("1795262400", Form::Seconds),
            ("1795262400123", Form::Millis),
            ("1795262400123000", Form::Micros),
            ("1795262400.5", Form::Fraction),
        ] {
            assert_eq!(guess(text.as_bytes()).unwrap().1, form, "{text}");
        }
        assert!(guess(b"17").is_none() && guess(b"soon").is_none());
    }
}
