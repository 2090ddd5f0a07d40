//! The reverse proxy of Countersign, and the checks that other proxies ask for.
//!
//! Everything here lives on one thread: a worker owns its [`Pools`], its connections to upstreams and the
//! requests that pass through them, so nothing is locked and nothing is sent between threads. It needs a
//! runtime on which `tokio::task::spawn_local` works.

mod deadline;
mod door;
mod forward;
mod forward_auth;
mod limits;
mod received;
mod reply;
mod trace;
mod upstream;

pub use countersign_bodies::{HeldBodies, ReadLimits, SpoolPlace};
pub use deadline::SpareTimer;
pub use door::{Attending, Gateway, Passage, Upstreams};
pub use forward::{ForwardFailure, ForwardedBody, Onward, Payload, RequestFailure, ResponseFailure, forward};
pub use forward_auth::{Asking, CHECK_PATH, Checked, ForwardAuth, REFUSAL_PATH};
pub use limits::{BodyLimits, UpstreamLimits};
pub use received::{NotReceived, Received};
pub use reply::{BrokenReply, Reply};
pub use upstream::{
    Health, HealthCheck, InvalidUpstream, MAX_SERVERS, Pool, Pools, Server, Standing, Upstream,
    UpstreamFailure, tend,
};

/// The body of a request, from the client's connection.
pub type ClientBody<'l> = countersign_bodies::ClientBody<'l, Received>;
