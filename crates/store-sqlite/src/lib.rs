//! The SQLite storage adapter of Countersign.
