//! The client's side: one request after another on one connection, each with its response.
//!
//! A [`Connection`] has no task behind it and shares nothing: whoever has it polls it. Of the response it says exactly where it ends,
//! or why that is in doubt: two readers that disagree on that take one's answer for another's (RFC 9112 section 11.2).

mod body;
mod connection;
mod failure;
mod field;
mod head;
mod output;
mod told;

pub use body::Broken;
pub use connection::Connection;
pub use failure::{Failure, Garbled, Lost, SendFailure, Unexpected};
pub use head::{MAX_FIELDS, MAX_HEAD_BYTES, MAX_INTERIM};
pub use output::{Length, RequestHead};
