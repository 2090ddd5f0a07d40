//! What a dialect leaves open: facts about the vendor's scheme, each with a name.
//!
//! None of them is a mistake: the vendor's clients are as they are. A route may add what the dialect lacks, and a file may
//! record with `danger_NAME = "reason"` that somebody has looked at it.

mod coverage;
mod danger;
mod decoded;
mod fields;
mod joins;
mod risk;
mod walk;

use std::time::Duration;

use crate::algorithm::{Algorithm, Public};
use crate::filter::Filter;
use crate::hash::Hash;
use crate::program::{Encoding, Field, Program};
use crate::recipe::{Recipe, Replay, RequestPart};

pub(crate) use self::danger::Notes;
pub use self::danger::{Location, Stale};
pub use self::risk::Risk;

/// A window longer than this is told.
const LONG_WINDOW: Duration = Duration::from_hours(1);

/// How much of a part of a request the signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// Nothing: every change goes unnoticed, unless the request cannot be read any more.
    Nothing,
    /// Something in it, or all of it in some requests.
    Partly,
    /// Every change is noticed.
    Whole,
}

/// One thing that a dialect leaves open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub risk: Risk,
    /// The variants that it is about, counted from 1 as they are written; 0 is the dialect itself.
    pub variants: Vec<usize>,
    /// Whether `variants` are all there are.
    pub reach: Reach,
    /// The reason that the file gives, where it records that this is meant.
    pub meant: Option<String>,
    /// Where it stands.
    pub place: Location,
}

/// Whether something holds for every request of a dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// In every variant.
    Always,
    /// In some of them.
    Sometimes,
}

impl Recipe {
    /// What the dialect leaves open, the worst first. What the file records as meant is told too, with its reason.
    pub fn lint(&self) -> Vec<Finding> {
        let mut found: Vec<(Risk, Vec<usize>)> = Vec::new();
        let last = self.variants.len().saturating_sub(1);
        for (at, program) in self.variants.iter().enumerate() {
            let number = if at == last { 0 } else { at + 1 };
            for risk in risks(self, program) {
                match found.iter_mut().find(|(known, _)| *known == risk) {
                    Some((_, variants)) => variants.push(number),
                    None => found.push((risk, vec![number])),
                }
            }
        }
        found.sort_by_key(|(risk, _)| *risk);
        let finding = |(risk, variants): (Risk, Vec<usize>)| Finding {
            risk,
            reach: if variants.len() == self.variants.len() { Reach::Always } else { Reach::Sometimes },
            variants,
            meant: self.notes.reason(risk),
            place: self.notes.place(risk),
        };
        found.into_iter().map(finding).collect()
    }

    /// What the file records as meant, and is no longer left open.
    pub fn stale(&self) -> Vec<Stale> {
        let found: Vec<Risk> = self.variants.iter().flat_map(|program| risks(self, program)).collect();
        self.notes.stale(&found)
    }

    /// How much of the time that a claim was read with its signature covers: of the timestamp, or of the end; the least, where there
    /// are both. `None` where there is neither.
    pub fn time_coverage_in(&self, claim: &crate::Claim<'_>) -> Option<Coverage> {
        self.program(claim).and_then(time_coverage)
    }

    /// How much of the nonce that a claim was read with its signature covers. `None` where there is none.
    pub fn nonce_coverage_in(&self, claim: &crate::Claim<'_>) -> Option<Coverage> {
        self.program(claim).and_then(|program| fields::of(program, Field::Nonce))
    }

    /// How much of a part the signature covers, at the least over all variants.
    pub fn coverage(&self, part: RequestPart) -> Coverage {
        let all = self.variants.iter().map(|program| coverage::of(program, part));
        all.min().unwrap_or(Coverage::Nothing)
    }

    /// The same for the variant that read this claim.
    pub fn coverage_in(&self, claim: &crate::Claim<'_>, part: RequestPart) -> Coverage {
        self.program(claim).map_or(Coverage::Nothing, |program| coverage::of(program, part))
    }
}

fn time_coverage(program: &Program) -> Option<Coverage> {
    let both = [Field::Timestamp, Field::Expires];
    both.into_iter().filter_map(|field| fields::of(program, field)).min()
}

fn risks(recipe: &Recipe, program: &Program) -> Vec<Risk> {
    let mut found = Vec::new();
    for part in RequestPart::EVERY {
        match coverage::of(program, part) {
            Coverage::Whole => {}
            Coverage::Partly | Coverage::Nothing => found.push(Risk::unsigned(part)),
        }
    }
    if joins::ambiguous(program) {
        found.push(Risk::AmbiguousJoin);
    }
    if decoded::ambiguous(program) {
        found.push(Risk::DecodedTarget);
    }
    for algorithm in &program.algorithms.list {
        found.extend(of_algorithm(*algorithm, program));
    }
    for hash in coverage::digests(program) {
        match hash {
            Hash::Md5 => found.push(Risk::DigestMd5),
            Hash::Sha1 => found.push(Risk::DigestSha1),
            Hash::Sha224
            | Hash::Sha256
            | Hash::Sha384
            | Hash::Sha512
            | Hash::Sha512_256
            | Hash::Sha3_256
            | Hash::Sha3_384
            | Hash::Sha3_512
            | Hash::Keccak256
            | Hash::Keccak512 => {}
        }
    }
    if time_coverage(program).is_some_and(|covered| covered < Coverage::Whole) {
        found.push(Risk::UnsignedTime);
    }
    if fields::of(program, Field::Nonce).is_some_and(|covered| covered < Coverage::Whole) {
        found.push(Risk::UnsignedNonce);
    }
    if recipe.replay == Replay::None {
        found.push(Risk::NoReplayGuard);
    }
    if program.timestamp.is_none() && program.expires.is_none() && recipe.replay != Replay::Increasing {
        found.push(Risk::NoTime);
    }
    let limits = &program.limits;
    // Where the request names its own window, `most` is what bounds it.
    let past = if limits.named_past.is_some() { None } else { limits.past };
    if [past, limits.future, limits.most].into_iter().flatten().any(|length| length > LONG_WINDOW)
        || (program.expires.is_some() && limits.most.is_none())
    {
        found.push(Risk::LongWindow);
    }
    found.dedup();
    found
}

fn of_algorithm(algorithm: Algorithm, program: &Program) -> Vec<Risk> {
    match algorithm {
        Algorithm::Plain => vec![Risk::Plain],
        Algorithm::Hmac(Hash::Md5) => vec![Risk::HmacMd5],
        Algorithm::Hmac(Hash::Sha1) => vec![Risk::HmacSha1],
        Algorithm::Public(Public::RsaSha1) => vec![Risk::RsaSha1],
        Algorithm::Hash(hash) => {
            let mut found = Vec::new();
            if hash == Hash::Md5 {
                found.push(Risk::Md5);
            }
            if hash == Hash::Sha1 {
                found.push(Risk::Sha1);
            }
            if extends(hash) && whole_digest(&program.encoding) && joins::can_be_extended(program) {
                found.push(Risk::LengthExtension);
            }
            found
        }
        Algorithm::Hmac(_) | Algorithm::Public(_) => Vec::new(),
    }
}

/// Whether a digest gives away the state from which hashing goes on: those of Merkle and Damgård that are not cut short.
fn extends(hash: Hash) -> bool {
    match hash {
        // SHA-224 is cut by so little that the rest can be tried.
        Hash::Md5 | Hash::Sha1 | Hash::Sha224 | Hash::Sha256 | Hash::Sha512 => true,
        Hash::Sha384
        | Hash::Sha512_256
        | Hash::Sha3_256
        | Hash::Sha3_384
        | Hash::Sha3_512
        | Hash::Keccak256
        | Hash::Keccak512 => false,
    }
}

/// Whether the whole digest is on the wire.
fn whole_digest(encoding: &Encoding) -> bool {
    match encoding {
        Encoding::Codecs(_) => true,
        Encoding::Filters(filters) => {
            !filters.iter().any(|filter| matches!(filter, Filter::Hash(_) | Filter::Slice(..)))
        }
    }
}
