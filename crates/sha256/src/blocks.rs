//! Blocks, and the end of a text.

use sha2::block_api::compress256;

use crate::DIGEST_LEN;

/// The length of a block, in bytes.
pub(crate) const BLOCK: usize = 64;

/// What is known of a text after some of its blocks.
pub(crate) type State = [u32; 8];

/// Of none (FIPS 180-4 section 5.3.3).
pub(crate) const INITIAL: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The length of the text, in bits, ends its last block.
const LENGTH: usize = size_of::<u64>();

/// Whether the processor has instructions for SHA-256.
pub(crate) fn are_quick() -> bool {
    #[cfg(target_arch = "x86_64")]
    let quick = std::arch::is_x86_feature_detected!("sha") && std::arch::is_x86_feature_detected!("sse4.1");
    #[cfg(target_arch = "aarch64")]
    let quick = std::arch::is_aarch64_feature_detected!("sha2");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let quick = false;
    quick
}

/// Takes in whole blocks.
pub(crate) fn take(state: &mut State, blocks: &[[u8; BLOCK]]) {
    compress256(state, blocks);
}

/// The digest of a text that goes on from `state` with `bytes` and ends. `before` is how many bytes are in the state; they are whole blocks.
pub(crate) fn end(state: &State, before: u64, bytes: &[u8]) -> [u8; DIGEST_LEN] {
    let mut state = *state;
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    take(&mut state, blocks);
    // The rest, a bit that is set, zeros and the length (FIPS 180-4 section 5.1.1): one block, or two.
    let mut last = [[0; BLOCK]; 2];
    let count = if rest.len() + 1 + LENGTH <= BLOCK { 1 } else { 2 };
    let padded = last.get_mut(..count).unwrap_or_default();
    let (text, padding) = padded.as_flattened_mut().split_at_mut(rest.len());
    text.copy_from_slice(rest);
    if let Some(mark) = padding.first_mut() {
        *mark = 0x80;
    }
    if let Some(length) = padding.last_chunk_mut() {
        *length = ((before + bytes.len() as u64) * 8).to_be_bytes();
    }
    take(&mut state, padded);
    let mut digest = [0; DIGEST_LEN];
    for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}
