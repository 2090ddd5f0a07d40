//! A request on its way out: its head, and its body as it comes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use countersign_model::Header;
use http::{HeaderValue, Method};
use http_body::Body;
use tokio::io::AsyncWrite;

use super::failure::SendFailure;
use crate::lines::{decimal, field};
use crate::outbox::Outbox;

/// The head of a request, as it is sent.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a, F> {
    /// The method, which is not `CONNECT`.
    pub method: &'a Method,
    /// The target, in origin-form or `*`; it has neither blanks nor control characters.
    pub target: &'a str,
    /// The `Host`.
    pub host: &'a HeaderValue,
    /// The other fields, as an iterator of [headers](Header), or of names in lower case and their values. Those that frame the message are said here instead: `Host`,
    /// `Content-Length`, `Transfer-Encoding` and `Trailer` among them are left out.
    pub fields: F,
    /// More fields, as they are sent: whole lines, each with its CR LF, and none that frames the message.
    pub lines: &'a [u8],
    /// How long the body is.
    pub length: Length,
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// There is none, and nothing is said of it.
    None,
    /// So many bytes.
    Known(u64),
    /// That shows at its end: it goes in chunks.
    Unknown,
}

/// What is to be written.
#[derive(Debug)]
pub(super) struct Output {
    out: Outbox,
    rest: Rest,
}

/// What is still to come of a body.
#[derive(Debug)]
enum Rest {
    Nothing,
    Sized(u64),
    Chunked,
    /// It does not matter: nothing can be written any more.
    Failed(io::Error),
}

impl Output {
    pub(super) fn new() -> Self {
        Self { out: Outbox::default(), rest: Rest::Nothing }
    }

    /// Begins a request, once the one before it is [whole](Self::is_whole).
    pub(super) fn begin<'a, F>(&mut self, head: RequestHead<'a, F>)
    where
        F: Iterator<Item: Into<Header<'a>>>,
    {
        debug_assert!(self.is_whole(), "a request begins within another");
        let to = self.out.lines();
        to.extend_from_slice(head.method.as_str().as_bytes());
        to.push(b' ');
        to.extend_from_slice(head.target.as_bytes());
        to.extend_from_slice(b" HTTP/1.1\r\nhost: ");
        to.extend_from_slice(head.host.as_bytes());
        to.extend_from_slice(b"\r\n");
        for Header { name, value } in head.fields.map(Into::into) {
            if is_said_here(name) {
                continue;
            }
            field(to, name, value);
        }
        to.extend_from_slice(head.lines);
        self.rest = match head.length {
            Length::None => Rest::Nothing,
            Length::Known(length) => {
                to.extend_from_slice(b"content-length: ");
                decimal(to, length);
                to.extend_from_slice(b"\r\n");
                if length == 0 { Rest::Nothing } else { Rest::Sized(length) }
            }
            Length::Unknown => {
                to.extend_from_slice(b"transfer-encoding: chunked\r\n");
                Rest::Chunked
            }
        };
        to.extend_from_slice(b"\r\n");
    }

    /// Whether everything was written.
    pub(super) fn is_whole(&self) -> bool {
        match self.rest {
            Rest::Nothing => self.out.is_empty(),
            Rest::Sized(_) | Rest::Chunked | Rest::Failed(_) => false,
        }
    }

    /// Whether something is left that can be written.
    pub(super) fn is_going_on(&self) -> bool {
        match self.rest {
            Rest::Nothing => !self.out.is_empty(),
            Rest::Sized(_) | Rest::Chunked => true,
            Rest::Failed(_) => false,
        }
    }

    /// Why nothing can be written any more, if so.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        match std::mem::replace(&mut self.rest, Rest::Failed(io::ErrorKind::BrokenPipe.into())) {
            Rest::Failed(error) => Some(error),
            rest @ (Rest::Nothing | Rest::Sized(_) | Rest::Chunked) => {
                self.rest = rest;
                None
            }
        }
    }

    /// Writes what it can, of the body too as it comes. Ready when everything is written; or when nothing can be any more, which is
    /// kept for later: the other side may have answered before.
    pub(super) fn poll_send<S, B>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        body: &mut B,
    ) -> Poll<Result<(), SendFailure<B::Error>>>
    where
        S: AsyncWrite + Unpin,
        B: Body<Data = Bytes> + Unpin,
    {
        loop {
            self.collect(cx, body)?;
            match &self.rest {
                Rest::Failed(_) => return Poll::Ready(Ok(())),
                Rest::Nothing if self.out.is_empty() => return Poll::Ready(Ok(())),
                Rest::Sized(_) | Rest::Chunked if self.out.is_empty() => return Poll::Pending,
                Rest::Nothing | Rest::Sized(_) | Rest::Chunked => {}
            }
            if let Err(error) = ready!(self.out.poll_write_some(stream, cx)) {
                self.rest = Rest::Failed(error);
            }
        }
    }

    /// Takes of the body what is there, as far as there is room.
    fn collect<B>(&mut self, cx: &mut Context<'_>, body: &mut B) -> Result<(), SendFailure<B::Error>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        while self.has_room() {
            match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Some(Err(why))) => return Err(SendFailure::Body(why)),
                // Trailers are not sent.
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.put(data)?;
                    }
                    if body.is_end_stream() {
                        self.end()?;
                    }
                }
                Poll::Ready(None) => self.end()?,
            }
        }
        Ok(())
    }

    fn has_room(&self) -> bool {
        match self.rest {
            Rest::Nothing | Rest::Failed(_) => false,
            Rest::Sized(_) | Rest::Chunked => self.out.has_room(),
        }
    }

    fn put<E>(&mut self, data: Bytes) -> Result<(), SendFailure<E>> {
        match &mut self.rest {
            Rest::Nothing | Rest::Failed(_) => {}
            Rest::Sized(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or(SendFailure::Length)?;
                if *left == 0 {
                    self.rest = Rest::Nothing;
                }
                self.out.piece(data);
            }
            Rest::Chunked => self.out.chunk(data),
        }
        Ok(())
    }

    fn end<E>(&mut self) -> Result<(), SendFailure<E>> {
        match self.rest {
            Rest::Nothing | Rest::Failed(_) => return Ok(()),
            Rest::Sized(_) => return Err(SendFailure::Length),
            Rest::Chunked => self.out.last_chunk(),
        }
        self.rest = Rest::Nothing;
        Ok(())
    }
}

/// Whether a field is written by itself, or not at all.
fn is_said_here(name: &[u8]) -> bool {
    matches!(name, b"host" | b"content-length" | b"transfer-encoding" | b"trailer")
}
