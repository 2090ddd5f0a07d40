//! What the tour's clients have in common, and what each vendor's documents tell them to do.
//!
//! Each signs by itself, in the few lines that a customer's developer would write, and not with the code that checks.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, StatusCode};
use md5::{Digest as _, Md5};

/// An HTTP client that takes every status as an answer.
pub(super) struct Client(ureq::Agent);

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) request_id: String,
    pub(super) body: serde_json::Value,
}

/// A call did not get an answer at all.
#[derive(Debug, thiserror::Error)]
#[error("no answer from the gateway")]
pub(crate) struct NoAnswer(#[source] ureq::Error);

impl Client {
    pub(super) fn new() -> Self {
        Self(ureq::Agent::config_builder().http_status_as_error(false).build().into())
    }

    pub(super) fn call(&self, request: Request<Vec<u8>>) -> Result<Answer, NoAnswer> {
        let response = self.0.run(request).map_err(NoAnswer)?;
        let status = response.status();
        let request_id = response
            .headers()
            .get("x-request-id")
            .and_then(|id| id.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let text = response.into_body().read_to_string().map_err(NoAnswer)?;
        let body = serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text));
        Ok(Answer { status, request_id, body })
    }
}

/// Realm: base64 of HMAC-SHA256 over method, path, timestamp and body, with newlines between them.
pub(super) fn realm_signature(secret: &str, method: &str, path: &str, timestamp: i64, body: &[u8]) -> String {
    let text = [format!("{method}\n{path}\n{timestamp}\n").as_bytes(), body].concat();
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &text))
}

/// PitchPrint: hex of MD5 over key, secret and timestamp.
pub(super) fn pitchprint_signature(api_key: &str, secret: &str, timestamp: i64) -> String {
    let digest = Md5::digest(format!("{api_key}{secret}{timestamp}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
