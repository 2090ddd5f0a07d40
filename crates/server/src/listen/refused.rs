//! A look at the bytes of a connection before hyper reads them.
//!
//! hyper forgives what other servers read differently: lines that end with LF alone, two lengths, a fragment in the target.
//! So it is given whole heads that were found to be good, and bodies as far as they are. In place of a head that is refused it
//! gets one of ours, so that the refusal is answered in its turn, logged and counted as any other request.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use countersign_framing::{Framing, Limits, Refusal, Refused};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What hyper reads where a head was refused. No request follows it.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";

/// How much of a request line that was refused is kept for the log, in bytes.
const SHOWN_BYTES: usize = 2048;

/// The longest word that is taken for a method there.
const SHOWN_METHOD_BYTES: usize = 32;

/// What is known of the requests of a connection besides what hyper tells. Shared by its socket and its requests.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// How many heads were let through.
    heads: Cell<u64>,
    /// How many requests hyper has read.
    read: Cell<u64>,
    head: RefCell<Option<RefusedHead>>,
    body: Cell<Option<Refusal>>,
    upload: Cell<Upload>,
}

/// Whether the body of the last request is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Upload {
    /// All of it.
    #[default]
    Whole,
    /// Some of it is to come.
    UnderWay,
}

/// A head that was refused.
#[derive(Clone, Debug)]
pub(crate) struct RefusedHead {
    /// Why.
    pub(crate) why: Refusal,
    /// What stood first in it, where it is a plain word; `-` where it is not.
    pub(crate) method: String,
    /// What stood second, without the query.
    pub(crate) path: String,
}

impl Watch {
    /// To be called for each request that hyper reads: the head that was refused, where it is the one that stands in for it.
    pub(super) fn request(&self) -> Option<RefusedHead> {
        self.read.set(self.read.get() + 1);
        if self.read.get() > self.heads.get() { self.head.borrow().clone() } else { None }
    }

    /// Whether the body of the last request is there.
    pub(super) fn upload(&self) -> Upload {
        self.upload.get()
    }

    /// Why the body of the last request was cut off, where it was for its framing.
    pub(crate) fn refused_body(&self) -> Option<Refusal> {
        self.body.get()
    }
}

impl RefusedHead {
    fn new(why: Refusal, head: &[u8]) -> Self {
        let line = head.get(..SHOWN_BYTES).unwrap_or(head);
        let line = line.split(|byte| matches!(byte, b'\r' | b'\n')).find(|line| !line.is_empty());
        let line = String::from_utf8_lossy(line.unwrap_or_default());
        let mut words = line.split(' ');
        let is_plain = |word: &&str| {
            word.len() <= SHOWN_METHOD_BYTES && word.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let method = words.next().filter(is_plain).filter(|word| !word.is_empty()).unwrap_or("-").to_owned();
        let target = words.next().unwrap_or_default();
        Self { why, method, path: target.split('?').next().unwrap_or_default().to_owned() }
    }
}

/// A socket whose bytes are looked at.
pub(super) struct Guarded<S> {
    stream: S,
    framing: Framing,
    watch: Rc<Watch>,
    /// The beginning of a head that is not whole, or what hyper is to read next.
    held: Vec<u8>,
    /// How many bytes of these hyper may have, and how many it has.
    ready: usize,
    given: usize,
    end: End,
}

/// Whether there is more to read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    /// A head was refused: nothing that follows is read.
    Head,
    /// A body was refused, and is broken off.
    Body(Refusal),
}

impl<S> Guarded<S> {
    pub(super) fn new(stream: S, limits: Limits, watch: Rc<Watch>) -> Self {
        let framing = Framing::new(limits);
        Self { stream, framing, watch, held: Vec::new(), ready: 0, given: 0, end: End::Open }
    }

    /// Settles what is held with what was `read` after it, as far as that can be.
    fn settle_held(&mut self, read: &[u8]) {
        self.held.extend_from_slice(read);
        let settled = self.framing.settle(&self.held);
        self.note(settled.heads);
        self.ready = settled.bytes;
        if let Some(refused) = settled.refused {
            let rest = self.held.split_off(settled.bytes);
            self.refuse(refused, &rest);
        }
    }

    fn note(&self, heads: u32) {
        self.watch.heads.set(self.watch.heads.get() + u64::from(heads));
        let inside = self.framing.is_inside_a_body();
        self.watch.upload.set(if inside { Upload::UnderWay } else { Upload::Whole });
    }

    /// Takes note of a refusal of `rest`, which comes after everything that is held.
    fn refuse(&mut self, refused: Refused, rest: &[u8]) {
        match refused {
            Refused::Head(why) => {
                self.watch.head.replace(Some(RefusedHead::new(why, rest)));
                self.held.extend_from_slice(STAND_IN);
                self.ready = self.held.len();
                self.end = End::Head;
            }
            Refused::Body(why) => {
                self.watch.body.set(Some(why));
                self.end = End::Body(why);
            }
        }
    }

    /// Gives hyper what it may have of what is held, where there is any.
    fn give(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let there = self.held.get(self.given..self.ready).unwrap_or_default();
        if there.is_empty() {
            return false;
        }
        let piece = there.get(..buf.remaining()).unwrap_or(there);
        buf.put_slice(piece);
        self.given += piece.len();
        if self.given == self.ready {
            self.held.drain(..self.given);
            (self.ready, self.given) = (0, 0);
        }
        true
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.give(buf) {
                return Poll::Ready(Ok(()));
            }
            match this.end {
                End::Open => {}
                // hyper is done once the stand-in is answered, and is not to see an end before.
                End::Head => return Poll::Pending,
                End::Body(why) => return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why))),
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
            let read = buf.filled().get(before..).unwrap_or_default();
            if read.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if !this.held.is_empty() {
                this.settle_held(read);
                buf.set_filled(before);
                continue;
            }
            // Mostly what was read is whole, and stays where it is.
            let settled = this.framing.settle(read);
            this.note(settled.heads);
            let rest = read.get(settled.bytes..).unwrap_or_default();
            match settled.refused {
                Some(refused) => this.refuse(refused, rest),
                None => this.held.extend_from_slice(rest),
            }
            buf.set_filled(before + settled.bytes);
            if settled.bytes > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
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
