//! What the store costs: `cargo bench -p countersign-store-sqlite`. The directory may be given as the first
//! argument (`-- /mnt/disk`): commits cost what its disk makes them cost.

// It measures, and it fails by panicking.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_model::{
    Consumer, ConsumerId, ConsumerName, ConsumerState, Credential, CredentialKind, DialectName, KeyDigest,
    KeyId, Life, Origin, Rates, Scopes, SealedSecret, UnixTime,
};
use countersign_store::{Changes, Consumers, Credentials};
use countersign_store_sqlite::{Limits, SqliteStore};
use uuid::Uuid;

/// Credentials that are there when reading is measured.
const CREDENTIALS: u64 = 100_000;

/// Tasks that write at once.
const WRITERS: u64 = 64;

/// How long each thing is measured.
const TIME: Duration = Duration::from_secs(3);

fn consumer() -> Consumer {
    Consumer {
        id: ConsumerId(Uuid::from_u128(7)),
        name: ConsumerName::parse("somebody").unwrap(),
        state: ConsumerState::Enabled,
        limits: Rates::default(),
        added_at: UnixTime::from_secs(0),
    }
}

fn digest(number: u64) -> KeyDigest {
    // Spread over the index as digests are.
    let mut bytes = [0; 32];
    for (place, part) in bytes.chunks_exact_mut(8).zip(1..) {
        place.copy_from_slice(
            &(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(part * 7).to_be_bytes(),
        );
    }
    KeyDigest(bytes)
}

fn credential(number: u64) -> Credential {
    Credential {
        key_id: KeyId::parse(&format!("cs_{number:024}")).unwrap(),
        consumer: consumer().id,
        kind: CredentialKind::Signature {
            dialect: DialectName::parse("some-dialect").unwrap(),
            secret: SealedSecret(vec![0x5a; 72].into()),
        },
        digest: digest(number),
        origin: Origin::Issued,
        scopes: Scopes::parse_list("marketplace:read,marketplace:write").unwrap(),
        limits: Rates::default(),
        label: None,
        issued_at: UnixTime::from_secs(0),
        life: Life::Active { expires_at: None },
    }
}

/// Calls `work` with 0, 1, 2 ... for [`TIME`], in batches of `batch`; gives how long one took in the fastest batch and
/// in the middle one. Other work on the machine makes them differ.
async fn each(batch: u64, mut work: impl AsyncFnMut(u64)) -> (Duration, Duration) {
    let (start, mut done, mut batches) = (Instant::now(), 0, Vec::new());
    while start.elapsed() < TIME {
        let batch_start = Instant::now();
        for _ in 0..batch {
            work(done).await;
            done += 1;
        }
        batches.push(batch_start.elapsed() / u32::try_from(batch).unwrap());
    }
    batches.sort();
    (batches.first().copied().unwrap(), batches.get(batches.len() / 2).copied().unwrap())
}

fn report(what: &str, (fastest, middle): (Duration, Duration)) {
    println!(
        "{what:<56} {fastest:>9.2?} fastest, {middle:>9.2?} in the middle, {:>7.0}/s",
        1.0 / middle.as_secs_f64()
    );
}

/// Issues credentials from [`WRITERS`] tasks for [`TIME`]; gives how many in a second. `first` is a number that no
/// credential has.
async fn together(store: &Arc<SqliteStore>, first: u64) -> f64 {
    let start = Instant::now();
    let writing: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut done = 0;
                while start.elapsed() < TIME {
                    store.insert_credential(&credential(first + writer + WRITERS * done)).await.unwrap();
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for writer in writing {
        done += writer.await.unwrap();
    }
    f64::from(u32::try_from(done).unwrap()) / start.elapsed().as_secs_f64()
}

async fn fill(store: &Arc<SqliteStore>) {
    store.add_consumer(&consumer()).await.unwrap();
    let filling: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in (writer..CREDENTIALS).step_by(usize::try_from(WRITERS).unwrap()) {
                    store.insert_credential(&credential(number)).await.unwrap();
                }
            })
        })
        .collect();
    for part in filling {
        part.await.unwrap();
    }
}

async fn measure(path: PathBuf) {
    let open = || Arc::new(SqliteStore::open(&path, Limits::default()).unwrap());
    let store = open();
    fill(&store).await;

    let mut number = 1;
    let mut any_digest = |below: u64| {
        number = (number * 48_271) % 2_147_483_647;
        digest(number % below)
    };
    let bare = rusqlite::Connection::open(&path).unwrap();
    let mut select = bare.prepare("SELECT * FROM credentials WHERE digest = ?1").unwrap();
    let mut bare_look_up = |digest: KeyDigest| {
        let mut rows = select.query([digest.0]).unwrap();
        assert!(rows.next().unwrap().is_some());
    };
    for (what, below) in [("any", CREDENTIALS), ("the same", 1)] {
        let bare = each(1000, async |_| bare_look_up(any_digest(below))).await;
        report(&format!("look up {what} of {CREDENTIALS}, bare statement, no consumer"), bare);
        let found = each(1000, async |_| {
            assert!(store.credential_by_digest(&any_digest(below)).await.unwrap().is_some());
        });
        report(&format!("look up {what} of {CREDENTIALS} credentials"), found.await);
    }
    let missed = each(1000, async |number| {
        assert!(store.credential_by_digest(&digest(u64::MAX / 2 + number)).await.unwrap().is_none());
    });
    report("look up one that is not there", missed.await);
    let head = store.head().await.unwrap();
    let idle = each(1000, async |_| {
        store.changes_since(head).await.unwrap();
    });
    report("ask the feed when nothing happened", idle.await);
    let alone = each(16, async |number| {
        store.insert_credential(&credential(1_000_000 + number)).await.unwrap();
    });
    report("issue, one writer", alone.await);
    println!("{:<56} {:>48.0}/s", format!("issue, {WRITERS} writers"), together(&store, 10_000_000).await);

    let other = open();
    let busy = store.clone();
    let load = tokio::spawn(async move { together(&busy, 100_000_000).await });
    let mut waits: Vec<Duration> = Vec::new();
    while !load.is_finished() {
        let asked = Instant::now();
        other.set_consumer_state(consumer().id, ConsumerState::Enabled).await.unwrap();
        waits.push(asked.elapsed());
    }
    waits.sort();
    let (median, longest) = (waits.get(waits.len() / 2).unwrap(), waits.last().unwrap());
    println!(
        "one write of another process beside {WRITERS} writers: {median:.2?} in the middle, {longest:.2?} the longest of {}; \
         the writers {:.0}/s",
        waits.len(),
        load.await.unwrap()
    );
}

fn main() {
    let directory = match std::env::args().nth(1).filter(|argument| !argument.starts_with("--")) {
        Some(directory) => tempfile::tempdir_in(directory).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(measure(directory.path().join("store.db")));
}
