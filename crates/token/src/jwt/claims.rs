//! What tokens say.

use countersign_model::{Address, Scopes, SessionId, UnixTime};
use uuid::Uuid;

/// What an access token says. Times are whole seconds in a token: a part of a second is dropped when it is
/// minted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The wallet (`address`).
    pub address: Address,
    /// Its session (`sid`).
    pub session: SessionId,
    /// The token's own identity (`jti`).
    pub id: Uuid,
    /// What it permits (`scopes`).
    pub scopes: Scopes,
    /// When it was minted (`iat`).
    pub issued_at: UnixTime,
    /// When it expires (`exp`): good before this moment, not at it.
    pub expires_at: UnixTime,
}

/// What a refresh token says. Times are whole seconds in a token: a part of a second is dropped when it is
/// minted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshClaims {
    /// The wallet (`address`).
    pub address: Address,
    /// Its session (`sid`).
    pub session: SessionId,
    /// The token's own identity (`jti`).
    pub id: Uuid,
    /// The scopes of the pair it belongs to (`scopes`).
    pub scopes: Scopes,
    /// When it was minted (`iat`).
    pub issued_at: UnixTime,
    /// When it expires (`exp`): good before this moment, not at it.
    pub expires_at: UnixTime,
    /// The session's counter when it was minted (`ctr`).
    pub counter: u64,
}

/// What a token is for (`token_use`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenUse {
    Access,
    Refresh,
}

impl TokenUse {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}
