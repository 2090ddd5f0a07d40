//! A connection to nobody: what is read of it comes in pieces, and what is written to it is kept.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What comes after the last byte.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Then {
    End,
    #[allow(dead_code, reason = "only one target lets a connection fall silent")]
    Silence,
}

/// How the bytes are cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cuts {
    /// Not at all.
    None,
    /// After so many bytes as each first byte of a piece says, 17 at most.
    Short,
    /// After each.
    Each,
}

pub struct Wire<'a> {
    bytes: &'a [u8],
    cuts: Cuts,
    then: Then,
    /// Whether nothing is there until it is asked for again.
    pauses: bool,
    /// Nothing comes before something was written.
    pub waits: bool,
    pub written: Vec<u8>,
    taken: bool,
}

impl<'a> Wire<'a> {
    pub fn new(bytes: &'a [u8], cuts: Cuts, then: Then) -> Self {
        Self { bytes, cuts, then, pauses: false, waits: false, written: Vec::new(), taken: false }
    }
}

impl AsyncRead for Wire<'_> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.waits && self.written.is_empty() {
            return Poll::Pending;
        }
        if self.bytes.is_empty() {
            return if self.then == Then::End { Poll::Ready(Ok(())) } else { Poll::Pending };
        }
        if self.cuts != Cuts::None {
            self.pauses = !self.pauses;
            if self.pauses {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        let length = match self.cuts {
            Cuts::None => self.bytes.len(),
            Cuts::Short => 1 + usize::from(self.bytes[0] % 17),
            Cuts::Each => 1,
        };
        let (piece, rest) = self.bytes.split_at(length.min(self.bytes.len()).min(to.remaining()));
        to.put_slice(piece);
        self.bytes = rest;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = match self.cuts {
            Cuts::None => bytes.len(),
            Cuts::Short | Cuts::Each => {
                self.taken = !self.taken;
                if !self.taken {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                bytes.len().min(if self.cuts == Cuts::Each { 7 } else { 61 })
            }
        };
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

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks as often as it is woken. Nothing where nobody wakes it any more.
pub fn run<T>(mut ask: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    loop {
        if let Poll::Ready(done) = ask(&mut Context::from_waker(&waker)) {
            return Some(done);
        }
        if !woken.0.swap(false, Ordering::Relaxed) {
            return None;
        }
    }
}

/// A body in chunks, as a reader reads it that is as simple as can be: its data, and what stands after it.
pub fn chunks(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut data = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((line, size))) = httparse::parse_chunk_size(rest) else { return None };
        rest = &rest[line..];
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).ok().filter(|size| *size <= rest.len())?;
        data.extend_from_slice(&rest[..size]);
        rest = rest[size..].strip_prefix(b"\r\n")?;
    }
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let line = &rest[..end];
        rest = &rest[end + 2..];
        if line.is_empty() {
            return Some((data, rest));
        }
    }
}
