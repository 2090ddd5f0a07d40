//! A request as another proxy saw it, told to us by that proxy.

use std::net::SocketAddr;

use countersign_model::{Header, HeaderList, Headers};
use http::uri::PathAndQuery;
use http::{Method, Version};

use crate::head::Head;
use crate::inbound::{BadRequest, Inbound};

/// What was between the proxy and us, and says nothing of the request (RFC 9110 section 7.6.1); and the host of the check.
fn is_of_the_hop(name: &[u8]) -> bool {
    matches!(
        name,
        b"host"
            | b"connection"
            | b"te"
            | b"transfer-encoding"
            | b"upgrade"
            | b"keep-alive"
            | b"proxy-connection"
    )
}

/// The name of the header that names the authority.
const HOST: &str = "host";

/// Room for the headers of most requests: how many there are, and how long they are together, in bytes.
const USUAL_LINES: usize = 16;
const USUAL_BYTES: usize = 1024;

/// What a proxy says of the request that it asks about, each as the proxy received it.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The method.
    pub method: &'a [u8],
    /// Path and query.
    pub target: &'a [u8],
    /// `http` or `https`.
    pub scheme: &'a [u8],
    /// The authority that the client asked for.
    pub host: &'a [u8],
}

/// A request as another proxy saw it. It is read as strictly as one that came to us.
#[derive(Debug)]
pub struct Relayed {
    method: Method,
    target: PathAndQuery,
    headers: HeaderList,
    scheme: &'static str,
    peer: SocketAddr,
}

/// What a proxy must say of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// The method.
    Method,
    /// Path and query.
    Target,
    /// Whether the client came by TLS.
    Scheme,
    /// The authority that the client asked for.
    Host,
    /// Whether the body came along whole.
    Body,
}

impl std::fmt::Display for Telling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Method => "the method",
            Self::Target => "the target",
            Self::Scheme => "the scheme",
            Self::Host => "the host",
            Self::Body => "whether the body is whole",
        })
    }
}

impl Relayed {
    /// The request that the proxy at `peer` speaks of. `headers` are the client's, without what the proxy said beside them.
    pub fn new<'h>(
        told: Told<'_>,
        headers: impl Iterator<Item = Header<'h>>,
        peer: SocketAddr,
    ) -> Result<Self, BadRequest> {
        let method = Method::from_bytes(told.method).map_err(|_| BadRequest::Method)?;
        // A parser of URIs cuts a fragment off, and with it what the proxy may pass on (RFC 9112 section 3.2.1 has none).
        let plain = |byte: &u8| (b'!'..=b'~').contains(byte) && *byte != b'#';
        if !told.target.starts_with(b"/") || !told.target.iter().all(plain) {
            return Err(BadRequest::Target);
        }
        let target = PathAndQuery::try_from(told.target).map_err(|_| BadRequest::Target)?;
        let scheme = match told.scheme {
            b"http" => "http",
            b"https" => "https",
            _ => return Err(BadRequest::NotTold(Telling::Scheme)),
        };
        if told.host.is_empty() || told.host.iter().any(u8::is_ascii_control) {
            return Err(BadRequest::Host);
        }
        let mut list = HeaderList::with_capacity(USUAL_LINES, USUAL_BYTES);
        list.push(HOST, told.host);
        list.extend(headers.filter(|header| !is_of_the_hop(header.name)));
        Ok(Self { method, target, headers: list, scheme, peer })
    }

    /// The request as the decision wants it.
    pub fn inbound(&self) -> Result<Inbound<'_>, BadRequest> {
        let head = Head {
            method: &self.method,
            target: self.target.as_str(),
            authority: None,
            version: Version::HTTP_11,
            headers: self.headers.view(),
        };
        Inbound::read(&head, self.scheme, self.peer)
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path as it was told, without the query.
    pub fn path(&self) -> &str {
        self.target.path()
    }

    /// The client's headers.
    pub fn headers(&self) -> Headers<'_> {
        self.headers.view()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(method: &str, target: &str, scheme: &str, host: &str) -> Result<String, BadRequest> {
        let told = Told {
            method: method.as_bytes(),
            target: target.as_bytes(),
            scheme: scheme.as_bytes(),
            host: host.as_bytes(),
        };
        let headers = HeaderList::from_iter([
            ("Host", "of-the-check"),
            ("Transfer-Encoding", "chunked"),
            ("Transfer-Encoding", "chunked"),
        ]);
        let relayed = Relayed::new(told, headers.view().iter(), ([127, 0, 0, 1], 1).into())?;
        let inbound = relayed.inbound()?;
        Ok(format!("{} {}://{}{}", inbound.method, inbound.scheme, inbound.host, inbound.target))
    }

    #[test]
    fn a_request_is_the_one_that_was_told_of_and_not_the_one_that_tells() {
        assert_eq!(
            told("PUT", "/a%20b?x=%zz", "https", "api:8443").unwrap(),
            "PUT https://api:8443/a%20b?x=%zz"
        );
    }

    #[test]
    fn what_the_reverse_proxy_refuses_is_refused_here_too() {
        for (method, target, scheme, host, why) in [
            ("get", "/", "http", "a", BadRequest::Method),
            ("", "/", "http", "a", BadRequest::Method),
            ("CONNECT", "/", "http", "a", BadRequest::MethodNotAllowed),
            ("GET", "", "http", "a", BadRequest::Target),
            ("GET", "*", "http", "a", BadRequest::Target),
            ("GET", "http://a/", "http", "a", BadRequest::Target),
            ("GET", "/a#b", "http", "a", BadRequest::Target),
            ("GET", "/a b", "http", "a", BadRequest::Target),
            ("GET", "/é", "http", "a", BadRequest::Target),
            ("GET", "/", "ftp", "a", BadRequest::NotTold(Telling::Scheme)),
            ("GET", "/", "", "a", BadRequest::NotTold(Telling::Scheme)),
            ("GET", "/", "http", "", BadRequest::Host),
            ("GET", "/", "http", "a, b", BadRequest::Host),
        ] {
            assert_eq!(told(method, target, scheme, host), Err(why), "{method} {scheme}://{host}{target}");
        }
        assert!(matches!(told("GET", "/a/../b", "http", "a"), Err(BadRequest::Path(_))));
    }
}
