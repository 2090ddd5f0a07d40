//! Finds the dialect of captured requests: a bounded search over request and secret, without any knowledge of vendors.
//!
//! [`infer`] takes requests that somebody was seen to send, and the secret that they were signed with. It looks for the
//! signature by its length and alphabet, puts strings together out of what the request holds in the order of how likely
//! they are, and hashes each until one makes the signature. What comes out is a dialect file that the dialect language
//! itself has verified against every request. Nothing here does I/O or reads a clock.

mod ambiguity;
mod carrier;
mod draft;
mod evaluate;
mod fields;
mod group;
mod hash;
mod infer;
mod layout;
mod makers;
mod nest;
mod parameters;
mod pieces;
mod roles;
mod sample;
mod search;
mod secrets;
mod shapes;
mod signature;
mod times;
mod toml_text;
mod unify;
mod watch;
mod when;

pub use ambiguity::Open;
pub use infer::{DEFAULT_CANDIDATES, Ended, Found, NotFound, Question, infer};
pub use sample::Sample;
pub use watch::{Progress, Watch};
