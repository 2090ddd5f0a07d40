//! The search for the change under which the signature is right.
//!
//! A signature that is right under a change is right by no other: two different texts, keys or algorithms do not make the same one. So
//! the order of trying decides how long it takes, and not what is found; what makes the same text is tried once, by its
//! likeliest name.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use countersign_dialect::{Looks, Trial};
use countersign_model::Secret;

use crate::OtherSecret;
use crate::finding::Finding;
use crate::limits::{
    MAX_PAIRS, MAX_TEXTS, MAX_WORK_BYTES, PAIRED, PAIRED_WITH_TIMES, PUBLIC_KEY_WORK_BYTES,
    TRIED_IN_EVERY_WAY,
};
use crate::report::Tried;
use crate::suspect::{Signature, Suspicion, Way, signatures, suspicions, ways};
use crate::view::{Change, Scene};

/// What each attempt costs beside its bytes.
const ATTEMPT_BYTES: usize = 256;

/// Looks for the client's mistake: what it did, one finding alone or two together.
pub(crate) fn search(
    scene: &Scene<'_>,
    looks: &Looks,
    algorithm: &str,
    others: &[OtherSecret],
) -> (Option<Vec<Finding>>, Tried) {
    let suspicions = suspicions(scene, looks, others);
    let own = scene.what_if.key(&scene.seen()).and_then(|key| Trial::new(algorithm, &key));
    let request = scene.request.target.len() + scene.request.body.map_or(0, <[u8]>::len);
    let mut search = Search {
        scene,
        own,
        signatures: signatures(scene),
        ways: ways(scene, algorithm, others),
        seen: HashSet::new(),
        request,
        work: 0,
        tried: Tried::default(),
    };
    search.tried.signatures = search.signatures.len();
    search.tried.ways = search.ways.len();
    let found = search.run(&suspicions);
    search.tried.complete = search.work < MAX_WORK_BYTES;
    (found, search.tried)
}

struct Search<'a> {
    scene: &'a Scene<'a>,
    own: Option<Trial>,
    signatures: Vec<Signature>,
    ways: Vec<Way>,
    /// The texts that were tried, by their hashes.
    seen: HashSet<u64>,
    /// What putting one text together costs, in bytes.
    request: usize,
    work: usize,
    tried: Tried,
}

impl Search<'_> {
    fn run(&mut self, suspicions: &[Suspicion]) -> Option<Vec<Finding>> {
        if let Some(text) = self.text(&[])
            && let Some(found) = self.own(text.expose(), &[]).or_else(|| self.every_way(text.expose(), &[]))
        {
            return Some(found);
        }
        let mut likely: Vec<&Suspicion> = Vec::new();
        let mut guesses: Vec<&Suspicion> = Vec::new();
        for suspicion in suspicions.iter().take(MAX_TEXTS) {
            if self.work >= MAX_WORK_BYTES {
                return None;
            }
            let Some(text) = self.text(&[&suspicion.change]) else { continue };
            let findings = [&suspicion.finding];
            if let Some(found) = self.own(text.expose(), &findings) {
                return Some(found);
            }
            if suspicion.guess {
                guesses.push(suspicion);
            } else {
                likely.push(suspicion);
            }
            if !suspicion.guess
                && likely.len() <= TRIED_IN_EVERY_WAY
                && let Some(found) = self.every_way(text.expose(), &findings)
            {
                return Some(found);
            }
        }
        self.pairs(&likely, &guesses)
    }

    fn pairs(&mut self, likely: &[&Suspicion], guesses: &[&Suspicion]) -> Option<Vec<Finding>> {
        let near = likely.get(..likely.len().min(PAIRED)).unwrap_or_default();
        let nearest = near.get(..near.len().min(PAIRED_WITH_TIMES)).unwrap_or_default();
        // The likeliest pairs first: those whose less likely half is the likeliest.
        let pairs = (0..near.len()).flat_map(|later| (0..later).map(move |one| (one, later)));
        let pairs = pairs.filter_map(|(one, later)| Some((*near.get(one)?, *near.get(later)?)));
        let with_guesses = nearest.iter().flat_map(|one| guesses.iter().map(move |guess| (*one, *guess)));
        for (one, other) in pairs.take(MAX_PAIRS).chain(with_guesses.take(MAX_PAIRS)) {
            if self.work >= MAX_WORK_BYTES {
                return None;
            }
            if one.change.axis() == other.change.axis() {
                continue;
            }
            let Some(text) = self.text(&[&one.change, &other.change]) else { continue };
            if let Some(found) = self.own(text.expose(), &[&one.finding, &other.finding]) {
                return Some(found);
            }
        }
        None
    }

    /// The text after these changes, unless it was tried before.
    fn text(&mut self, changes: &[&Change]) -> Option<Secret<Vec<u8>>> {
        self.work += self.request + ATTEMPT_BYTES;
        let text = self.scene.text(changes)?;
        self.work += text.expose().len();
        let mut hasher = DefaultHasher::new();
        text.expose().hash(&mut hasher);
        if !self.seen.insert(hasher.finish()) {
            return None;
        }
        self.tried.texts += 1;
        Some(text)
    }

    /// Under the algorithm and the key of the dialect.
    fn own(&mut self, text: &[u8], findings: &[&Finding]) -> Option<Vec<Finding>> {
        let own = self.own.as_ref()?;
        self.tried.attempts += 1;
        self.work += if own.is_public() { PUBLIC_KEY_WORK_BYTES } else { text.len() + ATTEMPT_BYTES };
        // Where the encoding cannot be undone, signatures are compared as they are written.
        if self.signatures.is_empty() {
            let holds = self.scene.what_if.holds_as_written(own, text, self.scene.claim);
            return holds.then(|| findings.iter().map(|finding| (*finding).clone()).collect());
        }
        let at = own.which(text, &bytes(&self.signatures))?;
        Some(self.found(at, findings, None))
    }

    /// Under every other key and algorithm.
    fn every_way(&mut self, text: &[u8], findings: &[&Finding]) -> Option<Vec<Finding>> {
        let signatures = bytes(&self.signatures);
        let is_public = self.own.as_ref().is_some_and(Trial::is_public);
        for way in &self.ways {
            if self.work >= MAX_WORK_BYTES {
                return None;
            }
            self.tried.attempts += 1;
            self.work += if is_public { PUBLIC_KEY_WORK_BYTES } else { text.len() + ATTEMPT_BYTES };
            if let Some(at) = way.which(text, &signatures) {
                return Some(self.found(at, findings, Some(way)));
            }
        }
        None
    }

    fn found(&self, at: usize, findings: &[&Finding], way: Option<&Way>) -> Vec<Finding> {
        let encoding = self.signatures.get(at).and_then(|signature| signature.finding.as_ref());
        let way = way.map(|way| &way.finding);
        findings.iter().copied().chain(way).chain(encoding).cloned().collect()
    }
}

fn bytes(signatures: &[Signature]) -> Vec<&[u8]> {
    signatures.iter().map(|signature| signature.bytes.as_slice()).collect()
}
