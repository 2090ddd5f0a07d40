//! A session goes on.

use std::time::Duration;

use countersign_model::{Session, SessionEnd, SessionId, UnixTime};
use countersign_store::{Advance, Advanced, StoreError};
use countersign_token::jwt::{JwtRefusal, KeyRing};

use crate::Wallets;
use crate::pair::{NotIssued, Pair};

/// How long a spent refresh token still gets the pair that it was spent for: for a client whose answer got lost.
pub const GRACE: Duration = Duration::from_secs(10);

/// How often a refresh looks again after losing a race. Each loss means that another refresh moved the session on, and
/// a token can be at most one behind, so the second look decides.
const LOOKS: usize = 3;

/// Why a refresh did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is not good.
    #[error("{0}")]
    Refused(RefreshRefused),
    /// Storage failed.
    #[error("storage failed")]
    Store(#[from] StoreError),
    /// The tokens could not be minted.
    #[error("{0}")]
    NotIssued(#[from] NotIssued),
}

/// Why a refresh was refused, for operators: the caller sees one answer for all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefused {
    /// The token itself is not good. It changes nothing: whoever forges a token ends nobody's session.
    #[error("{0}")]
    Token(JwtRefusal),
    /// There is no such session any more, or not yet: storage was set back.
    #[error("the session is not known")]
    Unknown,
    /// The session was ended before.
    #[error("the session was ended")]
    Ended,
    /// The token was spent before: two parties hold the session, which was ended now (OAuth 2.0 Security BCP, RFC 9700
    /// section 4.14.2).
    #[error("a spent refresh token came back; the session was ended")]
    Reuse(SessionId),
}

/// What a refresh token is, held against its session.
enum Standing {
    /// The newest one.
    Newest,
    /// Its parent, spent a moment ago.
    JustSpent,
    /// Spent before that, or its successor was spent.
    Spent,
    /// Newer than the session.
    Ahead,
}

impl Wallets {
    /// The next pair for a refresh token. A token serves once; presented again within [`GRACE`] and before its successor
    /// was used, it gets the same pair again; any later reuse ends the session.
    ///
    /// After [`RefreshRefused::Reuse`] the session's access tokens must be refused too: whoever decides on them is to
    /// read the change feed before this answer goes out.
    pub async fn refresh(&self, token: &str, keys: &KeyRing, now: UnixTime) -> Result<Pair, RefreshError> {
        let refused = |why| Err(RefreshError::Refused(why));
        let claims = match keys.read_refresh(token, now) {
            Ok(valid) => valid.into_claims(),
            Err(why) => return refused(RefreshRefused::Token(why)),
        };
        for _ in 0..LOOKS {
            let Some(session) = self.store.session(claims.session).await? else {
                return refused(RefreshRefused::Unknown);
            };
            if session.ended.is_some() {
                return refused(RefreshRefused::Ended);
            }
            match standing(claims.counter, &session, now) {
                Standing::Newest => {
                    if let Some(advanced) = self.advance(session, now).await? {
                        return Ok(self.pair(&advanced, keys)?);
                    }
                }
                Standing::JustSpent => return Ok(self.pair(&session, keys)?),
                Standing::Spent => {
                    self.store.end_session(session.id, SessionEnd::Reuse { at: now }).await?;
                    return refused(RefreshRefused::Reuse(session.id));
                }
                Standing::Ahead => return refused(RefreshRefused::Unknown),
            }
        }
        refused(RefreshRefused::Ended)
    }

    /// The session after one more refresh, or nothing where another refresh came first.
    async fn advance(&self, session: Session, now: UnixTime) -> Result<Option<Session>, StoreError> {
        // After the session, see `Grants::granted`: what was granted or taken since the login counts from here on.
        let scopes = self.store.granted(session.address).await?;
        let advance = Advance {
            id: session.id,
            from: session.counter,
            at: now,
            scopes,
            expires_at: self.refresh_expiry(now),
        };
        Ok(match self.store.advance_session(&advance).await? {
            Advanced::Advanced => Some(Session {
                counter: session.counter.wrapping_add(1),
                refreshed_at: advance.at,
                scopes: advance.scopes,
                expires_at: advance.expires_at,
                ..session
            }),
            Advanced::Raced => None,
        })
    }
}

fn standing(counter: u64, session: &Session, now: UnixTime) -> Standing {
    if counter == session.counter {
        Standing::Newest
    } else if counter > session.counter {
        Standing::Ahead
    } else if counter.wrapping_add(1) == session.counter && now.since(session.refreshed_at) <= GRACE {
        Standing::JustSpent
    } else {
        Standing::Spent
    }
}
