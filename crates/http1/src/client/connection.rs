//! One connection, polled by whoever uses it.

use std::pin::pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use countersign_lines::AnswerHead;
use countersign_model::Header;
use http::Method;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::task::coop;

use super::body::{Broken, Content, Taken};
use super::failure::{Failure, Garbled, Lost, SendFailure};
use super::head::{Lines, MAX_INTERIM, Whole};
use super::output::{Output, RequestHead};
use super::told::{Asked, Reuse};

/// How much is read at once at first, in bytes.
const FIRST_STEP: usize = 8 * 1024;

/// A connection that reads more than this at once gives its memory back when it idles, in bytes.
const LONGEST_IDLE_STEP: usize = 16 * 1024;

/// How much is read at once at most, in bytes.
const LONGEST_STEP: usize = 64 * 1024;

/// A connection to a server, over a stream that is open already.
///
/// Each exchange is [`begin`](Self::begin), then [`poll_response`](Self::poll_response) until the head of the response is there, then
/// [`poll_frame`](Self::poll_frame) to its end. After that [`is_reusable`](Self::is_reusable) says whether there may be another.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    /// What was read and belongs to nothing yet.
    input: BytesMut,
    /// How much is read at once.
    step: usize,
    lines: Lines,
    output: Output,
    place: Place,
    reuse: Reuse,
}

/// How far an exchange has come.
#[derive(Debug)]
enum Place {
    /// No request, or one of which nothing was sent.
    Before(Asked),
    /// In the heads of the response and of so many interim ones before it.
    Head(Asked, u8),
    Content(Content),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A connection on which nothing was sent.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            input: BytesMut::new(),
            step: FIRST_STEP,
            lines: Lines::new(),
            output: Output::new(),
            place: Place::Before(Asked::Other),
            reuse: Reuse::Allowed,
        }
    }

    /// Begins an exchange. The connection is a new one, or [is reusable](Self::is_reusable).
    pub fn begin<'a, F>(&mut self, head: RequestHead<'a, F>)
    where
        F: Iterator<Item: Into<Header<'a>>>,
    {
        let asked = if *head.method == Method::HEAD { Asked::Head } else { Asked::Other };
        self.place = Place::Before(asked);
        if self.input.is_empty() {
            // Back to what was used last and is still in the processor's cache, unless somebody holds what was read there.
            let _held = self.input.try_reclaim(self.step);
        }
        self.lines.clear();
        self.output.begin(head);
    }

    /// Sends the request, with its `body` as it comes, and waits for the head of the response. That may come before everything is
    /// sent: see [`is_sent`](Self::is_sent).
    ///
    /// Lines that are between two hops are not among those of the response (RFC 9110 section 7.6.1).
    pub fn poll_response<B>(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut B,
    ) -> Poll<Result<AnswerHead, Failure<B::Error>>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut waits = Waits::No;
        if let Place::Before(asked) = self.place {
            // To a task that has had its turn the runtime says that nothing came, whatever did.
            if !coop::has_budget_remaining() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            // It may have ended while it was idle, and then nothing should be sent.
            match self.poll_fill(cx) {
                Poll::Pending => waits = Waits::ForInput,
                Poll::Ready(read) => return Poll::Ready(Err(Failure::Unsent(unasked(read)))),
            }
            self.place = Place::Head(asked, 0);
        }
        let sent = self.output.poll_send(cx, &mut self.stream, body);
        if let Poll::Ready(Err(why)) = sent {
            return Poll::Ready(Err(Failure::Send(why)));
        }
        if waits == Waits::ForInput && (sent.is_pending() || self.is_sent()) {
            return Poll::Pending;
        }
        let response = ready!(self.poll_head(cx));
        if response.is_err() {
            self.reuse = Reuse::Refused;
        }
        Poll::Ready(response)
    }

    fn poll_head<E>(&mut self, cx: &mut Context<'_>) -> Poll<Result<AnswerHead, Failure<E>>> {
        loop {
            let Place::Head(asked, interim) = self.place else {
                return Poll::Ready(Err(Failure::Lost(Lost::Ended)));
            };
            let Some(length) = self.lines.look(&self.input).map_err(Failure::Garbled)? else {
                let lost = match ready!(self.poll_fill(cx)) {
                    Ok(0) => Lost::Ended,
                    Ok(_) => continue,
                    Err(error) => Lost::Io(error),
                };
                // Where sending failed before, that is why.
                let lost = self.output.take_failure().map_or(lost, Lost::Io);
                return Poll::Ready(Err(Failure::Lost(lost)));
            };
            let whole = self.lines.read(self.input.get(..length).unwrap_or_default(), asked)?;
            self.input.advance(length);
            self.lines.clear();
            match whole {
                Whole::Interim if interim == MAX_INTERIM => {
                    return Poll::Ready(Err(Failure::Garbled(Garbled::TooManyInterim)));
                }
                Whole::Interim => self.place = Place::Head(asked, interim + 1),
                Whole::Answer(head, ending, reuse) => {
                    if reuse == Reuse::Refused {
                        self.reuse = reuse;
                    }
                    self.place = Place::Content(Content::new(ending));
                    return Poll::Ready(Ok(head));
                }
            }
        }
    }

    /// Sends what is left of the request and nothing else. Ready once everything is sent, or nothing more can be: what the other
    /// side answered may be there to be read all the same.
    pub fn poll_send<B>(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut B,
    ) -> Poll<Result<(), SendFailure<B::Error>>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        self.output.poll_send(cx, &mut self.stream, body)
    }

    /// Whether a part of the request is still to be sent. There is none where sending failed.
    pub fn is_sending(&self) -> bool {
        self.output.is_going_on()
    }

    /// Whether the whole request was sent.
    pub fn is_sent(&self) -> bool {
        self.output.is_whole()
    }

    /// The next of the response's content, or its trailers; nothing at its end. Ask once the head of the response is there.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            let Place::Content(content) = &mut self.place else { return Poll::Ready(None) };
            match content.take(&mut self.input)? {
                Taken::Frame(frame) => return Poll::Ready(Some(Ok(frame))),
                Taken::End => return Poll::Ready(None),
                Taken::Nothing => {}
            }
            let read = ready!(self.poll_fill(cx));
            let Place::Content(content) = &mut self.place else { return Poll::Ready(None) };
            match read {
                Ok(0) => content.end()?,
                Ok(_) => {}
                Err(error) => {
                    *content = Content::Broken;
                    return Poll::Ready(Some(Err(error.into())));
                }
            }
        }
    }

    /// The response's content, where all of it was read already and nothing comes after it.
    pub fn take_whole(&mut self) -> Option<Bytes> {
        let Place::Content(content) = &mut self.place else { return None };
        match content {
            Content::Whole => Some(Bytes::new()),
            Content::Sized(left) => {
                let length = usize::try_from(*left).ok().filter(|length| *length <= self.input.len())?;
                *content = Content::Whole;
                Some(self.input.split_to(length).freeze())
            }
            Content::Chunked(_) | Content::WithConnection | Content::Trailers(_) | Content::Broken => None,
        }
    }

    /// Whether the response was read to its end.
    pub fn is_end_stream(&self) -> bool {
        matches!(self.place, Place::Content(Content::Whole))
    }

    /// How much of the response's content is left.
    pub fn size_hint(&self) -> SizeHint {
        match &self.place {
            Place::Content(content) => content.size_hint(),
            Place::Before(_) | Place::Head(..) => SizeHint::default(),
        }
    }

    /// Whether another exchange may begin: the last request was sent whole, its response was read to an end that is beyond doubt, and
    /// nothing came after it.
    pub fn is_reusable(&self) -> bool {
        self.reuse == Reuse::Allowed && self.is_end_stream() && self.is_sent() && self.input.is_empty()
    }

    /// Looks, without waiting, whether an idle connection is still open and silent: the other side may have closed it, or sent what
    /// nobody asked for (RFC 9112 sections 9.3 and 9.5). Such a connection is not to be used.
    pub fn is_silent(&mut self) -> bool {
        self.poll_fill(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Gives back memory that an idle connection does not need.
    pub fn rest(&mut self) {
        if self.step > LONGEST_IDLE_STEP {
            self.step = FIRST_STEP;
            self.input = BytesMut::new();
        }
    }

    /// Reads what is there.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        if self.input.capacity() - self.input.len() < self.step / 4 {
            self.input.reserve(self.step);
        }
        let room = self.input.capacity() - self.input.len();
        let read = ready!(pin!(self.stream.read_buf(&mut self.input)).poll(cx));
        if read.as_ref().is_ok_and(|count| *count == room) {
            self.step = (self.step * 2).min(LONGEST_STEP);
        }
        Poll::Ready(read)
    }
}

/// Whether the task is to be woken already when something comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    No,
    ForInput,
}

/// What it means that something came, or an end, before a request.
fn unasked(read: std::io::Result<usize>) -> Lost {
    match read {
        Ok(0) => Lost::Ended,
        Ok(_) => Lost::Unasked,
        Err(error) => Lost::Io(error),
    }
}
