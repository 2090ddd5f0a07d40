//! What a request says about itself, unchecked.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use countersign_model::UnixTime;

/// What reading a request with a dialect gave.
#[derive(Debug)]
pub enum Reading<'r> {
    /// Nothing of this dialect.
    NotPresented,
    /// The key id and nothing else of this dialect: where the key alone may open a route, that is somebody else's
    /// business.
    OnlyKeyId(Cow<'r, str>),
    /// Some of it and not all.
    Incomplete {
        /// The key id, where it was sent.
        key_id: Option<Cow<'r, str>>,
        /// The first part that is not there.
        missing: Part,
    },
    /// All of it.
    Presented(Claim<'r>),
    /// All or some of it, in a way that cannot be read.
    Malformed {
        /// The key id, where it could be read.
        key_id: Option<Cow<'r, str>>,
        /// What cannot be read, and why.
        why: Malformed,
    },
}

/// A part of a request that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part}: {flaw}")]
pub struct Malformed {
    /// The part.
    pub part: Part,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// A part of what a client presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The key id.
    KeyId,
    /// When it was signed.
    Timestamp,
    /// What makes it unique.
    Nonce,
    /// When it ends.
    Expires,
    /// The signature.
    Signature,
    /// The body, or what stands in it.
    Body,
}

impl Part {
    /// Its name in a dialect file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeyId => "key_id",
            Self::Timestamp => "timestamp",
            Self::Nonce => "nonce",
            Self::Expires => "expires",
            Self::Signature => "signature",
            Self::Body => "body",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a part of a request cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A header, a query, form or JSON name that the dialect reads stands twice.
    #[error("it stands twice")]
    Twice,
    /// The body is not JSON from its first byte to its last, or nests too deep.
    #[error("the body is not JSON")]
    NotJson,
    /// It should be text and is not UTF-8, or should be a text or number and is another kind of JSON value.
    #[error("it is no text")]
    NotText,
    /// A time that is not written as the dialect says.
    #[error("it is not written as a time of this dialect")]
    NotATime,
    /// It is not written in the encoding that the dialect says.
    #[error("it is not encoded as this dialect says")]
    NotEncoded,
    /// More names, pairs or signatures than a request may hold.
    #[error("it holds too many parts")]
    TooMany,
    /// A part that the request says is signed is not there.
    #[error("a part that should be signed is not there")]
    Missing,
    /// The body is needed and has not been read.
    #[error("the body has not been read")]
    BodyUnread,
}

/// What a request says: who signed it, when, and the signature. Nothing of it has been checked.
pub struct Claim<'r> {
    pub(crate) key_id: Cow<'r, str>,
    pub(crate) timestamp: Option<Stamp<'r>>,
    pub(crate) nonce: Option<Cow<'r, [u8]>>,
    pub(crate) expires: Option<Stamp<'r>>,
    /// How long ago it may have been signed, where it says so itself.
    pub(crate) past: Option<Duration>,
    pub(crate) signature: Signatures<'r>,
    /// What the groups of `match` caught.
    pub(crate) groups: Vec<Cow<'r, [u8]>>,
    /// Which variant of the recipe this is.
    pub(crate) variant: usize,
}

/// A time as it is written and as it is meant.
pub(crate) struct Stamp<'r> {
    pub(crate) text: Cow<'r, [u8]>,
    pub(crate) at: UnixTime,
}

/// The signature, or several of which any may match.
pub(crate) enum Signatures<'r> {
    One(Cow<'r, [u8]>),
    Any(Vec<Cow<'r, [u8]>>),
}

impl Signatures<'_> {
    pub(crate) fn as_slice(&self) -> &[Cow<'_, [u8]>] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Any(many) => many,
        }
    }
}

impl Claim<'_> {
    /// Which variant of the dialect read it: its place among them, the dialect itself behind all.
    pub fn variant(&self) -> usize {
        self.variant
    }

    /// The public name of the credential it was signed with. Empty where the dialect has no key id.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// When it says it was signed.
    pub fn timestamp(&self) -> Option<UnixTime> {
        self.timestamp.as_ref().map(|stamp| stamp.at)
    }

    /// When it says it ends.
    pub fn expires(&self) -> Option<UnixTime> {
        self.expires.as_ref().map(|stamp| stamp.at)
    }

    /// What makes it unique, as sent.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }

    /// The signature as it was sent; the first, where several were.
    pub fn signature(&self) -> &[u8] {
        self.signature.as_slice().first().map_or(b"", |signature| signature)
    }
}

/// Signatures are not for logs.
impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("key_id", &self.key_id)
            .field("timestamp", &self.timestamp())
            .field("expires", &self.expires())
            .finish_non_exhaustive()
    }
}
