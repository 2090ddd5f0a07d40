//! Where headers of an answer are put.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The headers of an answer, in whatever form a door keeps them.
pub trait AnswerHeaders {
    /// Whether one of this name is there.
    fn has(&self, name: &HeaderName) -> bool;

    /// Adds one, beside others of its name. A value that cannot be one is left out.
    fn add(&mut self, name: &HeaderName, value: &[u8]);

    /// Adds one, in place of others of its name.
    fn set(&mut self, name: &HeaderName, value: &[u8]);
}

impl AnswerHeaders for HeaderMap {
    fn has(&self, name: &HeaderName) -> bool {
        self.contains_key(name)
    }

    fn add(&mut self, name: &HeaderName, value: &[u8]) {
        self.append(name, of_a_map(value));
    }

    fn set(&mut self, name: &HeaderName, value: &[u8]) {
        self.insert(name, of_a_map(value));
    }
}

fn of_a_map(value: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(value).unwrap_or_else(|_| HeaderValue::from_static(""))
}
