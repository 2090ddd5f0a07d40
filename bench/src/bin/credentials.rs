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
use perf_event::Builder;
use perf_event::events::{Cache, CacheId, CacheOp, CacheResult, Hardware};
use rusqlite::Connection;

const NOON: UnixTime = UnixTime::from_secs(1_795_262_400);
const FEW: usize = 10_000;
/// How many keys are asked for by turns, chosen all over the range: together they are larger than any cache of the processor.
const ASKED: usize = 400_000;
const ROUNDS: usize = 9;
/// Has this program fill a database and do no more.
const FILL: &str = "--fill";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [fill_only, path, count] = &*words
        && fill_only == FILL
    {
        return fill(Path::new(path), count.parse().unwrap());
    }
    let count = std::env::args().nth(1).map_or(10_000_000, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let few = World::new(&folder.path().join("few.db"), FEW);
    few.touch_all();
    let many = World::new(&folder.path().join("many.db"), count);
    many.touch_all();
    let mut nanos = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (world, nanos) in [&few, &many].into_iter().zip(&mut nanos) {
            nanos.push(world.nanos());
        }
    }
    let [few_misses, many_misses] = [&few, &many].map(World::misses);
    let [few, many] = nanos.map(|mut nanos| {
        nanos.sort_by(f64::total_cmp);
        nanos[ROUNDS / 2]
    });
    println!(
        "a decision misses, of the processor's last cache and of its pages, among {FEW}: {few_misses}; among {count}: {many_misses}"
    );
    println!("a decision: {few:.0} ns among {FEW}, {many:.0} ns among {count}: {:.2} times", many / few);
}

struct World {
    verifier: Verifier,
    requirement: Requirement,
    count: usize,
    asked: Vec<HeaderList>,
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
        let step = (count / ASKED).max(1);
        let asked = (0..ASKED).map(|place| headers((place * step * 7919 + place) % count)).collect();
        let world = Self { verifier, requirement: requirement.unwrap(), count, asked };
        world.decide(&headers(count / 2));
        println!("{count} credentials: the first decision {:.1?} after the start", began.elapsed());
        world
    }

    /// Uses every credential once, so that it is in memory.
    fn touch_all(&self) {
        let (before, began) = (resident(), Instant::now());
        (0..self.count).for_each(|number| self.decide(&headers(number)));
        let took = began.elapsed();
        #[expect(clippy::cast_precision_loss, reason = "to be read by people")]
        let (each, rate) =
            ((resident() - before) as f64 / self.count as f64, self.count as f64 / took.as_secs_f64());
        println!("{} credentials: {each:.0} bytes each; first uses, from storage: {rate:.0}/s", self.count);
    }

    fn nanos(&self) -> f64 {
        let began = Instant::now();
        self.asked.iter().for_each(|headers| self.decide(headers));
        #[expect(clippy::cast_precision_loss, reason = "less than 2^52 nanoseconds")]
        let nanos = began.elapsed().as_nanos() as f64;
        nanos / ASKED as f64
    }

    /// How often a decision waits for memory, and how often for the place of a page, as the processor counts both; nothing where it
    /// does not.
    fn misses(&self) -> String {
        let pages = Cache { which: CacheId::DTLB, operation: CacheOp::READ, result: CacheResult::MISS };
        let count = |mut event: Builder| {
            let mut counter = event.exclude_kernel(true).build().ok()?;
            counter.enable().ok()?;
            self.nanos();
            counter.disable().ok()?;
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            counter.read().ok().map(|count| format!("{:.2}", count as f64 / ASKED as f64))
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
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// What a future gives, which seldom has anything to wait for.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future),
    }
}

/// SplitMix64, another sequence for each seed.
struct Seeded(AtomicU64);

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        for eight in buffer.chunks_mut(8) {
            let mut state = self
                .0
                .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
                .wrapping_mul(0x2545_f491_4f6c_dd1d);
            state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let bytes = (state ^ (state >> 31)).to_le_bytes();
            eight.copy_from_slice(&bytes[..eight.len()]);
        }
    }
}

struct Nothing;

impl BodySource for Nothing {
    async fn read(&mut self) -> Result<Bytes, BodyFailure> {
        Ok(Bytes::new())
    }
}
