//! Moments, as people and programs read them.

use countersign_model::UnixTime;

/// A moment in UTC as RFC 3339 says it, with milliseconds always: so that texts sort as moments do.
pub(crate) fn rfc3339(moment: UnixTime) -> String {
    match jiff::Timestamp::from_millisecond(moment.millis()) {
        Ok(timestamp) => format!("{timestamp:.3}"),
        // Beyond the year 9999, where RFC 3339 ends.
        Err(_) => format!("@{}", moment.secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc() {
        assert_eq!(rfc3339(UnixTime::from_secs(1_795_262_400)), "2026-11-21T12:00:00.000Z");
        assert_eq!(rfc3339(UnixTime::from_millis(1_795_262_400_123)), "2026-11-21T12:00:00.123Z");
        assert_eq!(rfc3339(UnixTime::from_millis(i64::MAX)), "@9223372036854775");
    }
}
