//! The search on one sample: strings in the order of how likely they are, until one makes the signature.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::makers::{Maker, Ready};
use crate::nest::Nest;
use crate::pieces::{Covers, Piece, SECRET};
use crate::signature::Target;
use crate::watch::{Counter, Own, Stage};

/// The most pieces of one string.
const MAX_PIECES: usize = 8;
/// How often nothing may stand between two separators.
const MAX_EMPTY: usize = 3;
/// The bit of the first piece that is nothing; they are counted down from the last bit that values use.
const EMPTY: Covers = 1 << 127;

/// What stands between the pieces, and how unlikely it is.
pub(crate) const SEPARATORS: [(&str, u8); 16] = [
    ("", 0),
    ("\n", 0),
    (".", 1),
    ("|", 1),
    (":", 1),
    ("&", 2),
    (",", 2),
    (" ", 2),
    ("?", 3),
    ("#", 3),
    (";", 3),
    ("-", 3),
    ("_", 3),
    ("\t", 3),
    ("/", 3),
    ("\0", 4),
];

/// A piece as it is in the sample that is searched.
pub(crate) struct Entry {
    /// Which piece; `None` is nothing between two separators.
    pub(crate) piece: Option<usize>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) covers: Covers,
    pub(crate) cost: u8,
}

/// One sample with one value that may be its signature, made ready.
pub(crate) struct Bench {
    pub(crate) target: Target,
    pub(crate) entries: Vec<Entry>,
    pub(crate) makers: Vec<(Maker, Ready)>,
    pub(crate) separators: Vec<(&'static str, u8)>,
    pub(crate) nests: Vec<Nest>,
    /// Whether strings without a nested hash are tried.
    pub(crate) joins: bool,
}

/// What made the signature.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) bench: usize,
    pub(crate) maker: usize,
    pub(crate) nest: Option<usize>,
    pub(crate) separator: &'static str,
    /// The entries, in order.
    pub(crate) entries: Vec<usize>,
    /// The bytes that they make, the inner ones where there is a nested hash.
    pub(crate) text: Vec<u8>,
}

/// The entries of a sample, cheapest first: each value once, under the likeliest piece for it, unless it stands in two
/// parts of the request.
pub(crate) fn entries(pieces: &[Piece], sample: usize, cost: impl Fn(usize, &Piece) -> u8) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let Some(bytes) = piece.value(sample) else { continue };
        let cost = cost(at, piece);
        let entry = Entry { piece: Some(at), bytes: bytes.to_vec(), covers: piece.covers, cost };
        match entries.iter_mut().find(|known| known.bytes == bytes && known.covers & piece.covers != 0) {
            Some(known) if known.cost <= cost => {}
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
    }
    for count in 0..MAX_EMPTY {
        entries.push(Entry { piece: None, bytes: Vec::new(), covers: EMPTY >> count, cost: 1 });
    }
    entries.sort_by_key(|entry| entry.cost);
    entries
}

/// A share of the work: all strings that begin with one entry, of one cost, under makers of one cost.
struct Job {
    bench: usize,
    separator: &'static str,
    /// `None` is the string of nothing.
    first: Option<usize>,
    /// What is left for the pieces behind the first.
    left: u8,
    makers: Vec<usize>,
    nests: Vec<usize>,
}

/// Tries everything that is exactly as unlikely as `depth` says.
pub(crate) fn level(
    benches: &[Bench],
    depth: u8,
    counter: &Counter<'_>,
    stage: Stage,
    threads: NonZeroUsize,
) -> Option<Hit> {
    let jobs = jobs(benches, depth);
    let next = AtomicUsize::new(0);
    let best: Mutex<Option<(usize, Hit)>> = Mutex::new(None);
    let work = || {
        let mut own = Own::default();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(at) else { break };
            let done = best.lock().is_ok_and(|best| best.as_ref().is_some_and(|(found, _)| *found < at));
            if done || counter.ended() {
                break;
            }
            let Some(bench) = benches.get(job.bench) else { break };
            let mut walk = Walk {
                bench,
                job,
                text: Vec::new(),
                outer: Vec::new(),
                scratch: Vec::new(),
                chosen: Vec::new(),
                own,
                counter,
                stage,
                hit: None,
            };
            let flow = walk.begin();
            own = walk.own;
            if let Some(hit) = walk.hit.take()
                && let Ok(mut best) = best.lock()
                && best.as_ref().is_none_or(|(found, _)| at < *found)
            {
                *best = Some((at, hit));
            } else if flow.is_break() {
                break;
            }
        }
        let _ = counter.settle(&mut own, stage);
    };
    if threads.get() == 1 || jobs.len() < 16 {
        work();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..threads.get() {
                scope.spawn(work);
            }
        });
    }
    best.into_inner().ok().flatten().map(|(_, hit)| hit)
}

fn jobs(benches: &[Bench], depth: u8) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (at, bench) in benches.iter().enumerate() {
        let most = bench.makers.iter().map(|(maker, _)| maker.cost).max().unwrap_or(0);
        let nested = bench.nests.iter().map(|nest| nest.cost).max().unwrap_or(0);
        for maker_cost in 0..=most {
            let makers: Vec<usize> = indices(&bench.makers, |(maker, _)| maker.cost == maker_cost);
            if makers.is_empty() || maker_cost > depth {
                continue;
            }
            if bench.joins {
                add_jobs(&mut jobs, at, bench, depth - maker_cost, &makers, &[]);
            }
            for nest_cost in 0..=nested.min(depth - maker_cost) {
                let nests = indices(&bench.nests, |nest| nest.cost == nest_cost);
                if !nests.is_empty() {
                    add_jobs(&mut jobs, at, bench, depth - maker_cost - nest_cost, &makers, &nests);
                }
            }
        }
    }
    jobs
}

fn add_jobs(jobs: &mut Vec<Job>, at: usize, bench: &Bench, left: u8, makers: &[usize], nests: &[usize]) {
    if left == 0 {
        jobs.push(Job {
            bench: at,
            separator: "",
            first: None,
            left,
            makers: makers.to_vec(),
            nests: nests.to_vec(),
        });
    }
    for (separator, cost) in &bench.separators {
        let Some(left) = left.checked_sub(*cost) else { continue };
        for (first, entry) in bench.entries.iter().enumerate() {
            let Some(left) = left.checked_sub(entry.cost) else { continue };
            if entry.piece.is_none() && (separator.is_empty() || entry.covers != EMPTY) {
                continue;
            }
            jobs.push(Job {
                bench: at,
                separator,
                first: Some(first),
                left,
                makers: makers.to_vec(),
                nests: nests.to_vec(),
            });
        }
    }
}

fn indices<T>(all: &[T], test: impl Fn(&T) -> bool) -> Vec<usize> {
    all.iter().enumerate().filter(|(_, one)| test(one)).map(|(at, _)| at).collect()
}

struct Walk<'s> {
    bench: &'s Bench,
    job: &'s Job,
    text: Vec<u8>,
    outer: Vec<u8>,
    scratch: Vec<u8>,
    chosen: Vec<usize>,
    own: Own,
    counter: &'s Counter<'s>,
    stage: Stage,
    hit: Option<Hit>,
}

impl Walk<'_> {
    fn begin(&mut self) -> ControlFlow<()> {
        let Some(at) = self.job.first else { return self.test(0) };
        let Some(first) = self.bench.entries.get(at) else { return ControlFlow::Continue(()) };
        self.text.extend_from_slice(&first.bytes);
        self.chosen.push(at);
        self.deeper(first.covers, self.job.left)
    }

    fn deeper(&mut self, used: Covers, left: u8) -> ControlFlow<()> {
        let lone = self.chosen.len() == 1;
        if left == 0 && (!lone || self.is_first_separator()) {
            self.test(used)?;
        }
        if self.chosen.len() >= MAX_PIECES {
            return ControlFlow::Continue(());
        }
        let length = self.text.len();
        for (at, entry) in self.bench.entries.iter().enumerate() {
            if entry.cost > left {
                break;
            }
            let nothing = entry.piece.is_none();
            if entry.covers & used != 0
                || nothing && (self.job.separator.is_empty() || !Self::in_turn(entry.covers, used))
            {
                continue;
            }
            self.text.extend_from_slice(self.job.separator.as_bytes());
            self.text.extend_from_slice(&entry.bytes);
            self.chosen.push(at);
            let flow = self.deeper(used | entry.covers, left - entry.cost);
            self.chosen.pop();
            self.text.truncate(length);
            flow?;
        }
        ControlFlow::Continue(())
    }

    fn is_first_separator(&self) -> bool {
        self.bench.separators.first().is_some_and(|(first, _)| *first == self.job.separator)
    }

    /// Nothings are all the same: the second is not tried without the first.
    fn in_turn(covers: Covers, used: Covers) -> bool {
        covers == EMPTY || used & (covers << 1) != 0
    }

    fn test(&mut self, used: Covers) -> ControlFlow<()> {
        if self.job.nests.is_empty() {
            return self.sign(used, None);
        }
        for at in 0..self.job.nests.len() {
            let Some(nest) = self.job.nests.get(at).and_then(|at| self.bench.nests.get(*at)) else {
                continue;
            };
            if nest.covers & used != 0 {
                continue;
            }
            nest.write(&self.text, &mut self.outer);
            self.sign(used | nest.covers, self.job.nests.get(at).copied())?;
        }
        ControlFlow::Continue(())
    }

    fn sign(&mut self, used: Covers, nest: Option<usize>) -> ControlFlow<()> {
        for at in &self.job.makers {
            let Some((_, ready)) = self.bench.makers.get(*at) else { continue };
            let text = if nest.is_some() { &self.outer } else { &self.text };
            let with_secret = used & SECRET != 0;
            let made = match ready {
                // Under a key, the secret in the text as well is for the shortest of strings.
                Ready::Hmac(_) if with_secret && self.chosen.len() > 2 => continue,
                Ready::Hmac(key) => key.of(text, &mut self.scratch),
                Ready::Plain(_) if !with_secret => continue,
                Ready::Plain(hash) => hash.of(text),
            };
            if made.bytes() == self.bench.target.bytes {
                self.hit = Some(Hit {
                    bench: self.job.bench,
                    maker: *at,
                    nest,
                    separator: self.job.separator,
                    entries: self.chosen.clone(),
                    text: self.text.clone(),
                });
                return ControlFlow::Break(());
            }
            self.counter.count(&mut self.own, text.len(), self.stage)?;
        }
        ControlFlow::Continue(())
    }
}
