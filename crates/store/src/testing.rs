//! For tests: a store in memory, and the suite that every adapter passes.

pub mod conformance;
pub mod memory;

pub use memory::MemoryStore;
