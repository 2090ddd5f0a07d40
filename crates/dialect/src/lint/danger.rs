//! What a file says of its own risks, and where the settings stand that they are about.

use crate::compile::text::text;
use crate::lint::Risk;
use crate::mistake::{Mistakes, Place};
use crate::names::{closest, listed};
use crate::raw::Table;

/// The shortest reason, in characters: a word or two at least.
const MIN_REASON: usize = 8;
const PREFIX: &str = "danger_";

/// A place in a file, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, as [`crate::Source::origin`] names it.
    pub origin: String,
    /// The line, from 1.
    pub line: usize,
}

/// A `danger_NAME` in a file that no longer applies: nothing of that name is left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// What is recorded.
    pub risk: Risk,
    /// Where it stands.
    pub place: Location,
}

/// What is kept of a dialect's table for the linter.
pub(crate) struct Notes {
    meant: Vec<Meant>,
    /// Where the dialect begins.
    head: Location,
    string_to_sign: Option<Location>,
    algorithm: Option<Location>,
    window: Option<Location>,
    replay: Option<Location>,
}

/// A risk that a file records as meant.
struct Meant {
    risk: Risk,
    reason: String,
    place: Location,
    /// Whether it stands in the dialect's own table, and not in that of one it is like.
    written: Written,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Here,
    Inherited,
}

impl Notes {
    /// Takes the entries that record a danger out of a dialect's table, and notes where the settings stand.
    /// `own` are the keys of the dialect's own table, before it was laid over another.
    pub(crate) fn take(table: &mut Table, own: &Table, head: Place, mistakes: &mut Mistakes<'_>) -> Self {
        let at = |key: &str| {
            let entry = table.0.iter().find(|entry| entry.key == key)?;
            Some(mistakes.location(entry.key_place))
        };
        let (string_to_sign, algorithm) = (at("string_to_sign"), at("algorithm"));
        let (window, replay) = (at("window"), at("replay"));
        let head = mistakes.location(head);
        Self { meant: meant(table, own, mistakes), head, string_to_sign, algorithm, window, replay }
    }

    pub(super) fn reason(&self, risk: Risk) -> Option<String> {
        self.meant.iter().find(|meant| meant.risk == risk).map(|meant| meant.reason.clone())
    }

    /// What the dialect itself records as meant, though it is not among what was found.
    pub(super) fn stale(&self, found: &[Risk]) -> Vec<Stale> {
        let stale = |meant: &&Meant| meant.written == Written::Here && !found.contains(&meant.risk);
        let told = |meant: &Meant| Stale { risk: meant.risk, place: meant.place.clone() };
        self.meant.iter().filter(stale).map(told).collect()
    }

    /// Where a risk stands; where nothing is said of it, where the dialect begins.
    pub(super) fn place(&self, risk: Risk) -> Location {
        let place = match risk {
            Risk::Plain | Risk::Md5 | Risk::Sha1 | Risk::RsaSha1 | Risk::HmacMd5 | Risk::HmacSha1 => {
                &self.algorithm
            }
            Risk::LengthExtension
            | Risk::DigestMd5
            | Risk::DigestSha1
            | Risk::AmbiguousJoin
            | Risk::DecodedTarget
            | Risk::UnsignedBody
            | Risk::UnsignedPath
            | Risk::UnsignedMethod
            | Risk::UnsignedQuery
            | Risk::UnsignedHost
            | Risk::UnsignedTime
            | Risk::UnsignedNonce => &self.string_to_sign,
            Risk::LongWindow => &self.window,
            Risk::NoReplayGuard => &self.replay,
            Risk::NoTime => &None,
        };
        place.as_ref().unwrap_or(&self.head).clone()
    }
}

fn meant(table: &mut Table, own: &Table, mistakes: &mut Mistakes<'_>) -> Vec<Meant> {
    let keys: Vec<String> =
        table.0.iter().map(|entry| entry.key.clone()).filter(|key| key.starts_with(PREFIX)).collect();
    let mut found = Vec::new();
    for key in keys {
        let Some(entry) = table.take(&key) else { continue };
        let key_place = entry.key_place;
        let Some(risk) = Risk::ALL.into_iter().find(|risk| key.strip_prefix(PREFIX) == Some(risk.name()))
        else {
            let known: Vec<String> =
                Risk::ALL.iter().map(|risk| format!("{PREFIX}{}", risk.name())).collect();
            let would_do = match closest(&key, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("one of {}", listed(&known)),
            };
            mistakes.add(key_place, format!("nothing dangerous is called `{key}`"), would_do);
            continue;
        };
        let Some(reason) = text(entry, mistakes) else { continue };
        if reason.text.trim().chars().count() < MIN_REASON {
            let would_do = format!("say why it is meant, in {MIN_REASON} characters or more");
            mistakes.add(reason.place, format!("`{key}` without a reason"), would_do);
        }
        let here = own.0.iter().any(|entry| entry.key == key);
        found.push(Meant {
            risk,
            reason: reason.text.trim().to_owned(),
            place: mistakes.location(key_place),
            written: if here { Written::Here } else { Written::Inherited },
        });
    }
    found
}
