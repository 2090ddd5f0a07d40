//! The head of an answer.

use std::slice;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode, response};

use crate::{AnswerHeaders, Lines, Reason};

/// Room for the lines of an answer of ours, in bytes.
const USUAL_BYTES: usize = 512;

/// Room for what is added to an answer that was read, in bytes.
const ADDED_BYTES: usize = 320;

/// The head of an answer: its status, its header lines as they are sent, and what is said of its framing and its connection, which
/// whoever sends it writes in a way of his own.
#[derive(Clone, Debug)]
pub struct AnswerHead {
    status: StatusCode,
    connection: Connection,
    date: Date,
    /// A bit for each kind of name, so that one that is not there is mostly not looked for.
    names: u64,
    lines: Lines,
    length: Option<u64>,
    rare: Option<Box<Rare>>,
}

/// What becomes of the connection after an answer, as far as the answer has a say in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// It may go on.
    Kept,
    /// It ends.
    Closed,
}

/// Whether a line says when the answer was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Date {
    NotSaid,
    Said,
}

/// What few answers have.
#[derive(Clone, Debug, Default)]
struct Rare {
    reason: Option<Reason>,
    /// The lines that name trailers.
    trailer: Lines,
}

/// A header line that was read: its name is a token, and its value [text](crate::is_text) without blanks around it.
#[derive(Clone, Copy, Debug)]
pub struct ReadLine<'a> {
    /// All of it, with CR LF.
    pub whole: &'a [u8],
    /// What stands before the colon.
    pub name: &'a [u8],
    /// What stands after it.
    pub value: &'a [u8],
}

impl AnswerHead {
    /// A head without a line.
    pub fn new(status: StatusCode) -> Self {
        Self::with_room(status, USUAL_BYTES)
    }

    /// A head without a line, for those of a head of so many bytes and some of ours.
    pub fn read(status: StatusCode, bytes: usize) -> Self {
        Self::with_room(status, bytes + ADDED_BYTES)
    }

    fn with_room(status: StatusCode, bytes: usize) -> Self {
        Self {
            status,
            connection: Connection::Kept,
            date: Date::NotSaid,
            names: 0,
            lines: Lines::with_capacity(bytes),
            length: None,
            rare: None,
        }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The words after the status, where they are not the usual ones.
    pub fn reason(&self) -> Option<&Reason> {
        self.rare.as_ref()?.reason.as_ref()
    }

    /// Has other words than the usual ones follow the status.
    pub fn set_reason(&mut self, reason: Reason) {
        self.rare().reason = Some(reason);
    }

    /// Has the connection end after the answer.
    pub fn close(&mut self) {
        self.connection = Connection::Closed;
    }

    /// What becomes of the connection.
    pub fn connection(&self) -> Connection {
        self.connection
    }

    /// How long the content is said to be, in bytes; that of the answer to a `GET`, where there is none (RFC 9110 section 8.6).
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Says how long the content is.
    pub fn set_length(&mut self, length: u64) {
        self.length = Some(length);
    }

    /// Whether a line says when the answer was made.
    pub fn has_date(&self) -> bool {
        self.date == Date::Said
    }

    /// The lines, but for those that frame the content or are about the connection.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The lines that name trailers (RFC 9110 section 6.6.2). They make sense where the content is sent in chunks.
    pub fn trailer_lines(&self) -> Option<&Lines> {
        self.rare.as_ref().map(|rare| &rare.trailer).filter(|lines| !lines.is_empty())
    }

    /// Forgets that trailers were named.
    pub fn forget_trailers(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.trailer = Lines::default();
        }
    }

    /// Adds a line that was read, which is none of those that frame the content, are about the connection, name trailers or
    /// [say when](Self::keep_date) the answer was made.
    pub fn keep(&mut self, line: ReadLine<'_>) {
        self.names |= mark(line.name);
        line.put_into(&mut self.lines);
    }

    /// Adds a line that was read and says when the answer was made.
    pub fn keep_date(&mut self, line: ReadLine<'_>) {
        self.date = Date::Said;
        self.keep(line);
    }

    /// Adds a line that was read and names trailers.
    pub fn keep_trailer(&mut self, line: ReadLine<'_>) {
        line.put_into(&mut self.rare().trailer);
    }

    /// Adds lines that `put` writes: of these names, none of which frames the content, is about the connection, names trailers or says
    /// when the answer was made.
    pub fn put(&mut self, names: &[HeaderName], put: impl FnOnce(&mut Lines)) {
        self.names |= names.iter().map(|name| mark(name.as_str().as_bytes())).fold(0, |all, one| all | one);
        put(&mut self.lines);
        debug_assert!(
            self.lines.iter().all(|(name, _)| self.names & mark(name) != 0),
            "a line has another name"
        );
    }

    /// Adds one whose value was looked at before.
    pub fn add_value(&mut self, name: &HeaderName, value: &HeaderValue) {
        match *name {
            header::CONNECTION => {
                if has_close(value.as_bytes()) {
                    self.close();
                }
            }
            header::CONTENT_LENGTH => self.length = self.length.or_else(|| number(value.as_bytes())),
            header::TRANSFER_ENCODING => {}
            header::TRAILER => self.rare().trailer.put_value(name, value),
            _ => self.line(name, |lines| lines.put_value(name, value)),
        }
    }

    /// Removes what is said under these names: of however many, in one pass.
    pub fn remove(&mut self, names: &[HeaderName]) {
        let mut marks = 0;
        for name in names {
            match *name {
                header::CONNECTION => self.connection = Connection::Kept,
                header::CONTENT_LENGTH => self.length = None,
                header::TRAILER => self.forget_trailers(),
                header::DATE => self.date = Date::NotSaid,
                _ => {}
            }
            marks |= mark(name.as_str().as_bytes());
        }
        if self.names & marks != 0 {
            self.lines.remove(names);
        }
    }

    #[inline]
    fn line(&mut self, name: &HeaderName, put: impl FnOnce(&mut Lines)) {
        if *name == header::DATE {
            self.date = Date::Said;
        }
        self.names |= mark(name.as_str().as_bytes());
        put(&mut self.lines);
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Puts all of it but what is said of the connection into a response.
    pub(crate) fn put_into<B>(self, response: &mut Response<B>) {
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for lines in [Some(&self.lines), self.trailer_lines()].into_iter().flatten() {
            for (name, value) in lines.iter() {
                if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
                {
                    headers.append(name, value);
                }
            }
        }
        if let Some(length) = self.length {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        if let Some(reason) = self.rare.and_then(|rare| rare.reason) {
            response.extensions_mut().insert(reason);
        }
    }
}

impl AnswerHeaders for AnswerHead {
    fn has(&self, name: &HeaderName) -> bool {
        let name = name.as_str().as_bytes();
        self.names & mark(name) != 0 && self.lines.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    }

    fn add(&mut self, name: &HeaderName, value: &[u8]) {
        match *name {
            header::CONNECTION | header::CONTENT_LENGTH | header::TRANSFER_ENCODING | header::TRAILER => {
                if let Ok(value) = HeaderValue::from_bytes(value) {
                    self.add_value(name, &value);
                }
            }
            _ => self.line(name, |lines| lines.put(name, value)),
        }
    }

    fn set(&mut self, name: &HeaderName, value: &[u8]) {
        self.remove(slice::from_ref(name));
        self.add(name, value);
    }
}

impl From<response::Parts> for AnswerHead {
    fn from(mut parts: response::Parts) -> Self {
        let mut head = Self::new(parts.status);
        if let Some(reason) = parts.extensions.remove() {
            head.set_reason(reason);
        }
        let headers: &HeaderMap = &parts.headers;
        for (name, value) in headers {
            head.add_value(name, value);
        }
        head
    }
}

impl ReadLine<'_> {
    fn put_into(self, lines: &mut Lines) {
        // Nearly all are written as we write them.
        if self.whole.len() == self.name.len() + self.value.len() + b": \r\n".len()
            && self.whole.get(self.name.len() + 1) == Some(&b' ')
        {
            lines.put_line(self.whole);
        } else {
            lines.put_parts(self.name, self.value);
        }
    }
}

/// The bit of a name, by its length, its first and its last letter. Capitals or not: the bit in which they differ is shifted out.
fn mark(name: &[u8]) -> u64 {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return 0 };
    let mixed = name.len() ^ (usize::from(*first) << 1) ^ (usize::from(*last) << 3);
    1 << (mixed % 64)
}

fn has_close(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

fn number(value: &[u8]) -> Option<u64> {
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Answered;

    const NAMES: [&str; 12] = [
        "x-request-id",
        "x-ratelimit-limit",
        "x-ratelimit-reset",
        "vary",
        "date",
        "set-cookie",
        "content-type",
        "trailer",
        "access-control-allow-origin",
        "content-length",
        "connection",
        "transfer-encoding",
    ];

    #[derive(Clone, Copy, Debug)]
    enum Act {
        Add,
        Set,
        Remove,
    }

    fn acts() -> impl Strategy<Value = Vec<(Act, HeaderName, &'static str)>> {
        let act = prop::sample::select(vec![Act::Add, Act::Set, Act::Remove]);
        let name = prop::sample::select(NAMES.to_vec()).prop_map(HeaderName::from_static);
        prop::collection::vec((act, name, prop::sample::select(vec!["1", "", "a b"])), 0..12)
    }

    fn both(head: &mut AnswerHead, map: &mut HeaderMap, acts: &[(Act, HeaderName, &str)]) {
        for (act, name, value) in acts {
            match act {
                Act::Add => (head.add(name, value.as_bytes()), map.add(name, value.as_bytes())),
                Act::Set => (head.set(name, value.as_bytes()), map.set(name, value.as_bytes())),
                Act::Remove => (head.remove(slice::from_ref(name)), drop(map.remove(name))),
            };
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn what_is_said_in_a_head_is_what_is_said_in_a_map(acts in acts()) {
            let (mut head, mut map) = (AnswerHead::new(StatusCode::OK), HeaderMap::new());
            both(&mut head, &mut map, &acts);
            for name in NAMES.map(HeaderName::from_static) {
                if [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::TRAILER].contains(&name) {
                    map.remove(name);
                } else {
                    prop_assert_eq!(head.has(&name), map.contains_key(&name), "{}", name);
                }
            }
            prop_assert_eq!(head.has_date(), map.contains_key(header::DATE));
            head.remove(&[header::CONTENT_LENGTH, header::TRAILER]);
            let response = Response::from(Answered { head, body: () });
            prop_assert_eq!(response.headers(), &map);
            let again = Response::from(Answered::from(response));
            prop_assert_eq!(again.headers(), &map);
        }
    }

    #[test]
    fn what_is_said_of_the_framing_and_of_the_connection_is_no_line() {
        let mut head = AnswerHead::new(StatusCode::OK);
        for (name, value) in [
            (header::CONNECTION, "keep-alive"),
            (header::CONTENT_LENGTH, "7"),
            (header::CONTENT_LENGTH, "8"),
            (header::TRANSFER_ENCODING, "gzip"),
            (header::TRAILER, "x-sum"),
        ] {
            head.add(&name, value.as_bytes());
        }
        assert!(head.lines().is_empty());
        assert_eq!((head.connection(), head.length()), (Connection::Kept, Some(7)));
        assert_eq!(head.trailer_lines().unwrap().as_bytes(), b"trailer: x-sum\r\n");
        head.add(&header::CONNECTION, b"x-a, Close");
        assert_eq!(head.connection(), Connection::Closed);
        head.remove(&[header::CONNECTION, header::CONTENT_LENGTH, header::TRAILER]);
        assert_eq!((head.connection(), head.length()), (Connection::Kept, None));
        assert!(head.trailer_lines().is_none());
    }
}
