//! Countersign, whole: configuration, clock, randomness, storage, listeners, commands.

mod cli;
mod commands;
mod config;
mod listen;
mod master_key;
mod serve;
mod signer;
mod storage;
mod world;

pub use serve::{Embedded, NotEmbedded};

/// Runs the command that the process was started with; the code is what the process ends with.
pub fn run() -> std::process::ExitCode {
    commands::run()
}
