//! Requests in pieces.

use std::cell::RefCell;
use std::convert::Infallible;

use bytes::Bytes;
use countersign_http1::server::Course;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use crate::support::{By, a_while, converse, run, text};

/// A request as it is put together for a test.
#[derive(Clone, Debug)]
struct Sent {
    method: &'static str,
    target: String,
    fields: Vec<(String, String)>,
    body: SentBody,
}

#[derive(Clone, Debug)]
enum SentBody {
    None,
    Sized(Vec<u8>),
    Chunked(Vec<Vec<u8>>),
}

/// A request as somebody read it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    method: String,
    target: String,
    version: Version,
    headers: HeaderMap,
    body: Bytes,
}

async fn seen<B: http_body::Body<Data = Bytes, Error: std::fmt::Debug>>(request: Request<B>) -> Seen {
    let (head, body) = request.into_parts();
    Seen {
        method: head.method.to_string(),
        target: head.uri.to_string(),
        version: head.version,
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

impl Sent {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.fields {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        match &self.body {
            SentBody::None => bytes.extend_from_slice(b"\r\n"),
            SentBody::Sized(body) => {
                bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
                bytes.extend_from_slice(body);
            }
            SentBody::Chunked(chunks) => {
                bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in chunks {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
        }
        bytes
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let piece = || prop::collection::vec(any::<u8>(), 1..300);
    let with_body = prop_oneof![
        Just(SentBody::None),
        piece().prop_map(SentBody::Sized),
        prop::collection::vec(any::<u8>(), 9000..40_000).prop_map(SentBody::Sized),
        prop::collection::vec(piece(), 0..5).prop_map(SentBody::Chunked),
    ];
    let method = prop_oneof![
        Just(("GET", false)),
        Just(("DELETE", true)),
        Just(("POST", true)),
        Just(("X-OWN", true)),
    ];
    let field = ("[Xx]-[a-zA-Z0-9]{1,40}|Accept|user-agent", "[!-~]([ -~]{0,20}[!-~])?|");
    (method, "/[a-z0-9/%.]{0,20}([?][a-z=&]{0,9})?", prop::collection::vec(field, 0..9), with_body).prop_map(
        |((method, may), target, fields, body)| {
            let body = if may { body } else { SentBody::None };
            Sent { method, target, fields, body }
        },
    )
}

/// Sends `bytes` in pieces, with a pause after each, and reads until the other side closes.
async fn send(client: DuplexStream, bytes: &[u8], cuts: &[prop::sample::Index]) {
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
    ends.extend([0, bytes.len()]);
    ends.sort_unstable();
    let (mut read, mut write) = tokio::io::split(client);
    let sending = async {
        for piece in ends.windows(2) {
            write.write_all(&bytes[piece[0]..piece[1]]).await.unwrap();
            a_while().await;
        }
    };
    let mut answers = Vec::new();
    let (read, ()) = tokio::join!(read.read_to_end(&mut answers), sending);
    read.unwrap();
}

/// What hyper makes of the same.
async fn as_hyper_sees(bytes: &[u8]) -> Vec<Seen> {
    let all = RefCell::new(Vec::new());
    let (theirs, ours) = duplex(64 * 1024);
    let service = service_fn(|request| async {
        let request = seen(request).await;
        all.borrow_mut().push(request);
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok"))))
    });
    let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(ours), service);
    let (served, ()) = tokio::join!(serving, send(theirs, bytes, &[]));
    served.unwrap();
    all.into_inner()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn in_whatever_pieces_requests_come_they_are_the_same_and_what_hyper_makes_of_them(
        requests in prop::collection::vec(sent(), 1..5),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let mut requests = requests;
        requests.last_mut().unwrap().fields.push(("Connection".to_owned(), "close".to_owned()));
        let bytes: Vec<u8> = requests.iter().flat_map(Sent::bytes).collect();
        let all = RefCell::new(Vec::new());
        let service = By::new(async |request| {
            let request = seen(request).await;
            all.borrow_mut().push(request);
            text("ok")
        });
        run(converse(&service, &Course::default(), async |client| send(client, &bytes, &cuts).await)).unwrap();
        drop(service);
        let all = all.into_inner();
        prop_assert_eq!(&all, &run(as_hyper_sees(&bytes)));
        prop_assert_eq!(all.len(), requests.len());
        for (seen, sent) in all.iter().zip(&requests) {
            let body = match &sent.body {
                SentBody::None => Vec::new(),
                SentBody::Sized(body) => body.clone(),
                SentBody::Chunked(chunks) => chunks.concat(),
            };
            prop_assert_eq!((&*seen.method, &*seen.target, &seen.body), (sent.method, &*sent.target, &Bytes::from(body)));
        }
    }
}
