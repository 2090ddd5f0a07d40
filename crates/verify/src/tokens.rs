//! Access tokens: the keys that sign them, and those that were seen lately.
//!
//! A client sends one token with many requests. Once its signature was checked, what it says is remembered under its digest, as an API
//! key's credential is: the token itself is not kept. Its times are judged anew for every request, and whoever asks looks up its
//! session anew. What was remembered goes with the keys, so a key that was removed is the signer of nothing.

use std::sync::Arc;

use countersign_model::{KeyDigest, UnixTime};
use countersign_token::jwt::{AccessTokenValid, JwtRefusal, KeyRing};
use countersign_token::key;

use crate::kept::HasDigest;
use crate::recent::Recent;

/// How many tokens that were used lately are remembered at least, and half of how many at most. One takes some 400 bytes.
const RECENT_TOKENS: usize = 50_000;

/// The token keys, and the tokens that are known to be signed with one of them.
pub(crate) struct Tokens {
    ring: Arc<KeyRing>,
    seen: Recent<Seen>,
}

/// A token whose signature was good.
#[derive(Clone)]
struct Seen {
    digest: KeyDigest,
    valid: AccessTokenValid,
}

impl HasDigest for Seen {
    fn digest(&self) -> &KeyDigest {
        &self.digest
    }
}

impl Tokens {
    /// These keys, and no token yet.
    pub(crate) fn new(ring: KeyRing) -> Self {
        Self { ring: Arc::new(ring), seen: Recent::new(RECENT_TOKENS) }
    }

    /// The keys.
    pub(crate) fn ring(&self) -> &Arc<KeyRing> {
        &self.ring
    }

    /// Verifies an access token at the moment `now`. Only one that is good is remembered: a stranger's take no room.
    pub(crate) fn read(&self, token: &str, now: UnixTime) -> Result<AccessTokenValid, JwtRefusal> {
        let digest = key::digest(token);
        if let Some(seen) = self.seen.get(&digest, || true) {
            return seen.valid.again(now);
        }
        let valid = self.ring.read_access(token, now)?;
        self.seen.insert(Seen { digest, valid: valid.clone() }, || true);
        Ok(valid)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use countersign_model::{Address, Scopes, SessionId, TokenKeyId};
    use countersign_token::MasterKey;
    use countersign_token::jwt::AccessClaims;
    use uuid::Uuid;

    use super::*;

    const NOON: UnixTime = UnixTime::from_secs(43_200);
    const HOUR: Duration = Duration::from_hours(1);

    fn ring(kid: &str) -> KeyRing {
        let master = MasterKey::parse(&"0123456789abcdef".repeat(4)).unwrap();
        KeyRing::new(&master, "issuer", &[TokenKeyId(kid.into())]).unwrap()
    }

    fn minted() -> String {
        let claims = AccessClaims {
            address: Address::from_bytes([7; 20]),
            session: SessionId(Uuid::from_bytes([8; 16])),
            id: Uuid::from_bytes([9; 16]),
            scopes: Scopes::parse_list("a,b").unwrap(),
            issued_at: NOON,
            expires_at: NOON.plus(HOUR),
        };
        ring("k1").mint_access(&claims).unwrap()
    }

    #[test]
    fn a_token_that_was_seen_says_the_same_again_and_is_judged_by_its_times_as_when_it_was_new() {
        let (tokens, token) = (Tokens::new(ring("k1")), minted());
        let (end, minute) = (NOON.plus(HOUR), Duration::from_mins(1));
        let second = Duration::from_secs(1);
        let moments =
            [NOON, end.minus(second), end, end.plus(HOUR), NOON.minus(minute + second), NOON.minus(minute)];
        for at in moments {
            let new = Tokens::new(ring("k1")).read(&token, at);
            assert_eq!(tokens.read(&token, at), new, "{at:?}");
        }
    }

    #[test]
    fn another_token_is_not_taken_for_the_one_that_was_seen() {
        let (tokens, token) = (Tokens::new(ring("k1")), minted());
        assert!(tokens.read(&token, NOON).is_ok());
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] ^= 1;
            let changed = String::from_utf8(changed).unwrap();
            assert!(tokens.read(&changed, NOON).is_err(), "{changed}");
        }
        assert!(tokens.read(&format!("{token}A"), NOON).is_err());
    }

    #[test]
    fn a_token_that_was_refused_is_refused_again_and_not_remembered() {
        let (tokens, token) = (Tokens::new(ring("k2")), minted());
        for _ in 0..2 {
            assert_eq!(tokens.read(&token, NOON), Err(JwtRefusal::UnknownKey));
        }
        assert!(tokens.seen.get(&key::digest(&token), || true).is_none());
    }
}
