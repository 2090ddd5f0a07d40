//! Header lines.

use http::{HeaderName, HeaderValue};

/// Header lines as they are sent (RFC 9112 section 5): name, colon, blank, value, CR LF, and again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// None, with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Adds one. A value that cannot stand in a line is left out of it (RFC 9110 section 5.5).
    pub fn put(&mut self, name: &HeaderName, value: &[u8]) {
        let value = if is_text(value) { value } else { b"" };
        self.put_with(name, |out| out.extend_from_slice(value));
    }

    /// Adds one whose value was looked at before.
    pub fn put_value(&mut self, name: &HeaderName, value: &HeaderValue) {
        self.put_with(name, |out| out.extend_from_slice(value.as_bytes()));
    }

    /// Adds one whose value needs no look.
    pub fn put_word(&mut self, name: &HeaderName, value: &'static str) {
        self.put_with(name, |out| out.extend_from_slice(value.as_bytes()));
    }

    /// Adds one whose value is [text](is_text) that `value` writes.
    #[inline]
    pub fn put_with(&mut self, name: &HeaderName, value: impl FnOnce(&mut Vec<u8>)) {
        let out = &mut self.0;
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        let start = out.len();
        value(out);
        debug_assert!(out.get(start..).is_some_and(is_text), "a value of ours has a control character");
        out.extend_from_slice(b"\r\n");
    }

    /// Adds several that `lines` writes: whole ones, whose values are [text](is_text).
    #[inline]
    pub fn put_all(&mut self, lines: impl FnOnce(&mut Vec<u8>)) {
        let start = self.0.len();
        lines(&mut self.0);
        let added = self.0.get(start..).unwrap_or_default();
        let whole = |line| parts(line).is_some_and(|(_, value)| is_text(value));
        debug_assert!(added.split_inclusive(|byte| *byte == b'\n').all(whole), "lines of ours are broken");
    }

    /// Adds one that is whole already, with its end.
    pub(crate) fn put_line(&mut self, line: &[u8]) {
        self.0.extend_from_slice(line);
    }

    /// Adds one in its parts, which were looked at before.
    pub(crate) fn put_parts(&mut self, name: &[u8], value: &[u8]) {
        for part in [name, b": ", value, b"\r\n"] {
            self.0.extend_from_slice(part);
        }
    }

    /// Names and values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines().filter_map(parts)
    }

    /// Removes those of these names, in capitals or not.
    pub fn remove(&mut self, names: &[HeaderName]) {
        let mut kept = Vec::with_capacity(self.0.len());
        for line in self.lines() {
            let other = parts(line).map_or(line, |(name, _)| name);
            if !names.iter().any(|name| other.eq_ignore_ascii_case(name.as_str().as_bytes())) {
                kept.extend_from_slice(line);
            }
        }
        self.0 = kept;
    }

    /// The lines.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split_inclusive(|byte| *byte == b'\n')
    }
}

/// The name and the value of a line.
fn parts(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((line.get(..colon)?, line.get(colon + 2..line.len().checked_sub(2)?)?))
}

/// Whether a value can stand in a line: it has no control characters but tabs (RFC 9110 section 5.5).
pub fn is_text(value: &[u8]) -> bool {
    has_no_control(value) || value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..))
}

/// Eight bytes at a time: the highest bit is set in each that is less than a blank, and, once all its bits are turned round, in each
/// that is 127; one that is beyond ASCII has it before and does not count.
fn has_no_control(value: &[u8]) -> bool {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    let (eights, rest) = value.as_chunks();
    let odd = |eight: &[u8; 8]| {
        let eight = u64::from_ne_bytes(*eight);
        let control = eight.wrapping_sub(EACH * u64::from(b' ')) & !eight;
        let turned = eight ^ (EACH * 127);
        let delete = turned.wrapping_sub(EACH) & !turned;
        (control | delete) & (EACH << 7) != 0
    };
    // The last eight again, rather than what is left one by one.
    let rest = match value.last_chunk() {
        Some(last) => odd(last),
        None => rest.iter().any(u8::is_ascii_control),
    };
    !rest && !eights.iter().any(odd)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: HeaderName = HeaderName::from_static("x-name");

    proptest! {
        #[test]
        fn a_value_is_text_where_it_is_one_in_a_map(value in prop::collection::vec(prop_oneof![any::<u8>(), b'a'..=b'z', 0x80..=0xff_u8], 0..40)) {
            prop_assert_eq!(is_text(&value), HeaderValue::from_bytes(&value).is_ok());
        }

        #[test]
        fn what_is_put_in_is_what_stands_there(values in prop::collection::vec("[ -~]{0,20}", 0..8), gone in 0..8_usize) {
            let name = |place: usize| HeaderName::try_from(format!("x-{place}")).unwrap();
            let mut lines = Lines::default();
            for (place, value) in values.iter().enumerate() {
                lines.put(&name(place), value.as_bytes());
            }
            lines.remove(&[NAME, name(gone)]);
            let left: Vec<_> = lines.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
            let expected = values.iter().enumerate().filter(|(place, _)| *place != gone);
            let expected = expected.map(|(place, value)| (name(place).as_str().as_bytes().to_vec(), value.clone().into_bytes()));
            prop_assert_eq!(left, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_value_cannot_begin_a_line_of_its_own() {
        let mut lines = Lines::default();
        for value in ["shop", "", "a\r\nx-consumer-id: b", "a\nb", "a\0", "\u{7f}", "é b~", "a\tb"] {
            lines.put(&NAME, value.as_bytes());
        }
        let values: Vec<_> = lines.iter().map(|(_, value)| str::from_utf8(value).unwrap()).collect();
        assert_eq!(values, ["shop", "", "", "", "", "", "é b~", "a\tb"]);
        assert!(lines.as_bytes().starts_with(b"x-name: shop\r\nx-name: \r\n"));
    }
}
