//! How signatures are made: HMAC, a hash, the secret itself, or a private key whose public half is known.

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};

use countersign_model::Address;

use crate::codec::Codec;
use crate::ethereum;
use crate::hash::Hash;

/// A way to make signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Hmac(Hash),
    /// A plain hash, with the secret somewhere in the string to sign.
    Hash(Hash),
    /// No function at all: the string to sign is the signature. For vendors that send the secret itself.
    Plain,
    /// With a public key as the credential's secret.
    Public(Public),
}

/// Signatures of private keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Public {
    Ed25519,
    /// RSASSA-PKCS1-v1_5.
    RsaSha1,
    RsaSha256,
    RsaSha384,
    RsaSha512,
    PssSha256,
    PssSha384,
    PssSha512,
    /// ECDSA, the signature in ASN.1 as X.509 has it.
    P256,
    P384,
    P521,
    Secp256k1,
    /// ECDSA, the two numbers behind each other as JOSE and RFC 9421 have it.
    P256Fixed,
    P384Fixed,
    P521Fixed,
    Secp256k1Fixed,
    /// ECDSA over secp256k1 and Keccak-256, the key an account's address.
    Ethereum,
}

/// What a signature of a private key is held against.
pub(crate) enum PublicKey {
    /// The key.
    Key(ParsedPublicKey),
    /// The address of an account, which a signature must tell.
    Account(Address),
}

impl PublicKey {
    /// Whether this is a signature of a text.
    pub(crate) fn signed(&self, text: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Key(key) => key.verify_sig(text, signature).is_ok(),
            Self::Account(address) => {
                ethereum::signed_by(*address, Hash::Keccak256.of(text).bytes(), signature)
            }
        }
    }
}

impl Public {
    const NAMES: [(&'static str, Self); 17] = [
        ("ed25519", Self::Ed25519),
        ("rsa-sha1", Self::RsaSha1),
        ("rsa-sha256", Self::RsaSha256),
        ("rsa-sha384", Self::RsaSha384),
        ("rsa-sha512", Self::RsaSha512),
        ("rsa-pss-sha256", Self::PssSha256),
        ("rsa-pss-sha384", Self::PssSha384),
        ("rsa-pss-sha512", Self::PssSha512),
        ("ecdsa-p256-asn1", Self::P256),
        ("ecdsa-p384-asn1", Self::P384),
        ("ecdsa-p521-asn1", Self::P521),
        ("ecdsa-secp256k1-asn1", Self::Secp256k1),
        ("ecdsa-p256", Self::P256Fixed),
        ("ecdsa-p384", Self::P384Fixed),
        ("ecdsa-p521", Self::P521Fixed),
        ("ecdsa-secp256k1", Self::Secp256k1Fixed),
        ("ethereum", Self::Ethereum),
    ];

    /// The library's algorithm; `None` where it has none.
    fn verification(self) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match self {
            Self::Ethereum => return None,
            Self::Ed25519 => &signature::ED25519,
            Self::RsaSha1 => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Self::RsaSha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::RsaSha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::RsaSha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::PssSha256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::PssSha384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::PssSha512 => &signature::RSA_PSS_2048_8192_SHA512,
            Self::P256 => &signature::ECDSA_P256_SHA256_ASN1,
            Self::P384 => &signature::ECDSA_P384_SHA384_ASN1,
            Self::Secp256k1 => &signature::ECDSA_P256K1_SHA256_ASN1,
            Self::P256Fixed => &signature::ECDSA_P256_SHA256_FIXED,
            Self::P384Fixed => &signature::ECDSA_P384_SHA384_FIXED,
            Self::P521 => &signature::ECDSA_P521_SHA512_ASN1,
            Self::P521Fixed => &signature::ECDSA_P521_SHA512_FIXED,
            Self::Secp256k1Fixed => &signature::ECDSA_P256K1_SHA256_FIXED,
        })
    }

    /// The hash that it signs the digest of; none where the text itself is signed.
    pub(crate) fn hash(self) -> Option<Hash> {
        match self {
            Self::Ed25519 => None,
            Self::RsaSha1 => Some(Hash::Sha1),
            Self::RsaSha256
            | Self::PssSha256
            | Self::P256
            | Self::P256Fixed
            | Self::Secp256k1
            | Self::Secp256k1Fixed => Some(Hash::Sha256),
            Self::RsaSha384 | Self::PssSha384 | Self::P384 | Self::P384Fixed => Some(Hash::Sha384),
            Self::RsaSha512 | Self::PssSha512 | Self::P521 | Self::P521Fixed => Some(Hash::Sha512),
            Self::Ethereum => Some(Hash::Keccak256),
        }
    }

    /// The public key in `bytes`: PEM or DER (RFC 5280, `SubjectPublicKeyInfo`), or the bare key that the algorithm has, or the
    /// address of an account. `None` where it is no key of this algorithm.
    pub(crate) fn key(self, bytes: &[u8]) -> Option<PublicKey> {
        let Some(verification) = self.verification() else {
            return Address::parse(std::str::from_utf8(bytes).ok()?).ok().map(PublicKey::Account);
        };
        let der = pem(bytes);
        ParsedPublicKey::new(verification, der.as_deref().unwrap_or(bytes)).ok().map(PublicKey::Key)
    }
}

impl Algorithm {
    /// The algorithm of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        if let Some(hash) = name.strip_prefix("hmac-") {
            return Hash::named(hash).map(Self::Hmac);
        }
        let public = || Public::NAMES.iter().find(|(known, _)| *known == name);
        Hash::named(name)
            .map(Self::Hash)
            .or_else(|| (name == "plain").then_some(Self::Plain))
            .or_else(|| public().map(|(_, public)| Self::Public(*public)))
    }

    /// Its name.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Hmac(hash) => format!("hmac-{}", hash.name()),
            Self::Hash(hash) => hash.name().to_owned(),
            Self::Plain => "plain".to_owned(),
            Self::Public(public) => {
                let known = Public::NAMES.iter().find(|(_, known)| *known == public);
                known.map_or("", |(name, _)| *name).to_owned()
            }
        }
    }

    /// The names of all.
    pub(crate) fn names() -> Vec<String> {
        let hashes = || Hash::NAMES.iter().map(|(name, _)| (*name).to_owned());
        let public = Public::NAMES.iter().map(|(name, _)| (*name).to_owned());
        hashes()
            .map(|hash| format!("hmac-{hash}"))
            .chain(hashes())
            .chain(public)
            .chain(["plain".into()])
            .collect()
    }
}

const PEM_BEGIN: &[u8] = b"-----BEGIN PUBLIC KEY-----";
const PEM_END: &[u8] = b"-----END PUBLIC KEY-----";

/// Whether these bytes are a public key in PEM: never the key of an HMAC, since everybody may know it.
pub(crate) fn is_pem(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"-----BEGIN ")
}

/// The DER inside a PEM public key (RFC 7468 section 13).
fn pem(bytes: &[u8]) -> Option<Vec<u8>> {
    let inside = bytes.trim_ascii().strip_prefix(PEM_BEGIN)?.strip_suffix(PEM_END)?;
    let text: Vec<u8> = inside.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    Codec::Base64.decode_vec(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_the_name_of_an_algorithm() {
        for name in Algorithm::names() {
            assert_eq!(Algorithm::named(&name).map(Algorithm::name), Some(name));
        }
    }

    #[test]
    fn a_key_of_one_algorithm_is_no_key_of_another() {
        let ed25519 = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA+P2CYoqxxmO+fudr9NxapyFCKErNmhBsiSREnYjJAqQ=\n-----END PUBLIC KEY-----\n";
        assert!(Public::Ed25519.key(ed25519).is_some());
        assert!(Public::RsaSha256.key(ed25519).is_none());
        assert!(Public::P256.key(ed25519).is_none());
        assert!(Public::Ed25519.key(b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----").is_none());
    }
}
