//! The body of a response on its way to the client.

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use countersign_verify::BodyFailure;
use hyper::body::{Body, Frame, SizeHint};
use tokio::task::AbortHandle;

use super::ResponseFailure;
use super::payload::RequestBody;
use crate::upstream::{Connection, Pool};

/// The body of an upstream's response. Polling it drives the upstream's connection; reading it to its end
/// gives the connection back to its pool; dropping it before closes the connection.
pub struct ForwardedBody(Source);

/// Where the rest of a body comes from.
enum Source {
    /// It is in memory.
    Memory(Bytes),
    /// A connection that is polled from here.
    Connection(Box<Connection>, Rc<Pool>),
    /// A connection over which the request is still being sent.
    Sending(Rc<RefCell<Sending>>, OwnTask, Rc<Pool>),
}

/// A connection over which a request is sent and its response read at the same time.
///
/// Who sends may not read before everything is sent, and must not be made to wait for its own reading. So the
/// sending has a task.
struct Sending {
    connection: Result<Box<Connection>, BodyFailure>,
    body: RequestBody,
    /// Who reads the response, to be told that sending failed.
    reader: Option<Waker>,
}

/// A task that ends when this is dropped.
struct OwnTask(AbortHandle);

impl ForwardedBody {
    /// The body of the response that just came over `connection`, to a request with `body`.
    pub(super) fn new(mut connection: Box<Connection>, body: RequestBody, pool: &Rc<Pool>) -> Self {
        if connection.is_sending() {
            let sending = Rc::new(RefCell::new(Sending { connection: Ok(connection), body, reader: None }));
            let sender = Rc::clone(&sending);
            let task = tokio::task::spawn_local(async move {
                poll_fn(|cx| sender.borrow_mut().poll_send(cx)).await;
            });
            return Self(Source::Sending(sending, OwnTask(task.abort_handle()), Rc::clone(pool)));
        }
        if let Some(whole) = connection.take_whole() {
            pool.put(connection);
            return Self(Source::Memory(whole));
        }
        Self(Source::Connection(connection, Rc::clone(pool)))
    }

    /// The body has been read to its end: the connection can serve again, if all of the request was sent.
    fn finish(&mut self) {
        match std::mem::replace(&mut self.0, Source::Memory(Bytes::new())) {
            Source::Memory(_) => {}
            Source::Connection(connection, pool) => pool.put(connection),
            Source::Sending(sending, task, pool) => {
                drop(task);
                // Where the task still has a share in it, it goes with the task.
                if let Some(Ok(connection)) =
                    Rc::into_inner(sending).map(|sending| sending.into_inner().connection)
                {
                    pool.put(connection);
                }
            }
        }
    }

    /// Nothing more can come: the connection is closed.
    fn fail(&mut self, failure: ResponseFailure) -> Poll<Option<Result<Frame<Bytes>, ResponseFailure>>> {
        self.0 = Source::Memory(Bytes::new());
        Poll::Ready(Some(Err(failure)))
    }
}

/// The next frame, or that the upstream stopped sending.
fn poll_connection(
    connection: &mut Connection,
    pool: &Pool,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, ResponseFailure>>> {
    let frame = connection.poll_frame(cx);
    if frame.is_pending() {
        let after = pool.upstream().limits().response_idle_timeout;
        connection.deadline.set_if_clear(after);
        ready!(connection.deadline.poll_passed(cx));
        return Poll::Ready(Some(Err(ResponseFailure::Stalled { after })));
    }
    connection.deadline.clear();
    frame.map_err(|source| ResponseFailure::Broken { source })
}

impl Sending {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Ok(connection) = &mut self.connection else { return Poll::Ready(()) };
        if let Err(failure) = ready!(connection.poll_send(cx, &mut self.body)) {
            // Closed at once: the upstream must not wait for the rest.
            self.connection = Err(failure);
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
        Poll::Ready(())
    }

    fn poll_frame(
        &mut self,
        pool: &Pool,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ResponseFailure>>> {
        match &mut self.connection {
            Ok(connection) => {
                self.reader = Some(cx.waker().clone());
                poll_connection(connection, pool, cx)
            }
            Err(source) => Poll::Ready(Some(Err(ResponseFailure::Request { source: *source }))),
        }
    }
}

impl Body for ForwardedBody {
    type Data = Bytes;
    type Error = ResponseFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ResponseFailure>>> {
        let polled = match &mut self.0 {
            Source::Memory(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Source::Memory(bytes) => return Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Source::Connection(connection, pool) => poll_connection(connection, pool, cx),
            Source::Sending(sending, _, pool) => sending.borrow_mut().poll_frame(pool, cx),
        };
        match ready!(polled) {
            Some(Ok(frame)) => {
                if self.is_end_stream() {
                    self.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(failure)) => self.fail(failure),
            None => {
                self.finish();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Memory(bytes) => bytes.is_empty(),
            Source::Connection(connection, _) => connection.is_end_stream(),
            Source::Sending(sending, ..) => {
                sending.borrow().connection.as_ref().is_ok_and(|connection| connection.is_end_stream())
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Memory(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Connection(connection, _) => connection.size_hint(),
            Source::Sending(sending, ..) => match &sending.borrow().connection {
                Ok(connection) => connection.size_hint(),
                Err(_) => SizeHint::default(),
            },
        }
    }
}

impl fmt::Debug for ForwardedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForwardedBody(..)")
    }
}

impl Drop for OwnTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}
