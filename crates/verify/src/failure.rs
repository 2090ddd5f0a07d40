//! What comes out when it is not a yes.

use countersign_dialect::{Malformed, Mismatch, Part, Untimely};
use countersign_model::{KeyId, Phase, Scopes};
use countersign_store::StoreError;
use countersign_token::jwt::{JwtRefusal, NotAKeyRing};

use crate::{BodyFailure, Limited, Replayed, Scheme, Unusable, Verified};

/// The outcome of a decision.
pub type Verdict = Result<Verified, Failure>;

/// Why a request may not pass.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The caller's fault.
    #[error("{0}")]
    Denied(Denial),
    /// Ours: no decision could be made, so nothing passes.
    #[error(transparent)]
    Unavailable(Outage),
    /// The caller's fault: everything is good, and there were too many before.
    #[error("{0}")]
    Limited(Box<Limited>),
    /// The body, which a check needed, could not be read.
    #[error("{0}")]
    Body(BodyFailure),
}

/// A denial: which scheme, whose credential where that became known, and why. For operators; a caller sees
/// only what the edge's table makes of it.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Denial {
    /// The scheme that failed; none where the request presented none of the route's schemes.
    pub scheme: Option<Scheme>,
    /// The credential that was named, once it was found.
    pub key_id: Option<KeyId>,
    /// What was wrong.
    pub reason: Reason,
}

/// What was wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// No scheme that the route accepts was presented, or not all of those it wants together.
    #[error("no credential was presented")]
    NotPresented,
    /// The scheme's header stands twice.
    #[error("the credential was presented twice")]
    Repeated,
    /// The API key or bearer token is not even text of a sensible length.
    #[error("the credential cannot be read")]
    Unreadable,
    /// The dialect's parts of the request are broken.
    #[error("{0}")]
    Malformed(Malformed),
    /// A part of the dialect's signature is not there.
    #[error("no {0}")]
    Incomplete(Part),
    /// No credential has that key.
    #[error("unknown key")]
    UnknownKey,
    /// The credential is there and does not work here and now.
    #[error("{0}")]
    Unusable(Unusable),
    /// The signature's time is outside the window.
    #[error("{0}")]
    Untimely(Untimely),
    /// The signature is wrong.
    #[error("{0}")]
    Mismatch(Mismatch),
    /// The signature is good, and it, its nonce or a greater nonce served before.
    #[error("{0}")]
    Replayed(Replayed),
    /// The nonce must grow with every request and is no number of so many digits as can be compared.
    #[error("the nonce is no whole number that can be compared")]
    NonceNotANumber,
    /// The query is not covered by the signature, and the route refuses that.
    #[error("a query that the signature does not cover")]
    UnsignedQuery,
    /// The access token was refused.
    #[error("{0}")]
    Token(JwtRefusal),
    /// The token is good and its session was ended.
    #[error("the session was ended")]
    SessionEnded,
    /// Two credentials of different consumers came together.
    #[error("credentials of two consumers")]
    TwoConsumers,
    /// The caller is known and may not do this.
    #[error("missing scopes: {}", .0.to_list())]
    Scopes(Scopes),
}

impl Reason {
    /// A short stable word for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotPresented => "not_presented",
            Self::Repeated => "repeated",
            Self::Unreadable => "unreadable",
            Self::Malformed(_) | Self::NonceNotANumber => "malformed",
            Self::Incomplete(_) => "incomplete",
            Self::UnknownKey => "unknown_key",
            Self::Unusable(Unusable::Ended(Phase::Revoked)) => "revoked",
            Self::Unusable(Unusable::Ended(_)) => "expired",
            Self::Unusable(Unusable::ConsumerDisabled) => "consumer_disabled",
            Self::Unusable(Unusable::WrongKind) => "wrong_kind",
            Self::Untimely(_) => "untimely",
            Self::Mismatch(_) => "bad_signature",
            Self::Replayed(_) => "replayed",
            Self::UnsignedQuery => "unsigned_query",
            Self::Token(_) => "bad_token",
            Self::SessionEnded => "session_ended",
            Self::TwoConsumers => "two_consumers",
            Self::Scopes(_) => "missing_scopes",
        }
    }
}

/// Why no decision could be made.
#[derive(Debug, thiserror::Error)]
pub enum Outage {
    /// Storage failed on this request.
    #[error("storage failed")]
    Store(#[source] StoreError),
    /// What is in memory has not been compared with storage for too long: a credential in it may be revoked.
    #[error("the change feed was last read {behind_secs} s ago")]
    Stale {
        /// For how long, in whole seconds.
        behind_secs: u64,
    },
    /// While its body was on its way, the credential became another one, and the upstream was told of the first.
    #[error("the credential changed while the body was on its way")]
    Changed,
    /// A stored signing secret does not open: wrong master key, or the record was tampered with.
    #[error("the signing secret of {0} does not open under this master key")]
    Sealed(KeyId),
    /// The token keys in storage make no key ring.
    #[error("{0}")]
    TokenKeys(NotAKeyRing),
    /// A wallet's token is wanted, and there are no token keys to check it with.
    #[error("the route asks for wallets and no wallet login is configured")]
    NoTokens,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(Outage::Store(error))
    }
}

impl From<BodyFailure> for Failure {
    fn from(error: BodyFailure) -> Self {
        Self::Body(error)
    }
}
