//! The API behind us: where it is, and the connections to it.

mod address;
mod connection;
mod failure;
mod pool;
mod standing;
mod tend;

pub use address::{HealthCheck, InvalidUpstream, MAX_SERVERS, Server, Upstream};
pub(crate) use connection::{Connection, ExchangeFailure};
pub use failure::UpstreamFailure;
pub(crate) use pool::Tried;
pub use pool::{Pool, Pools};
pub use standing::{Health, Standing};
pub use tend::tend;
