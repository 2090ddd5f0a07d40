//! The life of a credential: issued, rotating, revoked, expired.

use crate::{KeyId, UnixTime};

/// Where a credential stands in its life. Expiry is not stored: it follows from the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// In use.
    Active {
        /// When it ends by itself, if ever: good before this moment, expired from it on.
        expires_at: Option<UnixTime>,
    },
    /// Replaced, and still good for a while so that its user can change over.
    Rotating {
        /// When it ends: good before this moment, expired from it on.
        until: UnixTime,
        /// The credential that replaces it.
        successor: KeyId,
    },
    /// Ended by an operator.
    Revoked {
        /// When.
        at: UnixTime,
    },
}

/// What a [`Life`] means at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Good.
    Active,
    /// Good, but replaced: it will end.
    Rotating,
    /// Ended by the clock.
    Expired,
    /// Ended by an operator.
    Revoked,
}

impl Life {
    /// What this life means at `now`.
    pub fn phase(&self, now: UnixTime) -> Phase {
        match self {
            Self::Active { expires_at: Some(end) } if *end <= now => Phase::Expired,
            Self::Active { .. } => Phase::Active,
            Self::Rotating { until, .. } if *until <= now => Phase::Expired,
            Self::Rotating { .. } => Phase::Rotating,
            Self::Revoked { .. } => Phase::Revoked,
        }
    }

    /// When it ends by itself, if ever.
    pub fn ends_at(&self) -> Option<UnixTime> {
        match self {
            Self::Active { expires_at } => *expires_at,
            Self::Rotating { until, .. } => Some(*until),
            Self::Revoked { at } => Some(*at),
        }
    }
}

impl Phase {
    /// The word for it, as commands and answers print it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Rotating => "rotating",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UnixTime = UnixTime::from_secs(43_200);

    #[test]
    fn a_credential_is_good_until_the_moment_of_its_end_and_not_at_it() {
        let before = UnixTime::from_millis(NOON.millis() - 1);
        let active = Life::Active { expires_at: Some(NOON) };
        assert_eq!((active.phase(before), active.phase(NOON)), (Phase::Active, Phase::Expired));
        let rotating = Life::Rotating { until: NOON, successor: KeyId::parse("key_2").unwrap() };
        assert_eq!((rotating.phase(before), rotating.phase(NOON)), (Phase::Rotating, Phase::Expired));
    }

    #[test]
    fn revoked_stays_revoked_whatever_the_clock_says() {
        let revoked = Life::Revoked { at: NOON };
        assert_eq!(revoked.phase(UnixTime::from_secs(0)), Phase::Revoked);
    }
}
