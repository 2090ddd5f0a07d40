//! The side that answers.
//!
//! A [`Server`] is what the connections of one thread have in common; [`Server::serve`] is one connection, from its first
//! request to its last, in the task that polls it. Requests are answered one after the other, by a [`Service`] that is awaited
//! in place. While it works, what the client does is watched: whoever leaves gives up on the answer.

mod answer;
mod body;
mod connection;
mod date;
mod head;
mod input;
mod trailers;
mod upload;

use std::cell::{Cell, RefCell};
use std::fmt;

use bytes::Bytes;
use countersign_framing::{Limits, Refusal};
use countersign_lines::Answered;
use countersign_model::Clock;
use tokio::io::{AsyncRead, AsyncWrite};

use connection::Connection;
use date::DateLine;

pub use body::{Body, BodyBroken};
pub use head::Head;

/// What answers the requests of one connection.
pub trait Service {
    /// The body of its answers.
    type Body: http_body::Body<Data = Bytes> + Unpin;

    /// Answers a request. Dropped where the client leaves before.
    fn answer(&self, head: &Head<'_>, body: Body) -> impl Future<Output = Answered<Self::Body>>;

    /// Answers a head that was refused: why, and its bytes as far as they have come. Nothing after it is read.
    fn refuse(&self, why: Refusal, bytes: &[u8]) -> Answered<Self::Body>;

    /// Takes note of what happens.
    fn note(&self, event: Event);
}

/// What happens on a connection, for who watches over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A part of a head has come, and the rest has not. Said again for each part.
    HeadBegins,
    /// A head is whole, or refused, and will be answered.
    RequestBegins(Sends),
    /// The body of the request is broken off for its framing.
    BodyRefused(Refusal),
    /// The answer breaks off, and the connection with it.
    AnswerBreaksOff,
    /// The answer is sent.
    RequestEnds,
}

/// What a client may still be sending after the head of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    /// Nothing: there is no body, or all of it has come.
    Nothing,
    /// A body.
    Body,
}

/// Whether a connection goes on after the request that is under way.
#[derive(Debug, Default)]
pub struct Course(Cell<Heading>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Heading {
    #[default]
    On,
    Home,
}

impl Course {
    /// Has the connection end: at once where no request is under way, otherwise after its answer. To be polled again after this.
    pub fn wind_down(&self) {
        self.0.set(Heading::Home);
    }

    fn winds_down(&self) -> bool {
        self.0.get() == Heading::Home
    }
}

/// What the connections of one thread have in common.
pub struct Server {
    limits: Limits,
    clock: Box<dyn Clock>,
    date: RefCell<DateLine>,
}

/// A connection did not end as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It could not be read or written.
    #[error("the connection broke off")]
    Io(std::io::ErrorKind),
    /// The client left before it had its answer.
    #[error("the client left before it had its answer")]
    Left,
    /// The body of the answer failed, or was not as long as it said.
    #[error("the answer broke off")]
    Answer,
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.kind())
    }
}

impl Server {
    /// A server of requests within `limits`, whose answers are dated by `clock`.
    pub fn new(limits: Limits, clock: impl Clock + 'static) -> Self {
        Self { limits, clock: Box::new(clock), date: RefCell::new(DateLine::new()) }
    }

    /// Serves the requests of one connection, until it ends. An orderly end shuts `stream` down; one that is not drops it, and
    /// whoever made the stream sees to it that a part of an answer is not taken for the whole.
    ///
    /// # Errors
    ///
    /// How it broke off. Nobody is left to be told.
    pub fn serve<S, H>(
        &self,
        stream: S,
        service: &H,
        course: &Course,
    ) -> impl Future<Output = Result<(), Broken>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
        H: Service,
    {
        // Not in an `async fn`, whose future has room for what it was given beside what it makes of it.
        let mut connection = Connection::new(stream, self);
        async move { connection.serve(service, course).await }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("limits", &self.limits).finish_non_exhaustive()
    }
}
