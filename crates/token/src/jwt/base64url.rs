//! Base64url without padding (RFC 7515 section 2), in its one canonical form: the bits that the last
//! character has to spare are zero (RFC 4648 section 3.5).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The text is not canonical base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotBase64url;

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn decode(text: &str) -> Result<Vec<u8>, NotBase64url> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotBase64url)
}

/// Decodes into `buffer` and gives what was decoded; a text that might not fit is refused.
pub(super) fn decode_into<'a>(text: &str, buffer: &'a mut [u8]) -> Result<&'a [u8], NotBase64url> {
    let len = URL_SAFE_NO_PAD.decode_slice(text, buffer).map_err(|_| NotBase64url)?;
    buffer.get(..len).ok_or(NotBase64url)
}
