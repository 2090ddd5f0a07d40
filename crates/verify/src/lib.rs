//! The decision: may this request pass, and who sent it.
//!
//! [`Verifier::decide`] runs one request top to bottom. Each check returns a proof that the next step asks
//! for, and [`Verified`] can be built out of those proofs alone, so leaving a check out does not compile.
//! Nothing here knows HTTP statuses or wires: a door turns its request into a [`Request`] and the verdict
//! into its answer.

mod body;
mod decide;
mod failure;
mod first_use;
mod imported;
mod kept;
mod keys;
mod memory;
mod named;
mod quota;
mod read;
mod recent;
mod requirement;
mod secrets;
mod streamed;
mod tokens;
mod usable;
mod verified;

pub use body::{Begun, BodyFailure, BodySource, NoBody};
pub use countersign_dialect::Request;
pub use countersign_limit::{Client, Limiter, Rule, Standing};
pub use decide::{Verifier, VerifierSettings};
pub use failure::{Denial, Failure, Outage, Reason, Verdict};
pub use first_use::Replayed;
pub use memory::STALE_AFTER;
pub use quota::{Arrival, Guesses, Limit, Limited, Per};
pub use requirement::{Accept, Requirement, RequirementError, Scheme, SignatureUse, UnsignedQuery};
pub use usable::Unusable;
pub use verified::{App, Caller, Verified};
