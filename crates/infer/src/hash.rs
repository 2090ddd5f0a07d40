//! Hashes and HMACs for the search: at once over one buffer, which costs less than a stream for short texts.

use aws_lc_rs::digest;
use md5::Digest as _;
use tiny_keccak::Hasher as _;

/// The longest digest, in bytes.
pub(crate) const MAX_DIGEST: usize = 64;
/// The longest block that HMAC pads a key to, in bytes.
const MAX_BLOCK: usize = 144;

/// A hash function of the dialect language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_256,
    Sha3_256,
    Sha3_384,
    Sha3_512,
    Keccak256,
    Keccak512,
}

impl Hash {
    /// All of them, the likeliest of each length first.
    pub(crate) const ALL: [Self; 12] = [
        Self::Sha256,
        Self::Sha512,
        Self::Sha1,
        Self::Md5,
        Self::Sha384,
        Self::Sha224,
        Self::Sha512_256,
        Self::Sha3_256,
        Self::Sha3_512,
        Self::Sha3_384,
        Self::Keccak256,
        Self::Keccak512,
    ];

    /// Its name in a dialect file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::Sha512_256 => "sha512-256",
            Self::Sha3_256 => "sha3-256",
            Self::Sha3_384 => "sha3-384",
            Self::Sha3_512 => "sha3-512",
            Self::Keccak256 => "keccak256",
            Self::Keccak512 => "keccak512",
        }
    }

    /// The digest's length in bytes.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 | Self::Sha512_256 | Self::Sha3_256 | Self::Keccak256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 | Self::Keccak512 => 64,
        }
    }

    /// Whether it is one that most vendors know.
    pub(crate) fn is_common(self) -> bool {
        matches!(self, Self::Md5 | Self::Sha1 | Self::Sha256 | Self::Sha384 | Self::Sha512)
    }

    fn block(self) -> usize {
        match self {
            Self::Md5 | Self::Sha1 | Self::Sha224 | Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 | Self::Sha512_256 => 128,
            Self::Sha3_256 | Self::Keccak256 => 136,
            Self::Sha3_384 => 104,
            Self::Sha3_512 | Self::Keccak512 => 72,
        }
    }

    /// The digest of `bytes`.
    pub(crate) fn of(self, bytes: &[u8]) -> Digest {
        let algorithm = match self {
            Self::Md5 => return Digest::new(&md5::Md5::digest(bytes)),
            Self::Keccak256 => return keccak(tiny_keccak::Keccak::v256(), bytes, self.len()),
            Self::Keccak512 => return keccak(tiny_keccak::Keccak::v512(), bytes, self.len()),
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha224 => &digest::SHA224,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
            Self::Sha512_256 => &digest::SHA512_256,
            Self::Sha3_256 => &digest::SHA3_256,
            Self::Sha3_384 => &digest::SHA3_384,
            Self::Sha3_512 => &digest::SHA3_512,
        };
        Digest::new(digest::digest(algorithm, bytes).as_ref())
    }
}

fn keccak(mut keccak: tiny_keccak::Keccak, bytes: &[u8], len: usize) -> Digest {
    let mut out = [0; MAX_DIGEST];
    keccak.update(bytes);
    if let Some(out) = out.get_mut(..len) {
        keccak.finalize(out);
    }
    Digest { bytes: out, len }
}

/// A digest or a MAC.
#[derive(Clone, Copy)]
pub(crate) struct Digest {
    bytes: [u8; MAX_DIGEST],
    len: usize,
}

impl Digest {
    fn new(from: &[u8]) -> Self {
        let mut bytes = [0; MAX_DIGEST];
        let len = from.len().min(MAX_DIGEST);
        if let (Some(to), Some(from)) = (bytes.get_mut(..len), from.get(..len)) {
            to.copy_from_slice(from);
        }
        Self { bytes, len }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// An HMAC key (RFC 2104), its two padded blocks ready.
#[derive(Clone)]
pub(crate) struct HmacKey {
    hash: Hash,
    inner: Vec<u8>,
    outer: Vec<u8>,
}

impl HmacKey {
    pub(crate) fn new(hash: Hash, key: &[u8]) -> Self {
        let digested;
        let key = if key.len() > hash.block() {
            digested = hash.of(key);
            digested.bytes()
        } else {
            key
        };
        let padded = |pad: u8| {
            let mut block = vec![pad; hash.block().min(MAX_BLOCK)];
            for (byte, key) in block.iter_mut().zip(key) {
                *byte ^= key;
            }
            block
        };
        Self { hash, inner: padded(0x36), outer: padded(0x5c) }
    }

    /// The MAC of `bytes`. `scratch` is room to work in.
    pub(crate) fn of(&self, bytes: &[u8], scratch: &mut Vec<u8>) -> Digest {
        scratch.clear();
        scratch.extend_from_slice(&self.inner);
        scratch.extend_from_slice(bytes);
        let inner = self.hash.of(scratch);
        scratch.clear();
        scratch.extend_from_slice(&self.outer);
        scratch.extend_from_slice(inner.bytes());
        self.hash.of(scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macs_are_those_of_the_library() {
        use aws_lc_rs::hmac;
        for (hash, theirs) in [(Hash::Sha256, hmac::HMAC_SHA256), (Hash::Sha512, hmac::HMAC_SHA512)] {
            for key in [b"key".to_vec(), vec![7; 200]] {
                let ours = HmacKey::new(hash, &key).of(b"text", &mut Vec::new());
                assert_eq!(ours.bytes(), hmac::sign(&hmac::Key::new(theirs, &key), b"text").as_ref());
            }
        }
    }

    #[test]
    fn digests_are_as_long_as_is_said() {
        for hash in Hash::ALL {
            assert_eq!(hash.of(b"x").bytes().len(), hash.len(), "{}", hash.name());
        }
    }
}
