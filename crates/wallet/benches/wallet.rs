//! What a login pays for its signature, beside the bare recovery of a public key.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use countersign_wallet::{PrivateKey, WalletSignature, personal_hash, signed_by};
use divan::{Bencher, black_box};
use secp256k1::Message;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};

const TEXT: &[u8] = b"0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F 7b8a3f5e-0b0c-4c64-9d1b-2f0a6f3f7f11";

fn main() {
    divan::main();
}

fn key() -> PrivateKey {
    PrivateKey::parse("4646464646464646464646464646464646464646464646464646464646464646").unwrap()
}

#[divan::bench]
fn bare_recovery(bencher: Bencher<'_, '_>) {
    let signature = key().sign_personal(TEXT);
    let byte = |at: usize| u8::from_str_radix(signature.get(at..at + 2).unwrap(), 16).unwrap();
    let compact: Vec<u8> = (0..64).map(|index| byte(2 + 2 * index)).collect();
    let parity = if signature.ends_with("1b") { RecoveryId::Zero } else { RecoveryId::One };
    let signature = RecoverableSignature::from_compact(&compact, parity).unwrap();
    let message = Message::from_digest(personal_hash(TEXT));
    bencher.bench_local(|| black_box(signature).recover(message).unwrap());
}

#[divan::bench]
fn parse_and_signed_by(bencher: Bencher<'_, '_>) {
    let (address, signature) = (key().address(), key().sign_personal(TEXT));
    bencher.bench_local(|| {
        let signature = WalletSignature::parse(black_box(&signature)).unwrap();
        signed_by(address, black_box(TEXT), &signature).unwrap()
    });
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    let signature = key().sign_personal(TEXT);
    bencher.bench_local(|| WalletSignature::parse(black_box(&signature)).unwrap());
}

#[divan::bench]
fn hash(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| personal_hash(black_box(TEXT)));
}
