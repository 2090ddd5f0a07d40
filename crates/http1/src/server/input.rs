//! What was read and not yet looked at.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How much is read at a time, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Portion {
    /// Where a head is expected, and perhaps a short body after it.
    Head,
    /// In the middle of a body.
    Body,
}

impl Portion {
    const fn bytes(self) -> usize {
        match self {
            Self::Head => 8 * 1024,
            Self::Body => 32 * 1024,
        }
    }
}

/// Bytes in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Input(BytesMut);

impl Input {
    /// Reads more of `stream`: how much, in bytes. Nothing more comes after none.
    pub(super) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        portion: Portion,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let room = self.0.capacity() - self.0.len();
        if room < portion.bytes() / 4 {
            self.0.reserve(portion.bytes());
        }
        pin!(stream.read_buf(&mut self.0)).poll(cx)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a head of so many bytes out, all of which must be there.
    pub(super) fn take_head(&mut self, length: usize) -> BytesMut {
        self.0.split_to(length.min(self.0.len()))
    }

    /// Takes so many bytes out, all of which must be there.
    pub(super) fn take(&mut self, length: usize) -> Bytes {
        self.0.split_to(length.min(self.0.len())).freeze()
    }

    /// Passes over so many.
    pub(super) fn skip(&mut self, length: usize) {
        self.0.advance(length.min(self.0.len()));
    }

    /// Gives back memory that only a long body needed, and otherwise goes back to its beginning: what was read last is still in the
    /// processor's cache, and what comes after it is not.
    pub(super) fn settle(&mut self) {
        if !self.0.is_empty() {
            return;
        }
        if self.0.capacity() > Portion::Head.bytes() {
            self.0 = BytesMut::new();
        } else {
            // Where somebody still holds what was read before, it goes on behind that.
            let _held = self.0.try_reclaim(Portion::Head.bytes());
        }
    }
}
