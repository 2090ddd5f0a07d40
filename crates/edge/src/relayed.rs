//! A request as another proxy saw it, told to us by that proxy.

use std::net::SocketAddr;

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, request};

use crate::identity::Names;
use crate::inbound::{BadRequest, Inbound};

/// What was between the proxy and us, and says nothing of the request (RFC 9110 section 7.6.1).
fn is_of_the_hop(name: &str) -> bool {
    matches!(name, "connection" | "te" | "transfer-encoding" | "upgrade" | "keep-alive" | "proxy-connection")
}

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
    head: request::Parts,
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
    /// The request that the proxy at `peer` speaks of. `headers` are the client's; what the proxy said beside them was taken
    /// out before.
    pub fn new(told: Told<'_>, mut headers: HeaderMap, peer: SocketAddr) -> Result<Self, BadRequest> {
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
        if told.host.is_empty() {
            return Err(BadRequest::Host);
        }
        let host = HeaderValue::from_bytes(told.host).map_err(|_| BadRequest::Host)?;
        // Most checks have one of them, or none: look through what is there rather than for what may be.
        let of_the_hop: Names = headers.keys().filter(|name| is_of_the_hop(name.as_str())).cloned().collect();
        for name in of_the_hop {
            headers.remove(name);
        }
        headers.insert(HOST, host);
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from(target);
        *request.headers_mut() = headers;
        let (head, ()) = request.into_parts();
        Ok(Self { head, scheme, peer })
    }

    /// The request as the decision wants it.
    pub fn inbound(&self) -> Result<Inbound<'_>, BadRequest> {
        Inbound::read(&self.head, self.scheme, self.peer)
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The path as it was told, without the query.
    pub fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// The client's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }
}

#[cfg(test)]
mod tests {
    use http::header::TRANSFER_ENCODING;

    use super::*;

    fn told(method: &str, target: &str, scheme: &str, host: &str) -> Result<String, BadRequest> {
        let told = Told {
            method: method.as_bytes(),
            target: target.as_bytes(),
            scheme: scheme.as_bytes(),
            host: host.as_bytes(),
        };
        let mut headers = HeaderMap::new();
        headers.append(HOST, HeaderValue::from_static("of-the-check"));
        headers.append(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        headers.append(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        let relayed = Relayed::new(told, headers, ([127, 0, 0, 1], 1).into())?;
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
