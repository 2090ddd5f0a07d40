//! Values that could be signatures, by length and alphabet.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use crate::hash::Hash;
use crate::layout::{Atom, Layout, Place};

const URL_ANY_PAD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Words that vendors call signatures by.
const WORDS: [&str; 9] = ["signature", "sign", "sig", "hmac", "mac", "hash", "digest", "auth", "token"];
/// The most values of one sample that are tried as its signature.
const MAX_TARGETS: usize = 4;

/// What could be the signature of a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// How a template reads it, without the braces.
    pub(crate) expr: String,
    /// Where it stands.
    pub(crate) place: Place,
    /// The step that it needs.
    pub(crate) step: Option<usize>,
    /// How it is written, as a dialect file says it.
    pub(crate) encoding: &'static str,
    /// What it is in this sample.
    pub(crate) bytes: Vec<u8>,
}

/// Whether a text could be a signature.
pub(crate) fn looks_signed(text: &str) -> bool {
    decoded(text).is_some()
}

/// How a text is written and what it comes to, where it is as long as a digest.
pub(crate) fn decoded(text: &str) -> Option<(&'static str, Vec<u8>)> {
    let digest = |bytes: &Vec<u8>| Hash::ALL.iter().any(|hash| hash.len() == bytes.len());
    if let Some(bytes) = unhex(text).filter(digest) {
        let upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
        return Some((if upper { "HEX" } else { "hex" }, bytes));
    }
    if let Ok(bytes) = STANDARD.decode(text) {
        // First, because 64 digits are as long as a digest themselves.
        if let Some(inner) = std::str::from_utf8(&bytes).ok().and_then(unhex).filter(digest) {
            return Some(("hex | base64", inner));
        }
        if digest(&bytes) {
            return Some(("base64", bytes));
        }
    }
    let bytes = URL_ANY_PAD.decode(text).ok().filter(digest)?;
    Some((if text.ends_with('=') { "base64url-pad" } else { "base64url" }, bytes))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    digits
        .len()
        .is_multiple_of(2)
        .then(|| digits.chunks(2).map(|pair| pair.iter().fold(0, |all, d| all << 4 | d)).collect())
}

/// What could be the signature of this sample, the likeliest first.
pub(crate) fn targets(
    layout: &Layout,
    sample: usize,
    body: &[u8],
    key_id: Option<&str>,
    secret: &[u8],
) -> Vec<Target> {
    let mut found: Vec<(usize, Target)> = layout
        .atoms
        .iter()
        .filter_map(|atom| {
            let text = atom.text(sample)?;
            let known = key_id == Some(text) || text.as_bytes() == secret;
            let (encoding, bytes) = decoded(text).filter(|_| !known)?;
            // A digest of the body is made without the secret.
            let of_body =
                Hash::ALL.iter().any(|hash| hash.len() == bytes.len() && hash.of(body).bytes() == bytes);
            let target = Target {
                expr: atom.expr.clone(),
                place: atom.place.clone(),
                step: atom.step,
                encoding,
                bytes,
            };
            (!of_body).then(|| (rank(atom), target))
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    let mut targets: Vec<Target> = found.into_iter().map(|(_, target)| target).collect();
    targets.truncate(MAX_TARGETS);
    targets
}

/// Smaller is likelier.
fn rank(atom: &Atom) -> usize {
    let word = WORDS.iter().position(|word| atom.hint.contains(word)).unwrap_or(WORDS.len());
    let nonce = usize::from(atom.hint.contains("nonce") || atom.hint.contains("uuid")) * 20;
    word + nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_known_by_its_length_and_alphabet() {
        let hex = "0c489fab3ef6640167d15c78370d10201431b0248b46350a5c21243ca70e64c5";
        assert_eq!(decoded(hex).map(|(encoding, _)| encoding), Some("hex"));
        assert_eq!(decoded(&hex.to_uppercase()).map(|(encoding, _)| encoding), Some("HEX"));
        assert_eq!(decoded("qZk+NkcGgWq6PiVxeFDCbJzQ2J0=").map(|(encoding, _)| encoding), Some("base64"));
        assert_eq!(
            decoded("eNqRUR5nVYf1ud94vt669VYNoqu4gWLuh13N90SVHZ4").map(|(encoding, _)| encoding),
            Some("base64url")
        );
        assert_eq!(decoded("application/json"), None);
        assert_eq!(decoded("1795262400"), None);
    }
}
