//! SHA-256 (FIPS 180-4) and HMAC over it (RFC 2104), at little cost for short texts.
//!
//! What is signed is a few blocks long as a rule, and setting up and copying a library's contexts takes as long as digesting it. Where the
//! processor has instructions for SHA-256, its blocks are digested here one after the other and nothing is set up. Elsewhere the
//! library's own code is much the quicker, and is taken.
//!
//! Nothing branches on what is digested, and nothing is looked up by it.

mod blocks;
mod hmac;

pub use hmac::{HmacSha256, Running};

/// The length of a digest, in bytes.
pub const DIGEST_LEN: usize = 32;

/// Who digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// The processor's instructions, block by block.
    Blocks,
    /// The library.
    Library,
}

impl Means {
    /// The quicker one here.
    fn best() -> Self {
        if blocks::are_quick() { Self::Blocks } else { Self::Library }
    }
}

/// The SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; DIGEST_LEN] {
    by(Means::best(), bytes)
}

fn by(means: Means, bytes: &[u8]) -> [u8; DIGEST_LEN] {
    match means {
        Means::Blocks => blocks::end(&blocks::INITIAL, 0, bytes),
        Means::Library => of_library(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref()),
    }
}

/// A digest as the library gives it.
fn of_library(digest: &[u8]) -> [u8; DIGEST_LEN] {
    let mut bytes = [0; DIGEST_LEN];
    bytes.copy_from_slice(digest);
    bytes
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};

    use super::*;

    pub(crate) const BOTH: [Means; 2] = [Means::Blocks, Means::Library];

    #[test]
    fn the_examples_of_the_standard_have_their_digests() {
        let hex = |bytes: [u8; DIGEST_LEN]| bytes.map(|byte| format!("{byte:02x}")).concat();
        for means in BOTH {
            let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
            assert_eq!(hex(by(means, b"abc")), abc);
            let two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
            let digest = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
            assert_eq!(hex(by(means, two_blocks)), digest);
        }
    }

    #[test]
    fn texts_of_every_length_have_the_digest_that_the_library_gives() {
        let text: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for length in 0..text.len() {
            assert_eq!(
                by(Means::Blocks, &text[..length]),
                digest(&SHA256, &text[..length]).as_ref(),
                "{length}"
            );
        }
    }
}
