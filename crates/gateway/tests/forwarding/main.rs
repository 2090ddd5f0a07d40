//! Forwarding over real sockets: a raw client, a worker that checks nothing, an upstream that sends and does
//! what each test says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod failures;
mod heads;
mod pooling;
mod servers;
mod streaming;
mod support;
