//! The body of what goes back to the client: an answer of ours, or the upstream's.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::{ForwardedBody, ResponseFailure};

/// The body of what goes back to the client.
pub struct Reply(Kind);

enum Kind {
    Answer(Option<Bytes>),
    Forwarded(ForwardedBody),
}

/// The upstream broke off; the client's connection is aborted, so that the part cannot be taken for the whole.
#[derive(Debug, thiserror::Error)]
#[error("the reply broke off")]
pub struct BrokenReply(#[from] ResponseFailure);

impl Reply {
    /// An answer of ours.
    pub fn answer(bytes: Bytes) -> Self {
        Self(Kind::Answer(Some(bytes).filter(|bytes| !bytes.is_empty())))
    }

    /// The upstream's.
    pub fn forwarded(body: ForwardedBody) -> Self {
        Self(Kind::Forwarded(body))
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = BrokenReply;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenReply>>> {
        match &mut self.0 {
            Kind::Answer(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Forwarded(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(BrokenReply)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Answer(bytes) => bytes.is_none(),
            Kind::Forwarded(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Answer(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Forwarded(body) => body.size_hint(),
        }
    }
}
