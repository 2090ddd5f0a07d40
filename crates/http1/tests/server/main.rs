//! The side that answers, from its socket: what clients send and get, in whatever pieces.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod answers;
mod bodies;
mod ends;
mod requests;
mod support;
