//! Requests as hyper's server reads them, however little the stream takes at once.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign_http1::client::{Connection, Length, RequestHead};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;

use crate::support::HOST;

/// A body that comes in pieces, now and then after a while.
struct Coming(VecDeque<Bytes>, Pause);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pause {
    Next,
    Over,
}

impl Body for Coming {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.1 == Pause::Next {
            self.1 = Pause::Over;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.1 = Pause::Next;
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}

/// A request as hyper's server reads it.
#[derive(Debug, PartialEq)]
struct Seen {
    method: Method,
    target: String,
    fields: HeaderMap,
    body: Vec<u8>,
}

/// A request to send: method, target, fields, length, and the body's pieces.
type Sent = (Method, &'static str, HeaderMap, Length, Vec<Vec<u8>>);

/// Sends requests on one connection, whose stream holds so many bytes on their way.
fn seen(requests: Vec<Sent>, room: usize) -> Vec<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async move {
        let (near, far) = tokio::io::duplex(room);
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let service = service_fn(move |request: Request<Incoming>| {
            let tell = tell.clone();
            async move {
                let (head, body) = request.into_parts();
                let seen = Seen {
                    method: head.method,
                    target: head.uri.to_string(),
                    fields: head.headers,
                    body: body.collect().await.unwrap().to_bytes().to_vec(),
                };
                tell.send(seen).unwrap();
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        });
        tokio::task::spawn_local(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(far), service),
        );
        let mut connection = Connection::new(near);
        let mut all = Vec::new();
        for (method, target, fields, length, pieces) in requests {
            connection.begin(RequestHead {
                method: &method,
                target,
                host: &HOST,
                fields: fields.iter(),
                lines: b"",
                length,
            });
            let mut body = Coming(pieces.into_iter().map(Bytes::from).collect(), Pause::Next);
            let response = poll_fn(|cx| connection.poll_response(cx, &mut body)).await.unwrap();
            assert_eq!(response.status(), 200);
            assert!(poll_fn(|cx| connection.poll_frame(cx)).await.is_none());
            assert!(connection.is_reusable());
            all.push(told.recv().await.unwrap());
        }
        all
    })
}

fn fields(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let field = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    let mut all = HeaderMap::new();
    for (name, value) in fields.iter().map(field) {
        all.append(name, value);
    }
    all
}

#[test]
fn what_frames_a_request_is_said_once_whatever_its_fields_say() {
    let wrong = fields(&[
        ("host", "b"),
        ("content-length", "1"),
        ("x", "1"),
        ("transfer-encoding", "gzip"),
        ("trailer", "x"),
        ("x", "2"),
    ]);
    let hello = || vec![b"hel".to_vec(), Vec::new(), b"lo".to_vec()];
    let all = seen(
        vec![
            (Method::GET, "/a%2F?b", wrong.clone(), Length::None, vec![]),
            (Method::POST, "/", wrong.clone(), Length::Known(0), vec![]),
            (Method::POST, "/", wrong.clone(), Length::Known(5), hello()),
            (Method::from_bytes(b"QUERY").unwrap(), "*", wrong, Length::Unknown, hello()),
        ],
        1 << 16,
    );
    let said = |more: &[(&'static str, &'static str)]| {
        fields(&[&[("host", "a"), ("x", "1"), ("x", "2")][..], more].concat())
    };
    let method = |name: &str| Method::from_bytes(name.as_bytes()).unwrap();
    let expected = [
        ("GET", "/a%2F?b", said(&[]), ""),
        ("POST", "/", said(&[("content-length", "0")]), ""),
        ("POST", "/", said(&[("content-length", "5")]), "hello"),
        ("QUERY", "*", said(&[("transfer-encoding", "chunked")]), "hello"),
    ];
    for (seen, (name, target, fields, body)) in all.iter().zip(expected) {
        assert_eq!(seen.method, method(name));
        assert_eq!((seen.target.as_str(), &seen.fields, &*seen.body), (target, &fields, body.as_bytes()));
    }
    assert_eq!(all.len(), 4);
}

#[test]
fn a_body_of_another_length_than_was_said_is_never_completed() {
    for pieces in
        [vec![], vec![b"hell".to_vec()], vec![b"hello!".to_vec()], vec![b"hel".to_vec(), b"lo!".to_vec()]]
    {
        let stream = crate::support::Pieces::new([], crate::support::Then::Silence);
        let mut connection = Connection::new(stream);
        let head = fields(&[]);
        connection.begin(RequestHead {
            method: &Method::POST,
            target: "/",
            host: &HOST,
            fields: head.iter(),
            lines: b"",
            length: Length::Known(5),
        });
        let mut body = Coming(pieces.iter().cloned().map(Bytes::from).collect(), Pause::Over);
        let failure = loop {
            match connection.poll_response(&mut crate::support::now(), &mut body) {
                Poll::Pending => {}
                Poll::Ready(Err(failure)) => break failure,
                Poll::Ready(Ok(_)) => panic!("{pieces:?}"),
            }
        };
        assert_eq!(
            crate::support::failure_words(&failure),
            "the body of the request failed: it is not as long as was said"
        );
        assert!(!connection.is_sent() && !connection.is_reusable());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn bodies_arrive_whole_in_any_pieces_over_any_stream(
        sizes in prop::collection::vec(prop_oneof![0..20_usize, 0..40_000_usize], 0..6),
        room in prop_oneof![1..64_usize, 64..100_000_usize],
        known in any::<bool>(),
    ) {
        let pieces: Vec<Vec<u8>> = sizes.iter().map(|size| (0..*size).map(|at| at.to_le_bytes()[0]).collect()).collect();
        let whole = pieces.concat();
        let length = if known { Length::Known(whole.len() as u64) } else { Length::Unknown };
        let twice = (0..2).map(|_| (Method::PUT, "/", HeaderMap::new(), length, pieces.clone())).collect();
        for seen in seen(twice, room) {
            prop_assert!(seen.body == whole, "{} bytes in place of {}", seen.body.len(), whole.len());
        }
    }
}
