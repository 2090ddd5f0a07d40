//! Other keys and other algorithms.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use countersign_dialect::{Seen, Trial};
use countersign_model::Secret;

use super::secrets::secrets;
use crate::OtherSecret;
use crate::finding::{Finding, Kind};
use crate::view::Scene;

/// A way to make a signature of a text.
pub(crate) struct Way {
    pub(crate) finding: Finding,
    pub(crate) rank: u32,
    how: How,
}

enum How {
    /// Under a key or with another algorithm.
    Trial(Trial),
    /// A hash with the secret around the text.
    Around(Trial, [Secret<Vec<u8>>; 2]),
    /// The text is the key, and the secret the message.
    Swapped(String, Secret<Vec<u8>>),
    /// The text is hashed, perhaps written as hex, and then signed.
    Hashed(Trial, &'static digest::Algorithm, Written),
}

#[derive(Clone, Copy)]
enum Written {
    Raw,
    Hex,
}

impl Way {
    /// Which of these signatures is made of the text in this way.
    pub(crate) fn which(&self, text: &[u8], signatures: &[&[u8]]) -> Option<usize> {
        match &self.how {
            How::Trial(trial) => trial.which(text, signatures),
            How::Around(trial, [front, end]) => {
                let whole = Secret::new([front.expose(), text, end.expose()].concat());
                trial.which(whole.expose(), signatures)
            }
            How::Swapped(algorithm, secret) => {
                Trial::new(algorithm, &Secret::new(text.to_vec()))?.which(secret.expose(), signatures)
            }
            How::Hashed(trial, algorithm, written) => {
                let digest = digest::digest(algorithm, text);
                match written {
                    Written::Raw => trial.which(digest.as_ref(), signatures),
                    Written::Hex => trial.which(hex::encode(digest).as_bytes(), signatures),
                }
            }
        }
    }
}

/// The other ways in which a text may have been signed, the likeliest first.
pub(crate) fn ways(scene: &Scene<'_>, algorithm: &str, others: &[OtherSecret]) -> Vec<Way> {
    let mut all = Vec::new();
    let own = scene.what_if.key(&scene.seen());
    if !scene.what_if.signs_secret() {
        keys(scene, algorithm, others, &mut all);
    }
    if let Some(own) = &own {
        algorithms(algorithm, own, &mut all);
        let is_hmac = algorithm.starts_with("hmac-");
        for (hash, name, written) in [
            (&digest::SHA256, "SHA-256", Written::Hex),
            (&digest::SHA256, "SHA-256", Written::Raw),
            (&digest::SHA512, "SHA-512", Written::Hex),
            (&digest::SHA512, "SHA-512", Written::Raw),
            (&digest::SHA1_FOR_LEGACY_USE_ONLY, "SHA-1", Written::Hex),
        ] {
            if is_hmac && let Some(trial) = Trial::new(algorithm, own) {
                let form = match written {
                    Written::Raw => "bytes",
                    Written::Hex => "hex",
                };
                let said = format!(
                    "The client hashed the string to sign with {name} first, and signed the {form} of the hash."
                );
                let finding =
                    Finding::new(Kind::HashedFirst, said, "Give the string to sign itself to the HMAC.");
                all.push(Way { finding, rank: 60, how: How::Hashed(trial, hash, written) });
            }
        }
    }
    if let Some(hash) = algorithm.strip_prefix("hmac-") {
        hashes(scene, hash, own.as_ref(), &mut all);
    }
    all.sort_by_key(|way| way.rank);
    all
}

fn keys(scene: &Scene<'_>, algorithm: &str, others: &[OtherSecret], all: &mut Vec<Way>) {
    let mut known: Vec<Secret<Vec<u8>>> = Vec::new();
    let own = scene.what_if.key(&scene.seen());
    known.extend(own.clone());
    let mut push = |finding: &Finding, rank, key: &Secret<Vec<u8>>| {
        if known.iter().any(|known| verify_slices_are_equal(known.expose(), key.expose()).is_ok()) {
            return;
        }
        if let Some(trial) = Trial::new(algorithm, key) {
            known.push(key.clone());
            all.push(Way { finding: finding.clone(), rank, how: How::Trial(trial) });
        }
    };
    let is_bare = scene.what_if.key_is_secret();
    if !is_bare {
        let told = scene.what_if.key_told();
        let finding = Finding::new(
            Kind::SecretNotDecoded,
            format!(
                "The client used the secret as it is written; this dialect makes the key of it first (`{told}`)."
            ),
            "Decode or derive the key as the vendor describes it, and sign with that.",
        );
        push(&finding, 3, scene.secret);
    }
    for other in secrets(scene, others) {
        let seen = Seen { secret: other.secret.expose(), ..scene.seen() };
        if let Some(key) = scene.what_if.key(&seen) {
            push(&other.finding, other.rank, &key);
        }
        if !is_bare {
            push(&other.finding, other.rank + 40, &other.secret);
        }
    }
}

/// The algorithms that clients confuse, and how people write them.
const HASHES: [(&str, &str); 10] = [
    ("sha256", "SHA-256"),
    ("sha1", "SHA-1"),
    ("sha512", "SHA-512"),
    ("md5", "MD5"),
    ("sha384", "SHA-384"),
    ("sha224", "SHA-224"),
    ("sha3-256", "SHA3-256"),
    ("sha512-256", "SHA-512/256"),
    ("sha3-512", "SHA3-512"),
    ("keccak256", "Keccak-256"),
];

/// Algorithms of private keys that one key can make.
const PUBLIC: [&str; 13] = [
    "rsa-sha1",
    "rsa-sha256",
    "rsa-sha384",
    "rsa-sha512",
    "rsa-pss-sha256",
    "rsa-pss-sha384",
    "rsa-pss-sha512",
    "ecdsa-p256",
    "ecdsa-p256-asn1",
    "ecdsa-p384",
    "ecdsa-p384-asn1",
    "ecdsa-secp256k1",
    "ecdsa-secp256k1-asn1",
];

fn algorithms(own: &str, key: &Secret<Vec<u8>>, all: &mut Vec<Way>) {
    let kind = if own.starts_with("hmac-") { "hmac-" } else { "" };
    let is_hash = HASHES.iter().any(|(hash, _)| format!("{kind}{hash}") == own);
    let names: Vec<String> = if is_hash {
        HASHES.iter().map(|(hash, _)| format!("{kind}{hash}")).collect()
    } else {
        PUBLIC.iter().map(|name| (*name).to_owned()).collect()
    };
    for name in names.into_iter().filter(|name| name != own && own != "plain") {
        let Some(trial) = Trial::new(&name, key) else { continue };
        let said = format!("The client signed with `{name}`; this dialect signs with `{own}`.");
        let finding = Finding::new(Kind::Algorithm, said, format!("Sign with `{own}`."));
        all.push(Way { finding, rank: 2, how: How::Trial(trial) });
    }
}

/// A plain hash where an HMAC should be, and an HMAC with its arguments in each other's place.
fn hashes(scene: &Scene<'_>, own: &str, key: Option<&Secret<Vec<u8>>>, all: &mut Vec<Way>) {
    let nothing = || Secret::new(Vec::new());
    let secret = || scene.secret.clone();
    let own_first = HASHES.iter().map(|(hash, _)| *hash).filter(|hash| *hash != own);
    for (number, hash) in (0_u32..).zip(std::iter::once(own).chain(own_first)) {
        let later = if number == 0 { 0 } else { 40 };
        let name = HASHES.iter().find(|(known, _)| *known == hash).map_or(hash, |(_, name)| *name);
        let ways = [
            (
                [secret(), nothing()],
                format!("The client made a plain {name} of the secret and the string to sign, and no HMAC."),
            ),
            (
                [nothing(), secret()],
                format!("The client made a plain {name} of the string to sign and the secret, and no HMAC."),
            ),
            (
                [nothing(), nothing()],
                format!(
                    "The client made a plain {name} of the string to sign, without the secret, and no HMAC."
                ),
            ),
            (
                [secret(), secret()],
                format!("The client made a plain {name} with the secret at both ends, and no HMAC."),
            ),
        ];
        for (rank, (around, said)) in (20_u32..).zip(ways) {
            if let Some(trial) = Trial::new(hash, &nothing()) {
                let finding = Finding::new(
                    Kind::PlainHash,
                    said,
                    format!(
                        "Use HMAC (`hmac-{own}`): the secret is its key, the string to sign its message."
                    ),
                );
                all.push(Way { finding, rank: rank + later, how: How::Around(trial, around) });
            }
        }
        let keys = std::iter::once(scene.secret).chain(key);
        for secret in keys {
            let finding = Finding::new(
                Kind::Swapped,
                "The client gave the HMAC the string to sign as its key and the secret as its message.",
                "Change them over: the secret is the key, the string to sign the message.",
            );
            all.push(Way {
                finding,
                rank: 1 + later,
                how: How::Swapped(format!("hmac-{hash}"), secret.clone()),
            });
        }
    }
}
