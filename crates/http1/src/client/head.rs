//! The head of a response: from its first byte to the empty line that ends it.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode, Version};

use super::failure::{Failure, Garbled, Unexpected};
use crate::Reason;

/// The largest head of a response, in bytes: twice what common servers send at most.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;

/// The most header lines of a response.
pub const MAX_FIELDS: usize = 100;

/// The most interim responses (RFC 9110 section 15.2) before a response.
pub const MAX_INTERIM: u8 = 16;

/// The most digits of a length: any number of so many fits 64 bits.
const LENGTH_DIGITS: usize = 19;

/// What every status line begins with, but for the last digit of the version.
const START: &[u8] = b"HTTP/1.";

/// Where the lines of a head end, as far as it has come. Each byte is looked at once, in however many pieces it comes.
#[derive(Debug)]
pub(super) struct Lines {
    /// After the CR LF of each.
    ends: Vec<usize>,
    looked: usize,
}

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

/// What a whole head is of.
#[derive(Debug)]
pub(super) enum Whole {
    /// An interim response.
    Interim,
    Response(Response<()>, Ending, Reuse),
}

impl Lines {
    pub(super) const fn new() -> Self {
        Self { ends: Vec::new(), looked: 0 }
    }

    /// Begins anew.
    pub(super) fn clear(&mut self) {
        self.ends.clear();
        self.looked = 0;
    }

    /// Looks at a head as far as it has come: `bytes` begin where it does, and begin the same each time. Its length, where its end
    /// is there.
    pub(super) fn look(&mut self, bytes: &[u8]) -> Result<Option<usize>, Garbled> {
        // What is no HTTP at all may never have a line's end.
        if self.ends.is_empty() && !bytes.starts_with(START) && !START.starts_with(bytes) {
            return Err(Garbled::StatusLine);
        }
        loop {
            let rest = bytes.get(self.looked..).unwrap_or_default();
            let Some(found) = memchr::memchr(b'\n', rest) else {
                self.looked = bytes.len();
                return if bytes.len() < MAX_HEAD_BYTES { Ok(None) } else { Err(Garbled::HeadTooLong) };
            };
            let end = self.looked + found + 1;
            if !bytes.get(..end).is_some_and(|line| line.ends_with(b"\r\n")) {
                return Err(Garbled::LineEnd);
            }
            if end > MAX_HEAD_BYTES {
                return Err(Garbled::HeadTooLong);
            }
            self.looked = end;
            if end - self.ends.last().copied().unwrap_or(0) == 2 {
                return Ok(Some(end));
            }
            // The status line is one more.
            if self.ends.len() > MAX_FIELDS {
                return Err(Garbled::TooManyFields);
            }
            self.ends.push(end);
        }
    }

    /// Reads a whole head, whose lines these are.
    pub(super) fn read<E>(&self, head: &Bytes, asked: Asked) -> Result<Whole, Failure<E>> {
        let first = self.ends.first().copied().unwrap_or(0);
        let (version, status) =
            status_line(head.get(..first)).ok_or(Failure::Garbled(Garbled::StatusLine))?;
        let reason = reason(head, first, status).map_err(Failure::Garbled)?;
        if status.is_informational() {
            if status == StatusCode::SWITCHING_PROTOCOLS {
                return Err(Failure::Unexpected(Unexpected::Upgrade));
            }
            // Nothing of it goes on, but it has to be one.
            self.fields(head, &mut HeaderMap::new()).map_err(Failure::Garbled)?;
            return Ok(Whole::Interim);
        }
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.version_mut() = version;
        if let Some(reason) = reason {
            response.extensions_mut().insert(reason);
        }
        let fields = response.headers_mut();
        *fields = HeaderMap::with_capacity(self.ends.len().saturating_sub(1));
        let told = self.fields(head, fields).map_err(Failure::Garbled)?;
        let (ending, reuse) = told.ending(version, status, asked)?;
        if ending != Ending::Chunked && told.trailer == Trailer::Announced {
            fields.remove(header::TRAILER);
        }
        if status == StatusCode::NO_CONTENT && told.length.is_some() {
            // RFC 9110 section 8.6: it says nothing there.
            fields.remove(header::CONTENT_LENGTH);
        }
        Ok(Whole::Response(response, ending, reuse))
    }

    /// Reads the header lines into `fields`, but for those that are between two hops (RFC 9110 section 7.6.1).
    fn fields(&self, head: &Bytes, fields: &mut HeaderMap) -> Result<Told, Garbled> {
        let mut told = Told::default();
        let mut named = Vec::new();
        for ends in self.ends.windows(2) {
            let &[from, to] = ends else { continue };
            let line = head.get(from..to - 2).unwrap_or_default();
            let (name, value) = field(line)?;
            match told.take(&name, value, &mut named)? {
                Hop::Ours if value.iter().copied().all(is_text) => {}
                Hop::Ours => return Err(Garbled::Field),
                Hop::Onward => append(fields, name, head.slice_ref(value))?,
            }
        }
        for name in named {
            fields.remove(name);
        }
        Ok(told)
    }
}

/// Reads the trailers of a body in chunks: lines, and the empty line after them.
pub(super) fn trailers(section: &Bytes) -> Result<HeaderMap, Garbled> {
    let mut fields = HeaderMap::new();
    let mut from = 0;
    while let Some(found) = section.get(from..).and_then(|rest| memchr::memchr(b'\n', rest)) {
        let line = section.get(from..from + found).unwrap_or_default();
        let Some(line) = line.strip_suffix(b"\r").filter(|line| !line.is_empty()) else { break };
        if fields.len() >= MAX_FIELDS {
            return Err(Garbled::TooManyFields);
        }
        let (name, value) = field(line)?;
        append(&mut fields, name, section.slice_ref(value))?;
        from += found + 1;
    }
    Ok(fields)
}

/// `HTTP/1.1 200 OK`, or without the phrase and the blank before it, as some servers write. The line is given with its end.
fn status_line(line: Option<&[u8]>) -> Option<(Version, StatusCode)> {
    let line = line?.strip_suffix(b"\r\n")?;
    let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', version, b' ', status @ ..] = line else { return None };
    let version = match version {
        b'0' => Version::HTTP_10,
        b'1' => Version::HTTP_11,
        _ => return None,
    };
    let ([hundreds, tens, ones] | [hundreds, tens, ones, b' ', ..]) = status else { return None };
    StatusCode::from_bytes(&[*hundreds, *tens, *ones]).ok().map(|status| (version, status))
}

/// What stands after the status in a first line that ends at `end`, where it is not the usual.
fn reason(head: &Bytes, end: usize, status: StatusCode) -> Result<Option<Reason>, Garbled> {
    // After `HTTP/1.1 200 `; CR LF ends the line.
    let phrase = head.get(13..end - 2).unwrap_or_default();
    if phrase.is_empty() || status.canonical_reason().is_some_and(|usual| usual.as_bytes() == phrase) {
        return Ok(None);
    }
    Reason::new(head.slice_ref(phrase)).map(Some).ok_or(Garbled::StatusLine)
}

/// The name of a header line and its value, without the blanks around it.
fn field(line: &[u8]) -> Result<(HeaderName, &[u8]), Garbled> {
    let (name, value) =
        memchr::memchr(b':', line).and_then(|colon| line.split_at_checked(colon)).ok_or(Garbled::Field)?;
    let name = HeaderName::from_bytes(name).map_err(|_| Garbled::Field)?;
    Ok((name, trim(value.get(1..).unwrap_or_default())))
}

/// What stands between blanks (RFC 9110 section 5.6.3).
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Whether a value may have it (RFC 9110 section 5.5).
fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

fn append(fields: &mut HeaderMap, name: HeaderName, value: Bytes) -> Result<(), Garbled> {
    let value = HeaderValue::from_maybe_shared(value).map_err(|_| Garbled::Field)?;
    fields.try_append(name, value).map(|_| ()).map_err(|_| Garbled::TooManyFields)
}

/// What header lines say of the end of their response.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    length: Option<u64>,
    coding: Coding,
    option: Close,
    trailer: Trailer,
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Trailer {
    #[default]
    NotAnnounced,
    Announced,
}

/// How far a field goes.
enum Hop {
    /// No further.
    Ours,
    Onward,
}

impl Told {
    /// Takes one field; `named` gets the names of those that go no further because `Connection` says so.
    fn take(&mut self, name: &HeaderName, value: &[u8], named: &mut Vec<HeaderName>) -> Result<Hop, Garbled> {
        Ok(match name.as_str() {
            "content-length" => {
                if self.length.replace(length(value)?).is_some() {
                    return Err(Garbled::ContentLengthTwice);
                }
                Hop::Onward
            }
            "transfer-encoding" => {
                self.coding = match self.coding {
                    Coding::None if value.eq_ignore_ascii_case(b"chunked") => Coding::Chunked,
                    Coding::None | Coding::Chunked | Coding::Other => Coding::Other,
                };
                Hop::Ours
            }
            "connection" => {
                self.options(value, named);
                Hop::Ours
            }
            "trailer" => {
                self.trailer = Trailer::Announced;
                Hop::Onward
            }
            "keep-alive"
            | "proxy-authenticate"
            | "proxy-authentication-info"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "upgrade" => Hop::Ours,
            _ => Hop::Onward,
        })
    }

    fn options(&mut self, value: &[u8], named: &mut Vec<HeaderName>) {
        if value.eq_ignore_ascii_case(b"keep-alive") {
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
    fn ending<E>(
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
