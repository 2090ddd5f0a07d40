//! A body in chunks (RFC 9112 section 7.1), byte by byte but for the data.

use std::ops::Range;

use crate::Refusal;
use crate::bytes::{TOKEN, kind};

/// The most digits of a chunk's size.
const SIZE_DIGITS: u8 = 16;

/// The most bytes of extensions, of all chunks of a body together. Nobody uses any; without a limit they are bytes that cost
/// nobody anything but us.
const EXTENSION_BYTES: u16 = 1024;

/// The most bytes of trailers.
const TRAILER_BYTES: u16 = 8192;

/// How far a body in chunks has come.
#[derive(Clone, Debug)]
pub struct Chunked {
    place: Place,
    extension_bytes: u16,
    trailer_bytes: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the size.
    Size { size: u64, digits: u8 },
    /// In an extension.
    Extension { size: u64, part: Extension },
    /// After the CR of the line with the size.
    SizeEnd { size: u64 },
    /// In the data.
    Data { left: u64 },
    /// Before the CR after the data.
    DataEnd,
    /// After that.
    DataEndCr,
    /// After the last chunk.
    Trailer(Trailer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trailer {
    /// At the beginning of a line.
    Start,
    Name,
    Value,
    /// After the CR of a line.
    End,
    /// After the CR of the empty line.
    Last,
}

/// `; name = value`, with blanks where RFC 9112 section 7.1.1 has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    /// After the semicolon.
    BeforeName,
    Name,
    /// Blanks after a name or a value: a semicolon must follow, or after a name `=`.
    AfterName,
    BeforeValue,
    Value,
    Quoted,
    Escaped,
    AfterValue,
}

/// What stands first in some bytes of a body in chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// All of them frame it, and none is data.
    Framing,
    /// Data, at these positions. What stands before it was looked at too.
    Data(Range<usize>),
    /// The body ended after so many bytes.
    Ended(usize),
}

impl Default for Chunked {
    fn default() -> Self {
        Self::new()
    }
}

impl Chunked {
    /// A body of which nothing has come.
    pub const fn new() -> Self {
        Self { place: Place::Size { size: 0, digits: 0 }, extension_bytes: 0, trailer_bytes: 0 }
    }

    /// Looks at the next bytes, up to the end of the first data among them. After its end it is not to be asked.
    ///
    /// # Errors
    ///
    /// Why it is refused, and how many bytes stand before the one that is refused.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Step, (usize, Refusal)> {
        for (at, byte) in bytes.iter().enumerate() {
            if let Place::Data { left } = self.place {
                let there = bytes.len() - at;
                let data = usize::try_from(left).ok().filter(|left| *left <= there).unwrap_or(there);
                let left = left - data as u64;
                self.place = if left == 0 { Place::DataEnd } else { Place::Data { left } };
                return Ok(Step::Data(at..at + data));
            }
            if (self.place, *byte) == (Place::Trailer(Trailer::Last), b'\n') {
                return Ok(Step::Ended(at + 1));
            }
            self.place = self.after(*byte).map_err(|why| (at, why))?;
        }
        Ok(Step::Framing)
    }

    fn after(&mut self, byte: u8) -> Result<Place, Refusal> {
        match self.place {
            Place::Size { size, digits } => match byte {
                b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' if digits < SIZE_DIGITS => {
                    let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                    Ok(Place::Size { size: size << 4 | digit, digits: digits + 1 })
                }
                b'\r' if digits > 0 => Ok(Place::SizeEnd { size }),
                b';' if digits > 0 => Ok(Place::Extension { size, part: Extension::BeforeName }),
                _ => Err(Refusal::ChunkSize),
            },
            Place::Extension { size, part } => self.extension(size, part, byte),
            Place::SizeEnd { size } => match (byte, size) {
                (b'\n', 0) => Ok(Place::Trailer(Trailer::Start)),
                (b'\n', left) => Ok(Place::Data { left }),
                (_, _) => Err(Refusal::LineEnd),
            },
            Place::DataEnd if byte == b'\r' => Ok(Place::DataEndCr),
            Place::DataEndCr if byte == b'\n' => Ok(Place::Size { size: 0, digits: 0 }),
            Place::Data { .. } | Place::DataEnd | Place::DataEndCr => Err(Refusal::ChunkEnd),
            Place::Trailer(part) => self.trailer(part, byte),
        }
    }

    fn extension(&mut self, size: u64, part: Extension, byte: u8) -> Result<Place, Refusal> {
        self.extension_bytes += 1;
        if self.extension_bytes > EXTENSION_BYTES {
            return Err(Refusal::ChunkExtension);
        }
        let is_token = kind(byte) & TOKEN != 0;
        let next = match part {
            Extension::BeforeName if is_token => Some(Extension::Name),
            Extension::BeforeValue if is_token => Some(Extension::Value),
            Extension::Name | Extension::Value if is_token => Some(part),
            Extension::BeforeName | Extension::BeforeValue if is_blank(byte) => Some(part),
            Extension::BeforeValue if byte == b'"' => Some(Extension::Quoted),
            Extension::BeforeName | Extension::BeforeValue => None,
            Extension::Quoted if byte == b'"' => Some(Extension::AfterValue),
            Extension::Quoted if byte == b'\\' => Some(Extension::Escaped),
            Extension::Quoted | Extension::Escaped => is_text(byte).then_some(Extension::Quoted),
            Extension::Name | Extension::Value | Extension::AfterName | Extension::AfterValue => match byte {
                b'\r' => return Ok(Place::SizeEnd { size }),
                b';' => Some(Extension::BeforeName),
                b'=' if matches!(part, Extension::Name | Extension::AfterName) => {
                    Some(Extension::BeforeValue)
                }
                b' ' | b'\t' if matches!(part, Extension::Name | Extension::AfterName) => {
                    Some(Extension::AfterName)
                }
                b' ' | b'\t' => Some(Extension::AfterValue),
                _ => None,
            },
        };
        next.map(|part| Place::Extension { size, part }).ok_or(Refusal::ChunkExtension)
    }

    fn trailer(&mut self, part: Trailer, byte: u8) -> Result<Place, Refusal> {
        self.trailer_bytes += 1;
        if self.trailer_bytes > TRAILER_BYTES {
            return Err(Refusal::Trailer);
        }
        let is_token = kind(byte) & TOKEN != 0;
        let next = match part {
            Trailer::Start if byte == b'\r' => Some(Trailer::Last),
            Trailer::Start | Trailer::Name if is_token => Some(Trailer::Name),
            Trailer::Name if byte == b':' => Some(Trailer::Value),
            Trailer::Start | Trailer::Name => None,
            Trailer::Value if byte == b'\r' => Some(Trailer::End),
            Trailer::Value => is_text(byte).then_some(Trailer::Value),
            Trailer::End if byte == b'\n' => Some(Trailer::Start),
            Trailer::End | Trailer::Last => return Err(Refusal::LineEnd),
        };
        next.map(Place::Trailer).ok_or(Refusal::Trailer)
    }
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What a value may have (RFC 9110 section 5.5).
const fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a body.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum End {
        /// More of it is to come.
        Open,
        /// It ended after so many bytes.
        Ended(usize),
    }

    /// Reads all of `bytes`: its data, and what becomes of it.
    fn look(chunked: &mut Chunked, bytes: &[u8]) -> (Vec<u8>, Result<End, (usize, Refusal)>) {
        let (mut data, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            match chunked.next(&bytes[at..]) {
                Ok(Step::Framing) => break,
                Ok(Step::Data(piece)) => {
                    data.extend_from_slice(&bytes[at + piece.start..at + piece.end]);
                    at += piece.end;
                }
                Ok(Step::Ended(length)) => return (data, Ok(End::Ended(at + length))),
                Err((before, why)) => return (data, Err((at + before, why))),
            }
        }
        (data, Ok(End::Open))
    }

    /// What becomes of a body, in one piece and byte by byte.
    fn read(body: &[u8]) -> Result<End, (usize, Refusal)> {
        let (whole_data, whole) = look(&mut Chunked::new(), body);
        let mut chunked = Chunked::new();
        let (mut data, mut pieces) = (Vec::new(), Ok(End::Open));
        for (at, byte) in body.iter().enumerate() {
            let (piece, end) = look(&mut chunked, &[*byte]);
            data.extend_from_slice(&piece);
            pieces = match end {
                Ok(End::Open) => continue,
                Ok(End::Ended(length)) => Ok(End::Ended(at + length)),
                Err((before, why)) => Err((at + before, why)),
            };
            break;
        }
        assert_eq!(whole, pieces, "{}", body.escape_ascii());
        assert_eq!(whole_data, data, "{}", body.escape_ascii());
        whole
    }

    #[test]
    fn the_data_is_what_stands_in_the_chunks() {
        let body = b"3;x=y\r\nabc\r\n0a\r\n0123\r\n6789\r\n0\r\nX: y\r\n\r\nGET";
        assert_eq!(look(&mut Chunked::new(), body).0, b"abc0123\r\n6789");
    }

    #[test]
    fn chunks_extensions_and_trailers_as_the_standard_has_them_pass() {
        for body in [
            &b"0\r\n\r\n"[..],
            b"3\r\nabc\r\n0\r\n\r\n",
            b"0003\r\nabc\r\n000\r\n\r\n",
            b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
            b"3;x\r\nabc\r\n0;y=z;q=\"a\\\"b;\" ; r = s \r\n\r\n",
            b"0\r\nX-A: b\r\nX-B:\r\n\r\n",
        ] {
            assert_eq!(read(body), Ok(End::Ended(body.len())), "{}", body.escape_ascii());
            let more = [body, b"GET / HTTP/1.1\r\n\r\n"].concat();
            assert_eq!(read(&more), Ok(End::Ended(body.len())));
            for end in 0..body.len() {
                assert_eq!(read(&body[..end]), Ok(End::Open), "{}", body[..end].escape_ascii());
            }
        }
    }

    #[test]
    fn what_some_server_takes_for_a_chunk_and_another_does_not_is_refused() {
        for (body, why) in [
            (&b"3 \r\nabc"[..], Refusal::ChunkSize),
            (b" 3\r\nabc", Refusal::ChunkSize),
            (b"3\t;x\r\n", Refusal::ChunkSize),
            (b"\r\n", Refusal::ChunkSize),
            (b";x\r\n", Refusal::ChunkSize),
            (b"0x3\r\n", Refusal::ChunkSize),
            (b"+3\r\n", Refusal::ChunkSize),
            (b"-1\r\n", Refusal::ChunkSize),
            (b"3\nabc", Refusal::ChunkSize),
            (b"00000000000000003\r\n", Refusal::ChunkSize),
            (b"3\rabc", Refusal::LineEnd),
            (b"3\r\nabcd\r\n", Refusal::ChunkEnd),
            (b"3\r\nabc\n0", Refusal::ChunkEnd),
            (b"3\r\nabc\r0", Refusal::ChunkEnd),
            (b"3;\r\n", Refusal::ChunkExtension),
            (b"3;x\n", Refusal::ChunkExtension),
            (b"3;a=\"\n\"\r\n", Refusal::ChunkExtension),
            (b"3;a b\r\n", Refusal::ChunkExtension),
            (b"3;a=\r\n", Refusal::ChunkExtension),
            (b"0\r\n\n", Refusal::Trailer),
            (b"0\r\nX A: b\r\n", Refusal::Trailer),
            (b"0\r\n folded\r\n", Refusal::Trailer),
            (b"0\r\nX-A\r\n", Refusal::Trailer),
            (b"0\r\nX-A: \x00\r\n", Refusal::Trailer),
            (b"0\r\nX-A: b\n", Refusal::Trailer),
            (b"0\r\nX-A: b\rc", Refusal::LineEnd),
            (b"0\r\n\rX", Refusal::LineEnd),
        ] {
            assert_eq!(read(body).unwrap_err().1, why, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn extensions_and_trailers_have_limits() {
        let extension = |bytes: usize| [b"0;", "x".repeat(bytes).as_bytes(), b"\r\n\r\n"].concat();
        assert!(matches!(read(&extension(1023)), Ok(End::Ended(_))));
        assert_eq!(read(&extension(1025)).unwrap_err().1, Refusal::ChunkExtension);
        let small = b"1;x\r\na\r\n".repeat(600);
        assert_eq!(
            read(&small).unwrap_err().1,
            Refusal::ChunkExtension,
            "all chunks together have one limit"
        );
        let trailers = [b"0\r\n", "X-A: b\r\n".repeat(2000).as_bytes()].concat();
        assert_eq!(read(&trailers).unwrap_err().1, Refusal::Trailer);
    }
}
