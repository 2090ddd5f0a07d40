//! The search as a whole: sample by sample, then what they have in common.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;

use countersign_dialect::Recipe;
use countersign_model::DialectName;

use crate::ambiguity::{self, Open};
use crate::draft;
use crate::evaluate::Evaluator;
use crate::group::{Group, Member};
use crate::layout::Layout;
use crate::makers::{Maker, makers};
use crate::nest::nests;
use crate::pieces::{Piece, pieces};
use crate::sample::Sample;
use crate::search::{Bench, Hit, SEPARATORS, entries, level};
use crate::signature::{Target, targets};
use crate::unify::templates;
use crate::watch::{Counter, Stage, Watch};

/// The most strings that are tried unless the question says otherwise.
pub const DEFAULT_CANDIDATES: u64 = 60_000_000;
/// How unlikely a string may be.
const MAX_DEPTH: u8 = 24;
/// The same where it is known how another sample was signed.
const LEARNED_DEPTH: u8 = 7;
/// The most strings that are tried on one sample after it is known how another was signed.
const LEARNED_CANDIDATES: u64 = 1_000_000;
/// The most samples that are searched; the others are verified only.
const MAX_SEARCHED: usize = 12;

/// The longest body of a sample that is searched, in bytes: every string that has it is hashed as a whole.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// What is asked.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Requests that were signed in one dialect, with one secret.
    pub samples: &'a [Sample],
    /// The secret, as a dialect's credential holds it: one of several parts is a JSON object.
    pub secret: &'a [u8],
    /// The public name of the credential, where the vendor has one.
    pub key_id: Option<&'a str>,
    /// What to call the dialect.
    pub name: &'a DialectName,
    /// The most strings that are tried.
    pub candidates: u64,
    /// How many threads search.
    pub threads: NonZeroUsize,
}

/// A dialect that every sample verifies in.
#[derive(Debug)]
pub struct Found {
    /// The file.
    pub file: String,
    /// The same, loaded.
    pub recipe: Arc<Recipe>,
    /// What the samples leave undecided.
    pub open: Vec<Open>,
    /// Strings that were hashed and compared.
    pub tried: u64,
}

/// Why there is no dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// There is no sample.
    NoSample,
    /// Every sample has a longer body than is searched.
    TooLarge,
    /// Nothing in a sample is as long as a digest.
    NoSignature {
        /// Which sample, counted from 0.
        sample: usize,
    },
    /// Everything that would have been tried was.
    Exhausted,
    /// The bound was reached, or the watcher ended it.
    Bounded,
    /// Each sample is understood, and no file of the dialect language says all of it.
    NoCommonDialect,
}

/// No dialect, and how far it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    /// Why.
    pub ended: Ended,
    /// How many samples were understood.
    pub solved: usize,
    /// Strings that were hashed and compared.
    pub tried: u64,
}

/// Finds the dialect of the samples. The same question has the same answer, unless the watcher ends it.
pub fn infer(question: &Question<'_>, watch: &dyn Watch) -> Result<Found, NotFound> {
    let counter = Counter::new(watch, question.candidates);
    let failed = |ended, solved| NotFound { ended, solved, tried: counter.tried() };
    if question.samples.is_empty() {
        return Err(failed(Ended::NoSample, 0));
    }
    let order = searched(question.samples);
    if order.is_empty() {
        return Err(failed(Ended::TooLarge, 0));
    }
    let samples: Vec<Sample> = order.iter().filter_map(|at| question.samples.get(*at)).cloned().collect();
    let few = Question { samples: &samples, ..*question };
    let evaluator = Evaluator::new(few.samples, few.secret);
    let layout = Layout::of(&evaluator, few.key_id);
    if let Some((file, recipe)) = draft::plain(&few, question.samples, &layout) {
        let open = ambiguity::of_plain(question.samples);
        return Ok(Found { file, recipe, open, tried: 0 });
    }
    let search = Search {
        question: &few,
        counter: &counter,
        evaluator: &evaluator,
        layout: &layout,
        pieces: BTreeMap::new(),
    };
    let groups = search.groups().map_err(|(ended, solved)| match ended {
        Ended::NoSignature { sample } => {
            failed(Ended::NoSignature { sample: order.get(sample).copied().unwrap_or(sample) }, solved)
        }
        other => failed(other, solved),
    })?;
    let (file, recipe, chosen) = draft::verified(&few, question.samples, &layout, &groups)
        .ok_or_else(|| failed(Ended::NoCommonDialect, samples.len()))?;
    let open = ambiguity::of(question, &groups, &chosen);
    Ok(Found { file, recipe, open, tried: counter.tried() })
}

/// The samples that are searched, the smallest first; the others are verified only.
fn searched(samples: &[Sample]) -> Vec<usize> {
    let mut order: Vec<(usize, usize)> = samples
        .iter()
        .enumerate()
        .filter(|(_, sample)| sample.body.len() <= MAX_BODY_BYTES)
        .map(|(at, sample)| (sample.size(), at))
        .collect();
    order.sort_unstable();
    let order: Vec<usize> = order.into_iter().map(|(_, at)| at).collect();
    spread(&order, MAX_SEARCHED)
}

struct Search<'q> {
    question: &'q Question<'q>,
    counter: &'q Counter<'q>,
    evaluator: &'q Evaluator<'q>,
    layout: &'q Layout,
    pieces: BTreeMap<String, Rc<Vec<Piece>>>,
}

impl Search<'_> {
    /// Groups of samples that were signed alike, which cover all that are searched.
    fn groups(mut self) -> Result<Vec<Group>, (Ended, usize)> {
        let samples = self.question.samples;
        let mut remaining: Vec<usize> = (0..samples.len()).collect();
        let all = remaining.len();
        let mut groups: Vec<Group> = Vec::new();
        while let Some(&sample) = remaining.first() {
            let solved = all - remaining.len();
            let group = self.first(sample, solved, &groups)?;
            let mut members = vec![group.1];
            let group = group.0;
            remaining.remove(0);
            remaining.retain(|other| {
                let stage = Stage { depth: 0, solved: solved + members.len(), samples: all };
                match self.learned(&group, &members, *other, stage) {
                    Some(member) => {
                        members.push(member);
                        false
                    }
                    None => true,
                }
            });
            groups.extend(group.split(members, samples));
        }
        Ok(groups)
    }

    /// Searches a sample of which nothing is known.
    fn first(
        &mut self,
        sample: usize,
        solved: usize,
        groups: &[Group],
    ) -> Result<(Group, Member), (Ended, usize)> {
        let body = self.question.samples.get(sample).map_or(&[][..], |sample| &sample.body);
        let targets = targets(self.layout, sample, body, self.question.key_id, self.question.secret);
        if targets.is_empty() {
            return Err((Ended::NoSignature { sample }, solved));
        }
        let mut benches = Vec::new();
        let mut of_bench = Vec::new();
        for target in targets {
            let pieces = self.pieces_for(&target);
            benches.push(self.bench(&target, &pieces, sample, groups));
            of_bench.push(pieces);
        }
        let samples = self.question.samples.len();
        for depth in 0..MAX_DEPTH {
            let stage = Stage { depth, solved, samples };
            if let Some(hit) = level(&benches, depth, self.counter, stage, self.question.threads)
                && let Some(bench) = benches.get(hit.bench)
                && let Some(pieces) = of_bench.get(hit.bench)
                && let Some((maker, _)) = bench.makers.get(hit.maker)
            {
                let nest = hit.nest.and_then(|at| bench.nests.get(at)).cloned();
                let group = Group::new(&bench.target, maker, nest, hit.separator, pieces);
                return Ok((group, member(sample, &hit, bench)));
            }
            if self.counter.ended() {
                return Err((Ended::Bounded, solved));
            }
        }
        Err((Ended::Exhausted, solved))
    }

    fn bench(&self, target: &Target, pieces: &[Piece], sample: usize, groups: &[Group]) -> Bench {
        let mut all = makers(self.evaluator, self.layout, target.bytes.len());
        if let Some(group) = groups.first() {
            // One vendor seldom has two algorithms.
            for maker in &mut all {
                maker.cost = if group.maker.is_same(maker) { 0 } else { maker.cost + 4 };
            }
        }
        Bench {
            target: target.clone(),
            entries: entries(pieces, sample, |_, piece| piece.cost),
            makers: ready(all, sample),
            separators: SEPARATORS.to_vec(),
            nests: nests(pieces, sample),
            joins: true,
        }
    }

    /// Searches a sample with what is known of another.
    fn learned(&self, group: &Group, members: &[Member], sample: usize, stage: Stage) -> Option<Member> {
        let target = group.target_in(self.layout, sample)?;
        let pieces = &group.pieces;
        let known = |piece: &Piece| members.iter().any(|member| member.has(piece));
        let cost = |_: usize, piece: &Piece| if known(piece) { 0 } else { piece.cost };
        let lone = members.iter().all(|member| member.count <= 1);
        let separators = if lone { SEPARATORS.to_vec() } else { vec![(group.separator, 0)] };
        let nest = match &group.nest {
            Some(nest) => Some(nest.within(pieces, sample, 0)?),
            None => None,
        };
        let bench = Bench {
            target,
            entries: entries(pieces, sample, cost),
            makers: ready(vec![Maker { cost: 0, ..group.maker.clone() }], sample),
            separators,
            joins: nest.is_none(),
            nests: nest.into_iter().collect(),
        };
        let benches = [bench];
        let own = self.counter.within(LEARNED_CANDIDATES);
        let threads = NonZeroUsize::MIN;
        let hit = (0..LEARNED_DEPTH)
            .take_while(|_| !own.ended())
            .find_map(|depth| level(&benches, depth, &own, Stage { depth, ..stage }, threads));
        self.counter.add(own.tried());
        Some(member(sample, &hit?, benches.first()?))
    }

    fn pieces_for(&mut self, target: &Target) -> Rc<Vec<Piece>> {
        if let Some(known) = self.pieces.get(&target.expr) {
            return known.clone();
        }
        let made = Rc::new(pieces(self.evaluator, self.layout, target, self.question.key_id));
        self.pieces.insert(target.expr.clone(), made.clone());
        made
    }
}

/// At most so many of them, from the smallest to the largest.
fn spread(order: &[usize], most: usize) -> Vec<usize> {
    if order.len() <= most {
        return order.to_vec();
    }
    (0..most).filter_map(|at| order.get(at * (order.len() - 1) / (most - 1))).copied().collect()
}

fn ready(makers: Vec<Maker>, sample: usize) -> Vec<(Maker, crate::makers::Ready)> {
    makers.into_iter().filter_map(|maker| maker.ready(sample).map(|ready| (maker, ready))).collect()
}

fn member(sample: usize, hit: &Hit, bench: &Bench) -> Member {
    let nest = hit.nest.and_then(|at| bench.nests.get(at));
    let outer = nest.map(|nest| {
        let mut outer = Vec::new();
        nest.write(&hit.text, &mut outer);
        outer
    });
    let values = hit.entries.iter().filter_map(|at| bench.entries.get(*at)).map(|entry| entry.bytes.clone());
    let values: Vec<Vec<u8>> = values.filter(|value| !value.is_empty()).collect();
    Member { sample, text: hit.text.clone(), outer, count: hit.entries.len(), values }
}

/// The templates that make all members.
pub(crate) fn common(pieces: &[Piece], members: &[Member]) -> Vec<crate::unify::Template> {
    let texts: Vec<(usize, &[u8])> =
        members.iter().map(|member| (member.sample, member.text.as_slice())).collect();
    templates(pieces, &texts)
}
