//! Bodies on their way into the service and out of it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use countersign_verify::{BodyFailure, BodySource};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout};

/// Limits on a body that is read before the service sees it, because a signature covers it or stands in it.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// The longest, in bytes.
    pub max_bytes: u64,
    /// How long it may be silent on the way.
    pub idle_timeout: Duration,
    /// How long it may take from its first byte to its last.
    pub whole_timeout: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            max_bytes: 10 * 1024 * 1024,
            idle_timeout: Duration::from_secs(30),
            whole_timeout: Duration::from_mins(2),
        }
    }
}

/// A body on its way through the layer: that of a request into the service, or that of a response out of it.
#[derive(Debug)]
pub enum LayerBody<B> {
    /// Nobody has read of it: no check needed the request's, or the service answered.
    AsItCame(B),
    /// All of it is here: the request's was read for a check, or an answer is given in the service's place. Empty once it was taken.
    Here(Bytes),
}

/// A request's body until the decision is made.
pub(crate) struct Unchecked<B> {
    state: State<B>,
    limits: BodyLimits,
}

enum State<B> {
    Unread(B),
    Read(Bytes),
    Failed(BodyFailure),
}

impl<B> Unchecked<B> {
    pub(crate) fn new(body: B, limits: BodyLimits) -> Self {
        Self { state: State::Unread(body), limits }
    }

    pub(crate) fn into_checked(self) -> LayerBody<B> {
        match self.state {
            State::Unread(body) => LayerBody::AsItCame(body),
            State::Read(bytes) => LayerBody::Here(bytes),
            // A body that failed while it was read failed the check that asked for it.
            State::Failed(_) => LayerBody::Here(Bytes::new()),
        }
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin> BodySource for Unchecked<B> {
    async fn read(&mut self) -> Result<Bytes, BodyFailure> {
        let read = match &mut self.state {
            State::Read(bytes) => return Ok(bytes.clone()),
            State::Failed(why) => return Err(*why),
            State::Unread(body) => read(body, self.limits).await,
        };
        self.state = match &read {
            Ok(bytes) => State::Read(bytes.clone()),
            Err(why) => State::Failed(*why),
        };
        read
    }
}

async fn read<B: Body<Data = Bytes> + Unpin>(body: &mut B, limits: BodyLimits) -> Result<Bytes, BodyFailure> {
    let BodyLimits { max_bytes: limit, idle_timeout: idle, whole_timeout: within } = limits;
    if body.size_hint().lower() > limit {
        return Err(BodyFailure::TooLarge { limit });
    }
    let began = Instant::now();
    let mut whole = BytesMut::new();
    loop {
        let left = within.saturating_sub(began.elapsed());
        let frame = timeout(idle.min(left), body.frame()).await.map_err(|_| {
            if idle < left { BodyFailure::TooSlow { idle } } else { BodyFailure::TooLong { within } }
        })?;
        match frame {
            None => return Ok(whole.freeze()),
            Some(Err(_)) => return Err(BodyFailure::Broken),
            // Trailers are no part of the content (RFC 9110 section 6.5) and are not signed by any dialect.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    if (whole.len() as u64).saturating_add(data.len() as u64) > limit {
                        return Err(BodyFailure::TooLarge { limit });
                    }
                    whole.extend_from_slice(&data);
                }
            }
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for LayerBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match &mut *self {
            Self::AsItCame(body) => Pin::new(body).poll_frame(cx),
            Self::Here(bytes) => {
                let rest = std::mem::take(bytes);
                Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::AsItCame(body) => body.is_end_stream(),
            Self::Here(bytes) => bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::AsItCame(body) => body.size_hint(),
            Self::Here(bytes) => SizeHint::with_exact(bytes.len() as u64),
        }
    }
}
