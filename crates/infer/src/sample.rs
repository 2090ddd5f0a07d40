//! A captured request.

use countersign_dialect::Request;
use countersign_model::HeaderList;

/// A captured request, byte for byte as it was sent.
#[derive(Clone)]
pub struct Sample {
    /// The method.
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// The authority that the client named.
    pub host: String,
    /// The path and, where there is one, `?` and the query.
    pub target: String,
    /// The headers.
    pub headers: HeaderList,
    /// The names of headers as they were written, for the eye; those that are not here are written as most people do.
    pub names: Vec<String>,
    /// The body; empty where there was none.
    pub body: Vec<u8>,
}

impl Sample {
    /// The same as a dialect sees it.
    pub fn request(&self) -> Request<'_> {
        Request {
            method: &self.method,
            scheme: &self.scheme,
            host: &self.host,
            target: &self.target,
            headers: self.headers.view(),
            body: Some(&self.body),
        }
    }

    /// A header's name for the eye.
    pub(crate) fn title(&self, name: &str) -> String {
        let written = self.names.iter().find(|written| written.eq_ignore_ascii_case(name));
        written.cloned().unwrap_or_else(|| titled(name))
    }

    /// How much there is to look at, in bytes.
    pub(crate) fn size(&self) -> usize {
        let headers: usize = self.headers.view().iter().map(|header| header.value.len() + 8).sum();
        self.method.len() + self.target.len() + headers + self.body.len()
    }
}

/// A header's name as most people write it.
fn titled(name: &str) -> String {
    let word = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + chars.as_str())
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

/// Headers, target and body may hold secrets: only what names the request is printed.
impl std::fmt::Debug for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sample").field("method", &self.method).finish_non_exhaustive()
    }
}
