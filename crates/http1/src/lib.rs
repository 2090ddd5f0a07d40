//! HTTP/1 on one connection (RFC 9112): strict, without a task or a lock of its own, and polled by whoever uses it.
//!
//! A gateway reads and writes two heads for every request that passes, and that is most of what a request costs. What is here
//! reads each byte of a head once: where `countersign-framing` looks for what two servers could read in two ways, the lines
//! are found too, so that there is no second parser that could disagree.

pub mod client;
mod lines;
mod outbox;
pub mod server;
