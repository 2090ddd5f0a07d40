//! The head of a request, whatever it came in.

use countersign_model::Headers;
use http::uri::{Authority, PathAndQuery};
use http::{Method, Version, request};

/// The head of a request, borrowed from whoever received it.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method, as sent.
    pub method: &'a Method,
    /// The path and query, byte for byte as sent; what is no path does not begin with a slash.
    pub target: &'a str,
    /// The authority, where the target was an absolute URI or the request came in HTTP/2.
    pub authority: Option<&'a str>,
    /// What it came in.
    pub version: Version,
    /// The headers, as sent.
    pub headers: Headers<'a>,
}

impl<'a> Head<'a> {
    /// The head that `parts` are, whose headers are `headers`.
    pub fn of(parts: &'a request::Parts, headers: Headers<'a>) -> Self {
        Self {
            method: &parts.method,
            target: parts.uri.path_and_query().map_or("", PathAndQuery::as_str),
            authority: parts.uri.authority().map(Authority::as_str),
            version: parts.version,
            headers,
        }
    }

    /// The target without its query.
    pub fn path(&self) -> &'a str {
        self.split().0
    }

    /// The path, and what follows the first `?`.
    pub(crate) fn split(&self) -> (&'a str, &'a str) {
        self.target.split_once('?').unwrap_or((self.target, ""))
    }
}
