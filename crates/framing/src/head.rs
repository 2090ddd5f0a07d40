//! The head of a request: from its first byte to the empty line that ends it.

use crate::bytes::first_control;
use crate::connection::Limits;
use crate::fields::{Body, Fields};
use crate::refusal::Refusal;
use crate::target::{self, Start};

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
    start: Option<Start>,
    fields: Fields,
    count: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Empty {
    #[default]
    NotSeen,
    Seen,
}

/// A whole head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole {
    /// Its length in bytes, with the empty line.
    pub(crate) length: usize,
    pub(crate) body: Body,
}

impl Head {
    /// Looks at a head as far as it has come: `bytes` begin where it does, and begin the same each time. Nothing where
    /// its end is not there yet.
    pub(crate) fn look(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<Whole>, Refusal> {
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
            if let Some(body) = self.take(line, limits)? {
                return Ok(Some(Whole { length: end, body }));
            }
            (self.line, self.looked) = (end, end);
        }
    }

    /// Takes one line. The body, where it is the line that ends the head.
    fn take(&mut self, line: &[u8], limits: &Limits) -> Result<Option<Body>, Refusal> {
        match (self.start, line) {
            (None, []) if self.empty == Empty::NotSeen => self.empty = Empty::Seen,
            (None, []) => return Err(Refusal::EmptyLine),
            (None, line) => self.start = Some(target::read(line)?),
            (Some(start), []) => return self.fields.body(start, limits.body_of_get).map(Some),
            (Some(_), line) => {
                self.count += 1;
                if self.count > limits.header_count {
                    return Err(Refusal::TooManyFields);
                }
                self.fields.take(line)?;
            }
        }
        Ok(None)
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
