//! One connection to an upstream, driven by whoever uses it.
//!
//! There is no task behind a connection: the request that uses it polls it, and so does the response body
//! that comes out of it. Dropping either closes the connection, which is how a client that goes away cancels
//! its request, and a request costs no task and no hand-over between two.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign_http1::client::{self, Broken, Failure, RequestHead, SendFailure};
use countersign_lines::AnswerHead;
use countersign_model::Header;
use countersign_verify::BodyFailure;
use http::Method;
use http_body::{Frame, SizeHint};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::address::{Endpoint, Server, Upstream};
use super::failure::UpstreamFailure;
use super::pool::{InUse, Place};
use crate::UpstreamLimits;
use crate::deadline::{Deadline, SpareTimer};
use crate::forward::RequestBody;

/// An established connection.
pub(crate) struct Connection {
    wire: client::Connection<TcpStream>,
    /// Which of the upstream's servers is at the other end.
    pub(super) place: Place,
    /// There while a request has it.
    pub(super) in_use: Option<InUse>,
    /// For whoever reads the body of a response; kept here so that its timer outlives the request.
    pub(crate) deadline: Deadline,
    /// Since when nobody uses it.
    pub(super) idle_since: Instant,
}

/// Why a request on a connection had no response.
pub(crate) enum ExchangeFailure {
    /// The connection was dead, and the request may be sent again: nothing of it was sent, or sending it twice
    /// does no harm.
    Dead(UpstreamFailure),
    /// The upstream failed.
    Upstream(UpstreamFailure),
    /// The request's own body failed while it was sent.
    Body(BodyFailure),
}

/// Whether a request may be sent again after it was lost with its connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// Sending it twice does no harm: it has no body, and its method is idempotent (RFC 9110, 9.2.2).
    Harmless,
    /// Only where nothing of it was sent.
    IfUnsent,
}

impl Connection {
    /// Connects to `server`, within the connect timeout.
    pub(super) async fn open(
        server: &Server,
        place: Place,
        limits: &UpstreamLimits,
    ) -> Result<Box<Self>, UpstreamFailure> {
        let after = limits.connect_timeout;
        let stream = timeout(after, connect(server.endpoint()))
            .await
            .map_err(|_| UpstreamFailure::ConnectTimeout { after })??;
        // Small requests and the ends of large ones must not wait for an acknowledgement (RFC 9293, 3.7.4).
        stream.set_nodelay(true).map_err(|source| UpstreamFailure::Unreachable { source })?;
        Ok(Box::new(Self {
            wire: client::Connection::new(stream),
            place,
            in_use: None,
            deadline: Deadline::default(),
            idle_since: Instant::now(),
        }))
    }

    /// Sends a request `now` and waits for the head of its response, as long as `upstream` allows by `timer`. What is left of its
    /// `body` then is [to be sent](Self::poll_send) beside reading the response.
    pub(crate) async fn exchange<'a, F>(
        &mut self,
        head: RequestHead<'a, F>,
        body: &mut RequestBody,
        upstream: &Upstream,
        (timer, now): (&SpareTimer, Instant),
    ) -> Result<AnswerHead, ExchangeFailure>
    where
        F: Iterator<Item: Into<Header<'a>>>,
    {
        let after = upstream.limits().response_timeout;
        let repeat = Repeat::of(head.method, body);
        let mut deadline = timer.take();
        deadline.set_from(now, after);
        self.wire.begin(head);
        let answer = poll_fn(|cx| {
            if let Poll::Ready(answer) = self.wire.poll_response(cx, body) {
                return Poll::Ready(Some(answer));
            }
            while deadline.poll_passed(cx).is_ready() {
                match body.upstream_waits_since() {
                    Some(since) if since.elapsed() < after => deadline.set_from(since, after),
                    Some(_) | None => return Poll::Ready(None),
                }
            }
            Poll::Pending
        })
        .await;
        deadline.clear();
        timer.put(deadline);
        match answer {
            Some(Ok(head)) => Ok(head),
            Some(Err(failure)) => Err(ExchangeFailure::of(failure, repeat)),
            None => Err(ExchangeFailure::Upstream(UpstreamFailure::ResponseTimeout { after })),
        }
    }

    /// Whether a part of the request is still to be sent.
    pub(crate) fn is_sending(&self) -> bool {
        self.wire.is_sending()
    }

    /// Sends what is left of a request.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut RequestBody,
    ) -> Poll<Result<(), BodyFailure>> {
        self.wire.poll_send(cx, body).map_err(|why| body_failure(&why))
    }

    /// The next frame of the response's body.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.wire.poll_frame(cx)
    }

    /// The body of the response, where all of it came with its head.
    pub(crate) fn take_whole(&mut self) -> Option<Bytes> {
        self.wire.take_whole()
    }

    /// Whether the body of the response was read to its end.
    pub(crate) fn is_end_stream(&self) -> bool {
        self.wire.is_end_stream()
    }

    /// How much of the body of the response is left.
    pub(crate) fn size_hint(&self) -> SizeHint {
        self.wire.size_hint()
    }

    /// Whether the last response was read whole and another request may be sent.
    pub(crate) fn is_ready(&self) -> bool {
        self.wire.is_reusable()
    }

    /// Looks, without waiting, whether an idle connection is still open and silent.
    pub(super) fn is_alive(&mut self) -> bool {
        self.wire.is_silent()
    }

    /// Nobody uses it from now on.
    pub(super) fn rest(&mut self) {
        self.wire.rest();
        self.idle_since = Instant::now();
        self.in_use = None;
    }
}

impl Repeat {
    fn of(method: &Method, body: &RequestBody) -> Self {
        if method.is_idempotent() && body.is_empty() { Self::Harmless } else { Self::IfUnsent }
    }
}

impl ExchangeFailure {
    fn of(failure: Failure<BodyFailure>, repeat: Repeat) -> Self {
        match (failure, repeat) {
            (Failure::Unsent(source), _) | (Failure::Lost(source), Repeat::Harmless) => {
                Self::Dead(UpstreamFailure::Broken { source })
            }
            (Failure::Lost(source), Repeat::IfUnsent) => Self::Upstream(UpstreamFailure::Broken { source }),
            (Failure::Garbled(why), _) => Self::Upstream(UpstreamFailure::Garbled { why }),
            (Failure::Unexpected(why), _) => Self::Upstream(UpstreamFailure::Unexpected { why }),
            (Failure::Send(failure), _) => Self::Body(body_failure(&failure)),
        }
    }
}

fn body_failure(failure: &SendFailure<BodyFailure>) -> BodyFailure {
    match failure {
        SendFailure::Body(failure) => *failure,
        SendFailure::Length => BodyFailure::Broken,
    }
}

async fn connect(endpoint: &Endpoint) -> Result<TcpStream, UpstreamFailure> {
    let connected = match endpoint {
        Endpoint::Address(address) => TcpStream::connect(address).await,
        Endpoint::Name(name, port) => {
            let addresses: Vec<_> = tokio::net::lookup_host((&**name, *port))
                .await
                .map_err(|source| UpstreamFailure::Unresolved { source })?
                .collect();
            TcpStream::connect(&*addresses).await
        }
    };
    connected.map_err(|source| match source.kind() {
        io::ErrorKind::ConnectionRefused => UpstreamFailure::Refused,
        _ => UpstreamFailure::Unreachable { source },
    })
}
