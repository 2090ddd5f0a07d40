//! The header lines, as far as they say where the request ends.

use countersign_model::HeaderLine;

use crate::Refusal;
use crate::bytes::{ALPHANUMERIC, NO_TOKEN, ODD, TOKEN, first_colon, kind, kinds_of};
use crate::connection::BodyOfGet;
use crate::target::{Content, Start, Version};

/// The most digits of a length: any number of so many fits 64 bits.
const LENGTH_DIGITS: usize = 19;

const CONTENT_LENGTH: &[u8] = b"content-length";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding";
const CONNECTION: &[u8] = b"connection";
const EXPECT: &[u8] = b"expect";

/// The letters of the names that say how long a request is, whom it is for, or what becomes of its connection.
const FRAMING_LETTERS: [&[u8]; 9] = [
    b"contentlength",
    b"transferencoding",
    b"host",
    b"connection",
    b"expect",
    b"te",
    b"trailer",
    b"upgrade",
    b"keepalive",
];

/// What the header lines so far say of the body and of the connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fields {
    length: Option<u64>,
    coding: Option<Coding>,
    options: Options,
    expectation: Expectation,
}

/// The options of `Connection` that servers know (RFC 9112 section 9.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Options {
    #[default]
    None,
    KeepAlive,
    Close,
}

/// Whether a connection goes on after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// Another request may follow.
    Persists,
    /// None does.
    Closes,
}

/// Whether a client waits before it sends a body (RFC 9110 section 10.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expectation {
    /// It does not.
    #[default]
    None,
    /// It waits for `100 Continue`.
    Continue,
}

#[derive(Clone, Copy, Debug)]
enum Coding {
    Chunked,
}

/// How the body of a request is framed (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyLength {
    /// There is none.
    None,
    /// So many bytes, one or more.
    Sized(u64),
    /// In chunks.
    Chunked,
}

impl Fields {
    /// Takes one line, without its end and without control characters but tabs, that begins at `start` of its head.
    pub(crate) fn take(&mut self, line: &[u8], start: usize) -> Result<HeaderLine, Refusal> {
        let Some((name, value)) = first_colon(line).and_then(|colon| line.split_at_checked(colon)) else {
            return Err(nameless(line));
        };
        let colon = start + name.len();
        let (before, value) = after_colon(value);
        let field =
            HeaderLine { name: start, colon, value: colon + before, end: colon + before + value.len() };
        let kinds = kinds_of(name);
        if name.is_empty() || kinds & NO_TOKEN != 0 {
            return Err(nameless(line));
        }
        if name.len() == CONTENT_LENGTH.len() && name.eq_ignore_ascii_case(CONTENT_LENGTH) {
            return self.content_length(value).map(|()| field);
        }
        if name.len() == TRANSFER_ENCODING.len() && name.eq_ignore_ascii_case(TRANSFER_ENCODING) {
            return self.transfer_encoding(value).map(|()| field);
        }
        if name.len() == CONNECTION.len() && name.eq_ignore_ascii_case(CONNECTION) {
            self.connection(value);
        } else if name.len() == EXPECT.len() && name.eq_ignore_ascii_case(EXPECT) {
            self.expect(value);
        }
        // A plain name is a misspelling only of the two that have a dash inside, by having more or fewer of them.
        let long = name.len() + 1 >= CONTENT_LENGTH.len() && matches!(name, [b'c' | b'C' | b't' | b'T', ..]);
        if (kinds & ODD != 0 || long) && FRAMING_LETTERS.iter().any(|letters| has_letters(name, letters)) {
            return Err(Refusal::Lookalike);
        }
        Ok(field)
    }

    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',') {
            let option = option.trim_ascii();
            if option.eq_ignore_ascii_case(b"close") {
                self.options = Options::Close;
            } else if self.options == Options::None && option.eq_ignore_ascii_case(b"keep-alive") {
                self.options = Options::KeepAlive;
            }
        }
    }

    fn expect(&mut self, value: &[u8]) {
        if value.eq_ignore_ascii_case(b"100-continue") {
            self.expectation = Expectation::Continue;
        }
    }

    /// Whether another request may follow one of `version` (RFC 9112 section 9.3).
    pub(crate) fn persistence(&self, version: Version) -> Persistence {
        match (version, self.options) {
            (Version::Http11, Options::None | Options::KeepAlive) | (Version::Http10, Options::KeepAlive) => {
                Persistence::Persists
            }
            (Version::Http11 | Version::Http10, Options::Close) | (Version::Http10, Options::None) => {
                Persistence::Closes
            }
        }
    }

    /// Whether the client of `version` waits before it sends a body: HTTP/1.0 knows no such thing (RFC 9110 section 10.1.1).
    pub(crate) fn expectation(&self, version: Version) -> Expectation {
        match version {
            Version::Http11 => self.expectation,
            Version::Http10 => Expectation::None,
        }
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.length.is_some() {
            return Err(Refusal::ContentLengthTwice);
        }
        if value.is_empty() || value.len() > LENGTH_DIGITS || !value.iter().all(u8::is_ascii_digit) {
            return Err(Refusal::ContentLength);
        }
        self.length = Some(value.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0')));
        Ok(())
    }

    fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), Refusal> {
        if self.coding.is_some() {
            return Err(Refusal::TransferEncodingTwice);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            let is_of_a_list = |byte: &u8| kind(*byte) & TOKEN != 0 || b" \t,;=\"".contains(byte);
            let plain = !value.is_empty() && value.iter().all(is_of_a_list);
            return Err(if plain { Refusal::TransferCoding } else { Refusal::TransferEncoding });
        }
        self.coding = Some(Coding::Chunked);
        Ok(())
    }

    /// What all lines together say.
    pub(crate) fn body(&self, start: Start, of_get: BodyOfGet) -> Result<BodyLength, Refusal> {
        let body = match (self.length, self.coding) {
            (None | Some(0), None) => return Ok(BodyLength::None),
            (Some(length), None) => BodyLength::Sized(length),
            (None, Some(Coding::Chunked)) => BodyLength::Chunked,
            (Some(_), Some(Coding::Chunked)) => return Err(Refusal::TwoLengths),
        };
        match (start.version, body, start.content, of_get) {
            (Version::Http10, BodyLength::Chunked, _, _) => Err(Refusal::TransferEncodingInOldVersion),
            (_, _, Content::Undefined, BodyOfGet::Refused) => Err(Refusal::BodyOfGet),
            (_, body, Content::Defined, _) | (_, body, _, BodyOfGet::Taken) => Ok(body),
        }
    }
}

/// Whether careless servers may read the name of a header as another's that says how long a request is, whom it is for, or what
/// becomes of its connection: `content_length`. For requests whose bytes were not looked at, such as those of HTTP/2.
pub fn is_lookalike(name: &[u8]) -> bool {
    name.iter().any(|byte| kind(*byte) & ODD != 0)
        && FRAMING_LETTERS.iter().any(|letters| has_letters(name, letters))
}

/// Why a line without a name is none.
fn nameless(line: &[u8]) -> Refusal {
    match line {
        [b' ' | b'\t', ..] => Refusal::FieldFolded,
        _ => Refusal::FieldName,
    }
}

/// The value in `: value `, without the blanks around it (RFC 9112 section 5.1), and how much stands before it.
fn after_colon(mut value: &[u8]) -> (usize, &[u8]) {
    // As nearly everybody writes it.
    if let [b':', b' ', inside @ ..] = value
        && let [first, .., last] = inside
        && *first > b' '
        && *last > b' '
    {
        return (2, inside);
    }
    let length = value.len();
    if let [b':', rest @ ..] = value {
        value = rest;
    }
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    let before = length - value.len();
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    (before, value)
}

/// Whether the letters and digits of `name` are `letters`, and something else is in it that makes it another name.
fn has_letters(name: &[u8], letters: &[u8]) -> bool {
    let plain = name.iter().filter(|byte| kind(**byte) & ALPHANUMERIC != 0).map(u8::to_ascii_lowercase);
    plain.eq(letters.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: Start = Start { version: Version::Http11, content: Content::Defined, method: 4, target: 1 };
    const GET: Start = Start { version: Version::Http11, content: Content::Undefined, method: 4, target: 1 };
    const OLD_POST: Start =
        Start { version: Version::Http10, content: Content::Defined, method: 4, target: 1 };

    fn read(start: Start, lines: &[&str]) -> Result<BodyLength, Refusal> {
        let mut fields = Fields::default();
        for line in lines {
            fields.take(line.as_bytes(), 0)?;
        }
        fields.body(start, BodyOfGet::Refused)
    }

    #[test]
    fn one_length_or_one_coding_says_how_long_a_body_is() {
        for (lines, body) in [
            (&[][..], BodyLength::None),
            (&["Content-Length: 0"], BodyLength::None),
            (&["content-LENGTH:\t 0012 \t"], BodyLength::Sized(12)),
            (&["Content-Length: 9999999999999999999"], BodyLength::Sized(9_999_999_999_999_999_999)),
            (&["Transfer-Encoding:ChUnKeD"], BodyLength::Chunked),
            (&["X-Content-Length: a", "My_Custom.Header!#$%&'*+^`|~: \u{e9}", "Empty:"], BodyLength::None),
            (&["Content-Type: x", "Content-Location: x", "TE: trailers", "Host: a"], BodyLength::None),
        ] {
            assert_eq!(read(POST, lines), Ok(body), "{lines:?}");
        }
        assert_eq!(read(GET, &["Content-Length: 0"]), Ok(BodyLength::None));
        let mut fields = Fields::default();
        fields.take(b"Content-Length: 1", 0).unwrap();
        assert_eq!(fields.body(GET, BodyOfGet::Taken), Ok(BodyLength::Sized(1)));
        assert_eq!(read(OLD_POST, &["Content-Length: 1"]), Ok(BodyLength::Sized(1)));
    }

    #[test]
    fn whatever_else_is_said_of_it_is_refused() {
        for (start, lines, why) in [
            (POST, &["Content-Length: 1", "Content-Length: 1"][..], Refusal::ContentLengthTwice),
            (POST, &["Content-Length: 1, 1"], Refusal::ContentLength),
            (POST, &["Content-Length: +1"], Refusal::ContentLength),
            (POST, &["Content-Length: -1"], Refusal::ContentLength),
            (POST, &["Content-Length: 0x1"], Refusal::ContentLength),
            (POST, &["Content-Length:"], Refusal::ContentLength),
            (POST, &["Content-Length: 18446744073709551616"], Refusal::ContentLength),
            (
                POST,
                &["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
                Refusal::TransferEncodingTwice,
            ),
            (POST, &["Transfer-Encoding: chunked, chunked"], Refusal::TransferCoding),
            (POST, &["Transfer-Encoding: gzip, chunked"], Refusal::TransferCoding),
            (POST, &["Transfer-Encoding: identity"], Refusal::TransferCoding),
            (POST, &["Transfer-Encoding: xchunked"], Refusal::TransferCoding),
            (POST, &["Transfer-Encoding: chunked;a=b"], Refusal::TransferCoding),
            (POST, &["Transfer-Encoding: \u{a0}chunked"], Refusal::TransferEncoding),
            (POST, &["Transfer-Encoding:"], Refusal::TransferEncoding),
            (POST, &["Transfer-Encoding: chunked", "Content-Length: 1"], Refusal::TwoLengths),
            (POST, &["Content-Length: 0", "Transfer-Encoding: chunked"], Refusal::TwoLengths),
            (OLD_POST, &["Transfer-Encoding: chunked"], Refusal::TransferEncodingInOldVersion),
            (GET, &["Content-Length: 1"], Refusal::BodyOfGet),
            (GET, &["Transfer-Encoding: chunked"], Refusal::BodyOfGet),
        ] {
            assert_eq!(read(start, lines), Err(why), "{lines:?}");
        }
    }

    #[test]
    fn a_line_without_a_plain_name_and_its_colon_is_refused() {
        for (line, why) in [
            (" folded", Refusal::FieldFolded),
            ("\tfolded: x", Refusal::FieldFolded),
            ("name : x", Refusal::FieldName),
            ("name\t: x", Refusal::FieldName),
            (": x", Refusal::FieldName),
            ("name", Refusal::FieldName),
            ("na me: x", Refusal::FieldName),
            ("n\u{e9}: x", Refusal::FieldName),
            ("name;: x", Refusal::FieldName),
        ] {
            assert_eq!(read(POST, &[line]), Err(why), "{line}");
        }
    }

    #[test]
    fn a_name_that_careless_servers_read_as_one_that_frames_is_refused() {
        for name in [
            "Content_Length",
            "Content--Length",
            "ContentLength",
            "Content.Length",
            "Content-Length_",
            "Transfer_Encoding",
            "Transfer---Encoding",
            "TransferEncoding",
            "_Transfer-Encoding",
            "Host_",
            ".host",
            "Connection!",
            "T_E",
            "Keep_Alive",
        ] {
            assert_eq!(read(POST, &[&format!("{name}: x")]), Err(Refusal::Lookalike), "{name}");
        }
    }
}
