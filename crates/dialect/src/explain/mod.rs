//! What an operator may see of one verification: where each piece of the string to sign comes from, and what would be if the
//! client had gone about it in another way. Nothing here lets a request pass: what comes out is never a
//! [`crate::SignatureValid`].

mod look;
pub(crate) mod told;
mod trace;
mod trial;
mod what_if;

pub use look::{Looked, Looks};
pub use trace::{Place, Shown, TracedPiece};
pub use trial::Trial;
pub use what_if::{NewPiece, Seen, Step, StepPiece, WhatIf, Whole};
