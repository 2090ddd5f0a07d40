//! A wallet's login, from its first token to its last.

use std::fmt;

use uuid::Uuid;

use crate::{Address, Scopes, UnixTime};

/// The identity of a session; it stands in every token of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub Uuid);

/// How many logins an address has had. It goes into the nonce, so that a login spends every nonce
/// that was derived before it. An address that never logged in has generation zero and no record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

impl Generation {
    /// The generation after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// The name of a token key (the `kid` of a JWT, RFC 7515 section 4.1.4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenKeyId(pub Box<str>);

impl fmt::Display for TokenKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TokenKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A session as it is kept: one record, however often it is refreshed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its identity.
    pub id: SessionId,
    /// The wallet that logged in.
    pub address: Address,
    /// Which refresh token is the newest: 0 at login, one more at each refresh.
    pub counter: u64,
    /// When the newest pair of tokens was issued. With the counter and the scopes it determines that pair,
    /// which is how a lost answer can be given again.
    pub refreshed_at: UnixTime,
    /// The scopes of the newest pair.
    pub scopes: Scopes,
    /// When the newest refresh token expires, and with it the session.
    pub expires_at: UnixTime,
    /// The end of it before that time, if it was ended.
    pub ended: Option<SessionEnd>,
}

/// Why a session was ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// A spent refresh token came back: two parties hold the session, and one of them is not its owner.
    Reuse {
        /// When.
        at: UnixTime,
    },
    /// An operator revoked the wallet.
    Revoked {
        /// When.
        at: UnixTime,
    },
}
