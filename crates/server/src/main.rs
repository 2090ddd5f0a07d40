//! The `countersign` binary.

#[expect(dead_code, unused_imports, reason = "the commands that read it are not all there yet")]
mod config;

fn main() {}
