//! A request as a dialect sees it.

use countersign_model::Headers;
use http::HeaderName;

use crate::claim::Flaw;

/// A request, borrowed from whoever received it, byte for byte as it came.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method, as sent.
    pub method: &'a str,
    /// `http` or `https`, as the client saw it.
    pub scheme: &'a str,
    /// The authority that the client named: `Host`, with its port where it sent one.
    pub host: &'a str,
    /// The request target in origin form, exactly as sent: the path and, where there is one, `?` and the query.
    pub target: &'a str,
    /// The headers.
    pub headers: Headers<'a>,
    /// The body; `None` while it has not been read.
    pub body: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    /// The path: the target up to the first `?`.
    pub fn path(&self) -> &'a str {
        self.split().0
    }

    /// The query: what follows the first `?`. `None` where there is no `?`.
    pub fn query(&self) -> Option<&'a str> {
        self.split().1
    }

    /// The host without its port.
    pub fn hostname(&self) -> &'a str {
        self.host_and_port().0
    }

    /// The port that the client named, or the one that its scheme implies.
    pub fn port(&self) -> &'a str {
        match (self.host_and_port().1, self.scheme) {
            (Some(port), _) => port,
            (None, "http") => "80",
            (None, _) => "443",
        }
    }

    /// The value of a header; `None` where it does not stand there. [`Flaw::Twice`] where it stands there more than once.
    pub fn header(&self, name: &HeaderName) -> Result<Option<&'a [u8]>, Flaw> {
        self.headers.only(name.as_str()).map_err(|_twice| Flaw::Twice)
    }

    fn host_and_port(&self) -> (&'a str, Option<&'a str>) {
        match self.host.rsplit_once(':') {
            // The colons of an IPv6 address stand inside brackets.
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            Some(_) | None => (self.host, None),
        }
    }

    fn split(&self) -> (&'a str, Option<&'a str>) {
        let mark = memchr::memchr(b'?', self.target.as_bytes());
        match mark.and_then(|at| Some((self.target.get(..at)?, self.target.get(at + 1..)?))) {
            Some((path, query)) => (path, Some(query)),
            None => (self.target, None),
        }
    }
}

/// Headers, target and body may hold secrets: only what names the request is printed.
impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}
