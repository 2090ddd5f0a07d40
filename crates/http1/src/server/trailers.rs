//! What follows the last chunk of an answer.

use countersign_lines::AnswerHead;
use countersign_model::Headers;
use http::header::{self, HeaderMap, HeaderName};

use crate::lines;

/// Which trailers a client wants to have (RFC 9110 section 6.5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// None.
    None,
    /// Those that the head of the answer named.
    Named(Vec<HeaderName>),
}

impl Wanted {
    /// What a request and its answer say: `TE: trailers` in the one, `Trailer` in the other.
    pub(super) fn of(taken: Taken, answer: &AnswerHead) -> Self {
        let Some(lines) = answer.trailer_lines().filter(|_| taken == Taken::Yes) else { return Self::None };
        let names = lines.iter().flat_map(|(_, value)| value.split(|byte| *byte == b','));
        Self::Named(names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok()).collect())
    }

    /// Writes those of `trailers` that are wanted.
    pub(super) fn write(&self, out: &mut Vec<u8>, trailers: &HeaderMap) {
        match self {
            Self::None => {}
            Self::Named(names) => {
                for (name, value) in trailers {
                    if names.contains(name) && is_allowed(name) {
                        lines::field(out, name.as_str().as_bytes(), value.as_bytes());
                    }
                }
            }
        }
    }
}

/// Whether a client takes trailers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Yes,
    No,
}

impl Taken {
    /// What the `TE` of a request says (RFC 9110 section 10.1.4).
    pub(super) fn said_by(headers: Headers<'_>) -> Self {
        let mut codings = headers.get_all("te").flat_map(|value| value.split(|byte| *byte == b','));
        if codings.any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers")) {
            Self::Yes
        } else {
            Self::No
        }
    }
}

/// Whether a field may come after the content: none that frames it, routes it, or says how to read it (RFC 9110 section 6.5.1).
fn is_allowed(name: &HeaderName) -> bool {
    !matches!(
        *name,
        header::AUTHORIZATION
            | header::CACHE_CONTROL
            | header::CONNECTION
            | header::CONTENT_ENCODING
            | header::CONTENT_LENGTH
            | header::CONTENT_RANGE
            | header::CONTENT_TYPE
            | header::HOST
            | header::MAX_FORWARDS
            | header::SET_COOKIE
            | header::TE
            | header::TRAILER
            | header::TRANSFER_ENCODING
    )
}
