//! The name of one request, by which an operator finds it.

use std::fmt;

use countersign_model::Entropy;
use http::HeaderValue;
use uuid::Uuid;

/// The longest request id that is taken over from a client, in characters.
const CLIENT_ID_CHARS: usize = 64;

/// The name of one request: the client's own where it sent a sensible one, else a new one. It is no secret and proves
/// nothing; it goes to the log, to the upstream and back to the caller.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The client's id if it is 1 to 64 characters of ASCII letters, digits, `-`, `_` and `.`; a random UUID otherwise.
    pub fn choose(from_client: Option<&HeaderValue>, entropy: &dyn Entropy) -> Self {
        let sensible = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        match from_client {
            Some(id) if (1..=CLIENT_ID_CHARS).contains(&id.len()) && id.as_bytes().iter().all(sensible) => {
                Self(id.clone())
            }
            Some(_) | None => Self::random(entropy),
        }
    }

    /// A random UUID (RFC 9562 section 5.4).
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
        let mut text = Uuid::encode_buffer();
        let text: &str = id.as_hyphenated().encode_lower(&mut text);
        // A UUID is always a header value; the fallback is there so that nothing on a request's path can panic.
        Self(HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("none")))
    }

    /// The id as a header's value.
    pub fn as_header(&self) -> &HeaderValue {
        &self.0
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;

    impl Entropy for Sevens {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[test]
    fn a_sensible_id_is_taken_over_and_any_other_replaced() {
        let ours = "07070707-0707-4707-8707-070707070707";
        let long = "a".repeat(65);
        for (sent, expected) in
            [("req-1_a.b", "req-1_a.b"), ("", ours), ("a b", ours), ("a\"b", ours), (long.as_str(), ours)]
        {
            let value = HeaderValue::from_str(sent).unwrap();
            assert_eq!(RequestId::choose(Some(&value), &Sevens).as_str(), expected);
        }
        assert_eq!(RequestId::choose(None, &Sevens).as_str(), ours);
    }
}
