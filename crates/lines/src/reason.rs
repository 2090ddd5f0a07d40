//! The words after a status.

use bytes::Bytes;

/// The reason phrase of a response (RFC 9112 section 4), among its extensions where it is not the usual one for its status. It has no
/// control characters but tabs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(Bytes);

impl Reason {
    /// The phrase, if it is one.
    pub fn new(phrase: Bytes) -> Option<Self> {
        let allowed = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
        phrase.iter().all(allowed).then_some(Self(phrase))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its bytes, not copied.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}
