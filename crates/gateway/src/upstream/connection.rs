//! One connection to an upstream, driven by whoever uses it.
//!
//! There is no task behind a connection: the request that uses it polls it, and so does the response body
//! that comes out of it. Dropping either closes the connection, which is how a client that goes away cancels
//! its request, and a request costs no task and no hand-over between two.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use countersign_verify::BodyFailure;
use http::{Request, Response, StatusCode, Version, header};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::address::{Endpoint, Server, Upstream};
use super::failure::UpstreamFailure;
use super::pool::{InUse, Place};
use super::wire::{Wire, Written};
use crate::UpstreamLimits;
use crate::deadline::Deadline;
use crate::forward::{RequestBody, Upload};

/// The largest head of a response, in bytes: twice what common servers send at most.
const MAX_RESPONSE_HEAD: usize = 64 * 1024;

/// An established connection.
pub(crate) struct Connection {
    sender: http1::SendRequest<RequestBody>,
    link: Link,
    written: Rc<Written>,
    reuse: Reuse,
    /// Which of the upstream's servers is at the other end.
    pub(super) place: Place,
    /// There while a request has it.
    pub(super) in_use: Option<InUse>,
    /// For whoever uses the connection; kept here so that its timer outlives the request.
    pub(crate) deadline: Deadline,
    /// Since when nobody uses it.
    pub(super) idle_since: Instant,
}

/// The side of a connection that reads and writes, until it ends.
struct Link(Option<http1::Connection<TokioIo<Wire>, RequestBody>>);

/// Whether another request may be sent once a response was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reuse {
    /// If HTTP allows it.
    Allowed,
    /// Never.
    Refused,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driven {
    /// It is open.
    Open,
    /// It has ended; there is nothing left to drive.
    Ended,
}

/// Why a request on a connection had no response.
pub(crate) enum ExchangeFailure {
    /// The connection was dead, and here is the request again: nothing of it was sent, or sending it twice
    /// does no harm (it has no body and its method is idempotent; RFC 9110, 9.2.2).
    Dead(Box<Request<RequestBody>>, UpstreamFailure),
    /// The upstream failed.
    Upstream(UpstreamFailure),
    /// The request's own body failed while it was sent.
    Body(BodyFailure),
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
        let (wire, written) = Wire::new(stream);
        let (sender, driver) = http1::Builder::new()
            .max_header_size(MAX_RESPONSE_HEAD)
            .handshake(TokioIo::new(wire))
            .await
            .map_err(|source| UpstreamFailure::Broken { source })?;
        Ok(Box::new(Self {
            sender,
            link: Link(Some(driver)),
            written,
            reuse: Reuse::Allowed,
            place,
            in_use: None,
            deadline: Deadline::default(),
            idle_since: Instant::now(),
        }))
    }

    /// Sends `request` and waits for the head of its response, as long as `upstream` allows.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<RequestBody>,
        upload: Option<&Rc<Upload>>,
        upstream: &Upstream,
    ) -> Result<Response<Incoming>, ExchangeFailure> {
        let after = upstream.limits().response_timeout;
        self.deadline.set(after);
        if request.method().is_idempotent() && request.body().is_end_stream() {
            self.written.remember();
        } else {
            self.written.forget();
        }
        let (link, deadline) = (&mut self.link, &mut self.deadline);
        // Cooperative budgets must not apply: a poll refused for lack of budget wakes the waker that it was
        // given, and that one does nothing (see below).
        let mut response = pin!(tokio::task::unconstrained(self.sender.try_send_request(request)));
        let answer = poll_fn(|cx| {
            link.drive(cx);
            // Only the connection, driven right above, completes the response: waking this task for it
            // would poll the task twice.
            if let Poll::Ready(answer) = response.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return Poll::Ready(Some(answer));
            }
            while deadline.poll_passed(cx).is_ready() {
                match upload.and_then(|upload| upload.upstream_waits_since()) {
                    Some(since) if since.elapsed() < after => deadline.set_from(since, after),
                    Some(_) | None => return Poll::Ready(None),
                }
            }
            Poll::Pending
        })
        .await;
        self.deadline.clear();
        match answer {
            None => Err(ExchangeFailure::Upstream(UpstreamFailure::ResponseTimeout { after })),
            Some(Ok(response)) => self.accept(response).map_err(ExchangeFailure::Upstream),
            Some(Err(mut refused)) => Err(match upload.and_then(|upload| upload.take_failure()) {
                Some(failure) => ExchangeFailure::Body(failure),
                None => self.lost(refused.take_message(), refused.into_error()),
            }),
        }
    }

    /// What to make of a connection that ended without a response.
    fn lost(&self, unsent: Option<Request<RequestBody>>, source: hyper::Error) -> ExchangeFailure {
        if source.is_parse() {
            return ExchangeFailure::Upstream(UpstreamFailure::Garbled { source });
        }
        let failure = UpstreamFailure::Broken { source };
        match unsent.or_else(|| self.written.read_back()) {
            Some(request) => ExchangeFailure::Dead(Box::new(request), failure),
            None => ExchangeFailure::Upstream(failure),
        }
    }

    /// Looks at the head of a response: can it be passed on, and can another follow it on this connection?
    fn accept(&mut self, response: Response<Incoming>) -> Result<Response<Incoming>, UpstreamFailure> {
        let unexpected = |why| Err(UpstreamFailure::Unexpected { why });
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return unexpected("it switches protocols, which nobody asked for");
        }
        let mut codings = response.headers().get_all(header::TRANSFER_ENCODING).iter();
        match (codings.next(), codings.next()) {
            (None, _) => {}
            // Only codings named in TE may be sent (RFC 9112, 7.4), and none but trailers is ever named.
            (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(b"chunked") => {}
            _ => return unexpected("it has a transfer coding other than chunked"),
        }
        // A connection that has seen HTTP/1.0 stays at it, and there a request body of unknown length
        // cannot be framed.
        if response.version() != Version::HTTP_11 {
            self.reuse = Reuse::Refused;
        }
        Ok(response)
    }

    /// Lets the connection read and write what it can.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) -> Driven {
        self.link.drive(cx)
    }

    /// Whether the last response was read whole and another request may be sent.
    pub(crate) fn is_ready(&self) -> bool {
        self.reuse == Reuse::Allowed && self.link.0.is_some() && self.sender.is_ready()
    }

    /// Looks, without waiting, whether an idle connection is still open and silent: the upstream may have
    /// closed it, or sent what nobody asked for (RFC 9112, 9.3 and 9.5).
    pub(super) fn is_alive(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop())) == Driven::Open && self.sender.is_ready()
    }
}

impl Link {
    fn drive(&mut self, cx: &mut Context<'_>) -> Driven {
        let Some(driver) = &mut self.0 else { return Driven::Ended };
        match Pin::new(driver).poll(cx) {
            Poll::Pending => Driven::Open,
            Poll::Ready(Ok(()) | Err(_)) => {
                // An error has reached the response or its body, where it matters. A request that waits in
                // here is handed back when this is dropped.
                self.0 = None;
                Driven::Ended
            }
        }
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
