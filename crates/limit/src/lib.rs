//! How many requests may pass, and who has used how much of them.
//!
//! The algorithm is the generic cell rate algorithm (GCRA, ITU-T I.371 annex A) in its virtual scheduling form: what is kept of a
//! subject is one moment, the one at which everything it used will have come back. In any stretch of time at most
//! the burst and what comes back within the stretch may pass, with any number of threads at once.
//!
//! A bucket is one atomic number. No lock is taken to look one up, to take from it or to add one, and time comes in
//! as an argument.

mod bucket;
mod limiter;
mod rules;
mod standing;
mod subject;
mod table;
mod ticks;

pub use limiter::{Check, Exceeded, Limiter, Taken};
pub use rules::Rule;
pub use standing::Standing;
pub use subject::{Client, Subject};
