//! What a session relies on when it hands out tokens and gets them back.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod attacks;
mod changes;
mod common;
mod keys;
mod minting;
mod oracle;
mod times;
