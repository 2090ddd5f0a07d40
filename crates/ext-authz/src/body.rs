//! The body of a request, as far as Envoy sent it along.

use bytes::Bytes;
use countersign_verify::{BodyFailure, BodySource};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;

/// How Envoy says whether the body that it sends along is a part only. It drops what a client sends under this name.
const PARTIAL_BODY: &str = "x-envoy-auth-partial-body";

/// The body of a request.
pub(crate) enum Sent {
    /// Envoy sends none along.
    Unseen,
    /// It is longer than Envoy sends along.
    Partial,
    /// All of it, and nobody looked at it yet.
    Whole(Bytes),
    /// All of it, after somebody looked at it.
    Read(Bytes),
}

impl Sent {
    /// What came with a check at a door that sees bodies. Without the header there was none to send.
    pub(crate) fn with(http: &mut HttpRequest) -> Self {
        let mut parts = http
            .header_map
            .iter()
            .flat_map(|raw| &raw.headers)
            .filter(|header| header.key == PARTIAL_BODY)
            .map(|header| &*header.raw_value);
        match (parts.next(), parts.next()) {
            (None, _) | (Some(b"false"), None) => {}
            (Some(_), _) => return Self::Partial,
        }
        // As text it has lost what is not UTF-8: `pack_as_bytes` was left out.
        if !http.body.is_empty() {
            return Self::Unseen;
        }
        Self::Whole(Bytes::from(std::mem::take(&mut http.raw_body)))
    }
}

impl Sent {
    /// All of it, where somebody looked at it.
    pub(crate) fn held(self) -> Option<Bytes> {
        match self {
            Self::Unseen | Self::Partial | Self::Whole(_) => None,
            Self::Read(bytes) => Some(bytes),
        }
    }
}

impl BodySource for Sent {
    async fn read(&mut self) -> Result<Bytes, BodyFailure> {
        match self {
            Self::Unseen => Err(BodyFailure::NotSeen),
            Self::Partial => Err(BodyFailure::Partial),
            Self::Whole(bytes) => {
                let whole = std::mem::take(bytes);
                *self = Self::Read(whole.clone());
                Ok(whole)
            }
            Self::Read(bytes) => Ok(bytes.clone()),
        }
    }
}
