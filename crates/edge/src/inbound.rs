//! A request as a door received it.

use std::borrow::Cow;
use std::net::{Ipv6Addr, SocketAddr};

use countersign_model::Headers;
use countersign_verify::Request;
use http::{HeaderName, Method, Version};

use crate::field::{Field, Fields};
use crate::head::Head;
use crate::identity::Names;
use crate::path::{Ambiguous, routing_path};
use crate::relayed::Telling;

/// A request whose head can be read in one way only.
#[derive(Clone, Debug)]
pub struct Inbound<'a> {
    /// The method, as sent.
    pub method: &'a Method,
    /// The path and query, byte for byte as sent.
    pub target: &'a str,
    /// The path, in the form that routes are matched against.
    pub path: Cow<'a, str>,
    /// `http` or `https`: how the client reached us.
    pub scheme: &'a str,
    /// The authority the client asked for; empty where an HTTP/1.0 client named none.
    pub host: &'a str,
    /// The headers, as sent.
    pub headers: Headers<'a>,
    /// What each of them is.
    pub fields: Fields,
    /// What it came in.
    pub version: Version,
    /// Who sent it: whoever is at the other end of the connection, or whom a trusted proxy there names.
    pub peer: SocketAddr,
}

/// Why a request's head is refused before anything else is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// The target is neither a path nor an absolute URI with one (RFC 9112 section 3.2).
    #[error("the request target is not a path")]
    Target,
    /// `TRACE` shows others what a request holds, `CONNECT` opens tunnels: neither is passed on.
    #[error("this method is not passed on")]
    MethodNotAllowed,
    /// A method with something else in it than capitals, digits, `-` and `_`. Methods are case-sensitive (RFC 9110 section
    /// 9.1) but some servers read `post` as `POST`, which another route may be for.
    #[error("the method is not in capitals")]
    Method,
    /// More than one `Transfer-Encoding` or `Content-Length`, or a header that careless servers take for one of them: servers
    /// disagree on which to heed (RFC 9112 section 11.2).
    #[error("the length of the request can be read in two ways")]
    Framing,
    /// A byte in the query that no URI may have (RFC 3986 section 3.4).
    #[error("the query has a byte that must be escaped")]
    QueryByte,
    /// An `Expect` of something else than `100-continue` (RFC 9110 section 10.1.1).
    #[error("the only expectation that is understood is 100-continue")]
    Expectation,
    /// An `Upgrade` to another protocol than HTTP/2, which is left alone (RFC 9110 section 7.8).
    #[error("connections are not upgraded here")]
    Upgrade,
    /// The path means different things to different servers.
    #[error("{0}")]
    Path(Ambiguous),
    /// More than one `Host`, or one that is neither a name nor an address with at most a port (RFC 9112 section 3.2).
    #[error("the request has no single valid host")]
    Host,
    /// The absolute URI names another host than `Host` does.
    #[error("the request target and the host header disagree")]
    HostMismatch,
    /// A header that is none (RFC 9110 section 5.1 and 5.5), as a proxy in front may pass on.
    #[error("a header's name or value has characters that it may not have")]
    Header,
    /// The proxy in front did not say of a request what it must, or said it twice.
    #[error("the proxy in front did not say once: {0}")]
    NotTold(Telling),
    /// A header that only a gateway may set, at a door that cannot take it away: the proxy in front would pass it on.
    #[error("the request has a header that only a gateway may set, or one that names another path")]
    Forged,
}

impl BadRequest {
    /// The word for it in logs and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Method => "method",
            Self::Framing => "framing",
            Self::QueryByte => "target_byte",
            Self::Expectation => "expectation",
            Self::Upgrade => "upgrade",
            Self::Path(why) => why.code(),
            Self::Host => "host",
            Self::HostMismatch => "host_mismatch",
            Self::Header => "header",
            Self::NotTold(_) => "not_told",
            Self::Forged => "forged",
        }
    }
}

impl<'a> Inbound<'a> {
    /// Reads the head of a request that came from `peer` over `scheme` (`http` or `https`).
    pub fn read(head: &Head<'a>, scheme: &'a str, peer: SocketAddr) -> Result<Self, BadRequest> {
        Self::of(head, Fields::of(head.headers), scheme, peer)
    }

    /// The same, where somebody looked at the headers before: they are `fields`.
    pub fn of(
        head: &Head<'a>,
        fields: Fields,
        scheme: &'a str,
        peer: SocketAddr,
    ) -> Result<Self, BadRequest> {
        if matches!(*head.method, Method::CONNECT | Method::TRACE) {
            return Err(BadRequest::MethodNotAllowed);
        }
        if !head.target.starts_with('/') {
            return Err(BadRequest::Target);
        }
        let (path, query) = head.split();
        if !head.method.as_str().bytes().all(is_of_a_method) {
            return Err(BadRequest::Method);
        }
        if fields.has_twice(Field::TransferEncoding) || fields.has_twice(Field::ContentLength) {
            return Err(BadRequest::Framing);
        }
        // What came over HTTP/1 had each of its bytes looked at before.
        if head.version > Version::HTTP_11 {
            if head.headers.iter().any(|header| countersign_framing::is_lookalike(header.name)) {
                return Err(BadRequest::Framing);
            }
            if !query.bytes().all(is_of_a_query) {
                return Err(BadRequest::QueryByte);
            }
        }
        if fields.has(Field::Expect) {
            expectation(head.headers)?;
        }
        if fields.has(Field::Upgrade) {
            upgrade(head.headers)?;
        }
        let path = routing_path(path).map_err(BadRequest::Path)?;
        if fields.has_twice(Field::Host) {
            return Err(BadRequest::Host);
        }
        let named = head.headers.iter().zip(fields.iter()).find(|(_, field)| *field == Field::Host);
        let host = host(head, named.map(|(header, _)| header.value))?;
        let Head { method, target, headers, version, .. } = *head;
        Ok(Self { method, target, path, scheme, host, headers, fields, version, peer })
    }

    /// The request as the decision sees it; its body is read later, if at all.
    pub fn request(&self) -> Request<'a> {
        Request {
            method: self.method.as_str(),
            scheme: self.scheme,
            host: self.host,
            target: self.target,
            headers: self.headers,
            body: None,
        }
    }
}

impl Inbound<'_> {
    /// The names of the headers that are of some kind, each once.
    pub(crate) fn named(&self, kinds: &[Field]) -> Names {
        let mut names = Names::new();
        if !kinds.iter().any(|kind| self.fields.has(*kind)) {
            return names;
        }
        for (header, field) in self.headers.iter().zip(self.fields.iter()) {
            if kinds.contains(&field) {
                add_name(&mut names, header.name);
            }
        }
        names
    }

    /// The methods that headers name besides the request's own.
    pub(crate) fn overriding_methods(&self) -> impl Iterator<Item = Method> {
        let there = self.fields.has(Field::OtherMethod).then_some(self.headers);
        let lines = there.into_iter().flat_map(|headers| headers.iter()).zip(self.fields.iter());
        let named = lines.filter(|(_, field)| *field == Field::OtherMethod);
        named.filter_map(|(header, _)| Method::from_bytes(&header.value.to_ascii_uppercase()).ok())
    }
}

/// Adds a name, unless it is there.
pub(crate) fn add_name(names: &mut Names, name: &[u8]) {
    if !names.iter().any(|there| there.as_str().as_bytes() == name)
        // It was read as a name before.
        && let Ok(name) = HeaderName::from_bytes(name)
    {
        names.push(name);
    }
}

/// The authority of a request whose `Host` is `named`.
fn host<'a>(head: &Head<'a>, named: Option<&'a [u8]>) -> Result<&'a str, BadRequest> {
    let named = match named {
        Some(named) => Some(str::from_utf8(named).map_err(|_| BadRequest::Host)?),
        None => None,
    };
    if named.is_some_and(|named| !is_host(named)) {
        return Err(BadRequest::Host);
    }
    match (head.authority, named) {
        (Some(authority), _) if !is_host(authority) => Err(BadRequest::Host),
        (Some(authority), Some(named)) if authority != named => Err(BadRequest::HostMismatch),
        (Some(authority), _) => Ok(authority),
        (None, Some(named)) => Ok(named),
        (None, None) if head.version < Version::HTTP_11 => Ok(""),
        (None, None) => Err(BadRequest::Host),
    }
}

fn expectation(headers: Headers<'_>) -> Result<(), BadRequest> {
    let understood = |value: &[u8]| value.eq_ignore_ascii_case(b"100-continue");
    if headers.get_all("expect").all(understood) { Ok(()) } else { Err(BadRequest::Expectation) }
}

/// Clients that could speak HTTP/2 say so with each request (RFC 7540 section 3.2), and go on without it.
fn upgrade(headers: Headers<'_>) -> Result<(), BadRequest> {
    let mut asked = headers.get_all("upgrade").flat_map(|value| value.split(|byte| *byte == b','));
    let is_left_alone = |protocol: &[u8]| {
        let protocol = protocol.trim_ascii();
        [&b"h2c"[..], b"h2", b""].iter().any(|known| protocol.eq_ignore_ascii_case(known))
    };
    if asked.all(is_left_alone) { Ok(()) } else { Err(BadRequest::Upgrade) }
}

const fn is_of_a_query(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'<' | b'>' | b'`' | b'#')
}

const fn is_of_a_method(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
}

/// A name, an IPv4 address or an IPv6 address in brackets, and perhaps a port. Nothing at all is allowed too, for a target
/// without an authority (RFC 9110 section 7.2).
pub(crate) fn is_host(text: &str) -> bool {
    if let Some((address, port)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        return address.parse::<Ipv6Addr>().is_ok() && is_port(port.as_bytes());
    }
    let end = text.bytes().position(|byte| !is_of_a_name(byte)).unwrap_or(text.len());
    text.as_bytes().get(end..).is_some_and(is_port)
}

const fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// Nothing, or a colon and a number of 16 bits or none after it.
fn is_port(text: &[u8]) -> bool {
    let Some((colon, digits)) = text.split_first() else { return true };
    let number = digits.iter().try_fold(0_u32, |number, digit| {
        let number = number * 10 + u32::from(digit.wrapping_sub(b'0'));
        (digit.is_ascii_digit() && u16::try_from(number).is_ok()).then_some(number)
    });
    *colon == b':' && number.is_some()
}

#[cfg(test)]
mod tests {
    use countersign_model::HeaderList;
    use http::header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
    use http::request;

    use super::*;

    fn judged(head: &request::Parts) -> Result<String, BadRequest> {
        let headers: HeaderList = head.headers.iter().collect();
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let inbound = Inbound::read(&Head::of(head, headers.view()), "http", peer)?;
        Ok(format!("{} {}", inbound.host, inbound.target))
    }

    fn read(uri: &str, hosts: &[&str]) -> Result<String, BadRequest> {
        let mut request = http::Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        judged(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn the_target_stays_as_it_was_sent() {
        assert_eq!(read("/a%20b?x=%zz&y", &["h:1"]).unwrap(), "h:1 /a%20b?x=%zz&y");
        assert_eq!(read("http://h:1/a?b", &["h:1"]).unwrap(), "h:1 /a?b");
    }

    #[test]
    fn a_head_that_can_be_read_two_ways_is_refused() {
        assert_eq!(read("/", &[]), Err(BadRequest::Host));
        assert_eq!(read("/", &["a", "a"]), Err(BadRequest::Host));
        assert_eq!(read("http://a/", &["b"]), Err(BadRequest::HostMismatch));
        assert_eq!(read("*", &["a"]), Err(BadRequest::Target));
        assert_eq!(read("/a/../b", &["a"]), Err(BadRequest::Path(Ambiguous::DotSegment)));
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for host in ["a", "a.b-c_d", "a:80", "127.0.0.1:1", "[::1]", "[::1]:65535", "", "a:"] {
            assert!(read("/", &[host]).is_ok(), "{host}");
        }
        for host in [
            "a b", "a,b", "a/b", "u@a", "<a>", "a:65536", "a:b", "a:1:2", "[::1", "[a]", "[::1]x", "[::1]80",
            "a:0x1", "a:+1", "a%00", "a:+1",
        ] {
            assert_eq!(read("/", &[host]), Err(BadRequest::Host), "{host}");
        }
        assert_eq!(read("http://u@a/", &["u@a"]), Err(BadRequest::Host));
    }

    #[test]
    fn a_method_that_is_not_in_capitals_is_refused() {
        for (method, expected) in
            [("POST", true), ("M-SEARCH", true), ("post", false), ("Post", false), ("A!", false)]
        {
            let request =
                http::Request::builder().method(method).uri("/").header(HOST, "a").body(()).unwrap();
            assert_eq!(judged(&request.into_parts().0).is_ok(), expected, "{method}");
        }
    }

    fn refusal(request: http::request::Builder) -> Option<BadRequest> {
        judged(&request.header(HOST, "a").body(()).unwrap().into_parts().0).err()
    }

    #[test]
    fn two_lengths_are_refused_even_if_they_agree() {
        for (name, value) in [(TRANSFER_ENCODING, "chunked"), (CONTENT_LENGTH, "3")] {
            let twice = http::Request::builder().uri("/").header(&name, value).header(&name, value);
            assert_eq!(refusal(twice), Some(BadRequest::Framing), "{name}");
        }
    }

    #[test]
    fn what_http_2_hides_from_a_look_at_the_bytes_is_refused_as_it_is_in_http_1() {
        let request = || http::Request::builder().version(http::Version::HTTP_2);
        assert_eq!(refusal(request().uri("/a?b=%zz")), None);
        assert_eq!(refusal(request().uri("/").header("content_length", "3")), Some(BadRequest::Framing));
        assert_eq!(refusal(request().uri("/?\u{e9}")), Some(BadRequest::QueryByte));
        assert_eq!(refusal(request().uri("/?`")), Some(BadRequest::QueryByte));
        assert_eq!(refusal(request().uri("http://b/")), Some(BadRequest::HostMismatch));
        assert_eq!(refusal(request().uri("b:80").method("CONNECT")), Some(BadRequest::MethodNotAllowed));
    }

    #[test]
    fn what_asks_for_another_protocol_or_promise_is_told_that_there_is_none() {
        for (name, value, expected) in [
            (EXPECT, "100-continue", None),
            (EXPECT, "100-Continue", None),
            (EXPECT, "200-ok", Some(BadRequest::Expectation)),
            (EXPECT, "100-continue, x", Some(BadRequest::Expectation)),
            (UPGRADE, "h2c", None),
            (UPGRADE, "websocket", Some(BadRequest::Upgrade)),
            (UPGRADE, "h2c, websocket", Some(BadRequest::Upgrade)),
        ] {
            assert_eq!(refusal(http::Request::builder().uri("/").header(name, value)), expected, "{value}");
        }
        assert_eq!(
            refusal(http::Request::builder().uri("/").method("TRACE")),
            Some(BadRequest::MethodNotAllowed)
        );
    }
}
