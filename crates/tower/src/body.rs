//! Bodies on their way into the service and out of it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use countersign_bodies::{Checked, HeldBodies, ReadLimits, RelayLimits, Relayed, SpoolPlace, Spooled};
use http_body::{Body, Frame, SizeHint};

/// What the body of a request fails with: whatever the client's own fails with, an [`io::Error`](std::io::Error) if it was put
/// aside and cannot be read again, or [`Withheld`](countersign_bodies::Withheld).
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Limits on the bodies that a signature covers or that a credential stands in. Others go through untouched.
#[derive(Clone, Debug)]
pub struct BodyLimits {
    /// On those that are read before the service sees them.
    pub reading: ReadLimits,
    /// On those that go on while they are checked. `patience` is how long the service may leave a piece: after it, it gets no more.
    pub relaying: RelayLimits,
}

/// Those of a configuration that names none.
impl Default for BodyLimits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        let spool = SpoolPlace {
            directory: std::env::temp_dir(),
            room: HeldBodies::new(4096 * MIB),
            longer_than: MIB,
        };
        Self {
            reading: ReadLimits {
                max_bytes: 10 * MIB,
                idle_timeout: Duration::from_secs(30),
                whole_timeout: Duration::from_mins(2),
                held: HeldBodies::new(256 * MIB),
                spool: Some(Arc::new(spool)),
            },
            relaying: RelayLimits {
                max_bytes: 1024 * MIB,
                whole_timeout: Duration::from_hours(1),
                patience: Duration::from_mins(1),
            },
        }
    }
}

/// The body of a request as the service gets it.
///
/// It is whole, and found good, at its first byte; on a route with `stream = "hold-last"` at its end, and an error there means that
/// nothing of it may have an effect: it is not what its caller signed, or is not known to be.
#[derive(Debug)]
pub struct RequestBody<B>(Kind<B>);

#[derive(Debug)]
enum Kind<B> {
    /// Nobody has read of it.
    AsItCame(B),
    /// It was read. Empty once it was taken.
    Read(Bytes),
    /// It was read, and put aside.
    Spooled(Box<Spooled>),
    /// It comes as it is checked.
    Relayed(Box<Relayed>),
}

/// The body of a response.
#[derive(Debug)]
pub enum ResponseBody<R> {
    /// The service answered.
    OfService(R),
    /// The layer answered in its place. Empty once it was taken.
    OfLayer(Bytes),
}

impl<B> RequestBody<B> {
    pub(crate) fn checked(body: Checked<B>) -> Self {
        Self(match body {
            Checked::AsItCame(body) => Kind::AsItCame(body),
            Checked::Read(bytes) => Kind::Read(bytes),
            Checked::Spooled(spooled) => Kind::Spooled(spooled),
        })
    }

    pub(crate) fn relayed(body: Relayed) -> Self {
        Self(Kind::Relayed(Box::new(body)))
    }
}

/// The rest of a body that is in memory, in one piece.
fn take<E>(bytes: &mut Bytes) -> Option<Result<Frame<Bytes>, E>> {
    let rest = std::mem::take(bytes);
    (!rest.is_empty()).then(|| Ok(Frame::data(rest)))
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(match &mut self.0 {
            Kind::AsItCame(body) => {
                ready!(Pin::new(body).poll_frame(cx)).map(|frame| frame.map_err(Into::into))
            }
            Kind::Read(bytes) => take(bytes),
            Kind::Spooled(spooled) => {
                ready!(spooled.poll_piece(cx)).map(|piece| piece.map(Frame::data).map_err(Into::into))
            }
            Kind::Relayed(relayed) => {
                ready!(relayed.poll_piece(cx)).map(|piece| piece.map(Frame::data).map_err(Into::into))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::AsItCame(body) => body.is_end_stream(),
            Kind::Read(bytes) => bytes.is_empty(),
            Kind::Spooled(spooled) => spooled.left() == 0,
            // Its end is told by the check alone.
            Kind::Relayed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::AsItCame(body) => body.size_hint(),
            Kind::Read(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Spooled(spooled) => SizeHint::with_exact(spooled.left()),
            Kind::Relayed(relayed) => relayed.left().map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

impl<R: Body<Data = Bytes> + Unpin> Body for ResponseBody<R> {
    type Data = Bytes;
    type Error = R::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        match &mut *self {
            Self::OfService(body) => Pin::new(body).poll_frame(cx),
            Self::OfLayer(bytes) => Poll::Ready(take(bytes)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::OfService(body) => body.is_end_stream(),
            Self::OfLayer(bytes) => bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::OfService(body) => body.size_hint(),
            Self::OfLayer(bytes) => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}
