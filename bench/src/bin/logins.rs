//! Logins of wallets, signed beforehand, and what nobody who checks one can do without.
//!
//! ```text
//! countersign-bench-logins sign ADDRESS FIRST COUNT     the bodies of COUNT logins, a line each, of wallets from number FIRST on
//! countersign-bench-logins recover SECONDS              public keys recovered: how many, and in how many seconds
//! ```
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use std::hint::black_box;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use countersign_wallet::{PrivateKey, personal_hash};
use secp256k1::Message;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["sign", address, first, count] => sign(address, first.parse().unwrap(), count.parse().unwrap()),
        ["recover", seconds] => recover(Duration::from_secs(seconds.parse().unwrap())),
        _ => panic!("sign ADDRESS FIRST COUNT, or recover SECONDS"),
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

#[allow(clippy::disallowed_methods, reason = "a clock is what this is about")]
fn recover(time: Duration) {
    let text = b"0x0000000000000000000000000000000000000001 0198c2de-7c1a-4bb2-a8f2-0d5b0d9d3f11";
    let signature = wallet(1).sign_personal(text);
    let byte = |at: usize| u8::from_str_radix(&signature[at..at + 2], 16).unwrap();
    let compact: Vec<u8> = (0..64).map(|index| byte(2 + 2 * index)).collect();
    let parity = if signature.ends_with("1b") { RecoveryId::Zero } else { RecoveryId::One };
    let signature = RecoverableSignature::from_compact(&compact, parity).unwrap();
    let message = Message::from_digest(personal_hash(text));
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < time {
        for _ in 0..100 {
            black_box(black_box(signature).recover(message).unwrap());
        }
        count += 100;
    }
    println!("{count} {}", began.elapsed().as_secs_f64());
}
