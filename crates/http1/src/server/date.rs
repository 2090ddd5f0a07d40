//! The `Date` of answers.

use countersign_model::UnixTime;

const DAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

/// The line `date: ...`, which is the same for a second.
#[derive(Debug)]
pub(super) struct DateLine {
    second: i64,
    line: Vec<u8>,
}

impl DateLine {
    pub(super) fn new() -> Self {
        Self { second: i64::MIN, line: Vec::new() }
    }

    /// The line at `now`, with its end (RFC 9110 section 6.6.1).
    pub(super) fn at(&mut self, now: UnixTime) -> &[u8] {
        let second = now.secs();
        if second != self.second {
            self.second = second;
            self.line.clear();
            self.line.extend_from_slice(b"date: ");
            write(&mut self.line, second);
            self.line.extend_from_slice(b"\r\n");
        }
        &self.line
    }
}

/// Writes a time as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
fn write(out: &mut Vec<u8>, second: i64) {
    let (days, time) = (second.div_euclid(SECONDS_OF_A_DAY), second.rem_euclid(SECONDS_OF_A_DAY));
    let (year, month, day) = civil(days);
    let word = |out: &mut Vec<u8>, words: &[&[u8; 3]], index: i64| {
        let word = usize::try_from(index).ok().and_then(|index| words.get(index));
        out.extend_from_slice(word.map_or(&b"???"[..], |word| *word));
    };
    let two = |out: &mut Vec<u8>, number: i64| {
        let digit = |number: i64| b'0' + u8::try_from(number % 10).unwrap_or(0);
        out.extend_from_slice(&[digit(number / 10), digit(number)]);
    };
    word(out, &DAYS, days.rem_euclid(7));
    out.extend_from_slice(b", ");
    two(out, day);
    out.push(b' ');
    word(out, &MONTHS, month - 1);
    out.push(b' ');
    two(out, year / 100);
    two(out, year);
    for (before, part) in [(b' ', time / 3600), (b':', time / 60 % 60), (b':', time % 60)] {
        out.push(before);
        two(out, part);
    }
    out.extend_from_slice(b" GMT");
}

/// Year, month and day of the day that is so many after 1970-01-01. Years are counted from March, so that a leap day comes last; 400
/// of them have always as many days.
fn civil(days: i64) -> (i64, i64, i64) {
    const OF_400_YEARS: i64 = 146_097;
    const FROM_YEAR_0_TO_1970: i64 = 719_468;
    let days = days.saturating_add(FROM_YEAR_0_TO_1970);
    let (cycle, day) = (days.div_euclid(OF_400_YEARS), days.rem_euclid(OF_400_YEARS));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let january_and_february = i64::from(month <= 2);
    (cycle * 400 + year + january_and_february, month, of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    fn line(second: i64) -> String {
        String::from_utf8(DateLine::new().at(UnixTime::from_secs(second)).to_vec()).unwrap()
    }

    #[test]
    fn a_date_is_written_as_the_standard_writes_it() {
        assert_eq!(line(784_111_777), "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    }

    #[test]
    fn the_next_second_has_another_date() {
        let mut date = DateLine::new();
        assert!(date.at(UnixTime::from_millis(999)).ends_with(b" 00:00:00 GMT\r\n"));
        assert!(date.at(UnixTime::from_millis(1000)).ends_with(b" 00:00:01 GMT\r\n"));
    }

    proptest! {
        #[test]
        fn it_is_what_another_library_makes_of_it(second in 0_i64..253_402_300_800) {
            let other = UNIX_EPOCH + Duration::from_secs(second.unsigned_abs());
            prop_assert_eq!(line(second), format!("date: {}\r\n", httpdate::fmt_http_date(other)));
        }
    }
}
