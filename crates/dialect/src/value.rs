//! What templates work on: bytes, and ordered pairs of bytes.

use std::borrow::Cow;

use crate::hash::Digest;

/// Bytes: borrowed from the request where they can be.
#[derive(Clone)]
pub(crate) enum Bytes<'v> {
    Borrowed(&'v [u8]),
    Digest(Digest),
    Owned(Vec<u8>),
}

/// A value.
#[derive(Clone)]
pub(crate) enum Value<'v> {
    Text(Bytes<'v>),
    List(List<'v>),
}

/// The most pairs of one list: what is longer is no request of a client of these.
pub(crate) const MAX_PAIRS: usize = 16_384;

/// Ordered pairs of a name and a value.
pub(crate) type List<'v> = Vec<(Cow<'v, [u8]>, Cow<'v, [u8]>)>;

impl<'v> Bytes<'v> {
    pub(crate) const EMPTY: Self = Self::Borrowed(b"");

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Digest(digest) => digest.bytes(),
            Self::Owned(bytes) => bytes,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    pub(crate) fn into_cow(self) -> Cow<'v, [u8]> {
        match self {
            Self::Borrowed(bytes) => Cow::Borrowed(bytes),
            Self::Digest(digest) => Cow::Owned(digest.bytes().to_vec()),
            Self::Owned(bytes) => Cow::Owned(bytes),
        }
    }
}

impl<'v> From<Cow<'v, [u8]>> for Bytes<'v> {
    fn from(cow: Cow<'v, [u8]>) -> Self {
        match cow {
            Cow::Borrowed(bytes) => Self::Borrowed(bytes),
            Cow::Owned(bytes) => Self::Owned(bytes),
        }
    }
}

impl<'v> From<Cow<'v, str>> for Bytes<'v> {
    fn from(cow: Cow<'v, str>) -> Self {
        match cow {
            Cow::Borrowed(text) => Self::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Self::Owned(text.into_bytes()),
        }
    }
}

impl<'v> From<Bytes<'v>> for Value<'v> {
    fn from(bytes: Bytes<'v>) -> Self {
        Self::Text(bytes)
    }
}
