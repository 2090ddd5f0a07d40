//! What a wallet hashes before it signs.

use tiny_keccak::{Hasher as _, Keccak};

/// The Keccak-256 of the text as wallets sign it: EIP-191 version `0x45` (`personal_sign`), which puts
/// `"\x19Ethereum Signed Message:\n"` and the text's length in bytes before the text.
pub fn personal_hash(text: &[u8]) -> [u8; 32] {
    keccak256(&[b"\x19Ethereum Signed Message:\n", text.len().to_string().as_bytes(), text])
}

/// The Keccak-256 (the submission, not FIPS 202) of the parts, one after the other.
pub(crate) fn keccak256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Keccak::v256();
    for part in parts {
        hasher.update(part);
    }
    let mut hash = [0; 32];
    hasher.finalize(&mut hash);
    hash
}
