//! Why a signed request is refused.
//!
//! [`explain`] reads a request with a recipe as a server would, says what was read and what fails, takes the string to sign
//! apart, and where the signature is wrong tries what clients get wrong: the one change under which the signature is right
//! is the client's mistake. The search is bounded ([`limits`]), and the same question gives the same answer.
//!
//! That a near miss verifies proves that whoever made it holds the secret; to anybody else a diagnosis says nothing. All
//! the same it is for the operator alone. What a signature should be is never told, and nothing that holds the secret is.

mod clock;
mod explain;
mod finding;
mod json;
pub mod limits;
mod missing;
mod render;
mod report;
mod search;
mod shown;
mod suspect;
mod times;
mod view;
mod withheld;

pub use explain::{OtherSecret, Question, explain};
pub use finding::{Finding, Kind};
pub use report::{ReadField, Report, SignedText, Tried, Verdict};
