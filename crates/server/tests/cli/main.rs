//! The command line, as its users meet it: the real binary in a folder of its own.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

mod check;
mod consumers;
mod crash;
mod dialects;
mod infer;
mod keys;
mod login;
mod server;
mod sign;
mod support;
mod usage;
mod wallets;
