//! The requests of one connection, one after the other.

use std::ops::Range;

use countersign_model::HeaderLine;

use crate::Refusal;
use crate::chunked::{Chunked, Step};
use crate::fields::BodyLength;
use crate::head::{Head, Outline};

/// What the head of a request may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Header lines.
    pub header_count: usize,
    /// Bytes of the whole head.
    pub header_bytes: usize,
    /// What becomes of a `GET` or `HEAD` with a body.
    pub body_of_get: BodyOfGet,
}

/// What becomes of a `GET` or `HEAD` with a body, which means nothing (RFC 9110 section 9.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyOfGet {
    /// It is refused: a server further on that expects none would take the body for the next request.
    Refused,
    /// It passes: nothing of it goes further on.
    Taken,
}

/// Where the requests of one connection begin and end.
#[derive(Clone, Debug)]
pub struct Framing {
    limits: Limits,
    place: Place,
    head: Head,
}

#[derive(Clone, Debug)]
enum Place {
    Head,
    Sized(u64),
    Chunked(Chunked),
    Refused,
}

/// What became of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// How many of them are whole heads and pieces of bodies. The rest is the beginning of a head, to be given again with
    /// what follows it; or it is refused.
    pub bytes: usize,
    /// How many heads ended in them.
    pub heads: u32,
    /// Why the rest is refused.
    pub refused: Option<Refused>,
}

/// What stands next on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Something whose end has not come: the same bytes are to be given again, with what follows them.
    Part,
    /// A whole head. Its header lines are [`Framing::fields`].
    Head(Outline),
    /// A piece of a body.
    Piece {
        /// Where its data is: nowhere, where only what frames it has come.
        data: Range<usize>,
        /// How many bytes were looked at, and are not to be given again.
        bytes: usize,
    },
}

/// What is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A head. All requests before it are whole.
    Head(Refusal),
    /// The body of the last request whose head was whole.
    Body(Refusal),
}

impl Framing {
    /// A connection of which nothing was seen.
    pub fn new(limits: Limits) -> Self {
        Self { limits, place: Place::Head, head: Head::default() }
    }

    /// Looks at what stands first in `bytes`, the bytes after those that were looked at before. Nothing follows what is refused.
    ///
    /// # Errors
    ///
    /// Why it is refused, and how many bytes of a body stand before that.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Next, (usize, Refused)> {
        match &mut self.place {
            _ if bytes.is_empty() => Ok(Next::Part),
            Place::Head => match self.head.look(bytes, &self.limits) {
                Ok(None) => Ok(Next::Part),
                Ok(Some(outline)) => {
                    match outline.body {
                        BodyLength::None => {}
                        BodyLength::Sized(length) => self.place = Place::Sized(length),
                        BodyLength::Chunked => self.place = Place::Chunked(Chunked::new()),
                    }
                    // What it found stays until the next is looked at.
                    self.head.end();
                    Ok(Next::Head(outline))
                }
                Err(why) => Err(self.refuse(0, Refused::Head(why))),
            },
            Place::Sized(left) => {
                let piece = match usize::try_from(*left) {
                    Ok(whole) if whole <= bytes.len() => {
                        self.place = Place::Head;
                        whole
                    }
                    Ok(_) | Err(_) => {
                        *left -= bytes.len() as u64;
                        bytes.len()
                    }
                };
                Ok(Next::Piece { data: 0..piece, bytes: piece })
            }
            Place::Chunked(chunked) => match chunked.next(bytes) {
                Ok(Step::Framing) => Ok(Next::Piece { data: 0..0, bytes: bytes.len() }),
                Ok(Step::Data(data)) => Ok(Next::Piece { bytes: data.end, data }),
                Ok(Step::Ended(bytes)) => {
                    self.place = Place::Head;
                    Ok(Next::Piece { data: 0..0, bytes })
                }
                Err((before, why)) => Err(self.refuse(before, Refused::Body(why))),
            },
            Place::Refused => Ok(Next::Part),
        }
    }

    /// The header lines of the last head, until something after it is looked at that is a head too.
    pub fn fields(&self) -> &[HeaderLine] {
        self.head.lines()
    }

    /// The header lines of the last head, for who keeps them longer.
    pub fn take_fields(&mut self) -> Vec<HeaderLine> {
        self.head.take_lines()
    }

    /// Gives back what was [taken](Self::take_fields), for its memory.
    pub fn reuse(&mut self, fields: Vec<HeaderLine>) {
        self.head.reuse(fields);
    }

    /// Looks at the bytes after those that are settled, as far as they go. After a refusal, nothing is settled any more.
    pub fn settle(&mut self, bytes: &[u8]) -> Settled {
        let mut settled = Settled { bytes: 0, heads: 0, refused: None };
        while let Some(rest) = bytes.get(settled.bytes..).filter(|rest| !rest.is_empty()) {
            match self.next(rest) {
                Ok(Next::Part) => return settled,
                Ok(Next::Head(outline)) => {
                    settled.bytes += outline.length;
                    settled.heads += 1;
                }
                Ok(Next::Piece { bytes, .. }) => settled.bytes += bytes,
                Err((before, why)) => {
                    settled.bytes += before;
                    return Settled { refused: Some(why), ..settled };
                }
            }
        }
        settled
    }

    /// Whether what was settled last ends inside a body: more of it is to come.
    pub fn is_inside_a_body(&self) -> bool {
        match self.place {
            Place::Sized(_) | Place::Chunked(_) => true,
            Place::Head | Place::Refused => false,
        }
    }

    fn refuse(&mut self, before: usize, why: Refused) -> (usize, Refused) {
        self.place = Place::Refused;
        (before, why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { header_count: 4, header_bytes: 256, body_of_get: BodyOfGet::Refused };

    fn settle(bytes: &[u8]) -> Settled {
        Framing::new(LIMITS).settle(bytes)
    }

    fn refusal(bytes: &[u8]) -> Option<Refused> {
        settle(bytes).refused
    }

    #[test]
    fn requests_one_after_the_other_are_told_apart() {
        let get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let sized = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /";
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n";
        let all = [&get[..], sized, chunked, get].concat();
        assert_eq!(settle(&all), Settled { bytes: all.len(), heads: 4, refused: None });
        let more = [&all[..], b"GET / HT"].concat();
        assert_eq!(settle(&more), Settled { bytes: all.len(), heads: 4, refused: None });
    }

    #[test]
    fn it_is_known_whether_more_of_a_body_is_to_come() {
        for (bytes, inside) in [
            (&b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n"[..], true),
            (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcd", true),
            (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde", false),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", true),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", false),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", false),
        ] {
            let mut framing = Framing::new(LIMITS);
            framing.settle(bytes);
            assert_eq!(framing.is_inside_a_body(), inside, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_request_that_is_refused_does_not_take_those_before_it_along() {
        let get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let bytes = [&get[..], b"GET / HTTP/1.1\nHost: a\n\n"].concat();
        let refused = Some(Refused::Head(Refusal::LineEnd));
        assert_eq!(settle(&bytes), Settled { bytes: get.len(), heads: 1, refused });
    }

    #[test]
    fn a_body_is_settled_up_to_what_is_refused() {
        let bytes = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n5 \r\n";
        let refused = Some(Refused::Body(Refusal::ChunkSize));
        assert_eq!(settle(bytes), Settled { bytes: bytes.len() - 3, heads: 1, refused });
    }

    #[test]
    fn lines_that_end_in_another_way_are_refused() {
        for (bytes, why) in [
            (&b"GET / HTTP/1.1\n"[..], Refusal::LineEnd),
            (b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", Refusal::LineEnd),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\n", Refusal::LineEnd),
            (b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", Refusal::LineEnd),
            (b"GET / HTTP/1.1\rHost: a", Refusal::LineEnd),
            (b"GET /\tHTTP/1.1\r\n", Refusal::TargetByte),
            (b"GET /\0 HTTP/1.1\r\n", Refusal::TargetByte),
            (b"GET\0 / HTTP/1.1\r\n", Refusal::Method),
            (b"GET / HTTP/1.1\r\nX\0: y\r\n", Refusal::FieldName),
            (b"GET / HTTP/1.1\r\nX: \0y\r\n", Refusal::FieldValue),
            (b"GET / HTTP/1.1\r\nX: \x7f\r\n", Refusal::FieldValue),
            (b"GET / HTTP/1.1\r\n folded\r\n\r\n", Refusal::FieldFolded),
            (b"GET / HTTP/1.1\r\nX: y\r\n\tfolded\r\n\r\n", Refusal::FieldFolded),
            (b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", Refusal::EmptyLine),
            (b"\x16\x03\x01\x02\x00", Refusal::NotHttp),
        ] {
            assert_eq!(refusal(bytes), Some(Refused::Head(why)), "{}", bytes.escape_ascii());
        }
        assert_eq!(refusal(b"\r\nGET / HTTP/1.1\r\nX: \ty\t\r\n\r\n"), None);
    }

    #[test]
    fn a_head_has_limits_of_size_and_count() {
        let lines = |count: usize| ["GET / HTTP/1.1\r\n", &"a: b\r\n".repeat(count), "\r\n"].concat();
        assert_eq!(refusal(lines(4).as_bytes()), None);
        assert_eq!(refusal(lines(5).as_bytes()), Some(Refused::Head(Refusal::TooManyFields)));
        let value = |size: usize| ["GET / HTTP/1.1\r\na: ", &"b".repeat(size), "\r\n\r\n"].concat();
        assert_eq!(refusal(value(256 - 23).as_bytes()), None);
        assert_eq!(refusal(value(256 - 22).as_bytes()), Some(Refused::Head(Refusal::HeadTooLarge)));
        assert_eq!(refusal(&value(300).as_bytes()[..280]), Some(Refused::Head(Refusal::HeadTooLarge)));
        let target = ["GET /", &"a".repeat(300)].concat();
        assert_eq!(refusal(target.as_bytes()), Some(Refused::Head(Refusal::TargetTooLong)));
    }
}
