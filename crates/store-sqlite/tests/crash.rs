//! A process that is killed at any moment loses nothing that it acknowledged, and the next one needs no help.
//!
//! The processes are this test binary again, running the one test that is otherwise ignored.

// A test fails by panicking.
#![allow(clippy::unwrap_used, clippy::panic)]
#![cfg(unix)]

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign_model::{
    Consumer, ConsumerId, ConsumerName, ConsumerState, Credential, CredentialKind, DialectName, KeyDigest,
    KeyId, Life, Origin, Rates, Scopes, SealedSecret, UnixTime,
};
use countersign_store::{
    Consumers, Credentials, Increase, Inserted, Keep, Once, ReplayScope, ReplayToken, Replays,
};
use countersign_store_sqlite::{Limits, SqliteStore};
use rusqlite::Connection;
use uuid::Uuid;

/// Tells the process that is to be killed where its store is, and the number it has.
const STORE: &str = "COUNTERSIGN_CRASH_STORE";
const NUMBER: &str = "COUNTERSIGN_CRASH_NUMBER";

/// The test that is started once more to be that process.
const HOST: &str = "what_was_acknowledged_before_a_kill_is_there_after_it";

/// What stands before each key id that was acknowledged, and after it. The credential was issued then, its first
/// signature claimed, and its first nonce too.
const ISSUED: &str = "issued <";
const END: &str = ">";

fn consumer() -> Consumer {
    Consumer {
        id: ConsumerId(Uuid::from_u128(1)),
        name: ConsumerName::parse("somebody").unwrap(),
        state: ConsumerState::Enabled,
        limits: Rates::default(),
        added_at: UnixTime::from_secs(0),
    }
}

fn dialect() -> DialectName {
    DialectName::parse("realm").unwrap()
}

/// Claims the first signature and the first nonce of a credential.
async fn claim(store: &SqliteStore, key_id: &KeyId) -> (Once, Increase) {
    let scope = ReplayScope { key_id: key_id.clone(), dialect: dialect() };
    let now = UnixTime::from_secs(0);
    let once = store.claim_once(&scope, &ReplayToken([1; 32]), Keep::Until(now), now).await.unwrap();
    (once, store.claim_increasing(&scope, 1).await.unwrap())
}

fn credential(process: u64, task: u64, number: u64) -> Credential {
    let mut digest = [0; 32];
    for (place, part) in digest.chunks_exact_mut(8).zip([process, task, number]) {
        place.copy_from_slice(&part.to_be_bytes());
    }
    Credential {
        key_id: KeyId::parse(&format!("key_{process}_{task}_{number}")).unwrap(),
        consumer: consumer().id,
        kind: CredentialKind::Signature { dialect: dialect(), secret: SealedSecret([7; 60].into()) },
        digest: KeyDigest(digest),
        origin: Origin::Issued,
        scopes: Scopes::default(),
        limits: Rates::default(),
        label: None,
        issued_at: UnixTime::from_secs(0),
        life: Life::Active { expires_at: None },
    }
}

/// What the process does that is to be killed.
fn issue_until_killed() {
    let path = std::env::var(STORE).unwrap();
    let process = std::env::var(NUMBER).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = std::sync::Arc::new(SqliteStore::open(Path::new(&path), Limits::default()).unwrap());
        store.add_consumer(&consumer()).await.unwrap();
        // Several at once, so that they share commits.
        let issuing: Vec<_> = (0..4)
            .map(|task| {
                let store = store.clone();
                tokio::task::spawn(async move {
                    for number in 0.. {
                        let new = credential(process, task, number);
                        assert_eq!(store.insert_credential(&new).await.unwrap(), Inserted::Inserted);
                        assert_eq!(claim(&store, &new.key_id).await, (Once::First, Increase::Increased));
                        let mut out = std::io::stdout().lock();
                        writeln!(out, "{ISSUED}{}{END}", new.key_id).unwrap();
                        out.flush().unwrap();
                    }
                })
            })
            .collect();
        for issues in issuing {
            issues.await.unwrap();
        }
    });
}

/// A process that issues credentials into the store at `path`.
fn start(path: &Path, process: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", HOST, "--nocapture"])
        .env(STORE, path)
        .env(NUMBER, process.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// Kills `process` when it has acknowledged so many credentials and `moment` more has gone by. Gives all that it
/// acknowledged.
fn kill_after(mut process: Child, acknowledged: usize, moment: Duration) -> Vec<KeyId> {
    let mut issued = key_ids(BufReader::new(process.stdout.take().unwrap()));
    let mut seen: Vec<KeyId> = issued.by_ref().take(acknowledged).collect();
    assert_eq!(seen.len(), acknowledged, "the process ended by itself");
    // Not to wait for something: it is what makes the moment a random one.
    std::thread::sleep(moment);
    // SIGKILL.
    process.kill().unwrap();
    process.wait().unwrap();
    seen.extend(issued);
    seen
}

/// The key ids on the lines of `output`, but for a last line that was cut off.
fn key_ids(mut output: impl BufRead) -> impl Iterator<Item = KeyId> {
    let next_line = move || {
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        line.strip_suffix('\n').map(str::to_owned)
    };
    std::iter::from_fn(next_line).filter_map(|line| {
        let (_, key_id) = line.split_once(ISSUED)?;
        Some(KeyId::parse(key_id.strip_suffix(END)?).unwrap())
    })
}

/// Opens the store that was left behind, and gives every key id in it.
fn recover(path: &Path) -> HashSet<KeyId> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let all = runtime.block_on(async {
        let store = SqliteStore::open(path, Limits::COMMAND).unwrap();
        store.credentials(None).await.unwrap()
    });
    let raw = Connection::open(path).unwrap();
    let check: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    // A credential and the record of its change come together or not at all.
    let recorded: i64 = raw.query_row("SELECT count(*) FROM changes", [], |row| row.get(0)).unwrap();
    assert_eq!(usize::try_from(recorded).unwrap(), all.len());
    all.into_iter().map(|held| held.credential.key_id).collect()
}

fn in_new_directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    (directory, path)
}

/// Chance that is the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_after_it() {
    if std::env::var_os(STORE).is_some() {
        return issue_until_killed();
    }
    let (_directory, path) = in_new_directory();
    let mut dice = Dice(0x5eed);
    let mut acknowledged: HashSet<KeyId> = HashSet::new();
    for round in 0..25 {
        // Every third time two processes on the one file, killed one after the other.
        let processes: Vec<Child> =
            (0..=u64::from(round % 3 == 0)).map(|second| start(&path, 2 * round + second)).collect();
        for process in processes {
            let enough = usize::try_from(1 + dice.roll(60)).unwrap();
            let moment = Duration::from_micros(dice.roll(3000));
            acknowledged.extend(kill_after(process, enough, moment));
        }
        let there = recover(&path);
        let lost: Vec<_> = acknowledged.difference(&there).collect();
        assert!(lost.is_empty(), "round {round}: {lost:?}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(&path, Limits::COMMAND).unwrap();
        for key_id in &acknowledged {
            assert_eq!(claim(&store, key_id).await, (Once::Seen, Increase::NotGreater), "{key_id}");
        }
    });
    assert!(acknowledged.len() > 500, "only {} were acknowledged", acknowledged.len());
}

#[test]
fn a_process_killed_while_it_makes_its_store_leaves_nothing_that_stops_the_next() {
    let mut dice = Dice(0xacce);
    for round in 0..40 {
        let (_directory, path) = in_new_directory();
        // From a quarter of a millisecond to a tenth of a second: how long it takes depends on the machine.
        let at_most = 1 << (8 + dice.roll(10));
        let acknowledged = kill_after(start(&path, round), 0, Duration::from_micros(dice.roll(at_most)));
        let there = recover(&path);
        assert!(acknowledged.iter().all(|key_id| there.contains(key_id)), "round {round}");
    }
}
