//! The `countersign` binary: configuration, clock, randomness, storage, listeners, commands.

mod cli;
mod commands;
#[expect(dead_code, unused_imports, reason = "the server that reads it is not there yet")]
mod config;
mod master_key;
mod storage;
mod world;

fn main() -> std::process::ExitCode {
    commands::run()
}
