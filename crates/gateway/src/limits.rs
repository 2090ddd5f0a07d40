//! How much and how long, by name.

use std::time::Duration;

/// Limits on the connections to one upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamLimits {
    /// How long finding its address and connecting may take, together.
    pub connect_timeout: Duration,
    /// How long it may take from the end of the request to the head of its response.
    pub response_timeout: Duration,
    /// How long it may be silent in the middle of a response body.
    pub response_idle_timeout: Duration,
    /// How long a connection that nobody uses is kept.
    pub idle_timeout: Duration,
    /// How many connections that nobody uses a worker keeps. There is no limit on those in use: each
    /// serves one client connection, and those are limited.
    pub max_idle: usize,
}

impl Default for UpstreamLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_mins(1),
            response_idle_timeout: Duration::from_mins(1),
            // Less than the 60 to 75 s for which common servers keep an idle connection, so that it is
            // nearly always this side that closes and a request seldom meets a closing connection.
            idle_timeout: Duration::from_secs(50),
            max_idle: 128,
        }
    }
}

/// Limits on the body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// The longest body that is passed on, in bytes.
    pub max_bytes: u64,
    /// How long a client may be silent in the middle of a body.
    pub idle_timeout: Duration,
    /// How long a body may take from its first byte to its last.
    pub whole_timeout: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            max_bytes: 100 * 1024 * 1024,
            idle_timeout: Duration::from_secs(30),
            whole_timeout: Duration::from_hours(1),
        }
    }
}
