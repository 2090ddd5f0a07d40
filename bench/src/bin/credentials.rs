//! Deciding among many credentials: how soon a verifier is ready, what one credential takes in memory, and whether a look-up among
//! millions is slower than one among ten thousand.
//!
//!     countersign-bench-credentials [COUNT]      COUNT API keys, ten million where it is left out
//!
//! The database is a real one, made in a temporary folder (some 4 GB for ten million) and removed afterwards.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use std::path::Path;
use std::pin::pin;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use countersign_dialect::Dialects;
use countersign_model::{Entropy, HeaderList, Scopes, UnixTime};
use countersign_store_sqlite::{Limits, SqliteStore};
use countersign_token::MasterKey;
use countersign_token::key::{self, KeyKind};
use countersign_verify::{
    Accept, Arrival, BodyFailure, BodySource, Client, Guesses, Limiter, Request, Requirement, Scheme,
    SignatureUse, UnsignedQuery, Verifier, VerifierSettings,
};
use http::HeaderName;
use perf_event::events::{Cache, CacheId, CacheOp, CacheResult, Hardware};
use perf_event::{Builder, Counter};
use rusqlite::Connection;

const NOON: UnixTime = UnixTime::from_secs(1_795_262_400);
const FEW: usize = 10_000;
/// How many decisions a round has: among few, each key comes ten times.
const ROUND: usize = 100_000;
const ROUNDS: usize = 21;
/// How many requests are made before the clock is read: so few that they stay in the processor's first cache, as a request does that was
/// just received.
const BATCH: usize = 32;
/// How many threads use every key once.
const THREADS: usize = 2;
/// Has this program fill a database and do no more.
const FILL: &str = "--fill";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [fill_only, path, count] = &*words
        && fill_only == FILL
    {
        return fill(Path::new(path), count.parse().unwrap());
    }
    let count = words.first().map_or(10_000_000, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let few = World::new(&folder.path().join("few.db"), FEW);
    few.touch_all();
    let many = World::new(&folder.path().join("many.db"), count);
    let taken = many.touch_all();
    let memory = Memory::new(taken);

    let mut took = [Vec::new(), Vec::new(), Vec::new()];
    let [of_few, of_many, of_reading] = &mut took;
    for round in 0..ROUNDS {
        // Twice, as what came between had the caches to itself.
        few.time(round);
        of_few.push(few.time(round));
        of_many.push(many.time(round));
        of_reading.push(memory.time());
    }
    for (which, at) in [("least", 0), ("median", ROUNDS / 2)] {
        let shown = |unit: &str, of: fn(&Took) -> f64| {
            let [few, many, reading] = [0, 1, 2].map(|row: usize| {
                let mut all: Vec<f64> = took[row].iter().map(of).collect();
                all.sort_by(f64::total_cmp);
                all[at]
            });
            println!(
                "a decision, {which} of {ROUNDS} rounds: {few:.0} {unit} among {FEW}, {many:.0} among {count}: {:.2} times; \
                 to read anywhere in as much memory: {reading:.0}",
                many / few
            );
        };
        shown("ns", |took| took.nanos);
        shown("cycles", |took| took.cycles);
    }
    let [few, many] = [&few, &many].map(World::misses);
    println!(
        "a decision misses, of the processor's second cache and of its pages, among {FEW}: {few}; among {count}: {many}"
    );
    println!("load: {}", std::fs::read_to_string("/proc/loadavg").unwrap().trim());
}

struct World {
    verifier: Verifier,
    requirement: Requirement,
    count: usize,
}

impl World {
    fn new(path: &Path, count: usize) -> Self {
        // In a process of its own: what filling takes must not be taken for what deciding takes.
        let program = std::env::current_exe().unwrap();
        let filled = Command::new(program).arg(FILL).arg(path).arg(count.to_string()).status().unwrap();
        assert!(filled.success(), "the database was not filled");
        let began = Instant::now();
        let store = SqliteStore::open(path, Limits::default()).unwrap();
        let settings = VerifierSettings {
            store: Arc::new(store),
            master: Arc::new(MasterKey::parse(&"0123456789abcdef".repeat(4)).unwrap()),
            dialects: Dialects::builtin(),
            api_key_header: HeaderName::from_static("x-api-key"),
            issuer: None,
            limiter: Arc::new(Limiter::new(1)),
            guesses: Guesses::default(),
        };
        let verifier = ready(Verifier::start(settings, NOON)).unwrap();
        let requirement = Requirement::new(
            Accept::Any(vec![Scheme::ApiKey]),
            Scopes::default(),
            UnsignedQuery::Allow,
            SignatureUse::AsDialect,
        );
        let world = Self { verifier, requirement: requirement.unwrap(), count };
        world.decide(&headers(count / 2));
        println!("{count} credentials: the first decision {:.1?} after the start", began.elapsed());
        world
    }

    /// Uses every credential once, so that it is in memory, and says how many bytes all of them take there.
    fn touch_all(&self) -> usize {
        let (before, began) = (resident(), Instant::now());
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                scope.spawn(move || {
                    (thread..self.count).step_by(THREADS).for_each(|number| self.decide(&headers(number)));
                });
            }
        });
        let took = began.elapsed();
        let taken = resident() - before;
        #[expect(clippy::cast_precision_loss, reason = "to be read by people")]
        let (each, rate) = (taken as f64 / self.count as f64, self.count as f64 / took.as_secs_f64());
        println!("{} credentials: {each:.0} bytes each; first uses, from storage: {rate:.0}/s", self.count);
        taken
    }

    /// What a decision takes, on keys from anywhere.
    fn time(&self, round: usize) -> Took {
        let mut watch = Watch::new();
        self.round(round, |batch| watch.time(|| batch.iter().for_each(|headers| self.decide(headers))));
        watch.took()
    }

    fn round(&self, round: usize, mut act: impl FnMut(&[HeaderList])) {
        let mut place = round as u64;
        for _ in 0..ROUND / BATCH {
            let mut anywhere = || headers(usize::try_from(mixed(&mut place)).unwrap() % self.count);
            let batch: [HeaderList; BATCH] = std::array::from_fn(|_| anywhere());
            act(&batch);
        }
    }

    /// How often a decision waits for memory, and how often for the place of a page, as the processor counts both; nothing where it
    /// does not.
    fn misses(&self) -> String {
        let pages = Cache { which: CacheId::DTLB, operation: CacheOp::READ, result: CacheResult::MISS };
        let count = |mut event: Builder| {
            let mut counter = event.exclude_kernel(true).build().ok()?;
            self.round(ROUNDS, |batch| {
                let _ = counter.enable();
                batch.iter().for_each(|headers| self.decide(headers));
                let _ = counter.disable();
            });
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            counter.read().ok().map(|count| format!("{:.2}", count as f64 / ROUND as f64))
        };
        let counted = [count(Builder::new(Hardware::CACHE_MISSES)), count(Builder::new(pages))];
        counted.map(Option::unwrap_or_default).join(" and ")
    }

    fn decide(&self, headers: &HeaderList) {
        let request = Request {
            method: "GET",
            scheme: "http",
            host: "api.example.com",
            target: "/v1/items",
            headers: headers.view(),
            body: None,
        };
        let arrival = Arrival { at: NOON, from: Client::Unknown };
        let verdict = ready(self.verifier.decide(request, &mut Nothing, &self.requirement, arrival));
        assert!(verdict.is_ok(), "a request was refused");
    }
}

/// As much memory as the keys take, to see what reading it takes by itself.
struct Memory(Vec<u64>);

impl Memory {
    fn new(bytes: usize) -> Self {
        let mut place = 0;
        Self((0..bytes / 8).map(|_| mixed(&mut place)).collect())
    }

    /// What reading something takes of which the last that was read says where it is.
    fn time(&self) -> Took {
        let mut watch = Watch::new();
        watch.time(|| {
            let mut place = 0;
            for _ in 0..ROUND {
                let last = mixed(&mut place);
                place = place.wrapping_add(self.0[usize::try_from(last).unwrap() % self.0.len()]);
            }
            std::hint::black_box(place);
        });
        watch.took()
    }
}

/// Of a round, what one decision took.
struct Took {
    nanos: f64,
    /// Of the processor in this program: when others take turns on it, they are not counted. 0 where they cannot be counted.
    cycles: f64,
}

/// Measures a round, piece by piece.
struct Watch {
    nanos: u128,
    cycles: Option<Counter>,
}

impl Watch {
    fn new() -> Self {
        Self { nanos: 0, cycles: Builder::new(Hardware::CPU_CYCLES).exclude_kernel(true).build().ok() }
    }

    fn time(&mut self, piece: impl FnOnce()) {
        if let Some(cycles) = &mut self.cycles {
            cycles.enable().unwrap();
        }
        let began = Instant::now();
        piece();
        self.nanos += began.elapsed().as_nanos();
        if let Some(cycles) = &mut self.cycles {
            cycles.disable().unwrap();
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "less than 2^52 of both")]
    fn took(mut self) -> Took {
        let cycles = self.cycles.as_mut().map_or(0, |cycles| cycles.read().unwrap());
        Took { nanos: self.nanos as f64 / ROUND as f64, cycles: cycles as f64 / ROUND as f64 }
    }
}

/// `SplitMix64`.
fn mixed(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Writes `count` API keys of a hundred consumers.
fn fill(path: &Path, count: usize) {
    drop(SqliteStore::open(path, Limits::default()).unwrap());
    let mut database = Connection::open(path).unwrap();
    database.pragma_update(None, "synchronous", "OFF").unwrap();
    database.pragma_update(None, "cache_size", -2_000_000).unwrap();
    let mut rows: Vec<([u8; 32], u32)> =
        (0..count).map(|number| (key::digest(&wire(number)).0, u32::try_from(number).unwrap())).collect();
    rows.sort_unstable();
    let writing = database.transaction().unwrap();
    for consumer in 0..100_u8 {
        writing
            .execute(
                "INSERT INTO consumers (id, name, added_at) VALUES (?1, ?2, 0)",
                ([consumer; 16], format!("consumer-{consumer}")),
            )
            .unwrap();
    }
    {
        let mut insert = writing
            .prepare(
                "INSERT INTO credentials (digest, key_id, consumer, scopes, issued_at, state)
                 VALUES (?1, ?2, ?3, '', 0, 'active')",
            )
            .unwrap();
        for (digest, number) in rows {
            let consumer = [u8::try_from(number % 100).unwrap(); 16];
            insert.execute((digest, format!("key_{number:016}"), consumer)).unwrap();
        }
    }
    writing.commit().unwrap();
}

fn headers(number: usize) -> HeaderList {
    HeaderList::from_iter([("x-api-key", wire(number))])
}

fn wire(number: usize) -> String {
    let entropy = Seeded(AtomicU64::new(number as u64 + 1));
    key::mint(KeyKind::ApiKey, &entropy).expose().clone()
}

/// The bytes of this process that are in memory.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// What a future gives, which seldom has anything to wait for.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future),
    }
}

/// Another sequence for each seed.
struct Seeded(AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.0.load(Ordering::Relaxed).wrapping_mul(0x2545_f491_4f6c_dd1d);
        for eight in buffer.chunks_mut(8) {
            let bytes = mixed(&mut state).to_le_bytes();
            eight.copy_from_slice(&bytes[..eight.len()]);
        }
        self.0.store(state, Ordering::Relaxed);
    }
}

struct Nothing;

impl BodySource for Nothing {
    async fn read(&mut self) -> Result<Bytes, BodyFailure> {
        Ok(Bytes::new())
    }
}
