//! The head of a request: from its first byte to the empty line that ends it.

use std::ops::Range;

use countersign_model::HeaderLine;

use crate::bytes::first_control;
use crate::connection::Limits;
use crate::fields::{BodyLength, Expectation, Fields, Persistence};
use crate::refusal::Refusal;
use crate::target::{self, Start, Version};

/// The first byte of a TLS connection: a handshake record (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// A head of which some bytes were looked at. Each byte is looked at once, in however many pieces it comes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    /// Where the line begins that is not whole.
    line: usize,
    /// How far was looked for its end.
    looked: usize,
    /// Whether the empty line before a request was there.
    empty: Empty,
    /// The request line, and where it begins.
    start: Option<(Start, usize)>,
    fields: Fields,
    lines: Vec<HeaderLine>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Empty {
    #[default]
    NotSeen,
    Seen,
}

/// A whole head: where its parts stand, and what it says of the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Its length in bytes, with the empty line.
    pub length: usize,
    /// Where the method is.
    pub method: Range<usize>,
    /// Where the target is.
    pub target: Range<usize>,
    /// Its version.
    pub version: Version,
    /// How the body is framed.
    pub body: BodyLength,
    /// Whether another request may follow.
    pub persistence: Persistence,
    /// Whether the client waits before it sends the body.
    pub expectation: Expectation,
}

impl Head {
    /// Ends this head: the next look is at another. Its lines can be had until then, and their memory is used again.
    pub(crate) fn end(&mut self) {
        *self = Self { lines: std::mem::take(&mut self.lines), ..Self::default() };
    }

    /// Where the header lines are that were seen.
    pub(crate) fn lines(&self) -> &[HeaderLine] {
        &self.lines
    }

    pub(crate) fn take_lines(&mut self) -> Vec<HeaderLine> {
        std::mem::take(&mut self.lines)
    }

    pub(crate) fn reuse(&mut self, lines: Vec<HeaderLine>) {
        if self.lines.capacity() == 0 {
            self.lines = lines;
            self.lines.clear();
        }
    }

    /// Looks at a head as far as it has come: `bytes` begin where it does, and begin the same each time. Nothing where
    /// its end is not there yet.
    pub(crate) fn look(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<Outline>, Refusal> {
        loop {
            let rest = bytes.get(self.looked..).unwrap_or_default();
            let Some(found) = first_control(rest) else {
                self.looked = bytes.len();
                return self.too_large(bytes.len(), limits).map_or(Ok(None), Err);
            };
            let at = self.looked + found;
            match (bytes.get(at), bytes.get(at + 1)) {
                (Some(b'\r'), Some(b'\n')) => {}
                (Some(b'\r'), None) => {
                    self.looked = at;
                    return self.too_large(bytes.len(), limits).map_or(Ok(None), Err);
                }
                (Some(b'\r' | b'\n'), _) => return Err(Refusal::LineEnd),
                (Some(b'\t'), _) if self.start.is_some() => {
                    self.looked = at + 1;
                    continue;
                }
                (Some(_) | None, _) => return Err(self.misplaced(bytes, at)),
            }
            let line = bytes.get(self.line..at).unwrap_or_default();
            let end = at + 2;
            if let Some(why) = self.too_large(end, limits) {
                return Err(why);
            }
            if let Some(whole) = self.take(line, end, limits)? {
                return Ok(Some(whole));
            }
            (self.line, self.looked) = (end, end);
        }
    }

    /// Takes one line, after which the next begins at `end`. The whole head, where it is the line that ends it.
    fn take(&mut self, line: &[u8], end: usize, limits: &Limits) -> Result<Option<Outline>, Refusal> {
        match (self.start, line) {
            (None, []) if self.empty == Empty::NotSeen => self.empty = Empty::Seen,
            (None, []) => return Err(Refusal::EmptyLine),
            (None, line) => {
                self.lines.clear();
                self.start = Some((target::read(line)?, self.line));
            }
            (Some((start, at)), []) => return self.whole(start, at, end, limits).map(Some),
            (Some(_), line) => {
                if self.lines.len() >= limits.header_count {
                    return Err(Refusal::TooManyFields);
                }
                self.lines.push(self.fields.take(line, self.line)?);
            }
        }
        Ok(None)
    }

    fn whole(&self, start: Start, at: usize, length: usize, limits: &Limits) -> Result<Outline, Refusal> {
        let (fields, version) = (&self.fields, start.version);
        let target = at + start.method + 1;
        Ok(Outline {
            length,
            method: at..at + start.method,
            target: target..target + start.target,
            version,
            body: fields.body(start, limits.body_of_get)?,
            persistence: fields.persistence(version),
            expectation: fields.expectation(version),
        })
    }

    fn too_large(&self, length: usize, limits: &Limits) -> Option<Refusal> {
        let in_target = self.start.is_none();
        if length > limits.header_bytes {
            return Some(if in_target { Refusal::TargetTooLong } else { Refusal::HeadTooLarge });
        }
        None
    }

    /// Why a control character cannot stand where it does.
    fn misplaced(&self, bytes: &[u8], at: usize) -> Refusal {
        let line = bytes.get(self.line..at).unwrap_or_default();
        match self.start {
            None if at == 0 && bytes.first() == Some(&TLS_HANDSHAKE) => Refusal::NotHttp,
            None if line.contains(&b' ') => Refusal::TargetByte,
            None => Refusal::Method,
            Some(_) if line.contains(&b':') => Refusal::FieldValue,
            Some(_) => Refusal::FieldName,
        }
    }
}
