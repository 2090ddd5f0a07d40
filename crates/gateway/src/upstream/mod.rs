//! The API behind us: where it is, and the connections to it.

mod address;
mod connection;
mod failure;
mod pool;
mod wire;

pub use address::{InvalidUpstream, Upstream};
pub(crate) use connection::{Connection, Driven, ExchangeFailure};
pub use failure::UpstreamFailure;
pub use pool::{Pool, Pools};
