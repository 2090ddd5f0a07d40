//! The request line.

use crate::Refusal;
use crate::bytes::{ALPHANUMERIC, NO_TARGET, NO_TOKEN, kind, kinds_of};

/// The longest method. The longest that is registered is `UPDATEREDIRECTREF`.
const METHOD_BYTES: usize = 32;

/// The longest target, whatever the limits say: what is longer cannot be told from shorter ones further on.
pub(crate) const TARGET_BYTES: usize = 65_534;

/// What the request line tells of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) version: Version,
    pub(crate) content: Content,
    /// How long the method and the target are, in bytes. One space is after each.
    pub(crate) method: usize,
    pub(crate) target: usize,
}

/// The version of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// Whether a body of the request means anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Defined,
    Undefined,
}

/// Reads a request line without its end.
pub(crate) fn read(line: &[u8]) -> Result<Start, Refusal> {
    let end_of_method = line.iter().position(|byte| *byte == b' ').ok_or(Refusal::RequestLine)?;
    let (method, rest) = line.split_at_checked(end_of_method).ok_or(Refusal::RequestLine)?;
    if method.is_empty() {
        return Err(Refusal::RequestLine);
    }
    if method.len() > METHOD_BYTES || kinds_of(method) & NO_TOKEN != 0 {
        return Err(Refusal::Method);
    }
    let (target, version) = match rest.split_last_chunk::<9>() {
        Some((target, b" HTTP/1.1")) => (target, Version::Http11),
        Some((target, b" HTTP/1.0")) => (target, Version::Http10),
        Some((_, [b' ', b'H', b'T', b'T', b'P', b'/', ..])) => return Err(Refusal::Version),
        Some(_) | None => return Err(Refusal::RequestLine),
    };
    let target = target.strip_prefix(b" ").ok_or(Refusal::RequestLine)?;
    if method == b"CONNECT" || method == b"TRACE" {
        return Err(Refusal::MethodNotAllowed);
    }
    check(target)?;
    let content = if method == b"GET" || method == b"HEAD" { Content::Undefined } else { Content::Defined };
    Ok(Start { version, content, method: method.len(), target: target.len() })
}

fn check(target: &[u8]) -> Result<(), Refusal> {
    if target.len() > TARGET_BYTES {
        return Err(Refusal::TargetTooLong);
    }
    if kinds_of(target) & NO_TARGET != 0 {
        let wrong = target.iter().find(|byte| kind(**byte) & NO_TARGET != 0);
        return Err(match wrong {
            Some(b'#') => Refusal::Fragment,
            Some(b' ') => Refusal::RequestLine,
            Some(_) | None => Refusal::TargetByte,
        });
    }
    match target {
        [b'/', ..] | b"*" => Ok(()),
        _ => absolute(target),
    }
}

/// An absolute URI of a name or an address, perhaps with a port. Which host it is, and whether it is the one that `Host` names,
/// is looked at later; here only what parsers read differently is refused, such as a user's name.
fn absolute(target: &[u8]) -> Result<(), Refusal> {
    let strip = |scheme: &[u8]| {
        let (start, rest) = target.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let rest = strip(b"http://").or_else(|| strip(b"https://")).ok_or(Refusal::Target)?;
    let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let (host, port) = match authority.split_first() {
        Some((b'[', inside)) => {
            let end = inside.iter().position(|byte| *byte == b']').ok_or(Refusal::Target)?;
            let (address, rest) = inside.split_at_checked(end).ok_or(Refusal::Target)?;
            let address = std::str::from_utf8(address).map_err(|_| Refusal::Target)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| Refusal::Target)?;
            (None, rest.get(1..).unwrap_or_default())
        }
        Some(_) => {
            let end = authority.iter().position(|byte| *byte == b':').unwrap_or(authority.len());
            let (host, port) = authority.split_at_checked(end).ok_or(Refusal::Target)?;
            (Some(host), port)
        }
        None => return Err(Refusal::Target),
    };
    let is_name = |host: &[u8]| {
        !host.is_empty() && host.iter().all(|byte| kind(*byte) & ALPHANUMERIC != 0 || b"-._".contains(byte))
    };
    let is_port = |port: &[u8]| match port.split_first() {
        None => true,
        Some((b':', digits)) => (1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    };
    if host.is_none_or(is_name) && is_port(port) { Ok(()) } else { Err(Refusal::Target) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(line: &str) -> Option<Refusal> {
        read(line.as_bytes()).err()
    }

    #[test]
    fn a_method_a_target_and_a_version_with_one_space_between_are_a_request_line() {
        for line in [
            "GET / HTTP/1.1",
            "M-SEARCH /a/%zz?b=c&d=[e]%zz\\ HTTP/1.0",
            "OPTIONS * HTTP/1.1",
            "GET http://a/ HTTP/1.1",
            "GET HTTP://a.b-c:80/x?y HTTP/1.1",
            "GET https://[::1]:65535/ HTTP/1.1",
            "GET http://a HTTP/1.1",
        ] {
            assert_eq!(refusal(line), None, "{line}");
        }
    }

    #[test]
    fn any_other_line_is_refused_for_what_it_is() {
        for (line, why) in [
            ("", Refusal::RequestLine),
            ("GET", Refusal::RequestLine),
            ("GET /", Refusal::RequestLine),
            ("GET  / HTTP/1.1", Refusal::RequestLine),
            ("GET /  HTTP/1.1", Refusal::RequestLine),
            ("GET / HTTP/1.1 ", Refusal::RequestLine),
            ("GET /a b HTTP/1.1", Refusal::RequestLine),
            ("GET / HTTP/1.1 HTTP/1.1", Refusal::RequestLine),
            (" GET / HTTP/1.1", Refusal::RequestLine),
            ("GET  HTTP/1.1", Refusal::Target),
            ("GET / http/1.1", Refusal::RequestLine),
            ("GET / HTTP/1.2", Refusal::Version),
            ("GET / HTTP/0.9", Refusal::Version),
            ("PRI * HTTP/2.0", Refusal::Version),
            ("G(T / HTTP/1.1", Refusal::Method),
            ("GET\u{e9} / HTTP/1.1", Refusal::Method),
            ("TRACE / HTTP/1.1", Refusal::MethodNotAllowed),
            ("CONNECT a:80 HTTP/1.1", Refusal::MethodNotAllowed),
            ("GET /a#b HTTP/1.1", Refusal::Fragment),
            ("GET /\u{e9} HTTP/1.1", Refusal::TargetByte),
            ("GET /a?\u{e9} HTTP/1.1", Refusal::TargetByte),
            ("GET /<a> HTTP/1.1", Refusal::TargetByte),
            ("GET /\"a\" HTTP/1.1", Refusal::TargetByte),
            ("GET a HTTP/1.1", Refusal::Target),
            ("GET a:80 HTTP/1.1", Refusal::Target),
            ("GET ?a HTTP/1.1", Refusal::Target),
            ("GET ** HTTP/1.1", Refusal::Target),
            ("GET ftp://a/ HTTP/1.1", Refusal::Target),
            ("GET http:///a HTTP/1.1", Refusal::Target),
            ("GET http://u@a/ HTTP/1.1", Refusal::Target),
            ("GET http://a:b/ HTTP/1.1", Refusal::Target),
            ("GET http://a:/ HTTP/1.1", Refusal::Target),
            ("GET http://a?b HTTP/1.1", Refusal::Target),
            ("GET http://[::1/ HTTP/1.1", Refusal::Target),
            ("GET http://[::1]x/ HTTP/1.1", Refusal::Target),
            ("GET http://a%2fb/ HTTP/1.1", Refusal::Target),
            ("GET http://a\\b/ HTTP/1.1", Refusal::Target),
        ] {
            assert_eq!(refusal(line), Some(why), "{line}");
        }
        assert_eq!(refusal(&format!("{} / HTTP/1.1", "A".repeat(33))), Some(Refusal::Method));
        let long = format!("GET /{} HTTP/1.1", "a".repeat(TARGET_BYTES));
        assert_eq!(refusal(&long), Some(Refusal::TargetTooLong));
    }
}
