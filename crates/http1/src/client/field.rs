//! One header line.

use bytes::Bytes;
use countersign_framing::{first_colon, is_token};
use countersign_lines::{ReadLine, is_text};
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::failure::Garbled;

/// What a field is for, as far as its response's end and the next hop are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Date,
    ContentLength,
    TransferEncoding,
    Connection,
    Trailer,
    /// Another that is between two hops (RFC 9110 section 7.6.1).
    Hop,
}

/// A header line, given with its CR LF, and what it is for.
pub(super) fn field(whole: &[u8]) -> Result<(ReadLine<'_>, Kind), Garbled> {
    let line = whole.strip_suffix(b"\r\n").unwrap_or(whole);
    let (name, value) =
        first_colon(line).and_then(|colon| line.split_at_checked(colon)).ok_or(Garbled::Field)?;
    let value = trim(value.get(1..).unwrap_or_default());
    if !is_token(name) || !is_text(value) {
        return Err(Garbled::Field);
    }
    Ok((ReadLine { whole, name, value }, kind(name)))
}

/// Few names have the length of one that matters here. Those that nearly every response has are mostly written like this; with capitals
/// or without takes longer to compare.
fn kind(name: &[u8]) -> Kind {
    let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
    match name.len() {
        4 if name == b"Date" || name == b"date" => Kind::Date,
        10 if name == b"Connection" || name == b"connection" => Kind::Connection,
        14 if name == b"Content-Length" || name == b"content-length" => Kind::ContentLength,
        2 if is(b"te") => Kind::Hop,
        4 if is(b"date") => Kind::Date,
        7 if is(b"trailer") => Kind::Trailer,
        7 if is(b"upgrade") => Kind::Hop,
        10 if is(b"connection") => Kind::Connection,
        10 if is(b"keep-alive") => Kind::Hop,
        14 if is(b"content-length") => Kind::ContentLength,
        16 if is(b"proxy-connection") => Kind::Hop,
        17 if is(b"transfer-encoding") => Kind::TransferEncoding,
        18 if is(b"proxy-authenticate") => Kind::Hop,
        19 if is(b"proxy-authorization") => Kind::Hop,
        25 if is(b"proxy-authentication-info") => Kind::Hop,
        _ => Kind::Plain,
    }
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

/// Adds a field to a map.
pub(super) fn append(fields: &mut HeaderMap, name: &[u8], value: Bytes) -> Result<(), Garbled> {
    let name = HeaderName::from_bytes(name).map_err(|_| Garbled::Field)?;
    let value = HeaderValue::from_maybe_shared(value).map_err(|_| Garbled::Field)?;
    fields.try_append(name, value).map(|_| ()).map_err(|_| Garbled::TooManyFields)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        for (name, expected) in [
            ("Date", Kind::Date),
            ("ETag", Kind::Plain),
            ("Connection", Kind::Connection),
            ("Keep-Alive", Kind::Hop),
            ("Set-Cookie", Kind::Plain),
            ("Content-Length", Kind::ContentLength),
            ("Transfer-Encoding", Kind::TransferEncoding),
            ("Trailer", Kind::Trailer),
            ("TE", Kind::Hop),
            ("Upgrade", Kind::Hop),
            ("Proxy-Connection", Kind::Hop),
            ("Proxy-Authenticate", Kind::Hop),
            ("Proxy-Authorization", Kind::Hop),
            ("Proxy-Authentication-Info", Kind::Hop),
            ("X-Other", Kind::Plain),
        ] {
            for written in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
                let whole = format!("{written}: \tv \r\n");
                let (line, kind) = field(whole.as_bytes()).unwrap();
                assert_eq!((line.name, line.value, kind), (written.as_bytes(), &b"v"[..], expected));
            }
        }
    }

    proptest! {
        #[test]
        fn a_line_is_one_where_its_parts_could_stand_in_a_map(
            name in prop::collection::vec(prop_oneof![any::<u8>(), b'a'..=b'z'], 0..3),
            value in prop::collection::vec(prop_oneof![any::<u8>(), b'a'..=b'z', Just(b' '), Just(b'\t')], 0..12),
        ) {
            prop_assume!(!name.contains(&b':'));
            let whole = [&name[..], b":", &value[..], b"\r\n"].concat();
            let read = field(&whole).ok().map(|(line, _)| line);
            let expected = HeaderName::from_bytes(&name).is_ok() && HeaderValue::from_bytes(trim(&value)).is_ok();
            prop_assert_eq!(read.is_some(), expected);
            if let Some(line) = read {
                prop_assert_eq!((line.whole, line.name, line.value), (&whole[..], &name[..], trim(&value)));
            }
        }
    }
}
