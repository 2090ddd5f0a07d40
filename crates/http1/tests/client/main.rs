//! Exchanges over streams that come in pieces, with hyper's own client and server to compare with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod ends;
mod hostile;
mod reading;
mod support;
mod through;
mod writing;
