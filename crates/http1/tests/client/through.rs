//! The head of an upstream's answer on its way to a client, beside a map of its headers that is walked.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign_framing::{BodyOfGet, Limits, Refusal};
use countersign_http1::client::{Connection, Length, RequestHead};
use countersign_http1::server::{Body, Course, Event, Head, Server, Service};
use countersign_lines::{AnswerHead, AnswerHeaders, Answered};
use countersign_model::{Clock, UnixTime};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::Empty;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use crate::support::{HOST, Pieces, Then, now};

const OURS: HeaderName = HeaderName::from_static("x-request-id");
const BESIDE: HeaderName = HeaderName::from_static("vary");
const DATE: &str = "date: Sun, 06 Nov 1994 08:49:37 GMT";

/// An answer of an upstream: the lines of its head, and how long its body is where it says so.
#[derive(Clone, Debug)]
struct Upstream {
    status: u16,
    fields: Vec<(String, String)>,
    framing: Framing,
}

/// How an upstream says where its body ends.
#[derive(Clone, Copy, Debug)]
enum Framing {
    Length(u64),
    Chunks,
    End,
}

impl Upstream {
    /// How long its body is, where that is known.
    fn length(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(length) => Some(length),
            Framing::Chunks | Framing::End => None,
        }
    }

    fn text(&self) -> String {
        let fields = self.fields.iter().map(|(name, value)| format!("{name}:{value}\r\n"));
        let framing = match self.framing {
            Framing::Length(length) => format!("Content-Length: {length}\r\n"),
            Framing::Chunks => "Transfer-Encoding: chunked\r\n".to_owned(),
            Framing::End => String::new(),
        };
        format!("HTTP/1.1 {} Words\r\n{}{framing}\r\n", self.status, fields.collect::<String>())
    }
}

fn upstream() -> impl Strategy<Value = Upstream> {
    let names = [
        "Server",
        "Content-Type",
        "Set-Cookie",
        "set-cookie",
        "DATE",
        "Vary",
        "X-Request-ID",
        "x-REQUEST-id",
        "ETag",
        "Connection",
        "Keep-Alive",
        "Trailer",
        "trailer",
        "Upgrade",
        "TE",
        "Proxy-Authenticate",
        "X-Sum",
        "x-one",
    ];
    let values = [
        " a",
        " a b ",
        "",
        " ",
        "\t\"x\"",
        "x",
        " x-sum",
        " X-One, keep-alive",
        " close, vary",
        " date",
        " trailer",
        " \u{e4}",
    ];
    let field = (prop::sample::select(names.to_vec()), prop::sample::select(values.to_vec()));
    let field = field.prop_map(|(name, value)| (name.to_owned(), value.to_owned()));
    let framing =
        prop_oneof![(0..50_u64).prop_map(Framing::Length), Just(Framing::Chunks), Just(Framing::End)];
    let status = prop::sample::select(vec![200_u16, 201, 204, 299, 304, 404, 500]);
    (status, prop::collection::vec(field, 0..10), framing).prop_map(|(status, fields, framing)| Upstream {
        status,
        fields,
        framing,
    })
}

/// The head as it is read, with what a gateway says in it.
fn read(method: &Method, upstream: &Upstream) -> AnswerHead {
    let mut connection = Connection::new(Pieces::new([upstream.text().into_bytes()], Then::Silence));
    connection.begin(RequestHead {
        method,
        target: "/",
        host: &HOST,
        fields: HeaderMap::new().iter(),
        lines: b"",
        length: Length::None,
    });
    let body = &mut Empty::<Bytes>::new();
    assert!(connection.poll_response(&mut now(), body).is_pending());
    let Poll::Ready(head) = connection.poll_response(&mut now(), body) else { panic!("it is not whole") };
    let mut head = head.unwrap();
    head.set(&OURS, b"ours");
    head.add(&BESIDE, b"origin");
    head
}

/// The same in a map, with what is between two hops taken out by its name.
fn read_slowly(upstream: &Upstream) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &upstream.fields {
        let value = HeaderValue::from_bytes(value.trim_matches([' ', '\t']).as_bytes()).unwrap();
        headers.append(name.parse::<HeaderName>().unwrap(), value);
    }
    match upstream.framing {
        Framing::Length(length) if upstream.status != 204 => {
            headers.remove(header::TRAILER);
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        Framing::Length(_) | Framing::End => drop(headers.remove(header::TRAILER)),
        Framing::Chunks => {}
    }
    let named: Vec<_> = headers.get_all(header::CONNECTION).iter().cloned().collect();
    for name in named.iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
        if let Ok(name) = HeaderName::from_bytes(name.trim_ascii()) {
            headers.remove(name);
        }
    }
    for name in ["connection", "keep-alive", "te", "upgrade", "proxy-authenticate", "transfer-encoding"] {
        headers.remove(name);
    }
    headers.insert(OURS, HeaderValue::from_static("ours"));
    headers.append(BESIDE, HeaderValue::from_static("origin"));
    headers
}

/// The lines of the head that a client gets, when each header is written out of a map; `None` where there is no body.
fn written_slowly(
    headers: &HeaderMap,
    upstream: &Upstream,
    asking: &Asking,
    body: Option<u64>,
) -> Vec<String> {
    let status = StatusCode::from_u16(upstream.status).unwrap();
    let version = if asking.old { "HTTP/1.0" } else { "HTTP/1.1" };
    let nothing = asking.method == Method::HEAD || [204, 304].contains(&upstream.status);
    let chunked = !nothing && body.is_none() && !asking.old;
    let mut lines = vec![format!("{version} {} Words", status.as_str())];
    for (name, value) in headers {
        let ends = *name == header::CONTENT_LENGTH || (*name == header::TRAILER && !chunked);
        if !ends {
            lines.push(format!("{name}: {}", value.as_bytes().escape_ascii()));
        }
    }
    if !headers.contains_key(header::DATE) {
        lines.push(DATE.to_owned());
    }
    let said =
        headers.get(header::CONTENT_LENGTH).map(|length| length.to_str().unwrap().parse::<u64>().unwrap());
    match (nothing, body) {
        (false, Some(length)) => lines.push(format!("content-length: {length}")),
        (false, None) if chunked => lines.push("transfer-encoding: chunked".to_owned()),
        (false, None) => {}
        (true, length) => {
            let length = said.or(length.filter(|length| *length > 0));
            lines.extend(
                length
                    .filter(|_| status.as_u16() != 204 && status.as_u16() != 304)
                    .map(|length| format!("content-length: {length}")),
            );
        }
    }
    // Each of these requests is the last of its connection.
    lines.extend((!asking.old).then(|| "connection: close".to_owned()));
    lines
}

/// What a client asks with.
#[derive(Clone, Debug)]
struct Asking {
    method: Method,
    old: bool,
}

/// The lines of the head that a client gets.
fn written(head: AnswerHead, asking: &Asking, body: Option<u64>) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = Answered { head, body: Sized(body) };
    let service = Once(std::cell::RefCell::new(Some(answer)));
    let version = if asking.old { "HTTP/1.0" } else { "HTTP/1.1" };
    let request =
        format!("{} / {version}\r\nHost: a\r\nTE: trailers\r\nConnection: close\r\n\r\n", asking.method);
    let got = runtime.block_on(async {
        let (mut client, ours) = duplex(64 * 1024);
        client.write_all(request.as_bytes()).await.unwrap();
        let limits = Limits { header_count: 16, header_bytes: 4096, body_of_get: BodyOfGet::Refused };
        Server::new(limits, Still).serve(ours, &service, &Course::default()).await.unwrap();
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.unwrap();
        got
    });
    let head = got.escape_ascii().to_string();
    let (head, _) = head.split_once("\\r\\n\\r\\n").unwrap();
    head.split("\\r\\n").map(str::to_owned).collect()
}

struct Still;

impl Clock for Still {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(784_111_777)
    }
}

/// A body of zeros, of which is known beforehand how long it is, or an empty one of which nothing is.
struct Sized(Option<u64>);

impl http_body::Body for Sized {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let data = self.0.take().map(|length| Bytes::from(vec![0; usize::try_from(length).unwrap()]));
        Poll::Ready(data.map(|data| Ok(Frame::data(data))))
    }

    fn size_hint(&self) -> SizeHint {
        self.0.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// Has one answer.
struct Once(std::cell::RefCell<Option<Answered<Sized>>>);

impl Service for Once {
    type Body = Sized;

    async fn answer(&self, _: &Head<'_>, _: Body) -> Answered<Sized> {
        self.0.borrow_mut().take().unwrap()
    }

    fn refuse(&self, why: Refusal, _: &[u8]) -> Answered<Sized> {
        panic!("{why}")
    }

    fn note(&self, _: Event) {}
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_client_gets_the_lines_that_are_left_when_each_name_is_taken_out_of_a_map(
        upstream in upstream(),
        method in prop::sample::select(vec![Method::GET, Method::HEAD]),
        old in any::<bool>(),
    ) {
        let asking = Asking { method, old };
        let mut lines = written(read(&asking.method, &upstream), &asking, upstream.length());
        for line in &mut lines[1..] {
            let colon = line.find(':').unwrap();
            line[..colon].make_ascii_lowercase();
        }
        let mut slowly = written_slowly(&read_slowly(&upstream), &upstream, &asking, upstream.length());
        lines.sort();
        slowly.sort();
        prop_assert_eq!(lines, slowly);
    }
}

#[test]
fn lines_keep_their_order_and_their_spelling_and_ours_come_after_them() {
    let fields = [("Server", " nginx"), ("X-B", "1"), ("x-request-id", " theirs"), ("x-A", " \t2 ")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let upstream = Upstream { status: 200, fields, framing: Framing::Length(0) };
    let asking = Asking { method: Method::GET, old: false };
    let lines = written(read(&Method::GET, &upstream), &asking, Some(0));
    let expected = ["Server: nginx", "X-B: 1", "x-A: 2", "x-request-id: ours", "vary: origin"];
    assert_eq!(lines[1..6], expected);
}
