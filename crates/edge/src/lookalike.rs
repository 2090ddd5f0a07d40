//! How the least careful of servers reads a path.
//!
//! Routes are matched byte for byte. Some servers behind them ignore the case of letters, take parameters off
//! (`/admin;x`), undo escapes twice, or cut dots and spaces from the end of a segment. A path that such a server takes for
//! that of another route must not slip past it.

use std::borrow::Cow;

/// How often escapes are undone: once more than the path we forward asks for, and once more than that.
const UNESCAPED: usize = 3;

/// `path` as the least careful server reads it: lower case, escapes undone, no parameters, no dots and spaces at the end of
/// segments, no empty segments, dot segments resolved.
pub(crate) fn loosest(path: &str) -> Cow<'_, str> {
    if is_plain(path) {
        return Cow::Borrowed(path);
    }
    let mut text = path.as_bytes().to_vec();
    for _ in 0..UNESCAPED {
        if !text.contains(&b'%') {
            break;
        }
        text = unescape(&text);
    }
    let text = String::from_utf8_lossy(&text).to_ascii_lowercase();
    // What an undone escape brings to light would end the path.
    let text = text.split(['?', '#', '\0']).next().unwrap_or_default();
    let mut segments: Vec<&str> = Vec::new();
    for segment in text.split(['/', '\\']) {
        let name = segment.split(';').next().unwrap_or_default();
        match name.trim_end() {
            ".." => {
                segments.pop();
            }
            name => match name.trim_end_matches(['.', ' ']) {
                "" => {}
                name => segments.push(name),
            },
        }
    }
    Cow::Owned(format!("/{}", segments.join("/")))
}

/// Whether every server reads it alike, given that it has no empty and no dot segments.
fn is_plain(path: &str) -> bool {
    let mut before = b'/';
    let plain = path.bytes().all(|byte| {
        let good = match byte {
            b'/' => before != b'.',
            byte => !matches!(byte, b'A'..=b'Z' | b'%' | b';' | b'\\'),
        };
        before = byte;
        good
    });
    plain && before != b'.'
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = match after {
            [high, low, tail @ ..] if byte == b'%' => {
                hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, tail))
            }
            _ => None,
        };
        let (byte, tail) = escaped.unwrap_or((byte, after));
        out.push(byte);
        rest = tail;
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_come_off() {
        for path in [
            "/v1/admin",
            "/V1/Admin",
            "/v1/admin;x=1",
            "/v1;a/admin;",
            "/v1/admin%3bx",
            "/v1/%2561dmin",
            "/v1/%252561dmin",
            "/v1/admin.",
            "/v1/admin%20",
            "/v1/x%252f..%252fadmin",
            "/v1/x%255c..%255cadmin",
            "/v1/admin%253fx",
            "/v1/;/admin",
        ] {
            assert_eq!(loosest(path).trim_end_matches('/'), "/v1/admin", "{path}");
        }
    }

    #[test]
    fn plain_paths_are_themselves() {
        for path in ["/", "/v1/items/", "/v1/a.b/~c"] {
            assert!(matches!(loosest(path), Cow::Borrowed(same) if same == path), "{path}");
        }
    }
}
