//! JSON strings written and read.

/// Writes a JSON string.
pub(crate) fn quote(text: &str) -> String {
    use std::fmt::Write as _;
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if u32::from(c) < 0x20 => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Undoes the escapes of a string whose escapes are well formed. `None` for half of a surrogate pair.
pub(crate) fn unescape(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let c = escaped.chars().next()?;
        rest = escaped.get(c.len_utf8()..)?;
        text.push(match c {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = |from: &str| u16::from_str_radix(from.get(..4)?, 16).ok();
                let first = unit(rest)?;
                let mut units = [first, 0];
                let mut used = 1;
                rest = rest.get(4..)?;
                if (0xd800..0xdc00).contains(&first) {
                    units[1] = unit(rest.strip_prefix("\\u")?)?;
                    used = 2;
                    rest = rest.get(6..)?;
                }
                char::decode_utf16(units.into_iter().take(used)).next()?.ok()?
            }
            same => same,
        });
    }
    text.push_str(rest);
    Some(text)
}
