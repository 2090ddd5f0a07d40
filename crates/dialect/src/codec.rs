//! How signatures and digests are written: hex and the kinds of base64.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, STANDARD_NO_PAD};
use base64::engine::{DecodePaddingMode, general_purpose};

/// A way to write bytes as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Lower-case hex; read in either case.
    Hex,
    /// Upper-case hex; read in either case.
    HexUpper,
    /// RFC 4648 section 4, padded.
    Base64,
    /// The same without padding.
    Base64NoPad,
    /// RFC 4648 section 5, written without padding; read with or without.
    Base64Url,
    /// The same, written with padding.
    Base64UrlPad,
}

const URL_ANY_PAD: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Codec {
    /// All of them, as files name them.
    pub(crate) const NAMES: [(&'static str, Self); 6] = [
        ("hex", Self::Hex),
        ("HEX", Self::HexUpper),
        ("base64", Self::Base64),
        ("base64-nopad", Self::Base64NoPad),
        ("base64url", Self::Base64Url),
        ("base64url-pad", Self::Base64UrlPad),
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, codec)| *codec)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| *name)
    }

    /// Writes `bytes`.
    pub(crate) fn encode(self, bytes: &[u8]) -> Vec<u8> {
        let engine = match self {
            Self::Hex => return hex(bytes, b"0123456789abcdef"),
            Self::HexUpper => return hex(bytes, b"0123456789ABCDEF"),
            Self::Base64 => &STANDARD,
            Self::Base64NoPad => &STANDARD_NO_PAD,
            Self::Base64Url => &general_purpose::URL_SAFE_NO_PAD,
            Self::Base64UrlPad => &general_purpose::URL_SAFE,
        };
        engine.encode(bytes).into_bytes()
    }

    /// Reads `text` into `out` and says how long it is. `None` where it is not written as it should be (a digit that is
    /// none, padding missing or left over, bits that cannot be, a blank) or does not fit.
    pub(crate) fn decode(self, text: &[u8], out: &mut [u8]) -> Option<usize> {
        let engine = match self {
            Self::Hex | Self::HexUpper => return unhex(text, out),
            Self::Base64 => return unbase64(text, out),
            Self::Base64NoPad => &STANDARD_NO_PAD,
            Self::Base64Url | Self::Base64UrlPad => &URL_ANY_PAD,
        };
        engine.decode_slice(text, out).ok()
    }

    /// The same into a buffer of its own.
    pub(crate) fn decode_vec(self, text: &[u8]) -> Option<Vec<u8>> {
        // Room for base64 without padding, rounded up; hex needs less.
        let mut out = vec![0; text.len() / 4 * 3 + 3];
        let len = self.decode(text, &mut out)?;
        out.truncate(len);
        Some(out)
    }
}

fn hex(bytes: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    let digit = |nibble: u8| digits.get(usize::from(nibble)).copied().unwrap_or_default();
    let mut text = Vec::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    text
}

/// What each byte is worth in RFC 4648 section 4; [`NO_DIGIT`] where it is none.
const WORTH: [u8; 256] = worth();
const NO_DIGIT: u8 = 0x80;

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "worked out by the compiler")]
const fn worth() -> [u8; 256] {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut worth = [NO_DIGIT; 256];
    let mut at = 0;
    while at < DIGITS.len() {
        worth[DIGITS[at] as usize] = at as u8;
        at += 1;
    }
    worth
}

/// Padded base64 in its one canonical form. Signatures are short: a table is three times as quick as an engine for any length.
fn unbase64(text: &[u8], out: &mut [u8]) -> Option<usize> {
    let (fours, rest) = text.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let Some((last, fours)) = fours.split_last() else { return Some(0) };
    let threes = out.as_chunks_mut::<3>().0.get_mut(..fours.len())?;
    let mut all = 0;
    for (four, three) in fours.iter().zip(threes) {
        let (bytes, digits) = three_of(*four);
        all |= digits;
        *three = bytes;
    }
    let (last, length) = match *last {
        [a, b, b'=', b'='] => ([a, b, b'A', b'A'], 1),
        [a, b, c, b'='] => ([a, b, c, b'A'], 2),
        whole => (whole, 3),
    };
    let (bytes, digits) = three_of(last);
    let (bytes, left_over) = bytes.split_at_checked(length)?;
    let at = fours.len() * 3;
    out.get_mut(at..at + length)?.copy_from_slice(bytes);
    // Bits that belong to no byte are zero in the canonical form.
    ((all | digits) & NO_DIGIT == 0 && left_over.iter().all(|byte| *byte == 0)).then_some(at + length)
}

/// The bytes that four digits stand for, and the digits' worth laid over each other: [`NO_DIGIT`] shows.
fn three_of([a, b, c, d]: [u8; 4]) -> ([u8; 3], u8) {
    let worth = |byte: u8| WORTH.get(usize::from(byte)).copied().unwrap_or(NO_DIGIT);
    let (a, b, c, d) = (worth(a), worth(b), worth(c), worth(d));
    let all = u32::from(a) << 18 | u32::from(b) << 12 | u32::from(c) << 6 | u32::from(d);
    let [_, first, second, third] = all.to_be_bytes();
    ([first, second, third], a | b | c | d)
}

fn unhex(text: &[u8], out: &mut [u8]) -> Option<usize> {
    let (pairs, rest) = text.as_chunks::<2>();
    let out = out.get_mut(..pairs.len())?;
    if !rest.is_empty() {
        return None;
    }
    let mut bad = 0;
    for ([high, low], out) in pairs.iter().zip(out) {
        let (high, low) = (nibble(*high), nibble(*low));
        bad |= (high | low) & 0xf0;
        *out = high << 4 | low & 15;
    }
    (bad == 0).then_some(pairs.len())
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0xff,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_in_either_case_and_nothing_else_is() {
        assert_eq!(Codec::Hex.decode_vec(b"00fFA9").unwrap(), [0, 0xff, 0xa9]);
        for bad in [&b"0"[..], b"0g", b" 00", b"0x00", b"00\n"] {
            assert_eq!(Codec::Hex.decode_vec(bad), None);
        }
    }

    #[test]
    fn base64_is_read_only_in_its_one_canonical_form() {
        assert_eq!(Codec::Base64.decode_vec(b"/w==").unwrap(), [0xff]);
        for bad in [&b"/w"[..], b"/w=", b"/x==", b"_w==", b"/w==\n", b"/w== ", b"/w===", b"="] {
            assert_eq!(Codec::Base64.decode_vec(bad), None, "{bad:?}");
        }
        assert_eq!(Codec::Base64Url.decode_vec(b"_w").unwrap(), [0xff]);
        assert_eq!(Codec::Base64Url.decode_vec(b"_w==").unwrap(), [0xff]);
    }

    #[test]
    fn base64_is_read_as_the_library_reads_it() {
        let mut texts: Vec<Vec<u8>> =
            vec![b"".to_vec(), b"AAAA=".to_vec(), b"====".to_vec(), b"A===".to_vec()];
        for length in 0..8_u8 {
            let bytes: Vec<u8> = (0..length).map(|at| at.wrapping_mul(37) ^ 0xa5).collect();
            let text = STANDARD.encode(bytes).into_bytes();
            for (at, other) in (0..text.len()).flat_map(|at| (0..=255).map(move |other| (at, other))) {
                let mut changed = text.clone();
                changed[at] = other;
                texts.push(changed);
            }
        }
        for text in texts {
            assert_eq!(Codec::Base64.decode_vec(&text), STANDARD.decode(&text).ok(), "{text:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut small = [0; 2];
        assert_eq!(Codec::Hex.decode(b"000000", &mut small), None);
        assert_eq!(Codec::Base64.decode(b"AAAA", &mut small), None);
    }
}
