//! The request's body, read only when a check needs it.

use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::Bytes;

use crate::Caller;

/// Where a request's body comes from.
///
/// The decision asks for it late: a request whose key is unknown or whose time is off is refused before a byte
/// of its body was read.
pub trait BodySource: Send {
    /// The whole body, as it came over the wire, after any transfer coding. Asked for again, it gives the same.
    fn read(&mut self) -> impl Future<Output = Result<Bytes, BodyFailure>> + Send;

    /// Begins to read it: whole where it is short, or at hand. Asked once, and not after [`BodySource::read`].
    fn begin(&mut self) -> impl Future<Output = Result<Begun, BodyFailure>> + Send {
        async { self.read().await.map(Begun::Whole) }
    }

    /// Reads a body that [`Begun::Long`] was said of, and gives each piece of it to `take` as it comes, from the first
    /// byte to the last.
    ///
    /// `caller` is whose it is if the checks that are left hold; none where it is refused all the same, and the body
    /// is read for nothing but to tell why. Nobody may see the end of the body before the verdict.
    #[expect(unused_variables, reason = "for those who pass it on")]
    fn pass(
        &mut self,
        caller: Option<&Caller>,
        take: &mut (dyn FnMut(&[u8]) + Send),
    ) -> impl Future<Output = Result<(), BodyFailure>> + Send {
        async {
            let whole = self.read().await?;
            take(&whole);
            Ok(())
        }
    }
}

/// What there is of a body at first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// All of it.
    Whole(Bytes),
    /// It is too long to be held in memory: [`BodySource::pass`].
    Long,
}

/// Why a body could not be read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFailure {
    /// It is larger than a body that must be read whole may be.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// It stopped coming.
    #[error("the body stopped for {idle:?}")]
    TooSlow {
        /// How long nothing came.
        idle: Duration,
    },
    /// It kept coming, too slowly.
    #[error("the body was not there within {within:?}")]
    TooLong {
        /// How long it may take.
        within: Duration,
    },
    /// The memory for bodies is taken by others.
    #[error("there is no room for the body now")]
    Crowded,
    /// It should have been put aside in a file, and could not be.
    #[error("the body cannot be put aside: {0}")]
    NotKept(io::ErrorKind),
    /// The connection broke, or the transfer coding was wrong.
    #[error("the body broke off")]
    Broken,
    /// The proxy in front sent a part of it.
    #[error("a part of the body came, not the whole")]
    Partial,
    /// This door does not see bodies.
    #[error("this door sees no body")]
    NotSeen,
}

/// The body of a request on a door that sees none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBody;

impl BodySource for NoBody {
    async fn read(&mut self) -> Result<Bytes, BodyFailure> {
        Err(BodyFailure::NotSeen)
    }
}
