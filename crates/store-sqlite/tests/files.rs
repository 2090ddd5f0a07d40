//! Files that are not what they should be: each is met with an error that says what was found, where and what would
//! do, and is left as it was.

// A test fails by panicking.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use countersign_model::{
    Consumer, ConsumerId, ConsumerName, ConsumerState, Credential, CredentialKind, DialectName, KeyDigest,
    KeyId, Life, Origin, Rates, Scopes, UnixTime,
};
use countersign_store::{
    Changes, Consumers, Credentials, Cursor, Keep, Once, ReplayScope, ReplayToken, Replays, Store, StoreError,
};
use countersign_store_sqlite::{Limits, OpenError, SqliteStore};
use rusqlite::Connection;
use uuid::Uuid;

const LIMITS: Limits =
    Limits { write_wait: Duration::from_millis(20), read_wait: Duration::from_millis(20), ..Limits::COMMAND };

fn refusal(path: &Path) -> OpenError {
    let Err(refusal) = SqliteStore::open(path, LIMITS) else { panic!("{} was opened", path.display()) };
    assert!(refusal.to_string().contains(path.to_str().unwrap()), "{refusal}");
    refusal
}

fn in_new_directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    (directory, path)
}

fn consumer(name: &str) -> Consumer {
    Consumer {
        id: ConsumerId(Uuid::from_u128(7)),
        name: ConsumerName::parse(name).unwrap(),
        state: ConsumerState::Enabled,
        limits: Rates::default(),
        added_at: UnixTime::from_secs(0),
    }
}

fn credential(number: u8, consumer: &Consumer) -> Credential {
    Credential {
        key_id: KeyId::parse(&format!("key_{number}")).unwrap(),
        consumer: consumer.id,
        kind: CredentialKind::ApiKey,
        digest: KeyDigest([number; 32]),
        origin: Origin::Issued,
        scopes: Scopes::default(),
        limits: Rates::default(),
        label: None,
        issued_at: UnixTime::from_secs(0),
        life: Life::Active { expires_at: None },
    }
}

/// Makes a store at `path` with one consumer and some credentials, and closes it.
async fn fill(path: &Path) {
    let store = SqliteStore::open(path, LIMITS).unwrap();
    let whose = consumer("somebody");
    store.add_consumer(&whose).await.unwrap();
    for number in 0..200 {
        store.insert_credential(&credential(number, &whose)).await.unwrap();
    }
}

#[tokio::test]
async fn a_store_that_is_opened_again_has_what_it_had_in_one_file() {
    let (directory, path) = in_new_directory();
    fill(&path).await;
    let names: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["store.db"]);
    let store = SqliteStore::open(&path, LIMITS).unwrap();
    assert_eq!(store.credentials(None).await.unwrap().len(), 200);
    store.ping().await.unwrap();
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let (_directory, path) = in_new_directory();
    for content in [&b"[listen]\npublic = \"127.0.0.1:8080\"\n"[..], &[0x5a; 8192], b"SQLite format 4\0"] {
        fs::write(&path, content).unwrap();
        let refusal = refusal(&path);
        assert!(matches!(refusal, OpenError::NotADatabase { .. }), "{refusal:?}");
        assert!(refusal.to_string().contains("name another file, or put a backup in its place"), "{refusal}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn an_empty_file_is_a_new_database() {
    let (_directory, path) = in_new_directory();
    fs::write(&path, b"").unwrap();
    SqliteStore::open(&path, LIMITS).unwrap();
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let (_directory, path) = in_new_directory();
    for sql in [
        "CREATE TABLE users (name TEXT)",
        "PRAGMA user_version = 3",
        "PRAGMA application_id = 252006673",
        "PRAGMA journal_mode = DELETE; CREATE TABLE consumers (id BLOB)",
    ] {
        let _ = fs::remove_file(&path);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let before = fs::read(&path).unwrap();
        let refusal = refusal(&path);
        assert!(matches!(refusal, OpenError::Foreign { .. }), "{sql}: {refusal:?}");
        assert!(refusal.to_string().contains("another program"), "{refusal}");
        assert_eq!(fs::read(&path).unwrap(), before, "{sql}");
    }
}

#[tokio::test]
async fn a_database_from_a_newer_version_is_refused_and_left_alone() {
    let (_directory, path) = in_new_directory();
    fill(&path).await;
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("CREATE TABLE of_tomorrow (x); PRAGMA user_version = 99").unwrap();
    drop(raw);
    let before = fs::read(&path).unwrap();
    let refusal = refusal(&path);
    assert!(matches!(refusal, OpenError::Newer { found: 99, .. }), "{refusal:?}");
    assert!(
        refusal.to_string().contains("newer version of this program (its schema is number 99"),
        "{refusal}"
    );
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// What version 1 of the schema was: a file like it is out there.
const VERSION_1: &str = include_str!("../migrations/0001_foundation.sql");

#[tokio::test]
async fn a_database_of_version_1_keeps_all_it_has_and_can_do_what_is_new() {
    let (_directory, path) = in_new_directory();
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch(
        "PRAGMA journal_mode = wal; PRAGMA application_id = 1131696999; PRAGMA user_version = 1",
    )
    .unwrap();
    raw.execute_batch(VERSION_1).unwrap();
    raw.execute_batch(
        "INSERT INTO consumers VALUES (zeroblob(16), 'somebody', NULL, 0);
         INSERT INTO credentials VALUES
            (randomblob(32), 'key_1', zeroblob(16), 'realm', x'0102', 'a,b', NULL, 5, 'active', NULL, NULL),
            (randomblob(32), 'key_2', zeroblob(16), NULL, NULL, '', 'a label', 6, 'revoked', 7, NULL);
         INSERT INTO generations VALUES (zeroblob(20), 3);
         INSERT INTO sessions VALUES (zeroblob(16), zeroblob(20), 2, 0, 'a', 99, NULL, NULL);
         INSERT INTO grants VALUES (zeroblob(20), 'a');
         INSERT INTO token_keys (id, made_at) VALUES ('k1', 0);
         INSERT INTO changes (kind) VALUES ('token-keys');",
    )
    .unwrap();
    let dump = |of: &Connection| {
        let tables = [
            "consumers",
            "credentials",
            "generations",
            "sessions",
            "grants",
            "token_keys",
            "changes",
            "feed",
        ];
        tables.map(|table| {
            let mut rows = of.prepare(&format!("SELECT * FROM {table}")).unwrap();
            // Those that version 1 had: later ones stand behind them.
            let columns = match table {
                "consumers" => 4,
                "credentials" => 11,
                _ => rows.column_count(),
            };
            let row = |row: &rusqlite::Row<'_>| {
                Ok((0..columns).map(|column| format!("{:?}", row.get_ref_unwrap(column))).collect::<Vec<_>>())
            };
            rows.query_map([], row).unwrap().map(Result::unwrap).collect::<Vec<_>>()
        })
    };
    let before = dump(&raw);
    drop(raw);

    let store = SqliteStore::open(&path, LIMITS).unwrap();
    let raw = Connection::open(&path).unwrap();
    assert_eq!(dump(&raw), before);
    assert_eq!(raw.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap(), 5);
    let held = store.credentials_named(&KeyId::parse("key_1").unwrap()).await.unwrap().remove(0);
    assert_eq!((held.consumer.name.as_str(), held.credential.scopes.to_list().as_str()), ("somebody", "a,b"));
    assert_eq!(held.credential.origin, Origin::Issued);
    let unlimited = Rates::default();
    assert_eq!((held.credential.limits, held.consumer.limits), (unlimited.clone(), unlimited));
    let limits = Rates::parse_list("5/min,100/d").unwrap();
    assert!(store.set_credential_limits(&held.credential.digest, &limits).await.unwrap());
    assert_eq!(store.credentials_named(&held.credential.key_id).await.unwrap()[0].credential.limits, limits);
    for (key_id, expected) in [("key_1", [Once::First, Once::Seen]), ("key_2", [Once::NoCredential; 2])] {
        let scope = ReplayScope {
            key_id: KeyId::parse(key_id).unwrap(),
            dialect: DialectName::parse("realm").unwrap(),
        };
        for expected in expected {
            let claim =
                store.claim_once(&scope, &ReplayToken([1; 32]), Keep::WithCredential, UnixTime::from_secs(9));
            assert_eq!(claim.await.unwrap(), expected, "{key_id}");
        }
    }
    // A second start finds nothing left to do.
    drop((store, raw));
    SqliteStore::open(&path, LIMITS).unwrap();
}

#[test]
fn processes_that_start_together_on_no_file_all_open_it() {
    for _ in 0..20 {
        let (_directory, path) = in_new_directory();
        let together = Arc::new(Barrier::new(8));
        let open = || {
            let (path, together) = (path.clone(), together.clone());
            std::thread::spawn(move || {
                together.wait();
                SqliteStore::open(&path, Limits::COMMAND).map(drop)
            })
        };
        let starting: Vec<_> = (0..8).map(|_| open()).collect();
        for started in starting {
            started.join().unwrap().unwrap();
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_is_replaced_or_removed_under_a_running_store_makes_its_feed_fail() {
    let (directory, path) = in_new_directory();
    let store = SqliteStore::open(&path, LIMITS).unwrap();
    let cursor = store.head().await.unwrap();
    assert!(store.changes_since(cursor).await.is_ok());
    let away = directory.path().join("away.db");
    fs::rename(&path, &away).unwrap();
    let said = |error: StoreError| error.source().unwrap().to_string();
    let removed = said(store.changes_since(cursor).await.unwrap_err());
    assert!(removed.contains("removed or replaced") && removed.contains("restart"), "{removed}");
    drop(SqliteStore::open(&path, LIMITS).unwrap());
    assert!(store.changes_since(cursor).await.is_err());
}

#[test]
fn a_path_that_cannot_be_a_file_is_refused() {
    let (directory, path) = in_new_directory();
    fs::write(&path, b"").unwrap();
    let below_a_file = path.join("below/store.db");
    let Err(refusal) = SqliteStore::open(&below_a_file, LIMITS) else { panic!("opened below a file") };
    assert!(matches!(refusal, OpenError::Directory { .. }), "{refusal:?}");
    assert!(refusal.to_string().contains("make it, or let this user write to the one above"), "{refusal}");

    let Err(refusal) = SqliteStore::open(directory.path(), LIMITS) else { panic!("opened a directory") };
    assert!(matches!(refusal, OpenError::File { .. }), "{refusal:?}");
    assert!(refusal.to_string().contains("a file that this user may read and write"), "{refusal}");
}

#[tokio::test]
async fn a_database_that_stays_locked_is_refused_in_bounded_time() {
    let (_directory, path) = in_new_directory();
    fill(&path).await;
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let refusal = refusal(&path);
    assert!(matches!(refusal, OpenError::Locked { .. }), "{refusal:?}");
    assert!(refusal.to_string().contains("was locked by another process for 20ms"), "{refusal}");
    drop(raw);
    SqliteStore::open(&path, LIMITS).unwrap();
}

#[tokio::test]
async fn a_record_that_no_version_writes_is_called_corrupt() {
    let (_directory, path) = in_new_directory();
    fill(&path).await;
    let store = SqliteStore::open(&path, LIMITS).unwrap();
    let raw = Connection::open(&path).unwrap();
    let key_id = KeyId::parse("key_1").unwrap();
    for (column, value) in [
        ("scopes", "'a b'"),
        ("label", "' x'"),
        ("successor", "''"),
        ("state", "'lost'"),
        ("dialect", "'X'"),
        ("limits", "'5/m'"),
    ] {
        raw.execute_batch("BEGIN; PRAGMA ignore_check_constraints = on").unwrap();
        raw.execute(&format!("UPDATE credentials SET {column} = {value} WHERE key_id = 'key_1'"), [])
            .unwrap();
        raw.execute_batch("COMMIT").unwrap();
        let read = store.credentials_named(&key_id).await;
        let Err(StoreError::Corrupt { what, why }) = read else { panic!("{column}: {read:?}") };
        assert_eq!(what, "credential", "{why}");
        let whole = "UPDATE credentials SET scopes = '', label = NULL, successor = NULL, state = 'active', dialect = NULL, limits = ''";
        raw.execute(whole, []).unwrap();
        store.credentials_named(&key_id).await.unwrap();
    }
}

/// Every answer is either an answer or an error; which, depends on what was hit. Nothing panics or hangs.
async fn use_all_of_it(path: &Path) -> Result<(), Box<dyn Error>> {
    let store = SqliteStore::open(path, LIMITS)?;
    let whose = store.consumer(consumer("somebody").id).await;
    let all = store.credentials(None).await.map(drop);
    let mut outcomes = vec![all, store.changes_since(Cursor::default()).await.map(drop), store.ping().await];
    for number in 0..=255 {
        let wanted = credential(number, &consumer("somebody"));
        outcomes.push(store.credentials_named(&wanted.key_id).await.map(drop));
        outcomes.push(store.credential_by_digest(&wanted.digest).await.map(drop));
        outcomes.push(store.insert_credential(&wanted).await.map(drop));
    }
    whose?;
    outcomes.into_iter().collect::<Result<(), StoreError>>()?;
    Ok(())
}

#[tokio::test]
async fn a_damaged_file_gives_errors_that_say_so_and_never_a_panic() {
    let (_directory, path) = in_new_directory();
    fill(&path).await;
    let whole = fs::read(&path).unwrap();
    let mut found = 0;
    let mut chance = 0x5eed_u64;
    let mut below = |limit: usize| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(chance >> 33).unwrap() % limit
    };
    for round in 0..60 {
        let mut damaged = whole.clone();
        if round % 10 == 0 {
            damaged.truncate(below(whole.len()).max(1));
        } else {
            for _ in 0..=below(4) {
                let (start, length) = (below(whole.len()), below(600));
                damaged
                    .iter_mut()
                    .skip(start)
                    .take(length)
                    .for_each(|byte| *byte = below(256).to_le_bytes()[0]);
            }
        }
        fs::write(&path, &damaged).unwrap();
        if let Err(error) = use_all_of_it(&path).await {
            found += 1;
            let whole_text =
                format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default());
            let says_where = whole_text.contains(path.to_str().unwrap());
            assert!(says_where || whole_text.starts_with("a stored "), "{whole_text}");
        }
        for beside in ["store.db-wal", "store.db-shm"] {
            let _ = fs::remove_file(path.with_file_name(beside));
        }
    }
    assert!(found > 20, "only {found} of 60 were noticed");
}
