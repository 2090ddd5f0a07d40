//! What is to be written.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::AsyncWrite;

use crate::lines;

/// From so many bytes on nothing is added before they are written.
const FULL_BYTES: usize = 16 * 1024;

/// A piece of a body up to this long is copied to what stands before it, in bytes; a longer one is written from where it is.
const COPIED_BYTES: usize = 4096;

/// The end of a chunk, of the last one, and of a head or of trailers.
const LINE_END: &[u8] = b"\r\n";

/// The last chunk, and the end of the trailers that are not there (RFC 9112 section 7.1).
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The same, where the chunk before it has no end yet.
const LAST_CHUNK_BEHIND_A_PIECE: &[u8] = b"\r\n0\r\n\r\n";

/// Bytes that wait to be written: those that were copied together, then a piece that was not, then the end of its chunk.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    written: usize,
    piece: Bytes,
    tail: &'static [u8],
}

impl Outbox {
    /// Where lines of a head are added. Only before a piece of its body.
    pub(crate) fn lines(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Whether there is room for more.
    pub(crate) fn has_room(&self) -> bool {
        self.piece.is_empty() && self.tail.is_empty() && self.bytes.len() < FULL_BYTES
    }

    /// Adds a piece of a body that is framed by its length or by the end of the connection.
    pub(crate) fn piece(&mut self, piece: Bytes) {
        if piece.len() <= COPIED_BYTES {
            self.bytes.extend_from_slice(&piece);
        } else {
            self.piece = piece;
        }
    }

    /// Adds a chunk. One without data would be the last.
    pub(crate) fn chunk(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        lines::chunk_size(&mut self.bytes, piece.len());
        self.piece(piece);
        if self.piece.is_empty() {
            self.bytes.extend_from_slice(LINE_END);
        } else {
            self.tail = LINE_END;
        }
    }

    /// Adds the last chunk, without trailers.
    pub(crate) fn last_chunk(&mut self) {
        if self.piece.is_empty() && self.tail.is_empty() {
            self.bytes.extend_from_slice(LAST_CHUNK);
        } else {
            self.tail = LAST_CHUNK_BEHIND_A_PIECE;
        }
    }

    /// Writes what there is. Ready once all of it is on its way.
    pub(crate) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            ready!(self.poll_write_some(stream, cx))?;
        }
        Pin::new(stream).poll_flush(cx)
    }

    /// Writes of what there is as much as the stream takes at once.
    pub(crate) fn poll_write_some<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let there = self.bytes.get(self.written..).unwrap_or_default();
        let written = if self.piece.is_empty() && self.tail.is_empty() {
            ready!(Pin::new(stream).poll_write(cx, there))?
        } else {
            let pieces = [IoSlice::new(there), IoSlice::new(&self.piece), IoSlice::new(self.tail)];
            // A stream that takes one piece at a time takes the first that is not empty.
            ready!(Pin::new(stream).poll_write_vectored(cx, &pieces))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.advance(written);
        Poll::Ready(Ok(()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.written == self.bytes.len() && self.piece.is_empty() && self.tail.is_empty()
    }

    fn advance(&mut self, written: usize) {
        let of_bytes = written.min(self.bytes.len() - self.written);
        self.written += of_bytes;
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(FULL_BYTES);
            self.written = 0;
        }
        let behind = written - of_bytes;
        if behind == 0 {
            return;
        }
        let of_piece = behind.min(self.piece.len());
        self.piece.advance(of_piece);
        self.tail = self.tail.get(behind - of_piece..).unwrap_or_default();
        if self.piece.is_empty() {
            // What it shares its memory with is not held longer than needed.
            self.piece = Bytes::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Takes so many bytes, and then none.
    struct Takes(usize);

    impl AsyncWrite for Takes {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            if self.0 == 0 {
                return Poll::Pending;
            }
            let taken = self.0.min(bytes.len());
            self.0 -= taken;
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_body_does_not_pile_up_before_a_reader_that_never_takes_all_that_waits() {
        let mut out = Outbox::default();
        for _ in 0..1000 {
            while out.has_room() {
                out.piece(Bytes::from_static(&[b'x'; 1000]));
            }
            assert!(out.bytes.len() < FULL_BYTES + 1000, "{} bytes", out.bytes.len());
            let written = out.poll_write(&mut Takes(999), &mut Context::from_waker(Waker::noop()));
            assert!(matches!(written, Poll::Pending | Poll::Ready(Ok(()))));
        }
    }
}
