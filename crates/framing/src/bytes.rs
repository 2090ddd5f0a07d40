//! Kinds of bytes, and finding them.

/// A letter or a digit.
pub(crate) const ALPHANUMERIC: u8 = 1;
/// `-`.
pub(crate) const DASH: u8 = 2;
/// What else a token may have (RFC 9110 section 5.6.2).
pub(crate) const ODD: u8 = 4;
/// What a request target may have and a token may not.
pub(crate) const TARGET: u8 = 8;
/// Any of a token.
pub(crate) const TOKEN: u8 = ALPHANUMERIC | DASH | ODD;

/// What each byte is.
static KINDS: [u8; 256] = kinds();

/// What no token has.
pub(crate) const NO_TOKEN: u8 = 16;
/// What no request target has (RFC 3986 appendix A, but for some bytes that are passed on).
pub(crate) const NO_TARGET: u8 = 32;

/// What `bytes` are, together.
pub(crate) fn kinds_of(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |kinds, byte| kinds | kind(*byte))
}

/// Whether `bytes` are a token, such as the name of a header (RFC 9110 section 5.6.2).
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && kinds_of(bytes) & NO_TOKEN == 0
}

/// What `byte` is.
pub(crate) fn kind(byte: u8) -> u8 {
    KINDS.get(usize::from(byte)).copied().unwrap_or(0)
}

#[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "built once, by the compiler")]
const fn kinds() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut byte = 0_u8;
    loop {
        let kind = match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => ALPHANUMERIC,
            b'-' => DASH,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'.' | b'^' | b'_' | b'`' | b'|'
            | b'~' => ODD,
            b'(' | b')' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@' | b'[' | b'\\' | b']' | b'{'
            | b'}' => TARGET,
            _ => NO_TARGET,
        };
        let no_token = if kind & TOKEN == 0 { NO_TOKEN } else { 0 };
        let no_target = if byte == b'#' || byte == b'`' { NO_TARGET } else { 0 };
        kinds[byte as usize] = kind | no_token | no_target;
        if byte == u8::MAX {
            return kinds;
        }
        byte += 1;
    }
}

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGH: u64 = u64::from_le_bytes([0x80; 8]);

/// Where the first colon of `bytes` stands.
pub fn first_colon(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let other = u64::from_le_bytes(*word) ^ (ONES * 0x3a);
        let found = other.wrapping_sub(ONES) & !other & HIGH;
        if found != 0 {
            return Some(index * 8 + usize::try_from(found.trailing_zeros() / 8).unwrap_or(0));
        }
    }
    let before = words.len() * 8;
    rest.iter().position(|byte| *byte == b':').map(|at| before + at)
}

/// Where the first control character of `bytes` stands: below a space, or DEL. Eight bytes are looked at together.
pub(crate) fn first_control(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // The lowest byte that either finds is right; carries can only make higher ones wrong.
        let below_space = word.wrapping_sub(ONES * 0x20) & !word;
        let del = word ^ (ONES * 0x7f);
        let is_del = del.wrapping_sub(ONES) & !del;
        let found = (below_space | is_del) & HIGH;
        if found != 0 {
            return Some(index * 8 + usize::try_from(found.trailing_zeros() / 8).unwrap_or(0));
        }
    }
    let before = words.len() * 8;
    rest.iter().position(u8::is_ascii_control).map(|at| before + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_control_character_is_found_wherever_it_stands(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(first_control(&bytes), bytes.iter().position(u8::is_ascii_control));
            prop_assert_eq!(first_colon(&bytes), bytes.iter().position(|byte| *byte == b':'));
        }

        #[test]
        fn what_has_none_is_found_to_have_none(bytes in prop::collection::vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..=0xff], 0..80), end in 0_u8..0x20) {
            prop_assert_eq!(first_control(&bytes), None);
            let mut bytes = bytes;
            bytes.push(end);
            prop_assert_eq!(first_control(&bytes), Some(bytes.len() - 1));
        }
    }

    #[test]
    fn a_token_is_what_httparse_takes_for_a_headers_name() {
        for byte in 0..=u8::MAX {
            let head = [b"GET / HTTP/1.1\r\nx", &[byte][..], b"x: y\r\n\r\n"].concat();
            let mut headers = [httparse::EMPTY_HEADER; 2];
            let accepted = httparse::Request::new(&mut headers).parse(&head).is_ok() && byte != b':';
            assert_eq!(kind(byte) & TOKEN != 0, accepted, "{byte:#x}");
        }
    }
}
