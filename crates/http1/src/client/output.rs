//! A request on its way out: its head, and its body as it comes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use countersign_model::Header;
use http::{HeaderValue, Method};
use http_body::Body;
use tokio::io::AsyncWrite;

use super::failure::SendFailure;
use crate::lines::{chunk_size, decimal, field};

/// A piece of a body up to this long is copied behind what is written anyway, in bytes; a longer one is written from where it is.
const COPIED: usize = 8 * 1024;

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
    /// Written first.
    buffer: Vec<u8>,
    /// How much of it is.
    written: usize,
    /// Written next.
    piece: Bytes,
    /// Written last.
    after: &'static [u8],
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
    pub(super) const fn new() -> Self {
        Self { buffer: Vec::new(), written: 0, piece: Bytes::new(), after: b"", rest: Rest::Nothing }
    }

    /// Begins a request.
    pub(super) fn begin<'a, F>(&mut self, head: RequestHead<'a, F>)
    where
        F: Iterator<Item: Into<Header<'a>>>,
    {
        let to = &mut self.buffer;
        to.clear();
        self.written = 0;
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
            Rest::Nothing => self.is_written(),
            Rest::Sized(_) | Rest::Chunked | Rest::Failed(_) => false,
        }
    }

    /// Whether something is left that can be written.
    pub(super) fn is_going_on(&self) -> bool {
        match self.rest {
            Rest::Nothing => !self.is_written(),
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
                Rest::Nothing if self.is_written() => return Poll::Ready(Ok(())),
                Rest::Sized(_) | Rest::Chunked if self.is_written() => return Poll::Pending,
                Rest::Nothing | Rest::Sized(_) | Rest::Chunked => {}
            }
            let written = match ready!(self.poll_write(cx, stream)) {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                other => other,
            };
            match written {
                Ok(count) => self.advance(count),
                Err(error) => self.rest = Rest::Failed(error),
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
            Rest::Sized(_) | Rest::Chunked => {
                self.piece.is_empty()
                    && self.after.is_empty()
                    && self.buffer.len() - self.written < 2 * COPIED
            }
        }
    }

    fn put<E>(&mut self, data: Bytes) -> Result<(), SendFailure<E>> {
        // An empty chunk would be the last.
        if data.is_empty() {
            return Ok(());
        }
        let after: &'static [u8] = match &mut self.rest {
            Rest::Nothing | Rest::Failed(_) => return Ok(()),
            Rest::Sized(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or(SendFailure::Length)?;
                if *left == 0 {
                    self.rest = Rest::Nothing;
                }
                b""
            }
            Rest::Chunked => {
                chunk_size(&mut self.buffer, data.len());
                b"\r\n"
            }
        };
        if data.len() <= COPIED {
            self.buffer.extend_from_slice(&data);
            self.buffer.extend_from_slice(after);
        } else {
            (self.piece, self.after) = (data, after);
        }
        Ok(())
    }

    fn end<E>(&mut self) -> Result<(), SendFailure<E>> {
        match self.rest {
            Rest::Nothing | Rest::Failed(_) => return Ok(()),
            Rest::Sized(_) => return Err(SendFailure::Length),
            Rest::Chunked if self.after.is_empty() => self.buffer.extend_from_slice(b"0\r\n\r\n"),
            Rest::Chunked => self.after = b"\r\n0\r\n\r\n",
        }
        self.rest = Rest::Nothing;
        Ok(())
    }

    fn is_written(&self) -> bool {
        self.written == self.buffer.len() && self.piece.is_empty() && self.after.is_empty()
    }

    fn poll_write<S: AsyncWrite + Unpin>(
        &self,
        cx: &mut Context<'_>,
        stream: &mut S,
    ) -> Poll<io::Result<usize>> {
        let first = self.buffer.get(self.written..).unwrap_or_default();
        if self.piece.is_empty() && self.after.is_empty() {
            return Pin::new(stream).poll_write(cx, first);
        }
        let slices = [IoSlice::new(first), IoSlice::new(&self.piece), IoSlice::new(self.after)];
        Pin::new(stream).poll_write_vectored(cx, &slices)
    }

    fn advance(&mut self, count: usize) {
        let of_buffer = count.min(self.buffer.len() - self.written);
        let of_piece = (count - of_buffer).min(self.piece.len());
        self.written += of_buffer;
        if self.written == self.buffer.len() {
            self.buffer.clear();
            self.written = 0;
        }
        if of_piece > 0 {
            self.piece.advance(of_piece);
        }
        self.after = self.after.get(count - of_buffer - of_piece..).unwrap_or_default();
    }
}

/// Whether a field is written by itself, or not at all.
fn is_said_here(name: &[u8]) -> bool {
    matches!(name, b"host" | b"content-length" | b"transfer-encoding" | b"trailer")
}
