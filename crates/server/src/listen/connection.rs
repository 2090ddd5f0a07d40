//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::pace::{Pace, Paced, Until};
use super::{ConnectionLimits, Handle, Phase, stopping};

/// The smallest buffer that hyper reads heads into.
const LEAST_BUFFER: usize = 8192;

/// Serves requests on `stream` until the client closes it, it has been silent for too long, or the server stops.
pub(super) async fn drive<H: Handle>(
    stream: TcpStream,
    peer: SocketAddr,
    handler: Rc<H>,
    limits: ConnectionLimits,
    mut phase: watch::Receiver<Phase>,
) {
    let pace = Pace::new(limits);
    let service = service_fn(|request: Request<Incoming>| {
        pace.request_begins();
        let (handler, pace) = (&handler, &pace);
        async move {
            let response = handler.handle(request, peer).await;
            Ok::<_, Infallible>(response.map(|body| Until::new(body, Rc::clone(pace))))
        }
    });
    let mut builder = http1::Builder::new();
    builder.max_headers(limits.header_count).max_buf_size(limits.header_bytes.max(LEAST_BUFFER));
    // The timer is ours, see `pace`; hyper's would also end connections between requests.
    builder.header_read_timeout(None);
    let stream = TokioIo::new(Paced::new(stream, Rc::clone(&pace)));
    let mut connection = pin!(builder.serve_connection(stream, service));
    let mut stop = pin!(stopping(&mut phase));
    let mut timer = pin!(sleep_until(Instant::now() + limits.header_read));
    let mut told_to_stop = Phase::Serving;

    std::future::poll_fn(|cx| {
        if told_to_stop == Phase::Serving && stop.as_mut().poll(cx).is_ready() {
            told_to_stop = Phase::Stopping;
            connection.as_mut().graceful_shutdown();
        }
        // Whether the client broke off or closed, there is nobody left to answer.
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        loop {
            let Some(deadline) = pace.deadline() else { return Poll::Pending };
            if deadline <= Instant::now() {
                return Poll::Ready(());
            }
            // Mostly the deadline moves away; then the timer is left to fire early and is set anew only then.
            if timer.deadline() > deadline || timer.is_elapsed() {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await;
}
