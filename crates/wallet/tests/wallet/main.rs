//! What a login relies on when it asks who signed a text.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod eth_account;
mod forms;
mod properties;
