//! What header lines say of the end of their response.

use http::header::HeaderName;
use http::{StatusCode, Version};

use super::failure::{Failure, Garbled, Unexpected};
use super::field::{Kind, trim};

/// The most digits of a length: any number of so many fits 64 bits.
const LENGTH_DIGITS: usize = 19;

/// What the request was, as far as it matters for the end of its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// `HEAD`, whose response has no content whatever it says.
    Head,
    Other,
}

/// How the content of a response ends (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With the head.
    AtOnce,
    /// After so many bytes.
    Sized(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    WithConnection,
}

/// Whether another request may be sent once a response was read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    Allowed,
    Refused,
}

/// What header lines say of the end of their response.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    length: Option<u64>,
    coding: Coding,
    option: Close,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Coding {
    #[default]
    None,
    Chunked,
    Other,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Close {
    #[default]
    NotSaid,
    Said,
}

impl Told {
    /// Takes one field; `named` gets the names of those that go no further because `Connection` says so.
    pub(super) fn take(
        &mut self,
        kind: Kind,
        value: &[u8],
        named: &mut Vec<HeaderName>,
    ) -> Result<(), Garbled> {
        match kind {
            Kind::ContentLength => {
                if self.length.replace(length(value)?).is_some() {
                    return Err(Garbled::ContentLengthTwice);
                }
            }
            Kind::TransferEncoding => {
                self.coding = match self.coding {
                    Coding::None if value.eq_ignore_ascii_case(b"chunked") => Coding::Chunked,
                    Coding::None | Coding::Chunked | Coding::Other => Coding::Other,
                };
            }
            Kind::Connection => self.options(value, named),
            Kind::Hop | Kind::Plain | Kind::Date | Kind::Trailer => {}
        }
        Ok(())
    }

    /// The length that was said.
    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }

    fn options(&mut self, value: &[u8], named: &mut Vec<HeaderName>) {
        if value == b"keep-alive" {
            return;
        }
        for option in value.split(|byte| *byte == b',').map(trim) {
            if option.eq_ignore_ascii_case(b"close") {
                self.option = Close::Said;
            } else if !option.eq_ignore_ascii_case(b"keep-alive")
                && let Ok(name) = HeaderName::from_bytes(option)
            {
                // Names of options that are no fields are among them; they remove nothing.
                named.push(name);
            }
        }
    }

    /// How the content ends, and whether the connection serves again.
    pub(super) fn ending<E>(
        &self,
        version: Version,
        status: StatusCode,
        asked: Asked,
    ) -> Result<(Ending, Reuse), Failure<E>> {
        let old = version != Version::HTTP_11;
        let ending = match (self.coding, self.length) {
            // Only codings named in TE may be sent, and none but trailers is ever named.
            (Coding::Other, _) => return Err(Failure::Unexpected(Unexpected::TransferCoding)),
            (Coding::Chunked, Some(_)) => return Err(Failure::Garbled(Garbled::TwoLengths)),
            (Coding::Chunked, None) if old => {
                return Err(Failure::Garbled(Garbled::TransferEncodingInOldVersion));
            }
            (Coding::Chunked, None) => Ending::Chunked,
            (Coding::None, Some(length)) => Ending::Sized(length),
            (Coding::None, None) => Ending::WithConnection,
        };
        // A connection that has seen HTTP/1.0 stays at it, and there a request body of unknown length cannot be framed.
        let reuse = if old || self.option == Close::Said { Reuse::Refused } else { Reuse::Allowed };
        Ok(match (status, asked, ending) {
            // It has no content; whoever says that it has may send it all the same.
            (StatusCode::NO_CONTENT, _, Ending::Sized(1..) | Ending::Chunked) => {
                (Ending::AtOnce, Reuse::Refused)
            }
            (StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED, _, _) | (_, Asked::Head, _) => {
                (Ending::AtOnce, reuse)
            }
            (_, Asked::Other, Ending::Sized(0)) => (Ending::AtOnce, reuse),
            (_, Asked::Other, Ending::WithConnection) => (ending, Reuse::Refused),
            (_, Asked::Other, Ending::AtOnce | Ending::Sized(_) | Ending::Chunked) => (ending, reuse),
        })
    }
}

fn length(value: &[u8]) -> Result<u64, Garbled> {
    if value.is_empty() || value.len() > LENGTH_DIGITS || !value.iter().all(u8::is_ascii_digit) {
        return Err(Garbled::ContentLength);
    }
    Ok(value.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0')))
}
