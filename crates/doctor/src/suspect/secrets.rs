//! Other secrets that a client may have used.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose;
use countersign_model::Secret;

use super::encoding::unhex;
use super::target::base64;
use crate::OtherSecret;
use crate::finding::{Finding, Kind};
use crate::limits::MAX_OTHER_SECRETS;
use crate::view::Scene;

/// A secret that a client may have used.
pub(super) struct Candidate {
    pub(super) finding: Finding,
    pub(super) rank: u32,
    pub(super) secret: Secret<Vec<u8>>,
}

const AS_ISSUED: &str = "Use the secret exactly as it was issued.";
const SET_IT: &str = "See that the secret is set where the client runs.";

/// Words that stand where a secret was never filled in.
const PLACEHOLDERS: [&str; 10] = [
    "undefined",
    "null",
    "None",
    "nil",
    "secret",
    "changeme",
    "your-secret",
    "YOUR_SECRET",
    "test",
    "[object Object]",
];

struct Candidates<'a> {
    own: &'a [u8],
    all: Vec<Candidate>,
}

impl Candidates<'_> {
    fn push(&mut self, kind: Kind, rank: u32, secret: Vec<u8>, said: impl Into<String>, remedy: &str) {
        let secret = Secret::new(secret);
        if verify_slices_are_equal(secret.expose(), self.own).is_err() {
            self.all.push(Candidate { finding: Finding::new(kind, said, remedy), rank, secret });
        }
    }
}

/// The other secrets that a client may have used. Of a secret of several parts, each part may have been another.
pub(super) fn secrets(scene: &Scene<'_>, others: &[OtherSecret]) -> Vec<Candidate> {
    let own = scene.secret.expose().as_slice();
    let key_id = scene.claim.key_id().as_bytes();
    let mut found = Candidates { own, all: Vec::new() };
    variants(own, key_id, &mut found);
    for other in others.iter().take(MAX_OTHER_SECRETS) {
        let said = format!("The client signed with {}.", other.label);
        let remedy = "Sign with the secret that belongs to the key id that is sent.";
        found.push(Kind::OtherSecret, 11, other.secret.expose().clone(), said, remedy);
    }
    let mut all = found.all;
    if let Ok(serde_json::Value::Object(members)) = serde_json::from_slice(own) {
        for (name, value) in &members {
            let Some(value) = value.as_str().filter(|value| !value.is_empty()) else { continue };
            let mut found = Candidates { own: value.as_bytes(), all: Vec::new() };
            variants(value.as_bytes(), key_id, &mut found);
            for Candidate { finding, rank, secret } in found.all {
                let Ok(text) = std::str::from_utf8(secret.expose()) else { continue };
                let mut members = members.clone();
                members.insert(name.clone(), text.into());
                let whole = Secret::new(serde_json::Value::Object(members).to_string().into_bytes());
                let finding = Finding {
                    said: format!("Of the part `{name}` of the secret: {}", finding.said),
                    ..finding
                };
                all.push(Candidate { finding, rank, secret: whole });
            }
        }
    }
    all
}

/// What may have been used in the place of one secret.
fn variants(own: &[u8], key_id: &[u8], found: &mut Candidates<'_>) {
    wrapped(own, found);
    if let Ok(text) = std::str::from_utf8(own) {
        decoded(text, found);
        parts(text, found);
    }
    encoded(own, found);
    if !key_id.is_empty() {
        found.push(
            Kind::SecretField,
            8,
            key_id.to_vec(),
            "The client used the key id as the secret.",
            "Sign with the secret; the key id only names it.",
        );
        for joined in [[key_id, own].concat(), [own, key_id].concat(), [key_id, b":", own].concat()] {
            let said = "The client used the key id and the secret together as the secret.";
            found.push(Kind::SecretField, 34, joined, said, AS_ISSUED);
        }
    }
    let where_it_signs = "its configuration does not reach the place where it signs.";
    let said = format!("The client signed with an empty secret: {where_it_signs}");
    found.push(Kind::SecretEmpty, 9, Vec::new(), said, SET_IT);
    for word in PLACEHOLDERS {
        let said = format!("The client signed with the word `{word}` as the secret: {where_it_signs}");
        found.push(Kind::SecretEmpty, 10, word.into(), said, SET_IT);
    }
}

fn wrapped(own: &[u8], found: &mut Candidates<'_>) {
    for (end, name) in [("\n", "a line end"), ("\r\n", "a CRLF"), (" ", "a blank")] {
        let said = format!("The client used the secret with {name} behind it, as files and consoles add it.");
        let remedy = "Trim the secret where it is read.";
        found.push(Kind::SecretWrapped, 5, [own, end.as_bytes()].concat(), said, remedy);
    }
    let said = "The client used the secret without the blanks around it.";
    found.push(Kind::SecretWrapped, 6, own.trim_ascii().to_vec(), said, AS_ISSUED);
    for quote in ["\"", "'"] {
        let said = format!(
            "The client used the secret with the quotes ({quote}) that stand around it in a configuration."
        );
        let secret = [quote.as_bytes(), own, quote.as_bytes()].concat();
        found.push(Kind::SecretWrapped, 7, secret, said, "Take the quotes off where the secret is read.");
    }
}

fn decoded(own: &str, found: &mut Candidates<'_>) {
    let standard = general_purpose::STANDARD.decode(own);
    let decoded = [
        (standard.or_else(|_| general_purpose::STANDARD_NO_PAD.decode(own)).ok(), "base64"),
        (general_purpose::URL_SAFE_NO_PAD.decode(own.trim_end_matches('=')).ok(), "base64url"),
        (unhex(own), "hex"),
    ];
    for (secret, form) in decoded {
        if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
            let said = format!("The client decoded the secret from {form} before it used it.");
            let remedy = "Use the secret as text, byte for byte as it was issued.";
            found.push(Kind::SecretDecoded, 4, secret, said, remedy);
        }
    }
}

fn parts(own: &str, found: &mut Candidates<'_>) {
    let whole = "Use all of the secret, with its prefix.";
    if let Some((_, behind)) = own.split_once('_') {
        let said = "The client used the secret without what stands before its `_`.";
        found.push(Kind::SecretField, 12, behind.into(), said, whole);
    }
    if let Some((_, behind)) = own.rsplit_once('_') {
        let said = "The client used only what stands behind the last `_` of the secret.";
        found.push(Kind::SecretField, 13, behind.into(), said, whole);
    }
    let Ok(serde_json::Value::Object(members)) = serde_json::from_str(own) else { return };
    for (name, value) in members {
        if let Some(value) = value.as_str().filter(|value| !value.is_empty()) {
            let said = format!("The client used only the part `{name}` of the secret.");
            let remedy = "Use every part of the secret as this dialect does.";
            found.push(Kind::SecretField, 14, value.into(), said, remedy);
        }
    }
}

fn encoded(own: &[u8], found: &mut Candidates<'_>) {
    let digest = digest::digest(&digest::SHA256, own);
    for (secret, rank, said) in [
        (base64(own).into_bytes(), 16, "The client encoded the secret in base64 before it used it."),
        (hex::encode(own).into_bytes(), 17, "The client encoded the secret in hex before it used it."),
        (own.to_ascii_lowercase(), 30, "The client used the secret in lower case."),
        (own.to_ascii_uppercase(), 30, "The client used the secret in upper case."),
        (
            hex::encode(digest).into_bytes(),
            31,
            "The client used the SHA-256 of the secret (in hex) in place of the secret.",
        ),
        (digest.as_ref().to_vec(), 32, "The client used the SHA-256 of the secret in place of the secret."),
        ([own, b"&"].concat(), 33, "The client put `&` behind the secret, as OAuth 1.0 does."),
    ] {
        found.push(Kind::SecretEncoded, rank, secret, said, AS_ISSUED);
    }
}
