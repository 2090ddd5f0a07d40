//! A server with a clock that stands still, and what answers its requests.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use countersign_framing::{BodyOfGet, Limits, Refusal};
use countersign_http1::server::{Body, Broken, Course, Event, Head, Server, Service};
use countersign_lines::Answered;
use countersign_model::{Clock, UnixTime};
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

pub(crate) const LIMITS: Limits =
    Limits { header_count: 16, header_bytes: 4096, body_of_get: BodyOfGet::Refused };

/// The date of every answer.
pub(crate) const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

struct Still;

impl Clock for Still {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(784_111_777)
    }
}

pub(crate) fn server() -> Server {
    Server::new(LIMITS, Still)
}

/// The body of an answer in a test, which may fail.
pub(crate) type Answer = UnsyncBoxBody<Bytes, std::io::Error>;

pub(crate) fn text(text: &'static str) -> Response<Answer> {
    Response::new(full(Bytes::from_static(text.as_bytes())))
}

pub(crate) fn full(bytes: Bytes) -> Answer {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// The same as tests look at it.
fn request(head: &Head<'_>, body: Body) -> Request<Body> {
    let uri = head
        .authority
        .map_or_else(|| head.target.to_owned(), |authority| format!("http://{authority}{}", head.target));
    let mut request = Request::builder().method(head.method.clone()).uri(uri).version(head.version);
    for header in head.headers.iter() {
        request = request.header(header.name, header.value);
    }
    request.body(body).unwrap()
}

/// Answers with what a function makes of a request, and takes note of what happens.
pub(crate) struct By<F> {
    answer: F,
    pub(crate) events: RefCell<Vec<Event>>,
}

impl<F> By<F> {
    pub(crate) fn new(answer: F) -> Self {
        Self { answer, events: RefCell::default() }
    }
}

impl<F: AsyncFn(Request<Body>) -> Response<Answer>> Service for By<F> {
    type Body = Answer;

    async fn answer(&self, head: &Head<'_>, body: Body) -> Answered<Answer> {
        (self.answer)(request(head, body)).await.into()
    }

    fn refuse(&self, _: Refusal, _: &[u8]) -> Answered<Answer> {
        Response::builder().status(400).body(full(Bytes::from_static(b"refused"))).unwrap().into()
    }

    fn note(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }
}

/// What a client got from a connection to `service` on which `client` did what it does: everything that was sent to it, and how
/// the connection ended.
pub(crate) async fn converse<S: Service>(
    service: &S,
    course: &Course,
    client: impl AsyncFnOnce(DuplexStream),
) -> Result<(), Broken> {
    let (theirs, ours) = duplex(64 * 1024);
    let server = server();
    let (ended, ()) = tokio::join!(server.serve(ours, service, course), client(theirs));
    ended
}

/// What comes back for `bytes`, up to the end of the connection.
pub(crate) async fn exchange<S: Service>(service: &S, bytes: &[u8]) -> (String, Result<(), Broken>) {
    let mut got = Vec::new();
    let ended = converse(service, &Course::default(), async |mut client| {
        client.write_all(bytes).await.unwrap();
        client.read_to_end(&mut got).await.unwrap();
    })
    .await;
    (String::from_utf8(got).unwrap(), ended)
}

/// Reads until what was got ends so.
pub(crate) async fn read_until(client: &mut DuplexStream, end: &str) -> String {
    let mut got = Vec::new();
    while !got.ends_with(end.as_bytes()) {
        assert_ne!(client.read_buf(&mut got).await.unwrap(), 0, "{}", got.escape_ascii());
    }
    String::from_utf8(got).unwrap()
}

/// Lets everybody else have a turn, several times.
pub(crate) async fn a_while() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

/// Longer than anything here takes.
const FOREVER: Duration = Duration::from_secs(30);

pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(FOREVER, test).await.expect("somebody waits for ever") })
}

/// The same, with a clock that goes on by itself whenever everybody waits.
pub(crate) fn run_in_no_time<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(test)
}

/// A body in pieces, before each of which the others have a turn. Then it ends, or breaks off.
pub(crate) struct Pieces {
    pub(crate) left: Vec<Bytes>,
    pub(crate) length: Option<u64>,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) end: End,
    pub(crate) turn: bool,
}

/// How a body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Whole,
    BreaksOff,
    Stalls,
}

impl Pieces {
    pub(crate) fn new(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        let mut left: Vec<_> = pieces.into_iter().collect();
        left.reverse();
        Self { left, length: None, trailers: None, end: End::Whole, turn: false }
    }

    pub(crate) fn with_length(self) -> Self {
        let length = self.left.iter().map(|piece| piece.len() as u64).sum();
        Self { length: Some(length), ..self }
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.turn = !self.turn;
        if self.turn {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(piece) = self.left.pop() {
            self.length = self.length.map(|left| left.saturating_sub(piece.len() as u64));
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if let Some(trailers) = self.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        match self.end {
            End::Whole => Poll::Ready(None),
            End::BreaksOff => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionAborted.into()))),
            End::Stalls => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// What is told when it is dropped.
pub(crate) struct Told(pub(crate) Rc<Cell<u32>>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Never.
pub(crate) async fn never<T>() -> T {
    poll_fn(|_| Poll::Pending).await
}
