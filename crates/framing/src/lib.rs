//! Where each request of an HTTP/1 connection begins and ends, or why that is in doubt.
//!
//! Two servers that disagree on where a request ends take different things for the next one: that is request smuggling
//! (RFC 9112 section 11.2). So the bytes of a connection are read here in one way, the one that the RFC gives, before any
//! parser that forgives sees them; what that way does not allow is refused. A [`Framing`] is given the bytes as they come and
//! tells how many of them are whole heads and pieces of bodies, or the [`Refusal`].

mod bytes;
mod chunked;
mod connection;
mod fields;
mod head;
mod refusal;
mod target;

pub use connection::{BodyOfGet, Framing, Limits, Refused, Settled};
pub use fields::is_lookalike;
pub use refusal::Refusal;
