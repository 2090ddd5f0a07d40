//! One connection: a head, its answer, and again.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use countersign_framing::{BodyLength, Expectation, Framing, Next, Outline, Persistence, Refusal, Refused};
use countersign_lines::Answered;
use countersign_model::HeaderLine;
use tokio::io::{AsyncRead, AsyncWrite};

use super::answer::{self, Asked, Framed};
use super::input::{Input, Portion};
use super::upload::{Progress, Upload};
use super::{Body, Broken, Course, Event, Head, Sends, Server, Service};
use crate::outbox::Outbox;

/// A connection, between one look at it and the next.
pub(super) struct Connection<'a, S> {
    pub(super) stream: S,
    pub(super) framing: Framing,
    pub(super) input: Input,
    pub(super) out: Outbox,
    server: &'a Server,
}

/// What comes where a head is expected.
enum Came {
    Head(Outline),
    Refused(Refusal),
    /// The client closed, or we were told to.
    End,
}

/// The head of a request: its bytes, in which the names of headers are in lower case, and where the header lines are.
#[derive(Default)]
struct RawHead {
    bytes: BytesMut,
    lines: Vec<HeaderLine>,
}

/// How much of an answer was put where it is written from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Put {
    All,
    /// More can be put once this is written.
    Part,
    /// More has to come.
    Waits,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Connection<'a, S> {
    pub(super) fn new(stream: S, server: &'a Server) -> Self {
        let framing = Framing::new(server.limits);
        Self { stream, framing, input: Input::default(), out: Outbox::default(), server }
    }

    pub(super) async fn serve<H: Service>(&mut self, service: &H, course: &Course) -> Result<(), Broken> {
        loop {
            self.input.settle();
            let came = poll_fn(|cx| self.poll_head(service, course, cx)).await?;
            let mut raw = RawHead::default();
            let begun = match came {
                Came::Head(outline) => {
                    raw = self.take_head(&outline);
                    Head::read(&raw.bytes, &outline, &raw.lines).map(|head| {
                        let asked = Asked::of(&head, &outline);
                        let (body, upload) = self.body(&outline);
                        (head, body, asked, upload)
                    })
                }
                Came::Refused(why) => Err(why),
                Came::End => return self.shut_down().await,
            };
            let persistence = match begun {
                Ok((head, body, asked, mut upload)) => {
                    let sends = if let Upload::Whole = upload { Sends::Nothing } else { Sends::Body };
                    service.note(Event::RequestBegins(sends));
                    let response = {
                        let mut answering = pin!(service.answer(&head, body));
                        poll_fn(|cx| {
                            loop {
                                if let Poll::Ready(response) = answering.as_mut().poll(cx) {
                                    return Poll::Ready(Ok(response));
                                }
                                match self.poll_upload(&mut upload, service, cx) {
                                    Ok(Progress::Gave) => {}
                                    Ok(Progress::Waits) => return Poll::Pending,
                                    Err(broken) => return Poll::Ready(Err(broken)),
                                }
                            }
                        })
                        .await?
                    };
                    let RawHead { bytes, lines } = std::mem::take(&mut raw);
                    // What is read next goes where it was.
                    drop(bytes);
                    self.framing.reuse(lines);
                    self.respond(response, &asked, &mut upload, service, course).await?
                }
                Err(why) => {
                    // Of what was refused nobody knows where it ends.
                    service.note(Event::RequestBegins(Sends::Body));
                    let response = service.refuse(why, self.input.bytes());
                    self.respond(response, &Asked::nothing(), &mut Upload::Broken, service, course).await?
                }
            };
            service.note(Event::RequestEnds);
            match persistence {
                Persistence::Persists => {}
                Persistence::Closes => return self.shut_down().await,
            }
        }
    }

    /// Reads until a head is whole.
    fn poll_head<H: Service>(
        &mut self,
        service: &H,
        course: &Course,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Came, Broken>> {
        loop {
            if !self.input.is_empty() {
                match self.framing.next(self.input.bytes()) {
                    Ok(Next::Part) => service.note(Event::HeadBegins),
                    Ok(Next::Head(outline)) => return Poll::Ready(Ok(Came::Head(outline))),
                    Err((_, Refused::Head(why))) => return Poll::Ready(Ok(Came::Refused(why))),
                    // Between requests there is nothing else.
                    Ok(Next::Piece { .. }) | Err((_, Refused::Body(_))) => {
                        return Poll::Ready(Err(Broken::Answer));
                    }
                }
            } else if course.winds_down() {
                return Poll::Ready(Ok(Came::End));
            }
            if ready!(self.input.poll_read(&mut self.stream, Portion::Head, cx))? == 0 {
                return Poll::Ready(Ok(Came::End));
            }
        }
    }

    /// Takes out the head of a request.
    fn take_head(&mut self, outline: &Outline) -> RawHead {
        let (mut bytes, lines) = (self.input.take_head(outline.length), self.framing.take_fields());
        for line in &lines {
            if let Some(name) = bytes.get_mut(line.name..line.colon) {
                name.make_ascii_lowercase();
            }
        }
        RawHead { bytes, lines }
    }

    /// The body of a request, as far as it has come.
    fn body(&mut self, outline: &Outline) -> (Body, Upload) {
        match outline.body {
            BodyLength::None => (Body::none(), Upload::Whole),
            BodyLength::Sized(length) => match self.whole_body(length) {
                Some(whole) => (Body::whole(whole), Upload::Whole),
                None => coming(Some(length), outline.expectation),
            },
            BodyLength::Chunked => coming(None, outline.expectation),
        }
    }

    /// The body of a request, where all of it has come.
    fn whole_body(&mut self, length: u64) -> Option<Bytes> {
        let length = usize::try_from(length).ok()?;
        let there = self.input.bytes().get(..length)?;
        match self.framing.next(there) {
            Ok(Next::Piece { bytes, .. }) => Some(self.input.take(bytes)),
            Ok(Next::Part | Next::Head(_)) | Err(_) => None,
        }
    }

    /// Sends an answer, while what is still wanted of the request's body is read. Whether the connection goes on after it.
    async fn respond<H: Service>(
        &mut self,
        mut answered: Answered<H::Body>,
        asked: &Asked,
        upload: &mut Upload,
        service: &H,
        course: &Course,
    ) -> Result<Persistence, Broken> {
        let head = poll_fn(|cx| Poll::Ready(self.write_head(&answered, asked, upload, course, cx)));
        let (mut framed, persistence) = head.await?;
        poll_fn(|cx| {
            loop {
                let put = match self.put(&mut framed, &mut answered.body, cx) {
                    Ok(put) => put,
                    Err(broken) => {
                        service.note(Event::AnswerBreaksOff);
                        return Poll::Ready(Err(broken));
                    }
                };
                let written = self.out.poll_write(&mut self.stream, cx)?;
                match (put, written) {
                    (Put::All, Poll::Ready(())) => return Poll::Ready(Ok(())),
                    (Put::Part, Poll::Ready(())) => continue,
                    (Put::All | Put::Part | Put::Waits, _) => {}
                }
                match self.poll_upload(upload, service, cx)? {
                    Progress::Gave => {}
                    Progress::Waits => return Poll::Pending,
                }
            }
        })
        .await?;
        // Who sends the body on for the sake of the answer is done too.
        drop(answered);
        if let (Persistence::Closes, _) | (_, Upload::Whole) = (persistence, &*upload) {
            return Ok(persistence);
        }
        // A body may be read on when all is said.
        poll_fn(|cx| {
            loop {
                let progress = self.poll_upload(upload, service, cx)?;
                match (progress, &*upload) {
                    (Progress::Gave, _) => {}
                    (Progress::Waits, Upload::Coming(..)) => return Poll::Pending,
                    (Progress::Waits, Upload::Whole | Upload::Forsaken | Upload::Broken) => break,
                }
            }
            self.pass_over(upload, cx);
            Poll::Ready(Ok(match upload {
                Upload::Whole => Persistence::Persists,
                Upload::Coming(..) | Upload::Forsaken | Upload::Broken => Persistence::Closes,
            }))
        })
        .await
    }

    fn write_head<B: http_body::Body>(
        &mut self,
        answered: &Answered<B>,
        asked: &Asked,
        upload: &mut Upload,
        course: &Course,
        cx: &mut Context<'_>,
    ) -> Result<(Framed, Persistence), Broken> {
        self.pass_over(upload, cx);
        let status = answered.head.status();
        let is_error = status.is_client_error() || status.is_server_error();
        // A client that is not told may send its next request into the end of the connection, and cannot know what became of it
        // (RFC 9112 section 9.6).
        let can_persist = match upload {
            Upload::Whole => true,
            Upload::Coming(_, expectation) => {
                *expectation = Expectation::None;
                !is_error
            }
            Upload::Forsaken | Upload::Broken => false,
        };
        let persistence =
            if can_persist && !course.winds_down() { asked.persistence } else { Persistence::Closes };
        let mut date = self.server.date.borrow_mut();
        let date = date.at(self.server.clock.now());
        answer::write(self.out.lines(), answered, asked, persistence, date)
    }

    /// Puts what there is of an answer's body where it is written from.
    fn put<B>(&mut self, framed: &mut Framed, body: &mut B, cx: &mut Context<'_>) -> Result<Put, Broken>
    where
        B: http_body::Body<Data = Bytes> + Unpin,
    {
        loop {
            if matches!(framed, Framed::Nothing | Framed::Sized(0)) {
                return Ok(Put::All);
            }
            if !self.out.has_room() {
                return Ok(Put::Part);
            }
            let frame = match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Pending => return Ok(Put::Waits),
                Poll::Ready(Some(Err(_))) => return Err(Broken::Answer),
                Poll::Ready(Some(Ok(frame))) => Some(frame),
                Poll::Ready(None) => None,
            };
            let Some(frame) = frame else {
                match framed {
                    // It is shorter than it said.
                    Framed::Sized(_) => return Err(Broken::Answer),
                    Framed::Chunked(_) => answer::end_of_chunks(self.out.lines(), None),
                    Framed::Nothing | Framed::UntilTheEnd => {}
                }
                *framed = Framed::Nothing;
                continue;
            };
            match (frame.into_data(), &mut *framed) {
                (Ok(data), Framed::Sized(left)) => {
                    // It is longer than it said.
                    *left = left.checked_sub(data.len() as u64).ok_or(Broken::Answer)?;
                    self.out.piece(data);
                }
                (Ok(data), Framed::Chunked(_)) => self.out.chunk(data),
                (Ok(data), Framed::UntilTheEnd) => self.out.piece(data),
                (Err(frame), Framed::Chunked(wanted)) => {
                    let Ok(trailers) = frame.into_trailers() else { continue };
                    answer::end_of_chunks(self.out.lines(), Some((wanted, &trailers)));
                    *framed = Framed::Nothing;
                }
                (Ok(_) | Err(_), _) => {}
            }
        }
    }

    async fn shut_down(&mut self) -> Result<(), Broken> {
        poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx)).await.map_err(Broken::from)
    }
}

fn coming(length: Option<u64>, expectation: Expectation) -> (Body, Upload) {
    let (body, giver) = Body::coming(length);
    (body, Upload::Coming(giver, expectation))
}
