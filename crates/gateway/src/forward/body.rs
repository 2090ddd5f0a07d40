//! The body of a response on its way to the client.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::task::AbortHandle;

use super::ResponseFailure;
use crate::deadline::Deadline;
use crate::upstream::{Connection, Driven, Pool};

/// The body of an upstream's response. Polling it drives the upstream's connection; reading it to its end
/// gives the connection back to its pool; dropping it before closes the connection.
pub struct ForwardedBody {
    body: Incoming,
    source: Source,
    idle_timeout: Duration,
    deadline: Deadline,
}

/// Where the rest of a body comes from.
enum Source {
    /// Nowhere: what is left of it is in memory.
    Delivered,
    /// A connection that is polled from here.
    Connection(Box<Connection>, Rc<Pool>),
    /// A connection that is polled by a task of its own, which is held for as long as it is wanted.
    Task { _held: OwnTask },
}

/// A task that ends when this is dropped.
struct OwnTask(AbortHandle);

impl ForwardedBody {
    /// The body of the response that just came over `connection`.
    ///
    /// `uploading` says that the request's body is still being sent. Then the connection gets a task: who
    /// sends may not read before everything is sent, and must not be made to wait for its own reading.
    pub(super) fn new(
        body: Incoming,
        mut connection: Box<Connection>,
        pool: &Rc<Pool>,
        uploading: bool,
    ) -> Self {
        let idle_timeout = pool.upstream().limits().response_idle_timeout;
        let (source, deadline) = if uploading {
            let deadline = std::mem::take(&mut connection.deadline);
            let task = tokio::task::spawn_local(async move {
                std::future::poll_fn(|cx| match connection.drive(cx) {
                    Driven::Open => Poll::Pending,
                    Driven::Ended => Poll::Ready(()),
                })
                .await;
            });
            (Source::Task { _held: OwnTask(task.abort_handle()) }, deadline)
        } else if connection.is_ready() {
            pool.put(connection);
            (Source::Delivered, Deadline::default())
        } else {
            let deadline = std::mem::take(&mut connection.deadline);
            (Source::Connection(connection, Rc::clone(pool)), deadline)
        };
        Self { body, source, idle_timeout, deadline }
    }

    /// The next frame that is there. The connection is driven before, for what has arrived, and after, as
    /// asking for more is what lets it read on.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Source::Connection(connection, _) = &mut self.source {
            connection.drive(cx);
            let first = Pin::new(&mut self.body).poll_frame(cx);
            if first.is_ready() {
                return first;
            }
            connection.drive(cx);
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    /// The body has been read to its end: the connection can serve again.
    fn finish(&mut self, cx: &mut Context<'_>) {
        self.deadline.clear();
        if let Source::Connection(mut connection, pool) =
            std::mem::replace(&mut self.source, Source::Delivered)
        {
            if !connection.is_ready() {
                connection.drive(cx);
            }
            connection.deadline = std::mem::take(&mut self.deadline);
            pool.put(connection);
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
        let polled = self.poll_source(cx);
        let after = self.idle_timeout;
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.deadline.clear();
                if self.body.is_end_stream() {
                    self.finish(cx);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(source))) => {
                self.source = Source::Delivered;
                Poll::Ready(Some(Err(ResponseFailure::Broken { source })))
            }
            Poll::Ready(None) => {
                self.finish(cx);
                Poll::Ready(None)
            }
            Poll::Pending => {
                self.deadline.set_if_clear(after);
                ready!(self.deadline.poll_passed(cx));
                self.source = Source::Delivered;
                Poll::Ready(Some(Err(ResponseFailure::Stalled { after })))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Debug for ForwardedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForwardedBody").field("body", &self.body).finish_non_exhaustive()
    }
}

impl Drop for OwnTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}
