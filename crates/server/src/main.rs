//! The `countersign` binary: configuration, clock, randomness, storage, listeners, commands.

mod cli;
mod commands;
mod config;
mod listen;
mod master_key;
mod serve;
mod storage;
mod world;

fn main() -> std::process::ExitCode {
    commands::run()
}
