//! The head of a request: the request line and the header fields.

use http::{HeaderName, HeaderValue, Method};

use crate::captured::{Field, Scheme};
use crate::unreadable::{Unreadable, shown};
use crate::{MAX_FIELDS, url};

/// A head, line by line.
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) scheme: Option<Scheme>,
    pub(crate) host: String,
    pub(crate) target: String,
    pub(crate) fields: Vec<Field>,
}

impl Head {
    /// Reads the lines of a head, each with its number and without its end (RFC 9112 sections 3 and 5).
    pub(crate) fn read<'a>(lines: impl IntoIterator<Item = (usize, &'a [u8])>) -> Result<Self, Unreadable> {
        let mut lines = lines.into_iter();
        let (number, first) = lines.next().unwrap_or((1, b""));
        let (method, scheme, authority, target) = request_line(number, first)?;
        let mut fields = Vec::new();
        for (number, line) in lines {
            if fields.len() == MAX_FIELDS {
                return Err(Unreadable::new(number, "one header too many", format!("at most {MAX_FIELDS}")));
            }
            fields.push(field(number, line)?);
        }
        let host = host(&fields).unwrap_or(authority);
        Ok(Self { method, scheme, host, target, fields })
    }

    /// The number of bytes that the body has, as the head says.
    pub(crate) fn content_length(&self) -> Result<Option<u64>, &HeaderValue> {
        let mut named = self.fields.iter().filter(|field| field.name.eq_ignore_ascii_case("content-length"));
        let Some(Field { value, .. }) = named.next() else { return Ok(None) };
        let length = value.to_str().ok().and_then(|text| text.parse().ok());
        if named.next().is_some() { Err(value) } else { length.map(Some).ok_or(value) }
    }

    pub(crate) fn is_chunked(&self) -> bool {
        let chunked = |field: &Field| {
            field.name.eq_ignore_ascii_case("transfer-encoding")
                && field.value.as_bytes().to_ascii_lowercase().ends_with(b"chunked")
        };
        self.fields.iter().any(chunked)
    }
}

/// The authority that the fields name.
pub(crate) fn host(fields: &[Field]) -> Option<String> {
    let host = fields.iter().find(|field| field.name.eq_ignore_ascii_case("host"))?;
    host.value.to_str().ok().map(str::to_owned)
}

fn request_line(number: usize, line: &[u8]) -> Result<(String, Option<Scheme>, String, String), Unreadable> {
    const WOULD_DO: &str = "a request line, as in `POST /v1/items?limit=5 HTTP/1.1`";
    let wrong = |what: &str| Unreadable::new(number, format!("{} {what}", shown(line)), WOULD_DO);
    let text = std::str::from_utf8(line).map_err(|_| wrong("is no text"))?;
    if text.starts_with("HTTP/") {
        return Err(wrong("begins an answer, and not a request"));
    }
    let mut words = text.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let version = words.next().unwrap_or("HTTP/1.1");
    if words.next().is_some() || !version.starts_with("HTTP/") {
        return Err(wrong("is no request line"));
    }
    if Method::from_bytes(method.as_bytes()).is_err() {
        return Err(wrong("does not begin with a method"));
    }
    if target.starts_with('/') && url::is_target(target) {
        return Ok((method.to_owned(), None, String::new(), target.to_owned()));
    }
    let url = url::split(target).ok_or_else(|| wrong("names no path"))?;
    Ok((method.to_owned(), Some(url.scheme), url.authority.to_owned(), url.target))
}

/// One field: `Name: value`, blanks around the value left out.
pub(crate) fn field(number: usize, line: &[u8]) -> Result<Field, Unreadable> {
    let wrong = |what: &str, would_do: &str| {
        Unreadable::new(number, format!("{} {what}", shown(line)), would_do.to_owned())
    };
    if line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
        return Err(wrong("continues the line before it", "each header on a line of its own"));
    }
    let colon = memchr::memchr(b':', line);
    let (name, value) = colon
        .and_then(|at| Some((line.get(..at)?, line.get(at + 1..)?)))
        .ok_or_else(|| wrong("is no header", "`Name: value`, and an empty line before the body"))?;
    named(name, value).ok_or_else(|| wrong("is no header", "a name without blanks, a colon, a value"))
}

/// A field of this name and value, where they are a name and a value.
pub(crate) fn named(name: &[u8], value: &[u8]) -> Option<Field> {
    HeaderName::from_bytes(name).ok()?;
    let name = String::from_utf8(name.to_vec()).ok()?;
    let value = HeaderValue::from_bytes(value.trim_ascii()).ok()?;
    Some(Field { name, value })
}

/// The lines of a text with their numbers, without their ends; the offset behind each comes with it.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8], usize)> {
    let mut end = 0;
    text.split_inclusive(|byte| *byte == b'\n').enumerate().map(move |(at, line)| {
        end += line.len();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        (at + 1, line.strip_suffix(b"\r").unwrap_or(line), end)
    })
}
