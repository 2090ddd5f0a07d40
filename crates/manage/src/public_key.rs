//! The forms in which public keys are handed around, brought to the one that cannot be taken for a shared secret.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::NotImported;

const PEM: &[u8] = b"-----BEGIN ";

/// A kind of bare key: its length in bytes, its first bytes where they tell something, and the identifiers of its algorithm in DER, as
/// `SubjectPublicKeyInfo` has them (RFC 5480 section 2.1.1, RFC 8410 section 4).
struct Bare {
    lens: &'static [usize],
    algorithm: &'static [u8],
}

const EC: [u8; 9] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

const BARE: [Bare; 4] = [
    Bare { lens: &[32], algorithm: &[0x06, 0x03, 0x2b, 0x65, 0x70] },
    // prime256v1
    Bare {
        lens: &[33, 65],
        algorithm: &[
            EC[0], EC[1], EC[2], EC[3], EC[4], EC[5], EC[6], EC[7], EC[8], 0x06, 0x08, 0x2a, 0x86, 0x48,
            0xce, 0x3d, 0x03, 0x01, 0x07,
        ],
    },
    // secp256k1
    Bare {
        lens: &[33, 65],
        algorithm: &[
            EC[0], EC[1], EC[2], EC[3], EC[4], EC[5], EC[6], EC[7], EC[8], 0x06, 0x05, 0x2b, 0x81, 0x04,
            0x00, 0x0a,
        ],
    },
    // secp384r1
    Bare {
        lens: &[49, 97],
        algorithm: &[
            EC[0], EC[1], EC[2], EC[3], EC[4], EC[5], EC[6], EC[7], EC[8], 0x06, 0x05, 0x2b, 0x81, 0x04,
            0x00, 0x22,
        ],
    },
];

/// Whether this is something in PEM (RFC 7468).
pub(crate) fn is_pem(text: &[u8]) -> bool {
    text.trim_ascii_start().starts_with(PEM)
}

/// Fails for what stands in PEM and is no public key.
pub(crate) fn refuse_others(text: &[u8]) -> Result<(), NotImported> {
    let Some(kind) = text.trim_ascii_start().strip_prefix(PEM) else { return Ok(()) };
    let line = kind.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let says = |word: &[u8]| line.windows(word.len()).any(|part| part == word);
    if says(b"PRIVATE KEY") {
        return Err(NotImported::PrivateKey);
    }
    if says(b"CERTIFICATE") {
        return Err(NotImported::Certificate);
    }
    Ok(())
}

/// What this public key may be, in the order in which a dialect is asked: in PEM, which no dialect takes for a shared secret; then as it was
/// written, for dialects that decode it themselves.
pub(crate) fn forms(text: &[u8]) -> Vec<Vec<u8>> {
    let text = text.trim_ascii();
    let mut forms = Vec::new();
    if !is_pem(text) {
        for bytes in decoded(text) {
            let of_length = BARE.iter().filter(|bare| bare.lens.contains(&bytes.len()));
            forms.extend(of_length.map(|bare| pem(&bare.info(&bytes))));
            // DER begins with a sequence.
            forms.extend(bytes.starts_with(&[0x30]).then(|| pem(&bytes)));
        }
    }
    forms.push(text.to_vec());
    forms
}

impl Bare {
    /// The `SubjectPublicKeyInfo` (RFC 5280 section 4.1) of a bare key: all lengths in it are below 128.
    fn info(&self, key: &[u8]) -> Vec<u8> {
        let algorithm = element(0x30, self.algorithm);
        let key = element(0x03, &[&[0], key].concat());
        element(0x30, &[algorithm, key].concat())
    }
}

/// An element of DER with fewer than 128 bytes in it (X.690 section 8.1.3.4).
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = u8::try_from(content.len()).unwrap_or(u8::MAX);
    [&[tag, len], content].concat()
}

fn pem(der: &[u8]) -> Vec<u8> {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der)).into_bytes()
}

fn decoded(text: &[u8]) -> Vec<Vec<u8>> {
    let hex = hex(text.strip_prefix(b"0x").unwrap_or(text));
    let base64 = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
        .iter()
        .find_map(|engine| engine.decode(text).ok());
    hex.into_iter().chain(base64).collect()
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some((digit(*high)? << 4) | digit(*low)?)).collect()
}
