//! The body of a request as it is received, whatever its client speaks.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use countersign_http1::server::{Body as Http1Body, BodyBroken};
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// The body of a request as it is received.
#[derive(Debug)]
pub enum Received {
    /// From a client that speaks HTTP/1.
    Http1(Http1Body),
    /// From one that speaks HTTP/2.
    Http2(Incoming),
}

/// A body broke off on its way to us.
#[derive(Debug, thiserror::Error)]
pub enum NotReceived {
    /// In HTTP/1.
    #[error(transparent)]
    Http1(#[from] BodyBroken),
    /// In HTTP/2.
    #[error(transparent)]
    Http2(#[from] hyper::Error),
}

impl From<Incoming> for Received {
    fn from(body: Incoming) -> Self {
        Self::Http2(body)
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = NotReceived;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, NotReceived>>> {
        Poll::Ready(match &mut *self {
            Self::Http1(body) => ready!(Pin::new(body).poll_frame(cx)).map(|frame| Ok(frame?)),
            Self::Http2(body) => ready!(Pin::new(body).poll_frame(cx)).map(|frame| Ok(frame?)),
        })
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}
