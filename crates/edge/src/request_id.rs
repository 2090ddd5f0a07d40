//! The name of one request, by which an operator finds it.

use std::fmt;

use countersign_model::Entropy;
use http::HeaderValue;

use crate::digits;

/// The longest request id that is taken over from a client, in characters.
const CLIENT_ID_CHARS: usize = 64;

/// The name of one request: the client's own where it sent a sensible one, else a new one. It is no secret and proves
/// nothing; it goes to the log, to the upstream and back to the caller.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(Text);

#[derive(Clone, PartialEq, Eq)]
enum Text {
    Clients(HeaderValue),
    /// ASCII. Held here, so that it needs no memory of its own.
    Ours([u8; 36]),
}

impl RequestId {
    /// The client's id if it is 1 to 64 characters of ASCII letters, digits, `-`, `_` and `.`; a random UUID otherwise.
    pub fn choose(from_client: Option<&[u8]>, entropy: &dyn Entropy) -> Self {
        let sensible = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        match from_client {
            Some(id) if (1..=CLIENT_ID_CHARS).contains(&id.len()) && id.iter().all(sensible) => {
                HeaderValue::from_bytes(id)
                    .map_or_else(|_| Self::random(entropy), |id| Self(Text::Clients(id)))
            }
            Some(_) | None => Self::random(entropy),
        }
    }

    /// A random UUID (RFC 9562 section 5.4).
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        Self(Text::Ours(digits::uuid(uuid::Builder::from_random_bytes(bytes).into_uuid().into_bytes())))
    }

    /// The id as a header's value.
    pub fn to_header(&self) -> HeaderValue {
        match &self.0 {
            Text::Clients(id) => id.clone(),
            // Digits are always a header's value; the fallback is there so that nothing on a request's path can panic.
            Text::Ours(id) => {
                HeaderValue::from_bytes(id).unwrap_or_else(|_| HeaderValue::from_static("none"))
            }
        }
    }

    /// The id as it stands in a header: ASCII letters, digits, `-`, `_` and `.`.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Clients(id) => id.as_bytes(),
            Text::Ours(id) => id,
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
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
            let id = RequestId::choose(Some(sent.as_bytes()), &Sevens);
            assert_eq!(id.as_str(), expected);
            assert_eq!(id.to_header(), expected);
        }
        assert_eq!(RequestId::choose(None, &Sevens).as_str(), ours);
    }
}
