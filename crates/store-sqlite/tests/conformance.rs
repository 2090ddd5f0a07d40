//! SQLite keeps the promises of the storage ports, also where two processes share the file.

// A test fails by panicking.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use countersign_store::testing::conformance::Fixture;
use countersign_store_sqlite::{Limits, SqliteStore};

async fn empty() -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    // Each has a writer and connections of its own, as two processes have.
    let open = || Arc::new(SqliteStore::open(&path, Limits::default()).unwrap());
    Fixture { store: open(), other: open(), keep: Box::new(directory) }
}

countersign_store::conformance!(empty);
