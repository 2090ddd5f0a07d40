//! Values that are written like times.

/// How a time is written, as far as it can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    Unix,
    UnixMs,
    UnixUs,
    UnixNs,
    Iso,
    IsoMs,
    IsoBasic,
    HttpDate,
}

/// 2001-09-09 and 2128: between them seconds have ten digits and are plausible.
const PLAUSIBLE: std::ops::Range<u64> = 1_000_000_000..5_000_000_000;

impl Format {
    /// The name in a dialect file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unix => "unix",
            Self::UnixMs => "unix-ms",
            Self::UnixUs => "unix-us",
            Self::UnixNs => "unix-ns",
            Self::Iso => "iso",
            Self::IsoMs => "iso-ms",
            Self::IsoBasic => "iso-basic",
            Self::HttpDate => "http-date",
        }
    }

    /// How `text` is written, where it is written like a time.
    pub(crate) fn of(text: &str) -> Option<Self> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let (format, unit) = match text.len() {
                10 => (Self::Unix, 1),
                13 => (Self::UnixMs, 1_000),
                16 => (Self::UnixUs, 1_000_000),
                19 => (Self::UnixNs, 1_000_000_000),
                _ => return None,
            };
            return PLAUSIBLE.contains(&(text.parse::<u64>().ok()? / unit)).then_some(format);
        }
        // The pattern of the digits: `9` for each.
        let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        if shape == "99999999T999999Z" {
            Some(Self::IsoBasic)
        } else if shape.starts_with("9999-99-99T99:99:99.999") {
            Some(Self::IsoMs)
        } else if shape.starts_with("9999-99-99T99:99:99") || shape.starts_with("9999-99-99 99:99:99") {
            Some(Self::Iso)
        } else if shape.ends_with(" 9999 99:99:99 GMT") && shape.contains(", 99 ") {
            Some(Self::HttpDate)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_known_by_their_digits_and_other_numbers_are_not() {
        let known = [
            ("1795262400", Some(Format::Unix)),
            ("1795262400123", Some(Format::UnixMs)),
            ("1795262400123000", Some(Format::UnixUs)),
            ("2026-11-21T12:00:00Z", Some(Format::Iso)),
            ("2026-11-21T12:00:00.123Z", Some(Format::IsoMs)),
            ("20261121T120000Z", Some(Format::IsoBasic)),
            ("Sat, 21 Nov 2026 12:00:00 GMT", Some(Format::HttpDate)),
            ("0000000001", None),
            ("5000", None),
            ("", None),
        ];
        for (text, format) in known {
            assert_eq!(Format::of(text), format, "{text}");
        }
    }
}
