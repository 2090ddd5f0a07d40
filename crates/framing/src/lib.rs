//! Where each request of an HTTP/1 connection begins and ends, or why that is in doubt.
//!
//! Two servers that disagree on where a request ends take different things for the next one: that is request smuggling
//! (RFC 9112 section 11.2). So the bytes of a connection are read here in one way, the one that the RFC gives; what that way does
//! not allow is refused. A [`Framing`] is given the bytes as they come and tells what stands next in them, a head or a piece
//! of a body, or the [`Refusal`]. Of a head it tells where its parts are, so that nothing has to read it once more.

mod bytes;
mod chunked;
mod connection;
mod fields;
mod head;
mod refusal;
mod target;

pub use bytes::{first_colon, is_token};
pub use chunked::{Chunked, Step};
pub use connection::{BodyOfGet, Framing, Limits, Next, Refused, Settled};
pub use fields::{BodyLength, Expectation, Persistence, is_lookalike};
pub use head::Outline;
pub use refusal::Refusal;
pub use target::Version;
