//! The path that routes are matched against.
//!
//! Signing uses the bytes that were sent. Routing uses the same bytes with escaped unreserved characters undone
//! (RFC 3986 section 6.2.2.2): an upstream reads `/%61dmin` as `/admin`, so the route of `/admin` must catch it. What
//! different servers read differently is refused, since no route could be sure to catch it.

use std::borrow::Cow;

/// Why a path means different things to different servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ambiguous {
    /// A `.` or `..` segment, escaped or not (RFC 3986 section 5.2.4).
    #[error("the path has a dot segment")]
    DotSegment,
    /// `//`: some servers merge it.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `%2F`: some servers undo it before they split.
    #[error("the path has an escaped slash")]
    EscapedSlash,
    /// `\` or `%5C`: some servers read it as a slash.
    #[error("the path has a backslash")]
    Backslash,
    /// An escaped control character, such as `%00`: some servers cut there.
    #[error("the path has an escaped control character")]
    Control,
    /// A `%` that is not followed by two hex digits.
    #[error("the path has a broken escape")]
    BrokenEscape,
    /// A byte that must be escaped (RFC 3986 section 3.3).
    #[error("the path has a byte that must be escaped")]
    RawByte,
}

impl Ambiguous {
    /// The word for it in logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::DotSegment => "path_dot_segment",
            Self::EmptySegment => "path_empty_segment",
            Self::EscapedSlash => "path_escaped_slash",
            Self::Backslash => "path_backslash",
            Self::Control => "path_control",
            Self::BrokenEscape => "path_broken_escape",
            Self::RawByte => "target_byte",
        }
    }
}

/// The form of `path` that routes are matched against, or why there is none. Gives `path` itself where nothing
/// is escaped. The path starts with `/`.
pub fn routing_path(path: &str) -> Result<Cow<'_, str>, Ambiguous> {
    if is_plain(path) { Ok(Cow::Borrowed(path)) } else { read(path) }
}

/// Whether nothing in a path can mean anything else than it says. Most paths are such; what is not may be good all the same.
fn is_plain(path: &str) -> bool {
    let mut before = 0;
    path.bytes().all(|byte| {
        let good = match byte {
            b'\\' | b'%' => false,
            b'/' | b'.' => before != b'/',
            b'!'..=b'~' => true,
            _ => false,
        };
        before = byte;
        good
    })
}

fn read(path: &str) -> Result<Cow<'_, str>, Ambiguous> {
    let plain = path.bytes().try_fold(true, |plain, byte| match byte {
        b'\\' => Err(Ambiguous::Backslash),
        b'%' => Ok(false),
        b'!'..=b'~' => Ok(plain),
        _ => Err(Ambiguous::RawByte),
    })?;
    let path = if plain { Cow::Borrowed(path) } else { Cow::Owned(unescape(path)?) };
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." | ".." => return Err(Ambiguous::DotSegment),
            // A slash at the end makes a last empty segment; that one is plain.
            "" if segments.peek().is_some() => return Err(Ambiguous::EmptySegment),
            // Some servers take path parameters off before they look for dots.
            _ if segment.starts_with(".;") || segment.starts_with("..;") => {
                return Err(Ambiguous::DotSegment);
            }
            _ => {}
        }
    }
    Ok(path)
}

fn unescape(path: &str) -> Result<String, Ambiguous> {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let (digits, tail) = after.split_at_checked(2).ok_or(Ambiguous::BrokenEscape)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Ambiguous::BrokenEscape);
        }
        match u8::from_str_radix(digits, 16).map_err(|_| Ambiguous::BrokenEscape)? {
            b'/' => return Err(Ambiguous::EscapedSlash),
            b'\\' => return Err(Ambiguous::Backslash),
            0..=31 | 127 => return Err(Ambiguous::Control),
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.push_str(&digits.to_ascii_uppercase());
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_plain_path_is_read_as_any_other(path in "(/|[a-z.%\\\\;~é ]|%2[ef]|%6[1f]){0,9}") {
            let path = format!("/{path}");
            prop_assert_eq!(routing_path(&path), read(&path), "{}", path);
        }
    }

    #[test]
    fn an_escaped_letter_routes_like_the_letter() {
        assert_eq!(routing_path("/v1/%6Darket%70lace").unwrap(), "/v1/marketplace");
        assert_eq!(routing_path("/a%20b/%c3%a9").unwrap(), "/a%20b/%C3%A9");
        assert!(matches!(routing_path("/v1/x;y=1/"), Ok(Cow::Borrowed("/v1/x;y=1/"))));
        assert_eq!(routing_path("/").unwrap(), "/");
    }

    #[test]
    fn what_servers_read_differently_is_refused_by_name() {
        let cases = [
            ("/a/../b", Ambiguous::DotSegment),
            ("/a/%2e%2E/b", Ambiguous::DotSegment),
            ("/a/.", Ambiguous::DotSegment),
            ("/a/..;x/b", Ambiguous::DotSegment),
            ("//a", Ambiguous::EmptySegment),
            ("/a//", Ambiguous::EmptySegment),
            ("/a%2fb", Ambiguous::EscapedSlash),
            ("/a\\b", Ambiguous::Backslash),
            ("/a%5cb", Ambiguous::Backslash),
            ("/a%00", Ambiguous::Control),
            ("/a%7F", Ambiguous::Control),
            ("/a%", Ambiguous::BrokenEscape),
            ("/a%4", Ambiguous::BrokenEscape),
            ("/a%zz", Ambiguous::BrokenEscape),
            ("/a%+1", Ambiguous::BrokenEscape),
            ("/a%é", Ambiguous::RawByte),
            ("/é", Ambiguous::RawByte),
        ];
        for (path, why) in cases {
            assert_eq!(routing_path(path), Err(why), "{path}");
        }
    }
}
