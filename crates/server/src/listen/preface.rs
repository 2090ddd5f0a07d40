//! Telling HTTP/2 from HTTP/1 by its first bytes, where both may come without TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::pace::Socket;

/// What a client that speaks HTTP/2 sends first (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the first bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preface {
    /// The whole preface.
    Http2,
    /// Something else, of which this much was read.
    Other,
}

/// Reads as much of `stream` as it takes to know. What was read is read again from the stream that comes back.
pub(super) async fn of<S: Socket>(mut stream: S) -> io::Result<(Begun<S>, Preface)> {
    let mut first = [0; PREFACE.len()];
    let mut read = 0;
    let preface = loop {
        let Some(room) = first.get_mut(read..).filter(|room| !room.is_empty()) else { break Preface::Http2 };
        let more = stream.read(room).await?;
        read += more;
        let same = first.get(..read) == PREFACE.get(..read);
        if more == 0 || !same {
            break Preface::Other;
        }
    };
    let first = first.get(..read).unwrap_or_default().to_vec();
    Ok((Begun { stream, first, given: 0 }, preface))
}

/// A stream whose first bytes were read before.
pub(super) struct Begun<S> {
    stream: S,
    first: Vec<u8>,
    given: usize,
}

impl<S: Socket> Socket for Begun<S> {
    fn reset(&self) {
        self.stream.reset();
    }
}

impl<S: Socket> AsyncRead for Begun<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let rest = this.first.get(this.given..).unwrap_or_default();
        if rest.is_empty() {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        }
        let piece = rest.get(..buf.remaining()).unwrap_or(rest);
        buf.put_slice(piece);
        this.given += piece.len();
        Poll::Ready(Ok(()))
    }
}

impl<S: Socket> AsyncWrite for Begun<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
