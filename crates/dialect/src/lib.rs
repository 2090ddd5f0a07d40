//! HTTP request signatures described by data: read a dialect file, verify and sign with it.
