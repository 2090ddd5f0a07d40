//! The two tokens of a session, as a function of its record.

use aws_lc_rs::hmac;
use countersign_model::{Session, UnixTime};
use countersign_token::MasterKey;
use countersign_token::jwt::{AccessClaims, KeyRing, NotMinted, RefreshClaims};
use uuid::Uuid;

use crate::Wallets;

/// The label under which the key for token ids is derived.
const KEY_LABEL: &str = "token ids";

/// An access token and a refresh token.
pub struct Pair {
    /// What calls the API.
    pub token: String,
    /// What gets the next pair, once.
    pub refresh_token: String,
}

/// Tokens are secrets.
impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pair(..)")
    }
}

/// A pair could not be minted: a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("the tokens could not be minted")]
pub struct NotIssued(#[from] NotMinted);

/// Derives the ids (`jti`) of tokens, so that the same session record always gives the same pair: an answer that got
/// lost is given again, not replaced.
pub(crate) struct TokenIds(hmac::Key);

#[derive(Clone, Copy)]
enum Kind {
    Access,
    Refresh,
}

impl TokenIds {
    pub(crate) fn derive(master: &MasterKey) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, master.derive::<32>(KEY_LABEL, b"").expose()))
    }

    fn id(&self, session: &Session, kind: Kind) -> Uuid {
        let mut mac = hmac::Context::with_key(&self.0);
        mac.update(session.id.0.as_bytes());
        mac.update(&session.counter.to_be_bytes());
        mac.update(match kind {
            Kind::Access => b"a",
            Kind::Refresh => b"r",
        });
        let first = mac.sign().as_ref().first_chunk().copied().unwrap_or_default();
        uuid::Builder::from_random_bytes(first).into_uuid()
    }
}

impl Wallets {
    /// When a refresh token that is issued at `now` expires, to the second like everything in a token.
    pub(crate) fn refresh_expiry(&self, now: UnixTime) -> UnixTime {
        UnixTime::from_secs(now.secs()).plus(self.settings.refresh_lifetime)
    }

    /// The newest pair of `session`.
    pub(crate) fn pair(&self, session: &Session, keys: &KeyRing) -> Result<Pair, NotIssued> {
        let issued_at = UnixTime::from_secs(session.refreshed_at.secs());
        let token = keys.mint_access(&AccessClaims {
            address: session.address,
            session: session.id,
            id: self.token_ids.id(session, Kind::Access),
            scopes: session.scopes.clone(),
            issued_at,
            expires_at: issued_at.plus(self.settings.access_lifetime),
        })?;
        let refresh_token = keys.mint_refresh(&RefreshClaims {
            address: session.address,
            session: session.id,
            id: self.token_ids.id(session, Kind::Refresh),
            scopes: session.scopes.clone(),
            issued_at,
            expires_at: session.expires_at,
            counter: session.counter,
        })?;
        Ok(Pair { token, refresh_token })
    }
}
