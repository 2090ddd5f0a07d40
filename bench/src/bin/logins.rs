//! Logins of wallets, signed beforehand, and what nobody who checks one can do without.
//!
//! ```text
//! countersign-bench-logins sign ADDRESS FIRST COUNT     the bodies of COUNT logins, a line each, of wallets from number FIRST on
//! countersign-bench-logins recover SECONDS              public keys recovered: how many, and in how many seconds
//! countersign-bench-logins keep SECONDS                 the same, and a session kept in a database for each, as many at once as a server has
//! ```
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use std::hint::black_box;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::net::TcpStream;
use std::task::Poll;
use std::time::{Duration, Instant};

use countersign_model::{Address, Generation, Scopes, Session, SessionId, UnixTime};
use countersign_store::{Begun, Sessions};
use countersign_store_sqlite::{Limits, SqliteStore};
use countersign_wallet::{PrivateKey, personal_hash};
use secp256k1::Message;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};

/// How many logins are under way at all times.
const AT_ONCE: usize = 64;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["sign", address, first, count] => sign(address, first.parse().unwrap(), count.parse().unwrap()),
        ["recover", seconds] => repeat(seconds, 100, || ()),
        ["keep", seconds] => keep(seconds),
        _ => panic!("sign ADDRESS FIRST COUNT, recover SECONDS, or keep SECONDS"),
    }
}

fn wallet(number: u32) -> PrivateKey {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    PrivateKey::from_bytes(&bytes).unwrap()
}

/// Asks the server for a nonce for each wallet, on one connection, and signs it.
fn sign(server: &str, first: u32, count: u32) {
    let mut asking = BufReader::new(TcpStream::connect(server).unwrap());
    let mut out = BufWriter::new(std::io::stdout().lock());
    for key in (first..first + count).map(wallet) {
        let address = key.address().to_string();
        let question = format!("GET /api/v1/auth/nonce?address={address} HTTP/1.1\r\nHost: {server}\r\n\r\n");
        asking.get_mut().write_all(question.as_bytes()).unwrap();
        let answer = answer(&mut asking);
        let nonce = answer.split('"').skip_while(|part| *part != "nonce").nth(2).unwrap();
        let signature = key.sign_personal(format!("{address} {nonce}").as_bytes());
        writeln!(out, r#"{{"address":"{address}","signature":"{signature}"}}"#).unwrap();
    }
}

/// The body of an answer.
fn answer(from: &mut BufReader<TcpStream>) -> String {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        from.read_line(&mut line).unwrap();
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        assert!(!lower.starts_with("http/1.1 ") || lower.starts_with("http/1.1 200"), "{line}");
        if line == "\r\n" {
            let mut body = vec![0; length];
            from.read_exact(&mut body).unwrap();
            return String::from_utf8(body).unwrap();
        }
    }
}

/// Recovers keys, and keeps sessions in a database in a temporary folder: what a durable login cannot do without.
fn keep(seconds: &str) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("sessions.db"), Limits::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut number = 0_u64;
    repeat(seconds, AT_ONCE, || {
        let sessions: Vec<Session> = (0..AT_ONCE).map(|_| session(&mut number)).collect();
        runtime.block_on(async {
            let mut writes: Vec<_> =
                sessions.iter().map(|new| store.begin_session(Generation::default(), new)).collect();
            // All are asked for before one is waited for.
            let mut kept = vec![None; writes.len()];
            std::future::poll_fn(|context| {
                for (write, kept) in writes.iter_mut().zip(&mut kept).filter(|(_, kept)| kept.is_none()) {
                    if let Poll::Ready(begun) = write.as_mut().poll(context) {
                        *kept = Some(begun.unwrap());
                    }
                }
                if kept.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            assert!(kept.iter().all(|kept| *kept == Some(Begun::Begun)), "a session was not kept");
        });
    });
}

/// A session of another wallet each, whose address is anywhere.
fn session(number: &mut u64) -> Session {
    *number += 1;
    let now = UnixTime::from_millis(1_795_262_400_000 + i64::try_from(*number / 16).unwrap());
    let mut address = [0; 20];
    address[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let mut rest = [0; 10];
    rest[..8].copy_from_slice(&number.to_be_bytes());
    let id = uuid::Builder::from_unix_timestamp_millis(now.millis().cast_unsigned(), &rest);
    Session {
        id: SessionId(id.into_uuid()),
        address: Address::from_bytes(address),
        counter: 0,
        refreshed_at: now,
        scopes: Scopes::default(),
        expires_at: now.plus(Duration::from_hours(24)),
        ended: None,
    }
}

/// Recovers keys and does `after` after each `at_once`, for so many seconds.
#[allow(clippy::disallowed_methods, reason = "a clock is what this is about")]
fn repeat(seconds: &str, at_once: usize, mut after: impl FnMut()) {
    let time = Duration::from_secs(seconds.parse().unwrap());
    let text = b"0x0000000000000000000000000000000000000001 0198c2de-7c1a-4bb2-a8f2-0d5b0d9d3f11";
    let signature = wallet(1).sign_personal(text);
    let byte = |at: usize| u8::from_str_radix(&signature[at..at + 2], 16).unwrap();
    let compact: Vec<u8> = (0..64).map(|index| byte(2 + 2 * index)).collect();
    let parity = if signature.ends_with("1b") { RecoveryId::Zero } else { RecoveryId::One };
    let signature = RecoverableSignature::from_compact(&compact, parity).unwrap();
    let message = Message::from_digest(personal_hash(text));
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < time {
        for _ in 0..at_once {
            black_box(black_box(signature).recover(message).unwrap());
        }
        after();
        count += at_once;
    }
    println!("{count} {}", began.elapsed().as_secs_f64());
}
