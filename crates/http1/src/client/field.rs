//! One header line.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::failure::Garbled;

/// What a field is for, as far as its response's end and the next hop are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    ContentLength,
    TransferEncoding,
    Connection,
    Trailer,
    /// Another that is between two hops (RFC 9110 section 7.6.1).
    Hop,
}

/// The name of a header line, what it is for, and its value without the blanks around it.
pub(super) fn field(line: &[u8]) -> Result<(HeaderName, Kind, &[u8]), Garbled> {
    let (name, value) =
        memchr::memchr(b':', line).and_then(|colon| line.split_at_checked(colon)).ok_or(Garbled::Field)?;
    let (name, kind) = match usual(name) {
        Some(known) => known,
        None => unusual(name)?,
    };
    Ok((name, kind, trim(value.get(1..).unwrap_or_default())))
}

/// Most responses have these and few others, written like this; looking a name up among all that there are takes far longer.
fn usual(name: &[u8]) -> Option<(HeaderName, Kind)> {
    Some(match (name.len(), name) {
        (4, b"Date" | b"date") => (header::DATE, Kind::Plain),
        (4, b"ETag" | b"etag") => (header::ETAG, Kind::Plain),
        (4, b"Vary" | b"vary") => (header::VARY, Kind::Plain),
        (6, b"Server" | b"server") => (header::SERVER, Kind::Plain),
        (10, b"Connection" | b"connection") => (header::CONNECTION, Kind::Connection),
        (10, b"Set-Cookie" | b"set-cookie") => (header::SET_COOKIE, Kind::Plain),
        (12, b"Content-Type" | b"content-type") => (header::CONTENT_TYPE, Kind::Plain),
        (13, b"Cache-Control" | b"cache-control") => (header::CACHE_CONTROL, Kind::Plain),
        (13, b"Last-Modified" | b"last-modified") => (header::LAST_MODIFIED, Kind::Plain),
        (14, b"Content-Length" | b"content-length") => (header::CONTENT_LENGTH, Kind::ContentLength),
        (17, b"Transfer-Encoding" | b"transfer-encoding") => {
            (header::TRANSFER_ENCODING, Kind::TransferEncoding)
        }
        _ => return None,
    })
}

fn unusual(name: &[u8]) -> Result<(HeaderName, Kind), Garbled> {
    let name = HeaderName::from_bytes(name).map_err(|_| Garbled::Field)?;
    let kind = match name.as_str() {
        "content-length" => Kind::ContentLength,
        "transfer-encoding" => Kind::TransferEncoding,
        "connection" => Kind::Connection,
        "trailer" => Kind::Trailer,
        "keep-alive"
        | "proxy-authenticate"
        | "proxy-authentication-info"
        | "proxy-authorization"
        | "proxy-connection"
        | "te"
        | "upgrade" => Kind::Hop,
        _ => Kind::Plain,
    };
    Ok((name, kind))
}

/// What stands between blanks (RFC 9110 section 5.6.3).
pub(super) fn trim(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    // Nearly all have one before and none after.
    let value = value.strip_prefix(b" ").unwrap_or(value);
    match value {
        [first, .., last] if !blank(first) && !blank(last) => value,
        _ => {
            let start = value.iter().position(|byte| !blank(byte)).unwrap_or(value.len());
            let end = value.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
            value.get(start..end).unwrap_or_default()
        }
    }
}

/// Whether a value may have it (RFC 9110 section 5.5).
pub(super) fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

pub(super) fn append(fields: &mut HeaderMap, name: HeaderName, value: Bytes) -> Result<(), Garbled> {
    let value = HeaderValue::from_maybe_shared(value).map_err(|_| Garbled::Field)?;
    fields.try_append(name, value).map(|_| ()).map_err(|_| Garbled::TooManyFields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_around_a_value_are_no_part_of_it() {
        for (value, trimmed) in [
            ("", ""),
            (" ", ""),
            ("\t ", ""),
            ("a", "a"),
            (" a", "a"),
            ("  a\t", "a"),
            (" a b ", "a b"),
            ("a ", "a"),
            ("ab", "ab"),
            (" \ta\tb", "a\tb"),
        ] {
            assert_eq!(trim(value.as_bytes()), trimmed.as_bytes(), "{value:?}");
        }
    }

    #[test]
    fn a_name_is_known_for_the_same_however_it_is_written() {
        for name in [
            "Date",
            "ETag",
            "Vary",
            "Server",
            "Connection",
            "Set-Cookie",
            "Content-Type",
            "Cache-Control",
            "Last-Modified",
            "Content-Length",
            "Transfer-Encoding",
            "Trailer",
            "TE",
            "Upgrade",
            "X-Other",
        ] {
            let expected = unusual(name.as_bytes()).unwrap();
            for written in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
                let line = format!("{written}: \tv ");
                let (name, kind, value) = field(line.as_bytes()).unwrap();
                assert_eq!(((name, kind), value), (expected.clone(), &b"v"[..]), "{written}");
            }
        }
    }
}
