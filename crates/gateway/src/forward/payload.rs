//! The body of a request on its way to the upstream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use countersign_bodies::{Checked, Relayed, Spooled};
use countersign_http1::client::Length;
use countersign_verify::BodyFailure;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use crate::deadline::Deadline;
use crate::{BodyLimits, Received};

/// The body of a request, as far as it is known.
#[derive(Debug)]
pub enum Payload {
    /// There is none.
    None,
    /// It was read already, whole.
    Read(Bytes),
    /// It was read already, and put aside in a file.
    Spooled(Box<Spooled>),
    /// It is still to come from the client.
    Streamed(Received),
    /// It comes as it is read and checked, and its end once it was found good.
    Relayed(Box<Relayed>),
}

impl Payload {
    /// The body as it comes from the client's connection.
    pub fn incoming(body: impl Into<Received>) -> Self {
        let body = body.into();
        if body.is_end_stream() { Self::None } else { Self::Streamed(body) }
    }

    /// A body that was found good.
    pub(crate) fn checked(body: Checked<Received>) -> Self {
        match body {
            Checked::AsItCame(body) => Self::incoming(body),
            Checked::Read(bytes) if bytes.is_empty() => Self::None,
            Checked::Read(bytes) => Self::Read(bytes),
            Checked::Spooled(spooled) => Self::Spooled(spooled),
        }
    }

    /// How long it is.
    pub(super) fn length(&self) -> Length {
        let known = match self {
            Self::None => return Length::None,
            Self::Read(bytes) => Some(bytes.len() as u64),
            Self::Spooled(spooled) => Some(spooled.left()),
            Self::Streamed(body) => body.size_hint().exact(),
            Self::Relayed(relayed) => relayed.left(),
        };
        known.map_or(Length::Unknown, Length::Known)
    }
}

/// A [`Payload`] as it is sent.
pub(crate) struct RequestBody(Kind);

enum Kind {
    Empty,
    Read(Bytes),
    Streamed(Box<Stream>),
}

struct Stream {
    from: From,
    left: u64,
    limits: BodyLimits,
    began: Instant,
    deadline: Deadline,
    progress: Progress,
    moved: Option<Instant>,
}

/// Where a body comes from that is not in memory.
enum From {
    Client(Received),
    File(Box<Spooled>),
    Relay(Box<Relayed>),
}

/// How sending a streamed body goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// The upstream takes, or would take, what is there.
    Flowing,
    /// The client has to send more.
    AwaitingClient,
    /// Everything was handed over.
    Finished,
}

impl RequestBody {
    /// No body.
    pub(crate) const fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// Prepares `payload`. Too long a body is refused here where its length is known.
    pub(super) fn new(payload: Payload, limits: &BodyLimits) -> Result<Self, BodyFailure> {
        let limit = limits.max_bytes;
        let from = match payload {
            Payload::None => return Ok(Self::empty()),
            Payload::Read(bytes) if bytes.len() as u64 > limit => {
                return Err(BodyFailure::TooLarge { limit });
            }
            Payload::Read(bytes) => return Ok(Self(Kind::Read(bytes))),
            Payload::Spooled(spooled) => From::File(spooled),
            Payload::Streamed(body) => From::Client(body),
            Payload::Relayed(relayed) => From::Relay(relayed),
        };
        if from.size_hint().lower() > limit {
            return Err(BodyFailure::TooLarge { limit });
        }
        Ok(Self(Kind::Streamed(Box::new(Stream {
            from,
            left: limit,
            limits: *limits,
            began: Instant::now(),
            deadline: Deadline::default(),
            progress: Progress::Flowing,
            moved: None,
        }))))
    }

    /// Whether there is nothing to send, and was nothing.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.0, Kind::Empty)
    }

    /// Since when the upstream can be blamed for not answering: not before the last of the body that went
    /// through, and not while the client has to send more (which has a limit of its own). `None` where that
    /// is all the same, as nothing has moved yet.
    pub(crate) fn upstream_waits_since(&self) -> Option<Instant> {
        match &self.0 {
            Kind::Empty | Kind::Read(_) => None,
            Kind::Streamed(stream) => match stream.progress {
                Progress::AwaitingClient => Some(Instant::now()),
                Progress::Flowing | Progress::Finished => stream.moved,
            },
        }
    }
}

impl From {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        match self {
            Self::Client(body) => {
                let frame = ready!(Pin::new(body).poll_frame(cx));
                Poll::Ready(frame.map(|frame| frame.map_err(|_| BodyFailure::Broken)))
            }
            Self::File(spooled) => {
                let piece = ready!(spooled.poll_piece(cx));
                let not_kept = |error: io::Error| BodyFailure::NotKept(error.kind());
                Poll::Ready(piece.map(|piece| piece.map(Frame::data).map_err(not_kept)))
            }
            Self::Relay(relayed) => {
                let piece = ready!(relayed.poll_piece(cx));
                Poll::Ready(piece.map(|piece| piece.map(Frame::data).map_err(|_| BodyFailure::Broken)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Client(body) => body.is_end_stream(),
            Self::File(spooled) => spooled.left() == 0,
            Self::Relay(relayed) => relayed.left() == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Client(body) => body.size_hint(),
            Self::File(spooled) => SizeHint::with_exact(spooled.left()),
            Self::Relay(relayed) => relayed.left().map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Read(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Read(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Streamed(stream) => stream.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Read(bytes) => bytes.is_empty(),
            Kind::Streamed(stream) => stream.from.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Read(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Streamed(stream) => stream.from.size_hint(),
        }
    }
}

impl Stream {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFailure>>> {
        match self.from.poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.deadline.clear();
                Poll::Ready(Some(self.pass(frame)))
            }
            Poll::Ready(Some(Err(why))) => Poll::Ready(Some(Err(why))),
            Poll::Ready(None) => {
                self.progress = Progress::Finished;
                Poll::Ready(None)
            }
            Poll::Pending => {
                self.progress = Progress::AwaitingClient;
                match self.from {
                    From::Client(_) => {}
                    // Whoever reads it there has limits of its own.
                    From::File(_) | From::Relay(_) => return Poll::Pending,
                }
                // A client that sends a byte now and then is never silent for long, and must end all the same.
                let BodyLimits { idle_timeout: idle, whole_timeout: within, .. } = self.limits;
                let left = within.saturating_sub(self.began.elapsed());
                self.deadline.set_if_clear(idle.min(left));
                let too_long = self.deadline.poll_passed(cx).map(|()| {
                    let over = self.began.elapsed() >= within;
                    if over { BodyFailure::TooLong { within } } else { BodyFailure::TooSlow { idle } }
                });
                too_long.map(|why| Some(Err(why)))
            }
        }
    }

    fn pass(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BodyFailure> {
        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
        let limit = self.limits.max_bytes;
        self.left = self.left.checked_sub(length).ok_or(BodyFailure::TooLarge { limit })?;
        self.moved = Some(Instant::now());
        self.progress = if self.from.is_end_stream() { Progress::Finished } else { Progress::Flowing };
        Ok(frame)
    }
}
