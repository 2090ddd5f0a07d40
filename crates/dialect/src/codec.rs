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

fn unhex(text: &[u8], out: &mut [u8]) -> Option<usize> {
    let (pairs, rest) = text.as_chunks::<2>();
    let out = out.get_mut(..pairs.len())?;
    if !rest.is_empty() {
        return None;
    }
    let mut bad = 0;
    for ([high, low], out) in pairs.iter().zip(out) {
        let (high, low) = (worth(&NIBBLES, *high), worth(&NIBBLES, *low));
        bad |= high | low;
        *out = high << 4 | low & 15;
    }
    (bad & NONE == 0).then_some(pairs.len())
}

/// Padded base64 of the standard alphabet, in its one canonical form. By table and with no preparation: what is read here is
/// short.
fn unbase64(text: &[u8], out: &mut [u8]) -> Option<usize> {
    let (groups, rest) = text.as_chunks::<4>();
    let Some((last, groups)) = groups.split_last() else { return rest.is_empty().then_some(0) };
    let (front, end) = out.split_at_mut_checked(groups.len() * 3)?;
    let mut bad = if rest.is_empty() { 0 } else { NONE };
    let mut bytes = |group: [u8; 4]| {
        let [a, b, c, d] = group.map(|digit| worth(&SEXTETS, digit));
        bad |= a | b | c | d;
        [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]
    };
    for (group, out) in groups.iter().zip(front.as_chunks_mut::<3>().0) {
        *out = bytes(*group);
    }
    let (last, len) = match *last {
        [a, b, b'=', b'='] => ([a, b, b'A', b'A'], 1),
        [a, b, c, b'='] => ([a, b, c, b'A'], 2),
        whole => (whole, 3),
    };
    let last = bytes(last);
    let (kept, spare) = last.split_at_checked(len)?;
    end.get_mut(..len)?.copy_from_slice(kept);
    (bad & NONE == 0 && spare.iter().all(|bits| *bits == 0)).then_some(groups.len() * 3 + len)
}

/// In a table of digits: none. No digit is worth as much.
const NONE: u8 = 0x80;
/// What hex digits are worth, in either case.
#[expect(clippy::indexing_slicing, reason = "runs while it is compiled")]
const NIBBLES: [u8; 256] = {
    let mut table = worths(b"0123456789abcdef");
    let mut digit = b'A';
    while digit <= b'F' {
        table[digit as usize] = digit - b'A' + 10;
        digit += 1;
    }
    table
};
/// What the digits of base64 are worth (RFC 4648 section 4).
const SEXTETS: [u8; 256] = worths(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "runs while it is compiled")]
const fn worths(digits: &[u8]) -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut at = 0;
    while at < digits.len() {
        table[digits[at] as usize] = at as u8;
        at += 1;
    }
    table
}

fn worth(table: &[u8; 256], digit: u8) -> u8 {
    table.get(usize::from(digit)).copied().unwrap_or(NONE)
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
        assert_eq!(Codec::Base64.decode_vec(b"+/+/AAD/").unwrap(), [0xfb, 0xff, 0xbf, 0, 0, 0xff]);
        assert_eq!(Codec::Base64.decode_vec(b"").unwrap(), b"");
        for bad in [
            &b"/w"[..],
            b"/w=",
            b"/x==",
            b"_w==",
            b"/w==\n",
            b"/w== ",
            b"/w===",
            b"=",
            b"AA==AAAA",
            b"AAA=AAAA",
            b"A-AAAAAA",
            b"AAA\0AAAA",
            b"AAA\x80AAAA",
            b"AAAAA",
            b"AAAAAAA",
        ] {
            assert_eq!(Codec::Base64.decode_vec(bad), None, "{bad:?}");
        }
        assert_eq!(Codec::Base64Url.decode_vec(b"_w").unwrap(), [0xff]);
        assert_eq!(Codec::Base64Url.decode_vec(b"_w==").unwrap(), [0xff]);
    }

    #[test]
    fn base64_is_read_as_the_library_reads_it() {
        for len in 0..70_u8 {
            let bytes: Vec<u8> = (0..len).map(|at| at.wrapping_mul(151)).collect();
            let text = Codec::Base64.encode(&bytes);
            assert_eq!(Codec::Base64.decode_vec(&text).unwrap(), bytes);
            for (at, put) in text.iter().enumerate().flat_map(|(at, _)| (0..=255).map(move |put| (at, put))) {
                let mut changed = text.clone();
                changed[at] = put;
                assert_eq!(Codec::Base64.decode_vec(&changed), STANDARD.decode(&changed).ok());
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut small = [0; 2];
        assert_eq!(Codec::Hex.decode(b"000000", &mut small), None);
        assert_eq!(Codec::Base64.decode(b"AAAA", &mut small), None);
    }
}
