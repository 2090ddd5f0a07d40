//! No bytes but those that were minted are a token: any text is refused, and so is a minted token with anything changed.

#![no_main]

use std::sync::LazyLock;

use countersign_model::{Address, Scopes, SessionId, TokenKeyId, UnixTime};
use countersign_token::MasterKey;
use countersign_token::jwt::{AccessClaims, KeyRing};

const NOW: UnixTime = UnixTime::from_secs(1_795_262_400);

static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let master = MasterKey::parse(&"0123456789abcdef".repeat(4)).expect("a key");
    KeyRing::new(&master, "redreamer", &[TokenKeyId("k1".into())]).expect("a ring")
});

static TOKEN: LazyLock<String> = LazyLock::new(|| {
    let nil = SessionId(Default::default());
    let claims = AccessClaims {
        address: Address::from_bytes([1; 20]),
        session: nil,
        id: nil.0,
        scopes: Scopes::default(),
        issued_at: NOW,
        expires_at: UnixTime::from_secs(NOW.secs() + 3600),
    };
    RING.mint_access(&claims).expect("a token")
});

/// The minted token with a stretch of it replaced: the first two bytes say where, the rest is what stands there instead.
fn mutated(bytes: &[u8]) -> Option<String> {
    let [at, length, rest @ ..] = bytes else { return None };
    let at = usize::from(*at) * TOKEN.len() / 256;
    let end = (at + usize::from(*length) % 8).min(TOKEN.len());
    let (before, after) = (TOKEN.get(..at)?, TOKEN.get(end..)?);
    Some(format!("{before}{}{after}", String::from_utf8_lossy(rest)))
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for text in std::str::from_utf8(bytes).ok().map(str::to_owned).into_iter().chain(mutated(bytes)) {
        assert_eq!(RING.read_access(&text, NOW).is_ok(), text == *TOKEN);
        assert!(RING.read_refresh(&text, NOW).is_err());
    }
});
