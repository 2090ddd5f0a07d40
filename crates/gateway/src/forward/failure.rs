//! How forwarding a request fails, and whose fault it was.

use std::time::Duration;

use countersign_http1::client::Broken;
use countersign_verify::BodyFailure;

use crate::UpstreamFailure;

/// A request that was not answered by its upstream.
#[derive(Debug, thiserror::Error)]
pub enum ForwardFailure {
    /// The client's request cannot be passed on.
    #[error(transparent)]
    Request(#[from] RequestFailure),
    /// The upstream failed.
    #[error(transparent)]
    Upstream(#[from] UpstreamFailure),
}

/// A request that cannot be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestFailure {
    /// CONNECT asks for a tunnel, which this is not; TRACE would show the client what is added for the
    /// upstream alone (RFC 9110, 9.3.8).
    #[error("the method is never passed on")]
    MethodNotForwarded,
    /// The target has no path, or is too long with the upstream's base path before it.
    #[error("the target cannot be passed on")]
    TargetNotForwarded,
    /// It asks for a transfer coding beside chunked (RFC 9112, 6.1: 501).
    #[error("the body has a transfer coding other than chunked")]
    TransferCoding,
    /// Its body is too long, or stopped coming, or broke off.
    #[error(transparent)]
    Body(#[from] BodyFailure),
}

/// A response that broke off after its head had been passed on. The client's connection has to be aborted,
/// so that the client cannot take the part for the whole.
#[derive(Debug, thiserror::Error)]
pub enum ResponseFailure {
    /// The upstream's connection ended too early, or its framing is malformed.
    #[error("the upstream broke off in the middle of its answer")]
    Broken {
        /// What the connection said.
        source: Broken,
    },
    /// The request was still being sent, and its body failed.
    #[error("the request broke off while it was answered")]
    Request {
        /// How.
        source: BodyFailure,
    },
    /// The upstream stopped sending.
    #[error("the upstream was silent for {after:?} in the middle of its answer")]
    Stalled {
        /// The limit.
        after: Duration,
    },
}
