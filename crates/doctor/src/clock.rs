//! Times outside their window, in words.

use std::time::Duration;

use countersign_dialect::{Claim, Untimely};
use countersign_model::UnixTime;

use crate::finding::{Finding, Kind};
use crate::suspect::zone;
use crate::times;

/// How far from a whole quarter of an hour a difference may be to be taken for a zone.
const ZONE_TOLERANCE: Duration = Duration::from_secs(90);

/// What is wrong with the time of a claim.
pub(crate) fn finding(claim: &Claim<'_>, why: Untimely, now: UnixTime) -> Finding {
    let sent = match why {
        Untimely::Early { .. } | Untimely::Late { .. } => claim.timestamp(),
        Untimely::Expired { .. } | Untimely::TooLong { .. } => claim.expires(),
    };
    let sent = sent.unwrap_or(now);
    let distance = span(if sent > now { sent.since(now) } else { now.since(sent) });
    let at = times::shown(sent);
    let here = times::shown(now);
    let (said, remedy) = match why {
        Untimely::Late { by } => (
            format!(
                "The request is {distance} old (it says {at}, and it is {here} here): {} older than this dialect allows.",
                span(by)
            ),
            "Set the client's clock by NTP, and sign each request just before it is sent; a retry needs a new time and a new signature.",
        ),
        Untimely::Early { by } => (
            format!(
                "The client's clock is {distance} ahead (it says {at}, and it is {here} here): {} more than this dialect allows.",
                span(by)
            ),
            "Set the client's clock by NTP.",
        ),
        Untimely::Expired { by } => (
            format!("The request ended {} ago, at {at}; it is {here} here.", span(by)),
            "Sign it anew, or have it end later.",
        ),
        Untimely::TooLong { by } => (
            format!("The request names an end ({at}) that is {} later than this dialect allows.", span(by)),
            "Have it end sooner.",
        ),
    };
    let said = match as_zone(sent, now) {
        Some(zone) if matches!(why, Untimely::Late { .. } | Untimely::Early { .. }) => {
            format!("{said} That is a time of {zone} taken for UTC, or the other way round.")
        }
        Some(_) | None => said,
    };
    Finding::new(Kind::Clock, said, remedy)
}

/// The zone whose distance from UTC the difference is, if it is one.
fn as_zone(sent: UnixTime, now: UnixTime) -> Option<String> {
    let millis = sent.millis() - now.millis();
    let quarter = 15 * 60 * 1000;
    let quarters = (millis + millis.signum() * quarter / 2) / quarter;
    let off = (millis - quarters * quarter).unsigned_abs();
    let is_zone = quarters % 2 == 0 && (2..=14 * 4).contains(&quarters.abs());
    (is_zone && u128::from(off) <= ZONE_TOLERANCE.as_millis()).then(|| zone(quarters * 15))
}

/// A length of time for people.
pub(crate) fn span(length: Duration) -> String {
    let secs = length.as_secs();
    match secs {
        0 if length.is_zero() => "0 s".to_owned(),
        0 => format!("{} ms", length.as_millis()),
        1..120 => format!("{secs} s"),
        120..7200 => format!("{} min {} s", secs / 60, secs % 60),
        7200..172_800 => format!("{} h {} min", secs / 3600, secs % 3600 / 60),
        _ => format!("{} days", secs / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_of_whole_hours_is_taken_for_a_zone() {
        let now = UnixTime::from_secs(1_795_262_400);
        let at = |secs: i64| as_zone(UnixTime::from_secs(now.secs() + secs), now);
        assert_eq!(at(7203).as_deref(), Some("UTC+2"));
        assert_eq!(at(-5 * 3600).as_deref(), Some("UTC-5"));
        assert_eq!(at(5 * 3600 + 1800).as_deref(), Some("UTC+5:30"));
        assert_eq!(at(600), None);
        assert_eq!(at(30), None);
    }

    #[test]
    fn lengths_of_time_are_told_in_units_that_fit() {
        let told = [0, 59, 600, 7200, 864_000].map(|secs| span(Duration::from_secs(secs)));
        assert_eq!(told, ["0 s", "59 s", "10 min 0 s", "2 h 0 min", "10 days"]);
    }
}
