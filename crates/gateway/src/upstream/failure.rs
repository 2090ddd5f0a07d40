//! How an upstream fails.

use std::io;
use std::time::Duration;

use countersign_http1::client::{Garbled, Lost, Unexpected};

/// The upstream gave no response, or none that can be passed on.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamFailure {
    /// Its name has no address.
    #[error("the upstream's name was not resolved")]
    Unresolved {
        /// What the resolver said.
        source: io::Error,
    },
    /// Nobody listens there.
    #[error("the upstream refused the connection")]
    Refused,
    /// It cannot be reached, or this host cannot open another connection.
    #[error("the upstream was not reached")]
    Unreachable {
        /// What the system said.
        source: io::Error,
    },
    /// It did not take the connection in time.
    #[error("the upstream did not take a connection within {after:?}")]
    ConnectTimeout {
        /// The limit.
        after: Duration,
    },
    /// The head of its response did not come in time.
    #[error("the upstream did not answer within {after:?}")]
    ResponseTimeout {
        /// The limit.
        after: Duration,
    },
    /// The connection ended before the head of a response.
    #[error("the upstream closed the connection without an answer")]
    Broken {
        /// How.
        source: Lost,
    },
    /// What came back is not an HTTP response, or one whose end is in doubt.
    #[error("the upstream's answer is not HTTP: {why}")]
    Garbled {
        /// What is wrong with it.
        why: Garbled,
    },
    /// What came back is HTTP that was not asked for.
    #[error("the upstream's answer cannot be passed on: {why}")]
    Unexpected {
        /// What it was.
        why: Unexpected,
    },
}

impl UpstreamFailure {
    /// Whether time ran out (504, RFC 9110 section 15.6.5) rather than something broke (502, section 15.6.3).
    pub const fn is_timeout(&self) -> bool {
        match self {
            Self::ConnectTimeout { .. } | Self::ResponseTimeout { .. } => true,
            Self::Unresolved { .. }
            | Self::Refused
            | Self::Unreachable { .. }
            | Self::Broken { .. }
            | Self::Garbled { .. }
            | Self::Unexpected { .. } => false,
        }
    }

    /// The word for it in metrics and logs: lower case, one of a fixed few.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unresolved { .. } => "unresolved",
            Self::Refused => "refused",
            Self::Unreachable { .. } => "unreachable",
            Self::ConnectTimeout { .. } => "connect_timeout",
            Self::ResponseTimeout { .. } => "response_timeout",
            Self::Broken { .. } => "broken",
            Self::Garbled { .. } => "garbled",
            Self::Unexpected { .. } => "unexpected",
        }
    }
}
