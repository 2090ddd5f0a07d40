//! What clients get wrong, as changes to what they should have signed. The likeliest have the lowest rank.

mod body;
mod encoding;
mod headers;
mod jsontext;
mod keys;
mod parts;
mod secrets;
mod shape;
mod target;
mod words;

pub(crate) use encoding::{Signature, signatures};
pub(crate) use keys::{Way, ways};

use countersign_dialect::Looks;

use crate::OtherSecret;
use crate::finding::{Finding, Kind};
use crate::view::{Change, OwnSecret, Scene};

/// A mistake that a client may have made, and what it would have signed then.
#[derive(Clone, Debug)]
pub(crate) struct Suspicion {
    pub(crate) finding: Finding,
    pub(crate) rank: u32,
    pub(crate) change: Change,
    /// Whether it is one of many exact guesses, such as each millisecond of a second.
    pub(crate) guess: bool,
}

impl Suspicion {
    fn new(
        kind: Kind,
        rank: u32,
        change: Change,
        said: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { finding: Finding::new(kind, said, remedy), rank, change, guess: false }
    }

    fn guessed(self) -> Self {
        Self { guess: true, ..self }
    }
}

/// Everything that may have gone wrong with the string to sign, the likeliest first.
pub(crate) fn suspicions(scene: &Scene<'_>, looks: &Looks, others: &[OtherSecret]) -> Vec<Suspicion> {
    let mut all = Vec::new();
    all.extend(words::suspicions(scene, looks));
    all.extend(parts::suspicions(scene));
    all.extend(target::suspicions(scene));
    all.extend(body::suspicions(scene));
    all.extend(headers::suspicions(scene));
    all.extend(shape::suspicions(scene));
    if scene.what_if.signs_secret() {
        let secrets = secrets::secrets(scene, others).into_iter().map(|other| Suspicion {
            finding: other.finding,
            rank: other.rank,
            change: Change::Secret(OwnSecret(other.secret)),
            guess: false,
        });
        all.extend(secrets);
    }
    // Stable: of one rank, those that were thought of first.
    all.sort_by_key(|suspicion| suspicion.rank);
    all
}

pub(crate) use words::zone;

/// What is wrong with a digest that the request holds of its body, where a check of the dialect fails.
pub(crate) fn digests(scene: &Scene<'_>) -> Vec<Finding> {
    let Some(broken) = scene.broken_checks(&[]) else { return Vec::new() };
    let absent = scene.what_if.absent_headers(&scene.seen());
    if let Some((check, header)) = absent.first() {
        return vec![Finding::new(
            Kind::Missing,
            format!("The header `{header}` is not there, and the check `{check}` of the dialect reads it."),
            format!("Send `{header}`, as the dialect describes it."),
        )];
    }
    let names = broken.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let mut bodies = body::suspicions(scene);
    bodies.sort_by_key(|suspicion| suspicion.rank);
    let right = bodies
        .into_iter()
        .find(|one| scene.broken_checks(&[&one.change]).is_some_and(|broken| broken.is_empty()));
    let said = format!(
        "What the request says of itself does not fit it: the check {names} of the dialect does not hold."
    );
    let finding = match right {
        Some(right) => Finding::new(
            Kind::Digest,
            format!(
                "The digest in the request is of another body than the one that arrived. {}",
                right.finding.said
            ),
            "Write the body once, make the digest of those bytes, and send the same bytes.",
        ),
        None => Finding::new(
            Kind::Digest,
            format!(
                "{said} If it is a digest of the body, the body was changed after it was made, or it is of another kind."
            ),
            "Make the digest of the bytes that are sent, as the dialect describes it.",
        ),
    };
    vec![finding]
}
