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

/// Bytes that wait to be written: those that were copied together, then a piece that was not, then the end of its chunk.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    written: usize,
    piece: Bytes,
    tail: &'static [u8],
}

impl Outbox {
    /// Where lines of a head are added. Only before a piece of its body.
    pub(super) fn lines(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Whether there is room for more.
    pub(super) fn has_room(&self) -> bool {
        self.piece.is_empty() && self.tail.is_empty() && self.bytes.len() < FULL_BYTES
    }

    /// Adds a piece of a body that is framed by its length or by the end of the connection.
    pub(super) fn piece(&mut self, piece: Bytes) {
        if piece.len() <= COPIED_BYTES {
            self.bytes.extend_from_slice(&piece);
        } else {
            self.piece = piece;
        }
    }

    /// Adds a chunk. One without data would be the last.
    pub(super) fn chunk(&mut self, piece: Bytes) {
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

    /// Writes what there is. Ready once all of it is on its way.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let there = self.bytes.get(self.written..).unwrap_or_default();
            let written = if self.piece.is_empty() && self.tail.is_empty() {
                ready!(Pin::new(&mut *stream).poll_write(cx, there))?
            } else {
                let pieces = [IoSlice::new(there), IoSlice::new(&self.piece), IoSlice::new(self.tail)];
                // A stream that takes one piece at a time takes the first that is not empty.
                ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &pieces))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(written);
        }
        self.bytes.clear();
        self.bytes.shrink_to(FULL_BYTES);
        self.written = 0;
        Pin::new(stream).poll_flush(cx)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.written == self.bytes.len() && self.piece.is_empty() && self.tail.is_empty()
    }

    fn advance(&mut self, written: usize) {
        let of_bytes = written.min(self.bytes.len() - self.written);
        self.written += of_bytes;
        let of_piece = (written - of_bytes).min(self.piece.len());
        self.piece.advance(of_piece);
        self.tail = self.tail.get(written - of_bytes - of_piece..).unwrap_or_default();
        if self.piece.is_empty() {
            // What it shares its memory with is not held longer than needed.
            self.piece = Bytes::new();
        }
    }
}
