//! Bytes in sentences.

/// The longest text in a sentence, in bytes.
const MAX: usize = 72;

/// A text as it can stand in a sentence: in quotes, cut where it is long, line ends and the like written out.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let front = text.get(..text.floor_char_boundary(MAX)).unwrap_or_default();
    let more = if front.len() < text.len() { ".." } else { "" };
    format!("`{}{more}`", visible(front))
}

/// A text with line ends and other control signs written out.
pub(crate) fn visible(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}') {
            told.extend(c.escape_default());
        } else {
            told.push(c);
        }
    }
    told
}

/// A separator by its name.
pub(crate) fn separator(text: &[u8]) -> String {
    match text {
        b"" => "nothing".to_owned(),
        b"\n" => "a line end".to_owned(),
        b"\r\n" => "a CRLF".to_owned(),
        b"\\n" => "a backslash and an `n`".to_owned(),
        b" " => "a blank".to_owned(),
        other => quoted(other),
    }
}
