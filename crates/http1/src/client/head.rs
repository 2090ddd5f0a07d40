//! The head of a response: from its first byte to the empty line that ends it.

use bytes::Bytes;
use countersign_lines::{AnswerHead, Reason};
use http::{HeaderMap, StatusCode, Version};

use super::failure::{Failure, Garbled, Unexpected};
use super::field::{Kind, append, field};
use super::told::{Asked, Ending, Reuse, Told};

/// The largest head of a response, in bytes: twice what common servers send at most.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;

/// The most header lines of a response.
pub const MAX_FIELDS: usize = 100;

/// The most interim responses (RFC 9110 section 15.2) before a response.
pub const MAX_INTERIM: u8 = 16;

/// What every status line begins with, but for the last digit of the version.
const START: &[u8] = b"HTTP/1.";

/// Where the lines of a head end, as far as it has come. Each byte is looked at once, in however many pieces it comes.
#[derive(Debug)]
pub(super) struct Lines {
    /// After the CR LF of each.
    ends: Vec<usize>,
    looked: usize,
}

/// What a whole head is of.
#[derive(Debug)]
pub(super) enum Whole {
    /// An interim response.
    Interim,
    Answer(AnswerHead, Ending, Reuse),
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
        let mut begin = self.ends.last().copied().unwrap_or(0);
        while let Some(found) = bytes.get(self.looked..).and_then(|rest| memchr::memchr(b'\n', rest)) {
            let end = self.looked + found + 1;
            let line = bytes.get(begin..end).unwrap_or_default();
            if !line.ends_with(b"\r\n") {
                return Err(Garbled::LineEnd);
            }
            if end > MAX_HEAD_BYTES {
                return Err(Garbled::HeadTooLong);
            }
            self.looked = end;
            if line.len() == 2 {
                return Ok(Some(end));
            }
            // The status line is one more.
            if self.ends.len() > MAX_FIELDS {
                return Err(Garbled::TooManyFields);
            }
            self.ends.push(end);
            begin = end;
        }
        self.looked = bytes.len();
        if bytes.len() < MAX_HEAD_BYTES { Ok(None) } else { Err(Garbled::HeadTooLong) }
    }

    /// Reads a whole head, whose lines these are.
    pub(super) fn read<E>(&self, bytes: &[u8], asked: Asked) -> Result<Whole, Failure<E>> {
        let first = self.ends.first().copied().unwrap_or(0);
        let (version, status) =
            status_line(bytes.get(..first)).ok_or(Failure::Garbled(Garbled::StatusLine))?;
        let reason = reason(bytes, first, status).map_err(Failure::Garbled)?;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Failure::Unexpected(Unexpected::Upgrade));
        }
        let mut head = AnswerHead::read(status, bytes.len());
        let told = self.fields(bytes, &mut head).map_err(Failure::Garbled)?;
        if status.is_informational() {
            // Nothing of it goes on, but it has to be one.
            return Ok(Whole::Interim);
        }
        if let Some(reason) = reason {
            head.set_reason(reason);
        }
        let (ending, reuse) = told.ending(version, status, asked)?;
        if ending != Ending::Chunked {
            head.forget_trailers();
        }
        Ok(Whole::Answer(head, ending, reuse))
    }

    /// Reads the header lines into `head`, but for those that are between two hops (RFC 9110 section 7.6.1).
    fn fields(&self, bytes: &[u8], head: &mut AnswerHead) -> Result<Told, Garbled> {
        let mut told = Told::default();
        let mut named = Vec::new();
        for ends in self.ends.windows(2) {
            let &[from, to] = ends else { continue };
            let (line, kind) = field(bytes.get(from..to).unwrap_or_default())?;
            told.take(kind, line.value, &mut named)?;
            match kind {
                Kind::Plain => head.keep(line),
                Kind::Date => head.keep_date(line),
                Kind::Trailer => head.keep_trailer(line),
                Kind::ContentLength | Kind::Connection | Kind::TransferEncoding | Kind::Hop => {}
            }
        }
        // RFC 9110 section 8.6: without content it says nothing.
        if let Some(length) = told.length()
            && head.status() != StatusCode::NO_CONTENT
        {
            head.set_length(length);
        }
        if !named.is_empty() {
            head.remove(&named);
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
        let (line, kind) = field(line)?;
        // What frames a message or belongs to its connection has no meaning so late (RFC 9110 section 6.5.1).
        if let Kind::Plain | Kind::Date = kind {
            append(&mut fields, line.name, section.slice_ref(line.value))?;
        }
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
fn reason(head: &[u8], end: usize, status: StatusCode) -> Result<Option<Reason>, Garbled> {
    // After `HTTP/1.1 200 `; CR LF ends the line.
    let phrase = head.get(13..end - 2).unwrap_or_default();
    if phrase.is_empty() || status.canonical_reason().is_some_and(|usual| usual.as_bytes() == phrase) {
        return Ok(None);
    }
    Reason::new(Bytes::copy_from_slice(phrase)).map(Some).ok_or(Garbled::StatusLine)
}
