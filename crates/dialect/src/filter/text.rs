//! What is done to texts.

use std::borrow::Cow;

use crate::claim::Flaw;
use crate::filter::Filter;
use crate::hash::{Hash, HmacKey};
use crate::json::{self, Entries};
use crate::pairs;
use crate::value::{Bytes, List, MAX_PAIRS, Value};
use crate::xml;

impl Filter {
    /// Does to one text what the filter does.
    pub(super) fn on_text<'v>(&self, bytes: Bytes<'v>) -> Result<Value<'v>, Flaw> {
        match self {
            Self::Split(separator, inner) => split(bytes, separator, inner.as_deref()).map(Value::List),
            Self::Json => members(bytes.as_slice()).map(Value::List),
            Self::Flat(front, end) => where_not_empty(bytes.as_slice(), |text| json::flat(text, front, end)),
            Self::Xml => where_not_empty(bytes.as_slice(), xml::fields),
            Self::Pairs => match bytes.into_cow() {
                Cow::Borrowed(text) => pairs::raw_list(text),
                Cow::Owned(text) => pairs::raw_list(&text).map(own),
            }
            .map(Value::List),
            filter => filter.change(bytes).map(Value::Text),
        }
    }

    /// The filters that make one text of another.
    pub(crate) fn change<'v>(&self, bytes: Bytes<'v>) -> Result<Bytes<'v>, Flaw> {
        let text = bytes.as_slice();
        Ok(Bytes::Owned(match self {
            // Most texts stay as they are, and need not be copied for it.
            Self::Escape { safe, plus } if is_escaped(text, safe, *plus) => return Ok(bytes),
            Self::Unescape { plus } if !text.iter().any(|byte| *byte == b'%' || *plus && *byte == b'+') => {
                return Ok(bytes);
            }
            Self::LowerEscapes if !text.contains(&b'%') => return Ok(bytes),
            Self::Lower if !text.iter().any(u8::is_ascii_uppercase) => return Ok(bytes),
            Self::Upper if !text.iter().any(u8::is_ascii_lowercase) => return Ok(bytes),
            Self::Squeeze if is_squeezed(text) => return Ok(bytes),
            Self::Prefix(_) | Self::Suffix(_) | Self::Tidy(..) if text.is_empty() => return Ok(bytes),
            Self::Hash(hash) => return Ok(Bytes::Digest(hash.of(text))),
            Self::Encode(codec) => codec.encode(text),
            Self::Decode(codec) => codec.decode_vec(text).ok_or(Flaw::NotEncoded)?,
            Self::Escape { safe, plus } => escape(text, safe, *plus),
            Self::Unescape { plus } => pairs::percent(text, *plus),
            Self::LowerEscapes => lower_escapes(text),
            Self::NormPath => norm_path(text),
            Self::Lower => text.to_ascii_lowercase(),
            Self::Upper => text.to_ascii_uppercase(),
            Self::Trim => match bytes {
                Bytes::Borrowed(text) => return Ok(Bytes::Borrowed(text.trim_ascii())),
                bytes => bytes.as_slice().trim_ascii().to_vec(),
            },
            Self::Squeeze => squeeze(text),
            Self::Slice(from, to) => match bytes {
                Bytes::Borrowed(text) => return Ok(Bytes::Borrowed(slice(text, *from, *to))),
                bytes => slice(bytes.as_slice(), *from, *to).to_vec(),
            },
            Self::Replace(regex, with) => match regex.replace_all(text, regex::bytes::NoExpand(with)) {
                Cow::Borrowed(_same) => return Ok(bytes),
                Cow::Owned(replaced) => replaced,
            },
            Self::Capture(regex) => match bytes {
                Bytes::Borrowed(text) => return Ok(Bytes::Borrowed(capture(regex, text))),
                bytes => capture(regex, bytes.as_slice()).to_vec(),
            },
            Self::Prefix(front) => [front, text].concat(),
            Self::Suffix(end) => [text, end].concat(),
            Self::Length => text.len().to_string().into_bytes(),
            Self::Quote => {
                let text = std::str::from_utf8(text).map_err(|_| Flaw::NotText)?;
                json::quote(text).into_bytes()
            }
            Self::Tidy(order, spacing) => json::tidy(text, *order, *spacing)?.into_bytes(),
            Self::Unbase58 => unbase58(text).ok_or(Flaw::NotEncoded)?,
            Self::Crc32 => crc32fast::hash(text).to_string().into_bytes(),
            Self::Date(from, to) => {
                let at = if text.is_empty() { None } else { Some(from.parse(text).ok_or(Flaw::NotATime)?) };
                at.map_or(Vec::new(), |at| to.write(at).into_bytes())
            }
            // None of these changes one text: `apply` and `on_text` have taken them out, and `build` lets none stand in an
            // encoding.
            Self::Hmac(..)
            | Self::Chain(..)
            | Self::Or(_)
            | Self::Then(_)
            | Self::Unless(_)
            | Self::Split(..)
            | Self::Json
            | Self::Flat(..)
            | Self::Xml
            | Self::Pairs
            | Self::Drop(_)
            | Self::Keep(_)
            | Self::Pick(_)
            | Self::DropEmpty
            | Self::Sort(_)
            | Self::Unique
            | Self::Join(_)
            | Self::Plus(_)
            | Self::Add(..)
            | Self::Label(..)
            | Self::LowerNames
            | Self::Line(_)
            | Self::All(_)
            | Self::At(_)
            | Self::Nth(_)
            | Self::Render(..)
            | Self::Values(_)
            | Self::NamesOf(_) => return Ok(bytes),
        }))
    }
}

/// Whether nothing in this text would be escaped.
fn is_escaped(text: &[u8], safe: &[u8], plus: bool) -> bool {
    let kept = |byte: &u8| byte.is_ascii_alphanumeric() || safe.contains(byte);
    text.iter().all(|byte| kept(byte) && !(plus && *byte == b' '))
}

/// HMAC after HMAC, each under the one before.
pub(super) fn chain<'v>(hash: Hash, first: Bytes<'v>, parts: &[Bytes<'v>]) -> Bytes<'v> {
    parts
        .iter()
        .fold(first, |key, part| Bytes::Digest(HmacKey::new(hash, key.as_slice()).of(part.as_slice())))
}

fn own(list: List<'_>) -> List<'static> {
    list.into_iter()
        .map(|(name, value)| (Cow::Owned(name.into_owned()), Cow::Owned(value.into_owned())))
        .collect()
}

fn split<'v>(text: Bytes<'v>, separator: &[u8], inner: Option<&[u8]>) -> Result<List<'v>, Flaw> {
    match text.into_cow() {
        Cow::Borrowed(text) => parts(text, separator, inner),
        Cow::Owned(text) => parts(&text, separator, inner).map(own),
    }
}

fn parts<'t>(text: &'t [u8], separator: &[u8], inner: Option<&[u8]>) -> Result<List<'t>, Flaw> {
    let mut list = List::new();
    let mut rest = (!text.is_empty()).then_some(text);
    while let Some(text) = rest {
        let (part, after) = cut(text, separator);
        rest = after;
        let part = part.trim_ascii();
        let (name, value) = match inner {
            None => (b"".as_slice(), part),
            Some(inner) => match cut(part, inner) {
                (name, Some(value)) => (name.trim_ascii(), unquoted(value.trim_ascii())),
                (name, None) => (name, b"".as_slice()),
            },
        };
        if list.len() == MAX_PAIRS {
            return Err(Flaw::TooMany);
        }
        list.push((Cow::Borrowed(name), Cow::Borrowed(value)));
    }
    Ok(list)
}

/// What stands before and what behind the first separator.
fn cut<'t>(text: &'t [u8], separator: &[u8]) -> (&'t [u8], Option<&'t [u8]>) {
    let at = match separator {
        // To search for more than one byte takes some preparing.
        [one] => memchr::memchr(*one, text),
        separator => memchr::memmem::find(text, separator),
    };
    match at {
        Some(at) if !separator.is_empty() => {
            (text.get(..at).unwrap_or_default(), text.get(at + separator.len()..))
        }
        _ => (text, None),
    }
}

/// Without the double quotes around it.
fn unquoted(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text)
}

/// No body at all is no field, as it is no pair of a form.
fn where_not_empty(
    text: &[u8],
    fields: impl FnOnce(&[u8]) -> Result<Vec<(String, String)>, Flaw>,
) -> Result<Value<'static>, Flaw> {
    let list = if text.is_empty() { Vec::new() } else { fields(text)? };
    let own = |text: String| Cow::Owned(text.into_bytes());
    Ok(Value::List(list.into_iter().map(|(name, value)| (own(name), own(value))).collect()))
}

/// The longest text in base58, which takes a time that grows with its square. A key or a signature of 64 bytes has 88 characters.
const MAX_BASE58: usize = 128;

/// Undoes base58 in the alphabet of Bitcoin.
fn unbase58(text: &[u8]) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    if text.len() > MAX_BASE58 {
        return None;
    }
    // The number's bytes, the last first.
    let mut number: Vec<u8> = Vec::new();
    for sign in text {
        let mut carry = u32::try_from(ALPHABET.iter().position(|known| known == sign)?).ok()?;
        for byte in &mut number {
            carry += u32::from(*byte) * 58;
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
        while carry > 0 {
            number.push((carry & 0xff) as u8);
            carry >>= 8;
        }
    }
    number.extend(text.iter().take_while(|sign| **sign == b'1').map(|_| 0));
    number.reverse();
    Some(number)
}

fn members(text: &[u8]) -> Result<List<'static>, Flaw> {
    let list = |entries: Entries<'_>| -> List<'static> {
        let owned = entries.into_iter().map(|(name, value)| {
            (Cow::Owned(name.into_owned().into_bytes()), Cow::Owned(value.into_owned().into_bytes()))
        });
        owned.collect()
    };
    if text.is_empty() {
        return Ok(List::new());
    }
    json::entries(text).map(list)
}

/// Percent-escapes what is neither an ASCII letter or digit nor safe.
pub(crate) fn escape(text: &[u8], safe: &[u8], plus: bool) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
    let mut escaped = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b' ' if plus => escaped.push(b'+'),
            byte if byte.is_ascii_alphanumeric() || safe.contains(byte) => escaped.push(*byte),
            byte => escaped.extend([b'%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    escaped
}

fn lower_escapes(text: &[u8]) -> Vec<u8> {
    let mut lowered = text.to_vec();
    let mut at = 0;
    while let Some(found) = lowered.get(at..).and_then(|rest| memchr::memchr(b'%', rest)) {
        at += found + 1;
        if let Some(digits) = lowered.get_mut(at..at + 2) {
            digits.make_ascii_lowercase();
        }
    }
    lowered
}

/// Takes `.`, `..` and empty segments out of a path.
fn norm_path(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut last = b"".as_slice();
    for segment in path.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
        last = segment;
    }
    let mut normal = vec![b'/'];
    normal.extend(kept.join(&b'/'));
    if !kept.is_empty() && matches!(last, b"" | b"." | b"..") {
        normal.push(b'/');
    }
    normal
}

fn squeeze(text: &[u8]) -> Vec<u8> {
    let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.collect::<Vec<&[u8]>>().join(&b' ')
}

/// Whether there are no blanks at the ends, and none but single spaces inside.
fn is_squeezed(text: &[u8]) -> bool {
    let mut before = b' ';
    for byte in text {
        if byte.is_ascii_whitespace() && (*byte != b' ' || before == b' ') {
            return false;
        }
        before = *byte;
    }
    text.is_empty() || before != b' '
}

fn slice(bytes: &[u8], from: i64, to: i64) -> &[u8] {
    let place = |at: i64| {
        let far = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
        if at < 0 { bytes.len().saturating_sub(far) } else { far.min(bytes.len()) }
    };
    bytes.get(place(from)..place(to)).unwrap_or_default()
}

fn capture<'t>(regex: &regex::bytes::Regex, text: &'t [u8]) -> &'t [u8] {
    let Some(caught) = regex.captures(text) else { return b"" };
    let whole = caught.get(0);
    let group = if regex.captures_len() > 1 { caught.get(1) } else { whole };
    group.map_or(b"", |group| group.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_as_the_rfc_says() {
        for (path, normal) in [
            ("/", "/"),
            ("", "/"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("//a//b//", "/a/b/"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/../..", "/"),
        ] {
            assert_eq!(String::from_utf8(norm_path(path.as_bytes())).unwrap(), normal, "{path}");
        }
    }

    #[test]
    fn slices_count_from_either_end_and_never_fail() {
        for (from, to, part) in [(0, 2, "ab"), (-2, i64::MAX, "cd"), (1, -1, "bc"), (3, 1, ""), (9, 99, "")] {
            assert_eq!(slice(b"abcd", from, to), part.as_bytes());
        }
    }

    #[test]
    fn what_is_left_alone_is_what_would_stay_the_same() {
        type Change = fn(&[u8]) -> Vec<u8>;
        let filters: [(Filter, Change); 6] = [
            (Filter::Squeeze, squeeze),
            (Filter::Lower, <[u8]>::to_ascii_lowercase),
            (Filter::Upper, <[u8]>::to_ascii_uppercase),
            (Filter::LowerEscapes, lower_escapes),
            (Filter::Unescape { plus: true }, |text| pairs::percent(text, true)),
            (Filter::Escape { safe: b"-~ ".as_slice().into(), plus: true }, |text| {
                escape(text, b"-~ ", true)
            }),
        ];
        for (filter, change) in filters {
            for text in
                ["", " ", "a", "a b", "a  b", " a", "a ", "a\tb", "\n", "A%2F", "a%2fB", "+", "~-", "\u{e9}"]
            {
                let made = filter.change(Bytes::Borrowed(text.as_bytes())).unwrap();
                assert_eq!(made.as_slice(), change(text.as_bytes()), "{filter:?} {text:?}");
            }
        }
    }

    #[test]
    fn base58_is_undone_as_bitcoin_writes_it() {
        for (text, bytes) in [
            ("", "".as_bytes()),
            ("2NEpo7TZRRrLZSi2U", b"Hello World!"),
            ("11233QC4", b"\0\0\x28\x7f\xb4\xcd"),
        ] {
            assert_eq!(unbase58(text.as_bytes()).unwrap(), bytes, "{text}");
        }
        assert_eq!(unbase58(b"0"), None);
        assert_eq!(unbase58(&[b'1'; MAX_BASE58 + 1]), None);
    }

    #[test]
    fn parts_lose_the_quotes_and_blanks_around_them() {
        let list = parts(b" a=\"1\", b = 2,c", b",", Some(b"=")).unwrap();
        let text: Vec<_> = list.iter().map(|(n, v)| [&**n, &**v].join(&b':')).collect();
        assert_eq!(text, [b"a:1".to_vec(), b"b:2".to_vec(), b"c:".to_vec()]);
    }
}
