//! One request as it was captured.

use std::fmt;

use countersign_model::{HeaderList, Secret, UnixTime};
use http::HeaderValue;

/// A request as somebody captured it, with whatever the capture tells besides.
#[derive(Clone)]
pub struct Captured {
    /// What it was read from.
    pub form: Form,
    /// What it is called, where the capture says.
    pub name: Option<String>,
    /// The method, as sent.
    pub method: String,
    /// Where the capture shows it.
    pub scheme: Option<Scheme>,
    /// The authority that the client named, with its port where it sent one; empty where none is known.
    pub host: String,
    /// The request target in origin form: the path and, where there is one, `?` and the query, as sent.
    pub target: String,
    /// The header fields in the order in which they were sent.
    pub fields: Vec<Field>,
    /// The body.
    pub body: Body,
    /// When the request was made or answered, where the capture tells.
    pub at: Option<UnixTime>,
    /// The secret it was signed with, where the capture tells.
    pub secret: Option<Secret<String>>,
    /// Why it cannot verify, where the capture tells that it was made so.
    pub odd: Option<String>,
}

/// What a capture was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An HTTP message (RFC 9112).
    Message,
    /// What `curl -v` printed.
    CurlVerbose,
    /// What `curl --trace` printed.
    CurlTrace,
    /// A HAR file or an entry of one (HTTP Archive 1.2).
    Har,
    /// An entry of a list of cases.
    Case,
}

/// What the client spoke below HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain TCP.
    Http,
    /// TLS.
    Https,
}

/// One line of a head: its name as it was written, and its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// The name, in the case in which it was sent.
    pub name: String,
    /// The value.
    pub value: HeaderValue,
}

/// A body, or that it is not there.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// All of it, byte for byte.
    Whole(Vec<u8>),
    /// The request had one and the capture does not show it.
    NotShown {
        /// How many bytes it had, where the capture tells.
        bytes: Option<u64>,
    },
}

impl Captured {
    /// The header fields for looking up.
    pub fn headers(&self) -> HeaderList {
        self.fields.iter().map(|field| (&field.name, &field.value)).collect()
    }

    /// The first field of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&HeaderValue> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| &field.value)
    }
}

impl Scheme {
    /// As URLs write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Form {
    /// What to call it in a sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "an HTTP message",
            Self::CurlVerbose => "what `curl -v` printed",
            Self::CurlTrace => "what `curl --trace` printed",
            Self::Har => "a HAR entry",
            Self::Case => "a case",
        }
    }
}

impl Body {
    /// The bytes, where they are there.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Whole(bytes) => Some(bytes),
            Self::NotShown { .. } => None,
        }
    }
}

/// A time as HAR files write it (ISO 8601 with a zone).
pub(crate) fn iso(text: &str) -> Option<UnixTime> {
    text.parse::<jiff::Timestamp>().ok().map(|at| UnixTime::from_millis(at.as_millisecond()))
}

/// A time as servers write it (RFC 9110 section 5.6.7).
pub(crate) fn http_date(text: &str) -> Option<UnixTime> {
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(UnixTime::from_millis(at.as_millisecond()))
}

/// Headers, target and body may hold secrets: only what names the request is printed.
impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.target.split('?').next().unwrap_or_default();
        f.debug_struct("Captured")
            .field("form", &self.form)
            .field("method", &self.method)
            .field("path", &path)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::NotShown { bytes } => write!(f, "NotShown({bytes:?})"),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_captured_request_prints_no_header_no_query_and_no_body() {
        let one = crate::read(b"POST /a?token=q HTTP/1.1\nX-Secret: h\n\nbody").unwrap().remove(0);
        let told = format!("{one:?} {:?} {:?}", one.fields, one.body);
        assert!(!told.contains("=q") && !told.contains("\"h\"") && !told.contains("body\""), "{told}");
    }
}
