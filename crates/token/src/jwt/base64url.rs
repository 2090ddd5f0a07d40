//! Base64url without padding (RFC 7515 section 2), in its one canonical form: the bits that the last
//! character has to spare are zero (RFC 4648 section 3.5).

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::Simd;
use base64::engine::general_purpose::{NO_PAD, URL_SAFE_NO_PAD};

/// The text is not canonical base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotBase64url;

/// Room on the stack for the claims of a usual token, in bytes.
pub(super) type Room = [u8; 1024];

/// Four times as fast, by means that Rust does not check: it gets to see nothing but what we signed
/// ourselves.
static FAST: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Encodes to the end of `text`.
pub(super) fn encode_to(bytes: &[u8], text: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// Decodes what a stranger sent.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, NotBase64url> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotBase64url)
}

/// Decodes what a stranger sent into `buffer` and gives what was decoded; a text that might not fit is
/// refused.
pub(super) fn decode_into<'a>(text: &str, buffer: &'a mut [u8]) -> Result<&'a [u8], NotBase64url> {
    let len = URL_SAFE_NO_PAD.decode_slice(text, buffer).map_err(|_| NotBase64url)?;
    buffer.get(..len).ok_or(NotBase64url)
}

/// Decodes what carries our signature, into `room` where that is enough.
pub(super) fn decode_signed<'a>(text: &str, room: &'a mut Room) -> Result<Cow<'a, [u8]>, NotBase64url> {
    if text.len() > room.len() {
        return FAST.decode(text).map(Cow::Owned).map_err(|_| NotBase64url);
    }
    let len = FAST.decode_slice(text, room).map_err(|_| NotBase64url)?;
    room.get(..len).map(Cow::Borrowed).ok_or(NotBase64url)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_engines_take_the_same_texts(text in "[A-Za-z0-9_-]{0,90}[A-Za-z0-9_=+/. -]?[A-Za-z0-9_-]{0,90}") {
            let fast = decode_signed(&text, &mut [0; 1024]).map(Cow::into_owned);
            prop_assert_eq!(fast, decode(&text));
        }

        #[test]
        fn what_was_encoded_decodes_whatever_its_length(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
            let text = encode(&bytes);
            prop_assert_eq!(decode_signed(&text, &mut [0; 1024]).map(Cow::into_owned), Ok(bytes.clone()));
            prop_assert_eq!(decode(&text), Ok(bytes));
        }
    }
}
