//! HTTP request signatures described by data: read a dialect file, verify and sign with it.
//!
//! A dialect is a table in TOML that says where a vendor's clients put the key id, the time and the signature, and what
//! bytes they sign. [`Dialects::load`] checks it wholly and compiles it to a [`Recipe`]; from then on only a request can
//! be wrong. Nothing here does I/O, reads a clock or draws randomness.

mod algorithm;
mod builtin;
mod calendar;
mod claim;
mod class;
mod codec;
mod compile;
mod condition;
mod dialects;
mod ethereum;
mod explain;
mod filter;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod hash;
mod json;
mod lint;
mod mistake;
mod names;
mod pairs;
mod parts;
mod plan;
mod program;
mod raw;
mod read;
mod recipe;
mod request;
mod scope;
mod sign;
mod sink;
mod stream;
mod syntax;
mod time;
mod value;
mod verify;
mod xml;

pub use claim::{Claim, Flaw, Malformed, Part, Reading};
pub use class::Class;
pub use dialects::Dialects;
pub use explain::{
    Looked, Looks, NewPiece, Place, Seen, Shown, Step, StepPiece, TracedPiece, Trial, WhatIf, Whole,
};
pub use lint::{Coverage, Finding, Location, Reach, Risk, Stale};
pub use mistake::{Mistake, Source};
pub use recipe::{BodyUse, KeyNaming, Recipe, Refusal, Replay, RequestPart};
pub use request::Request;
pub use sign::{SignError, SignInput, Signed};
pub use stream::Verification;
pub use time::{Fresh, Untimely};
pub use verify::{Mismatch, PreparedKey, SecretUse, SignatureValid, UnusableSecret};
