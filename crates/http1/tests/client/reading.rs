//! Responses as they should be, in however many pieces, and as hyper's client reads them.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Got, Pieces, Then, ask, cut};

/// Responses, each with the method that was asked with.
const GOOD: &[(&str, &str)] = &[
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nServer: x\r\n\r\n"),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 002\r\n\r\nok"),
    ("GET", "HTTP/1.1 299 Fine by m\u{e4}\r\nX: \t a  b \t\r\ncontent-length:2\r\nx:\r\n\r\nok"),
    ("GET", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"),
    ("GET", "HTTP/1.1 404 \r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"),
    ("GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ("GET", "HTTP/1.0 200 OK\r\n\r\nto the end"),
    ("GET", "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\nto the end"),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n",
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nTrailer: x-sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-B:\r\n\r\n",
    ),
    ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (
        "GET",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ),
    ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"),
    ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("GET", "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"),
    ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\nETag: \"x\"\r\n\r\n"),
    ("POST", "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok"),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nConnection: X-Internal, keep-alive\r\nX-Internal: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok",
    ),
];

fn read(method: &str, pieces: Vec<Vec<u8>>) -> Result<Got, String> {
    ask(&method.parse().unwrap(), Pieces::new(pieces, Then::End)).expect("an end comes in any case")
}

/// The response as hyper's client reads it, without what is between two hops.
fn hyper_reads(method: &str, bytes: &[u8]) -> Option<Got> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(near)).await.unwrap();
        let driver = tokio::spawn(connection);
        let request = Request::builder().method(method).uri("/").body(Empty::<Bytes>::new()).unwrap();
        let bytes = bytes.to_vec();
        let server = tokio::spawn(async move {
            let mut head = vec![0; 1024];
            let _ = far.read(&mut head).await;
            far.write_all(&bytes).await.unwrap();
        });
        let response = sender.send_request(request).await;
        server.await.unwrap();
        let (head, body) = response.ok()?.into_parts();
        let body = body.collect().await.ok()?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        driver.abort();
        let body = body.to_bytes().to_vec();
        Some(Got {
            status: head.status,
            fields: onward(head.status, head.headers),
            body,
            trailers,
            broken: None,
            reusable: false,
        })
    })
}

fn onward(status: StatusCode, mut fields: HeaderMap) -> HeaderMap {
    let connection: Vec<_> = fields.get_all(header::CONNECTION).iter().cloned().collect();
    for name in connection.iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
        fields.remove(str::from_utf8(name.trim_ascii()).unwrap_or("none"));
    }
    if !fields.contains_key(header::TRANSFER_ENCODING) {
        fields.remove(header::TRAILER);
    }
    if status == StatusCode::NO_CONTENT {
        fields.remove(header::CONTENT_LENGTH);
    }
    // Said anew, as a number.
    let length =
        fields.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let Some(length) = length {
        fields.insert(header::CONTENT_LENGTH, length.into());
    }
    for name in ["connection", "keep-alive", "transfer-encoding"] {
        fields.remove(name);
    }
    fields
}

#[test]
fn a_response_is_read_as_hyper_reads_it() {
    for (method, said) in GOOD {
        let got = read(method, vec![said.as_bytes().to_vec()]).unwrap();
        let hyper = hyper_reads(method, said.as_bytes()).unwrap();
        assert_eq!(Got { reusable: false, ..got }, hyper, "{said}");
    }
}

#[test]
fn where_a_response_is_cut_into_reads_makes_no_difference() {
    for (method, said) in GOOD {
        let whole = read(method, vec![said.as_bytes().to_vec()]);
        assert!(whole.is_ok(), "{said}");
        for at in 0..said.len() {
            assert_eq!(read(method, cut(said.as_bytes(), &[at])), whole, "{said} at {at}");
        }
        let bytes = said.bytes().map(|byte| vec![byte]).collect();
        assert_eq!(read(method, bytes), whole, "{said} byte by byte");
    }
}

#[test]
fn a_reason_is_kept_where_it_is_not_the_usual_one() {
    use countersign_http1::client::{Connection, Length, RequestHead};
    use countersign_lines::Reason;

    for (line, reason) in [("200 OK", None), ("200 Fine", Some(&b"Fine"[..])), ("200", None), ("200 ", None)]
    {
        let said = format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n");
        let mut connection = Connection::new(Pieces::new([said.into_bytes()], Then::Silence));
        let fields = HeaderMap::new();
        let host = &crate::support::HOST;
        connection.begin(RequestHead {
            method: &Method::GET,
            target: "/",
            host,
            fields: fields.iter(),
            lines: b"",
            length: Length::None,
        });
        let body = &mut Empty::<Bytes>::new();
        assert!(connection.poll_response(&mut crate::support::now(), body).is_pending());
        let std::task::Poll::Ready(Ok(head)) = connection.poll_response(&mut crate::support::now(), body)
        else {
            panic!("{line}");
        };
        assert_eq!(head.reason().map(Reason::as_bytes), reason, "{line}");
    }
}

/// Bytes that are shown as text.
#[derive(Clone)]
struct Said(Vec<u8>);

impl std::fmt::Debug for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// A good response with a byte of it put in place of another, left out, or said twice.
fn mutated() -> impl Strategy<Value = (&'static str, Said)> {
    let byte = prop_oneof![prop::sample::select(b"\r\n \t:;,0129afHT/.x-\0\x7f\xff".to_vec()), any::<u8>(),];
    let change = (any::<prop::sample::Index>(), byte, 0..4_u8);
    (prop::sample::select(GOOD), prop::collection::vec(change, 1..4)).prop_map(|((method, said), changes)| {
        let mut said = said.as_bytes().to_vec();
        for (at, byte, how) in changes {
            let at = at.index(said.len());
            match how {
                0 => said[at] = byte,
                1 => drop(said.remove(at)),
                2 => said.insert(at, byte),
                _ => said.insert(at, said[at]),
            }
        }
        (method, Said(said))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_is_the_same_in_any_pieces((method, Said(said)) in mutated(), cuts in prop::collection::vec(any::<usize>(), 0..6)) {
        let read = |pieces, then| ask(&method.parse().unwrap(), Pieces::new(pieces, then));
        for then in [Then::End, Then::Silence] {
            prop_assert_eq!(read(vec![said.clone()], then), read(cut(&said, &cuts), then));
        }
    }

    #[test]
    fn what_is_taken_for_a_whole_response_hyper_takes_for_the_same((method, Said(said)) in mutated()) {
        if let Ok(got) = read(method, vec![said.clone()]) && got.broken.is_none() {
            let hyper = hyper_reads(method, &said);
            prop_assert_eq!(Some(Got { reusable: false, ..got }), hyper);
        }
    }
}
