//! The path of a route: `/a/{name}/b`, `/a/{*rest}`.

use std::fmt;

/// Which paths a route is for. It is compared with a path byte for byte, segment by segment.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct PathPattern {
    text: Box<str>,
    segments: Vec<Segment>,
}

/// What stands between two slashes of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Segment {
    /// These bytes. Empty only as the last: the pattern ends with a slash.
    Literal(Box<str>),
    /// `{name}`: any one segment that is not empty.
    Parameter(Box<str>),
    /// `{*name}`: everything that follows, with its slashes; only as the last.
    Rest(Box<str>),
}

/// Why a text is no pattern. Its form is `what was found: what would do`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found}: {mend}")]
pub(crate) struct InvalidPattern {
    found: String,
    mend: &'static str,
}

/// The longest pattern, in bytes.
const MAX_LEN: usize = 1024;

impl PathPattern {
    /// Reads a pattern.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let wrong = |found: String, mend| Err(InvalidPattern { found, mend });
        let Some(rest) = text.strip_prefix('/') else {
            return wrong(
                format!("`{text}` does not begin with `/`"),
                "write the whole path, as in \"/v1/{*rest}\"",
            );
        };
        if text.len() > MAX_LEN {
            return wrong(format!("this path has {} bytes", text.len()), "use at most 1024");
        }
        let mut segments: Vec<Segment> = Vec::new();
        let mut pieces = rest.split('/').peekable();
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            let segment = Segment::parse(piece)?;
            match &segment {
                Segment::Literal(bytes) if bytes.is_empty() && !last => {
                    return wrong(format!("`{text}` has two slashes together"), "write one");
                }
                Segment::Rest(_) if !last => {
                    return wrong(
                        format!("something follows `{piece}`"),
                        "it takes all the rest, so it is last",
                    );
                }
                Segment::Parameter(_) | Segment::Rest(_)
                    if segments.iter().any(|other| other.name() == segment.name()) =>
                {
                    return wrong(format!("`{piece}` repeats a name"), "give each its own");
                }
                Segment::Literal(_) | Segment::Parameter(_) | Segment::Rest(_) => {}
            }
            segments.push(segment);
        }
        Ok(Self { text: text.into(), segments })
    }

    /// The pattern as it was written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this is for the same paths as `other`, whatever the parameters are called.
    pub(crate) fn same_paths(&self, other: &Self) -> bool {
        let shape = |segment: &Segment| match segment {
            Segment::Literal(bytes) => (0, bytes.clone()),
            Segment::Parameter(_) => (1, Box::default()),
            Segment::Rest(_) => (2, Box::default()),
        };
        self.segments.iter().map(shape).eq(other.segments.iter().map(shape))
    }
}

impl Segment {
    fn parse(piece: &str) -> Result<Self, InvalidPattern> {
        let wrong = |found: String, mend| Err(InvalidPattern { found, mend });
        if !piece.contains(['{', '}']) {
            return literal(piece);
        }
        let Some(inner) = piece.strip_prefix('{').and_then(|piece| piece.strip_suffix('}')) else {
            return wrong(
                format!("`{piece}` is partly a parameter"),
                "a parameter is all that stands between two slashes, as in \"/users/{id}/posts\"",
            );
        };
        let (name, rest) = match inner.strip_prefix('*') {
            Some(name) => (name, true),
            None => (inner, false),
        };
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(allowed) {
            return wrong(
                format!("`{piece}` is no parameter"),
                "write a name of lower-case letters, digits and _, as in {id} or {*rest}",
            );
        }
        Ok(if rest { Self::Rest(name.into()) } else { Self::Parameter(name.into()) })
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Parameter(name) | Self::Rest(name) => Some(name),
        }
    }
}

/// RFC 3986 section 3.3: `segment = *pchar`. What cannot stand in a path as it is routed would match no request.
fn literal(piece: &str) -> Result<Segment, InvalidPattern> {
    let wrong = |found: String, mend| Err(InvalidPattern { found, mend });
    if matches!(piece, "." | "..") || piece.starts_with(".;") || piece.starts_with("..;") {
        return wrong(format!("`{piece}` is no segment of a path"), "write the path that it leads to");
    }
    let mut rest = piece;
    while let Some(c) = rest.chars().next() {
        if c == '%' {
            let escape = rest.get(..3).unwrap_or(rest);
            escaped(escape)?;
            rest = rest.get(3..).unwrap_or_default();
        } else if c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@".contains(c) {
            rest = rest.get(1..).unwrap_or_default();
        } else {
            return wrong(
                format!("`{}` cannot stand in a path", c.escape_debug()),
                "write it as it is sent, percent-encoded, or leave it out",
            );
        }
    }
    Ok(Segment::Literal(piece.into()))
}

/// Requests are routed by their normal form (RFC 3986 section 6.2.2), so a pattern is written in it.
fn escaped(escape: &str) -> Result<(), InvalidPattern> {
    let wrong =
        |mend| Err(InvalidPattern { found: format!("`{escape}` is not how this stands in a path"), mend });
    let digits = escape.strip_prefix('%').unwrap_or_default();
    match u8::from_str_radix(digits, 16) {
        Ok(_) if digits.len() != 2 || digits.starts_with('+') => wrong("write % and two hex digits"),
        Err(_) => wrong("write % and two hex digits"),
        Ok(b'/' | b'\\' | 0..=31 | 127) => wrong("leave it out: requests with it are refused"),
        Ok(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
            wrong("write the character itself")
        }
        Ok(_) if digits.contains(|c: char| c.is_ascii_lowercase()) => wrong("write its digits in upper case"),
        Ok(_) => Ok(()),
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(text: &str) -> Vec<Segment> {
        PathPattern::parse(text).unwrap().segments
    }

    #[test]
    fn a_pattern_is_literals_parameters_and_at_the_end_a_rest() {
        assert_eq!(
            segments("/v1/{user}/posts%20/{*rest}"),
            [
                Segment::Literal("v1".into()),
                Segment::Parameter("user".into()),
                Segment::Literal("posts%20".into()),
                Segment::Rest("rest".into()),
            ]
        );
        assert_eq!(segments("/"), [Segment::Literal("".into())]);
        assert_eq!(segments("/a/"), [Segment::Literal("a".into()), Segment::Literal("".into())]);
    }

    #[test]
    fn what_no_path_can_be_is_refused() {
        let bad = [
            "",
            "v1",
            "//",
            "/a//b",
            "/a/../b",
            "/.",
            "/a b",
            "/é",
            "/a?b",
            "/a#b",
            "/%",
            "/%4",
            "/%zz",
            "/%+1",
            "/%61",
            "/%2F",
            "/%5C",
            "/%00",
            "/%c3",
            "/..;x",
            "/a\\b",
            "/a%é",
            "/{*rest}/b",
            "/{}",
            "/{*}",
            "/{A}",
            "/{a-b}",
            "/x{a}",
            "/{a}x",
            "/{a",
            "/a}",
            "/{a}/{a}",
            "/{a}/{*a}",
            "/{{a}}",
        ];
        for text in bad {
            assert!(PathPattern::parse(text).is_err(), "{text}");
        }
        assert!(PathPattern::parse(&format!("/{}", "a".repeat(MAX_LEN))).is_err());
    }

    #[test]
    fn two_patterns_are_for_the_same_paths_whatever_their_parameters_are_called() {
        let same = |a, b| PathPattern::parse(a).unwrap().same_paths(&PathPattern::parse(b).unwrap());
        assert!(same("/a/{x}/{*y}", "/a/{y}/{*rest}"));
        assert!(!same("/a/{x}", "/a/{*x}"));
        assert!(!same("/a/", "/a"));
        assert!(!same("/A", "/a"));
    }
}
