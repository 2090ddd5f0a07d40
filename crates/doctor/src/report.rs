//! What is told of a request.

use countersign_dialect::TracedPiece;
use countersign_model::{DialectName, UnixTime};

use crate::finding::Finding;

/// Why a request is accepted or refused.
#[derive(Clone, Debug)]
pub struct Report {
    /// The dialect that it was read with.
    pub dialect: DialectName,
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The moment at which it was judged.
    pub now: UnixTime,
    /// What comes of it.
    pub verdict: Verdict,
    /// What was read.
    pub read: Vec<ReadField>,
    /// What should have been signed; `None` where it cannot be put together.
    pub signed: Option<SignedText>,
    /// What is wrong, what is found first by a server first.
    pub findings: Vec<Finding>,
    /// What is worth knowing besides.
    pub notes: Vec<String>,
    /// How far the search for the mistake went; `None` where there was none.
    pub tried: Option<Tried>,
}

/// What comes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes, as far as the dialect goes.
    Accepted,
    /// It is refused.
    Refused,
    /// It cannot be told without the secret, or without the body.
    Undecided,
}

impl Verdict {
    /// In JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Undecided => "undecided",
        }
    }
}

/// A field of the dialect and what the request says in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadField {
    /// Its name in the dialect.
    pub name: &'static str,
    /// Where it is read, as the dialect writes it.
    pub from: String,
    /// What stands there, or what can be told of it.
    pub text: String,
    /// What it means, where that needs words.
    pub meaning: Option<String>,
}

/// The string to sign, piece by piece.
#[derive(Clone, Debug)]
pub struct SignedText {
    /// How long it is, in bytes.
    pub len: usize,
    /// All of it; `None` where the secret is in it, or something else that opens something by itself.
    pub bytes: Option<Vec<u8>>,
    /// Where it comes from.
    pub pieces: Vec<TracedPiece>,
}

/// How far a search went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// Strings to sign, each different from the others.
    pub texts: usize,
    /// Other keys and algorithms.
    pub ways: usize,
    /// Bytes that the signature may have been meant to be.
    pub signatures: usize,
    /// Signatures that were made and compared.
    pub attempts: usize,
    /// Whether it came to its end, and not to its limit.
    pub complete: bool,
}
