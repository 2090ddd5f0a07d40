//! Names and values as queries and forms write them: `a=1&b=2`.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use crate::claim::Flaw;
use crate::value::{Bytes, List, MAX_PAIRS};

/// The raw pairs of a query or form, in order; empty ones between `&&` are left out.
pub(crate) fn raw(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        loop {
            let text = rest?;
            let (pair, after) = match memchr(b'&', text) {
                Some(at) => (text.get(..at)?, text.get(at + 1..)),
                None => (text, None),
            };
            rest = after;
            if !pair.is_empty() {
                return match memchr(b'=', pair) {
                    Some(at) => Some((pair.get(..at)?, pair.get(at + 1..)?)),
                    None => Some((pair, b"".as_slice())),
                };
            }
        }
    })
}

/// The value under a name, both decoded. Names are the same when they decode to the same.
pub(crate) fn find<'t>(text: &'t [u8], name: &[u8]) -> Result<Bytes<'t>, Flaw> {
    let mut found = None;
    for (raw_name, value) in raw(text) {
        if raw_name == name || (needs_decoding(raw_name) && *decode(raw_name) == *name) {
            if found.is_some() {
                return Err(Flaw::Twice);
            }
            found = Some(value);
        }
    }
    Ok(found.map_or(Bytes::EMPTY, |value| decode(value).into()))
}

/// All pairs as they are written.
pub(crate) fn raw_list(text: &[u8]) -> Result<List<'_>, Flaw> {
    bounded(raw(text).map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value))))
}

/// All pairs decoded.
pub(crate) fn decoded_list(text: &[u8]) -> Result<List<'_>, Flaw> {
    bounded(raw(text).map(|(name, value)| (decode(name), decode(value))))
}

fn bounded<'t>(pairs: impl Iterator<Item = (Cow<'t, [u8]>, Cow<'t, [u8]>)>) -> Result<List<'t>, Flaw> {
    let list: List<'t> = pairs.take(MAX_PAIRS + 1).collect();
    if list.len() > MAX_PAIRS { Err(Flaw::TooMany) } else { Ok(list) }
}

fn needs_decoding(text: &[u8]) -> bool {
    memchr2(b'%', b'+', text).is_some()
}

/// Decodes `%xx` and `+` as the URL standard reads forms: what is no escape stays as it is.
pub(crate) fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if needs_decoding(text) { Cow::Owned(percent(text, true)) } else { Cow::Borrowed(text) }
}

/// Decodes `%xx`, and `+` where it stands for a blank.
pub(crate) fn percent(text: &[u8], plus: bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        decoded.push(match byte {
            b'+' if plus => b' ',
            b'%' => match after {
                [high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    rest = after;
                    digit(*high) << 4 | digit(*low)
                }
                _ => b'%',
            },
            byte => *byte,
        });
    }
    decoded
}

fn digit(hex: u8) -> u8 {
    match hex {
        b'0'..=b'9' => hex - b'0',
        _ => (hex | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, name: &str) -> Option<String> {
        let found = find(text.as_bytes(), name.as_bytes()).ok()?;
        Some(String::from_utf8(found.as_slice().to_vec()).unwrap())
    }

    #[test]
    fn values_are_decoded_and_names_too() {
        assert_eq!(value("a=1+2%2B3&b=%zz", "a").unwrap(), "1 2+3");
        assert_eq!(value("a=1+2%2B3&b=%zz", "b").unwrap(), "%zz");
        assert_eq!(value("%61=x", "a").unwrap(), "x");
        assert_eq!(value("a", "a").unwrap(), "");
        assert_eq!(value("ab=1", "a").unwrap(), "");
    }

    #[test]
    fn a_name_twice_is_refused_however_it_is_escaped() {
        assert_eq!(value("a=1&b=2&a=1", "a"), None);
        assert_eq!(value("a=1&%61=1", "a"), None);
    }

    #[test]
    fn empty_pairs_are_left_out() {
        assert_eq!(raw(b"&&a=1&&b&").count(), 2);
    }
}
