//! How a connection is getting on, and when it has been silent for too long.
//!
//! A client that sends a head byte by byte has less time than one that keeps its connection open between requests, and one that
//! takes nothing of its answer has its own.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;

use super::ConnectionLimits;

/// How long what a client still sends after its answer is thrown away, in wait for it to close.
pub(super) const LINGER: Duration = Duration::from_secs(2);

/// How a connection is getting on. Shared by its socket, its requests and its timer, all on one thread.
pub(super) struct Pace {
    limits: ConnectionLimits,
    stage: Cell<Stage>,
    /// What belongs to the newest request.
    upload: Cell<Upload>,
    /// Since when the client has taken nothing of what there is to send.
    blocked: Cell<Option<Instant>>,
    /// What the client may make of the end of the connection.
    answers: Cell<Answers>,
    /// Whether there can be several requests at a time.
    requests: Requests,
    /// Those that are being answered, where there can be several: since when each waits for the client to take something.
    streams: RefCell<Vec<Rc<Cell<Option<Instant>>>>>,
}

/// How many requests there can be at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requests {
    /// One after the other, as in HTTP/1.
    InTurn,
    /// Several, as in HTTP/2.
    AtOnce,
}

/// How often connections with several requests are looked at: what becomes of one does not wake the connection.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// One of several requests that are being answered at a time.
pub(super) struct Begun {
    pace: Rc<Pace>,
    stream: Rc<Cell<Option<Instant>>>,
}

impl Begun {
    /// The client has room for more of the answer, if only there was more.
    pub(super) fn waits_for_body(&self) {
        self.stream.set(None);
    }

    /// There may be more of the answer as soon as the client has room.
    pub(super) fn waits_for_client(&self) {
        self.stream.set(Some(Instant::now()));
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut streams = self.pace.streams.borrow_mut();
        streams.retain(|stream| !Rc::ptr_eq(stream, &self.stream));
        if streams.is_empty() {
            self.pace.request_ends();
        }
    }
}

/// Whether the answers on a connection are whole.
#[derive(Clone, Copy)]
enum Answers {
    /// They are, but for one that is being sent.
    Whole,
    /// One broke off.
    BrokenOff,
}

/// A socket that can be closed in the two ways that there are.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin {
    /// Makes closing it, which is about to happen, a reset: the client is told that something broke.
    fn reset(&self);
}

impl Socket for TcpStream {
    fn reset(&self) {
        // A socket that cannot be told is closed as any other.
        let _cannot = self.set_zero_linger();
    }
}

#[derive(Clone, Copy)]
enum Stage {
    /// Between requests.
    Idle(Instant),
    /// In the middle of a head, or before the first.
    Head(Instant),
    /// A request is being answered; its body has limits of its own.
    Busy,
    /// Our half is closed, and the client may not know yet.
    Lingering(Instant),
}

/// What a client may still be sending when its request has been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upload {
    /// Its requests have no body.
    Nothing,
    /// A body, of which we may have read all or only a part.
    Body,
}

/// How to close.
enum Close {
    /// There is nothing that could come.
    AtOnce,
    /// Something may be under way.
    Gently,
}

impl Pace {
    /// A connection that was just accepted.
    pub(super) fn new(limits: ConnectionLimits, requests: Requests) -> Rc<Self> {
        Rc::new(Self {
            limits,
            stage: Cell::new(Stage::Head(Instant::now())),
            upload: Cell::new(Upload::Nothing),
            blocked: Cell::new(None),
            answers: Cell::new(Answers::Whole),
            requests,
            streams: RefCell::default(),
        })
    }

    /// When the connection will have been silent for too long, as things stand.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let blocked = self.blocked.get().map(|since| since + self.limits.write_idle);
        let stage = match self.stage.get() {
            Stage::Idle(since) => Some(since + self.limits.keep_alive_idle),
            Stage::Head(since) => Some(since + self.limits.header_read),
            Stage::Busy => {
                let waiting = self.streams.borrow().iter().filter_map(|stream| stream.get()).min();
                waiting.map(|since| since + self.limits.write_idle)
            }
            Stage::Lingering(since) => Some(since + LINGER),
        };
        match (blocked, stage) {
            (Some(blocked), Some(stage)) => Some(blocked.min(stage)),
            (one, other) => one.or(other),
        }
    }

    /// When to look at the connection again, whatever happens before.
    pub(super) fn next_look(&self) -> Option<Instant> {
        let deadline = self.deadline();
        match (self.requests, deadline) {
            (Requests::InTurn, deadline) => deadline,
            (Requests::AtOnce, deadline) => {
                let soon = Instant::now() + LOOK_EVERY;
                Some(deadline.map_or(soon, |deadline| deadline.min(soon)))
            }
        }
    }

    /// One of several requests begins.
    pub(super) fn stream_begins(self: &Rc<Self>) -> Begun {
        self.request_begins(Upload::Nothing);
        let stream = Rc::new(Cell::new(None));
        self.streams.borrow_mut().push(Rc::clone(&stream));
        Begun { pace: Rc::clone(self), stream }
    }

    pub(super) fn request_begins(&self, upload: Upload) {
        self.stage.set(Stage::Busy);
        self.upload.set(upload);
    }

    /// A part of a head has come.
    pub(super) fn head_begins(&self) {
        if let Stage::Idle(_) = self.stage.get() {
            self.stage.set(Stage::Head(Instant::now()));
        }
    }

    /// The answer that is being sent is not whole.
    pub(super) fn answer_breaks_off(&self) {
        self.answers.set(Answers::BrokenOff);
    }

    pub(super) fn request_ends(&self) {
        match self.stage.get() {
            Stage::Idle(_) | Stage::Head(_) | Stage::Busy => self.stage.set(Stage::Idle(Instant::now())),
            Stage::Lingering(_) => {}
        }
    }

    /// Whether an answer is cut where the connection ends now. An answer whose length was not said, as to HTTP/1.0, ends
    /// with its connection (RFC 9112 section 6.3): closed in the usual way, a part of it would be taken for the whole.
    fn cuts_an_answer(&self) -> bool {
        match (self.answers.get(), self.stage.get()) {
            // Every answer of HTTP/2 says where it ends (RFC 9113 section 8.1).
            (_, _) if self.requests == Requests::AtOnce => false,
            (Answers::BrokenOff, _) | (Answers::Whole, Stage::Busy) => true,
            (Answers::Whole, Stage::Idle(_) | Stage::Head(_) | Stage::Lingering(_)) => false,
        }
    }

    fn closes(&self) -> Close {
        match (self.stage.get(), self.upload.get()) {
            (Stage::Idle(_), Upload::Nothing) => Close::AtOnce,
            (Stage::Idle(_), Upload::Body) | (Stage::Head(_) | Stage::Busy | Stage::Lingering(_), _) => {
                self.stage.set(Stage::Lingering(Instant::now()));
                Close::Gently
            }
        }
    }

    fn written<T>(&self, result: &Poll<io::Result<T>>) {
        match (result, self.blocked.get()) {
            (Poll::Pending, None) => self.blocked.set(Some(Instant::now())),
            (Poll::Pending, Some(_)) | (Poll::Ready(_), None) => {}
            (Poll::Ready(_), Some(_)) => self.blocked.set(None),
        }
    }
}

impl Socket for TlsStream<TcpStream> {
    fn reset(&self) {
        self.get_ref().0.reset();
    }
}

/// A socket that tells its [`Pace`] what passes through it.
pub(super) struct Paced<S: Socket> {
    stream: S,
    pace: Rc<Pace>,
    ours: Half,
}

/// Our half of a connection.
#[derive(Clone, Copy)]
enum Half {
    Open,
    /// Closed; what still comes is thrown away until the client closes its half.
    Closed,
}

impl<S: Socket> Paced<S> {
    pub(super) fn new(stream: S, pace: Rc<Pace>) -> Self {
        Self { stream, pace, ours: Half::Open }
    }
}

impl<S: Socket> Drop for Paced<S> {
    fn drop(&mut self) {
        if self.pace.cuts_an_answer() {
            self.stream.reset();
        }
    }
}

impl<S: Socket> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: Socket> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.pace.written(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.pace.written(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// A socket that is closed while bytes are unread is reset, and a client that was refused in the middle of its body
    /// would lose the answer (RFC 9112 section 9.6). So our half goes first, and the rest waits until the client
    /// has seen that, or [`LINGER`] is over.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Half::Open = self.ours {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.ours = Half::Closed;
            if let Close::AtOnce = self.pace.closes() {
                return Poll::Ready(Ok(()));
            }
        }
        let mut scrap = [0; 4096];
        loop {
            let mut scrap = ReadBuf::new(&mut scrap);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut scrap))?;
            if scrap.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
