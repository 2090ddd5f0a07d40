//! HTTP/2 (RFC 9113): what one connection may use.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use countersign_model::HeaderList;
use http::header::{COOKIE, HOST};
use http::{HeaderValue, request};
use hyper::body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper_util::rt::TokioTimer;

use super::ConnectionLimits;
use super::pace::Begun;

/// The largest frame that clients may send: the least that the standard allows to ask for.
const FRAME_BYTES: u32 = 16 * 1024;

/// How much of a request's body a client may send before we have taken it.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;

/// The same of all requests of one connection together.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// How much of an answer waits in memory for a client that does not take it.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// How many requests a client may have reset that we have not come to look at; one more ends the connection (CVE-2023-44487).
const PENDING_RESETS: usize = 20;

/// How many requests of a connection may be reset for the client's mistakes; one more ends it.
const RESETS_FOR_MISTAKES: usize = 20;

/// After so much silence a client is asked whether it is there, and how long its answer may take.
const PING_AFTER: Duration = Duration::from_secs(30);
const PING_WITHIN: Duration = Duration::from_secs(10);

/// What speaks HTTP/2 within `limits`, on one thread.
pub(super) fn builder(limits: &ConnectionLimits) -> http2::Builder<OnThisThread> {
    let mut builder = http2::Builder::new(OnThisThread);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(u32::try_from(limits.streams).unwrap_or(u32::MAX))
        .max_header_list_size(u32::try_from(limits.head.header_bytes).unwrap_or(u32::MAX))
        .max_frame_size(FRAME_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(RESETS_FOR_MISTAKES)
        .keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PING_WITHIN);
    builder
}

/// Runs what belongs to a connection on the thread that the connection is on.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnThisThread;

impl<F: Future<Output: 'static> + 'static> Executor<F> for OnThisThread {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// The headers of a request as they would have come in HTTP/1, which upstreams speak and signatures are made for: `Host` from
/// the authority, and one line of cookies (RFC 9113 sections 8.2.3 and 8.3.1).
pub(super) fn headers(head: &request::Parts) -> HeaderList {
    let mut list = HeaderList::new();
    if let Some(authority) = head.uri.authority().filter(|_| !head.headers.contains_key(HOST)) {
        list.push(HOST, authority.as_str());
    }
    let mut cookies = head.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    for (name, value) in &head.headers {
        if *name != COOKIE {
            list.push(name, value);
        } else if let Some(first) = cookies.next() {
            let mut whole = first.to_vec();
            for next in cookies.by_ref() {
                whole.extend_from_slice(b"; ");
                whole.extend_from_slice(next);
            }
            list.push(name, whole);
        }
    }
    list
}

/// The body of one of several answers on a connection.
pub(super) struct Streamed<B> {
    body: B,
    begun: Begun,
}

impl<B> Streamed<B> {
    pub(super) fn new(body: B, begun: Begun) -> Self {
        begun.waits_for_client();
        Self { body, begun }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Streamed<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        // It is asked only when the client has room for more.
        self.begun.waits_for_body();
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.begun.waits_for_client();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn told(request: http::request::Builder) -> Vec<String> {
        let (head, ()) = request.body(()).unwrap().into_parts();
        let headers = headers(&head);
        let lines = headers.view();
        lines.iter().map(|line| format!("{}: {}", line.name_str(), line.value.escape_ascii())).collect()
    }

    #[test]
    fn the_authority_is_the_host_and_cookies_are_one_line() {
        let request = Request::get("https://api.example:8443/a").header("cookie", "a=1").header("x-one", "1");
        let told_once = told(request.header("cookie", "b=2").header("cookie", "c=3"));
        assert_eq!(told_once, ["host: api.example:8443", "cookie: a=1; b=2; c=3", "x-one: 1"]);
    }

    #[test]
    fn a_host_that_is_sent_stands_as_it_is() {
        let request =
            Request::get("https://api.example/a").header("x-one", "1").header("host", "other.example");
        assert_eq!(told(request), ["x-one: 1", "host: other.example"]);
    }
}
