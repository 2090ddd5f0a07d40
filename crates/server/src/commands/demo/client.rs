//! What the tour's clients have in common, and what each vendor's documents tell them to do.
//!
//! Each signs by itself, in the few lines that a customer's developer would write, and not with the code that checks.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_edge::REQUEST_ID;
use http::{Request, StatusCode};
use http_body_util::Full;
use md5::{Digest as _, Md5};

use crate::commands::http::{self as http_client, NoAnswer};

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) request_id: String,
    pub(super) body: serde_json::Value,
}

/// Sends a request; every status is an answer.
pub(super) async fn call(request: Request<Bytes>) -> Result<Answer, NoAnswer> {
    let response = http_client::send(request.map(Full::new)).await?;
    let request_id = response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let request_id = request_id.unwrap_or_default().to_owned();
    let text = String::from_utf8_lossy(response.body());
    let body = serde_json::from_str(&text).unwrap_or_else(|_| text.into());
    Ok(Answer { status: response.status(), request_id, body })
}

/// Realm: base64 of HMAC-SHA256 over method, path, timestamp and body, with newlines between them.
pub(super) fn realm_signature(secret: &str, method: &str, path: &str, timestamp: i64, body: &[u8]) -> String {
    let text = [format!("{method}\n{path}\n{timestamp}\n").as_bytes(), body].concat();
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &text))
}

/// PitchPrint: hex of MD5 over key, secret and timestamp.
pub(super) fn pitchprint_signature(api_key: &str, secret: &str, timestamp: i64) -> String {
    hex(&Md5::digest(format!("{api_key}{secret}{timestamp}")))
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
