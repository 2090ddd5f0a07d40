//! What a request pays for a key or a token, beside the bare cryptography on the same bytes.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use aws_lc_rs::{digest, hmac};
use countersign_model::{Address, Entropy, Scopes, SessionId, TokenKeyId, UnixTime};
use countersign_token::jwt::{ACCESS_KEY_LABEL, AccessClaims, KeyRing};
use countersign_token::{MasterKey, key};
use divan::{Bencher, black_box};
use uuid::Uuid;

const NOW: UnixTime = UnixTime::from_secs(1_795_262_400);
const SCOPES: [&str; 2] = ["", "console:apikey:read,console:apikey:write,console:passport:campaign:read"];

fn main() {
    divan::main();
}

#[divan::bench(args = SCOPES)]
fn jwt_bare_hmac_sha512(bencher: Bencher<'_, '_>, scopes: &str) {
    let token = ring().mint_access(&claims(scopes)).unwrap();
    let (signed, _signature) = token.rsplit_once('.').unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA512, master().derive::<64>(ACCESS_KEY_LABEL, b"k1").expose());
    bencher.bench_local(|| hmac::sign(&key, black_box(signed).as_bytes()).as_ref().first().copied());
}

#[divan::bench(args = SCOPES)]
fn jwt_read_access(bencher: Bencher<'_, '_>, scopes: &str) {
    let ring = ring();
    let token = ring.mint_access(&claims(scopes)).unwrap();
    bencher.bench_local(|| ring.read_access(black_box(&token), NOW).is_ok());
}

/// Another reader, with as many checks as it can be given.
#[divan::bench(args = SCOPES)]
fn jwt_read_by_jsonwebtoken(bencher: Bencher<'_, '_>, scopes: &str) {
    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "read for the time it takes")]
    struct Claims {
        address: String,
        exp: u64,
        iat: u64,
        iss: String,
        scopes: String,
        jti: String,
        sid: String,
        token_use: String,
    }
    let token = ring().mint_access(&claims(scopes)).unwrap();
    let key = jsonwebtoken::DecodingKey::from_secret(master().derive::<64>(ACCESS_KEY_LABEL, b"k1").expose());
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS512);
    validation.set_issuer(&["redreamer"]);
    validation.validate_exp = false;
    bencher.bench_local(|| jsonwebtoken::decode::<Claims>(black_box(&token), &key, &validation).unwrap());
}

#[divan::bench(args = SCOPES)]
fn jwt_mint_access(bencher: Bencher<'_, '_>, scopes: &str) {
    let (ring, claims) = (ring(), claims(scopes));
    bencher.bench_local(|| ring.mint_access(black_box(&claims)));
}

#[divan::bench]
fn key_bare_sha256(bencher: Bencher<'_, '_>) {
    let key = key::mint(key::KeyKind::ApiKey, &Fixed);
    bencher.bench_local(|| digest::digest(&digest::SHA256, black_box(key.expose()).as_bytes()));
}

#[divan::bench]
fn key_check(bencher: Bencher<'_, '_>) {
    let key = key::mint(key::KeyKind::ApiKey, &Fixed);
    bencher.bench_local(|| key::check(black_box(key.expose())));
}

#[divan::bench]
fn key_check_and_digest(bencher: Bencher<'_, '_>) {
    let key = key::mint(key::KeyKind::ApiKey, &Fixed);
    bencher.bench_local(|| {
        let text = black_box(key.expose());
        key::check(text).map(|_| key::digest(text))
    });
}

struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        for (byte, value) in buffer.iter_mut().zip((0..=u8::MAX).cycle()) {
            *byte = value;
        }
    }
}

fn master() -> MasterKey {
    MasterKey::generate(&Fixed)
}

fn ring() -> KeyRing {
    KeyRing::new(&master(), "redreamer", &[TokenKeyId("k1".into())]).unwrap()
}

fn claims(scopes: &str) -> AccessClaims {
    AccessClaims {
        address: Address::parse("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed").unwrap(),
        session: SessionId(Uuid::from_u128(0x0193_4c2b_7d1f_7a3e_8f00_1122_3344_5566)),
        id: Uuid::from_u128(0x0193_4c2b_7d1f_7b11_9a00_aabb_ccdd_eeff),
        scopes: Scopes::parse_list(scopes).unwrap(),
        issued_at: NOW,
        expires_at: UnixTime::from_secs(NOW.secs() + 3600),
    }
}
