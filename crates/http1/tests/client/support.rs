//! A stream that says what it is told, and what came of an exchange over it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use countersign_http1::client::{Connection, Length, RequestHead};
use countersign_lines::Answered;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::Empty;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that gives its pieces once something was written to it.
#[derive(Debug)]
pub(crate) struct Pieces {
    pub(crate) coming: VecDeque<Vec<u8>>,
    pub(crate) then: Then,
    pub(crate) written: Vec<u8>,
    /// How much it takes before writing fails.
    pub(crate) takes: usize,
}

/// What comes after the last piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    End,
    Silence,
}

impl Pieces {
    pub(crate) fn new(pieces: impl IntoIterator<Item = Vec<u8>>, then: Then) -> Self {
        Self { coming: pieces.into_iter().collect(), then, written: Vec::new(), takes: usize::MAX }
    }
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.written.is_empty() && self.takes > 0 {
            return Poll::Pending;
        }
        match self.coming.pop_front() {
            Some(mut piece) => {
                let rest = piece.split_off(piece.len().min(buffer.remaining()));
                buffer.put_slice(&piece);
                if !rest.is_empty() {
                    self.coming.push_front(rest);
                }
                Poll::Ready(Ok(()))
            }
            None if self.then == Then::End => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = bytes.len().min(self.takes);
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        self.takes -= count;
        self.written.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A response as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: HeaderMap,
    /// Why the body broke off, if it did.
    pub(crate) broken: Option<String>,
    /// Whether the connection may serve again, and nothing came after the response.
    pub(crate) reusable: bool,
}

pub(crate) fn now() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

pub(crate) const HOST: HeaderValue = HeaderValue::from_static("a");

/// Asks with `method`; what comes back, or why nothing does. Nothing at all where it would wait.
pub(crate) fn ask(method: &Method, stream: Pieces) -> Option<Result<Got, String>> {
    let mut connection = Connection::new(stream);
    connection.begin(RequestHead {
        method,
        target: "/",
        host: &HOST,
        fields: HeaderMap::new().iter(),
        lines: b"",
        length: Length::None,
    });
    let body = &mut Empty::<Bytes>::new();
    assert!(connection.poll_response::<Empty<Bytes>>(&mut now(), body).is_pending());
    let head = match connection.poll_response::<Empty<Bytes>>(&mut now(), body) {
        Poll::Pending => return None,
        Poll::Ready(Err(failure)) => return Some(Err(failure_words::<Infallible>(&failure))),
        Poll::Ready(Ok(head)) => head,
    };
    let (head, ()) = Response::from(Answered { head, body: () }).into_parts();
    let mut got = Got {
        status: head.status,
        fields: head.headers,
        body: Vec::new(),
        trailers: HeaderMap::new(),
        broken: None,
        reusable: false,
    };
    loop {
        match connection.poll_frame(&mut now()) {
            Poll::Pending => return None,
            Poll::Ready(None) => break,
            Poll::Ready(Some(Err(why))) => {
                got.broken = Some(words(&why));
                break;
            }
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => got.body.extend_from_slice(&data),
                Err(frame) => got.trailers = frame.into_trailers().unwrap(),
            },
        }
    }
    got.reusable = connection.is_reusable() && connection.is_silent();
    Some(Ok(got))
}

pub(crate) fn failure_words<E: std::error::Error + 'static>(
    failure: &countersign_http1::client::Failure<E>,
) -> String {
    words(failure)
}

/// An error and what is under it.
pub(crate) fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut under = error.source();
    while let Some(error) = under {
        words = format!("{words}: {error}");
        under = error.source();
    }
    words
}

/// The same bytes in pieces that end where `cuts` say.
pub(crate) fn cut(bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut from = 0;
    let mut pieces = Vec::new();
    for to in cuts.into_iter().chain([bytes.len()]) {
        if to > from {
            pieces.push(bytes[from..to].to_vec());
            from = to;
        }
    }
    pieces
}
