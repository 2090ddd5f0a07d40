//! Signatures that were written in another way.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::target::{Plus, decode};
use crate::finding::{Finding, Kind};
use crate::view::Scene;

/// The bytes that a signature may have been meant to be.
pub(crate) struct Signature {
    /// What is wrong with how it is written; `None` where it is written as it should be.
    pub(crate) finding: Option<Finding>,
    pub(crate) bytes: Vec<u8>,
}

const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// The fewest bytes of a digest.
const MIN_DIGEST: usize = 16;

/// Everything that the signatures of a claim may have been meant to be, as it is written first.
pub(crate) fn signatures(scene: &Scene<'_>) -> Vec<Signature> {
    let Some(codecs) = scene.what_if.encodings() else { return Vec::new() };
    let should = if codecs.is_empty() { "as it is".to_owned() } else { codecs.join(" of ") };
    let mut all: Vec<Signature> = Vec::new();
    for sent in scene.claim.signatures() {
        if let Some(bytes) = codecs.iter().rev().try_fold(sent.to_vec(), |text, codec| undo(codec, &text)) {
            all.push(Signature { finding: None, bytes });
        }
    }
    for sent in scene.claim.signatures() {
        let Ok(text) = std::str::from_utf8(sent) else { continue };
        for (text, mangled) in written(text) {
            for (bytes, form) in readings(&text) {
                if bytes.len() < MIN_DIGEST || all.iter().any(|known| known.bytes == bytes) {
                    continue;
                }
                let (kind, said) = match mangled {
                    None if form == should => (
                        Kind::SignatureMangled,
                        "The last sign of the signature is another one than its bytes make: it was changed or cut."
                            .to_owned(),
                    ),
                    None => (
                        Kind::SignatureEncoding,
                        format!(
                            "The client sent the signature as {form}; this dialect writes it as {should}."
                        ),
                    ),
                    Some(how) => (Kind::SignatureMangled, format!("The signature {how}.")),
                };
                let finding = Finding::new(
                    kind,
                    said,
                    format!("Send the signature as {should}, and nothing else with it."),
                );
                all.push(Signature { finding: Some(finding), bytes });
            }
        }
    }
    all
}

/// Undoes one step, as strictly as dialects do.
fn undo(codec: &str, text: &[u8]) -> Option<Vec<u8>> {
    use base64::engine::general_purpose;
    match codec {
        "hex" | "HEX" => unhex(std::str::from_utf8(text).ok()?),
        "base64" => general_purpose::STANDARD.decode(text).ok(),
        "base64-nopad" => general_purpose::STANDARD_NO_PAD.decode(text).ok(),
        _ => URL.decode(text).ok(),
    }
}

/// The text of a signature without what should not be there.
fn written(text: &str) -> Vec<(String, Option<&'static str>)> {
    let mut all = vec![(text.to_owned(), None)];
    let mut push = |other: String, how| {
        if other != text && all.iter().all(|(known, _)| *known != other) {
            all.push((other, Some(how)));
        }
    };
    push(text.trim().to_owned(), "has blanks around it");
    push(text.trim_matches(['"', '\'']).to_owned(), "stands in quotes");
    if let Some((_, bare)) =
        text.split_once(['=', ' ', ':']).filter(|(front, bare)| front.len() < 16 && bare.len() > 20)
    {
        push(bare.to_owned(), "has a name in front, and should stand there alone");
    }
    if let Some(bare) = text.strip_prefix("0x") {
        push(bare.to_owned(), "has `0x` in front");
    }
    push(
        text.replace(' ', "+"),
        "lost its `+` signs on the way: they were sent without escapes, and read as blanks",
    );
    push(String::from_utf8(decode(text, Plus::Plain)).unwrap_or_default(), "was sent with percent-escapes");
    push(text.split_ascii_whitespace().collect(), "has blanks or line ends inside");
    push(text.replace("\\n", ""), "has `\\n` inside");
    if let Some(inner) = text.strip_prefix("b'").and_then(|text| text.strip_suffix('\'')) {
        push(inner.to_owned(), "is how Python prints bytes (`b'...'`), and not those bytes");
    }
    all
}

/// The bytes that a text may stand for.
fn readings(text: &str) -> Vec<(Vec<u8>, &'static str)> {
    let mut all = Vec::new();
    let mut push = |bytes: Option<Vec<u8>>, form| {
        if let Some(bytes) = bytes {
            all.push((bytes, form));
        }
    };
    let hex = unhex(text);
    let upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
    let base64 = STANDARD.decode(text).ok();
    let url = URL.decode(text).ok();
    push(hex.clone(), if upper { "upper-case hex" } else { "hex" });
    push(
        base64.clone(),
        if text.ends_with('=') || text.len().is_multiple_of(4) {
            "base64"
        } else {
            "base64 without its padding"
        },
    );
    push(url.clone(), "base64url");
    let of_text = |bytes: Option<Vec<u8>>| bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let inner = of_text(base64.or(url));
    push(inner.as_deref().and_then(unhex), "base64 of its hex");
    push(inner.and_then(|inner| STANDARD.decode(inner).ok()), "base64 of its base64");
    let inner = of_text(hex);
    push(inner.as_deref().and_then(unhex), "hex of its hex");
    push(inner.and_then(|inner| STANDARD.decode(inner).ok()), "hex of its base64");
    push(Some(text.as_bytes().to_vec()), "it is");
    all
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    if rest.is_empty() { bytes.collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_in_every_encoding_that_it_may_be() {
        let bytes = [0xfb; 32];
        let base64 = base64::engine::general_purpose::STANDARD.encode(bytes);
        let hex = hex::encode(bytes);
        let of_hex = base64::engine::general_purpose::STANDARD.encode(&hex);
        for (text, form) in [
            (hex.as_str(), "hex"),
            (&hex.to_uppercase(), "upper-case hex"),
            (&base64, "base64"),
            (base64.trim_end_matches('='), "base64 without its padding"),
            (&base64.replace('+', "-").replace('/', "_"), "base64url"),
            (&of_hex, "base64 of its hex"),
        ] {
            assert!(readings(text).iter().any(|(read, told)| read == &bytes && *told == form), "{form}");
        }
    }
}
