//! Answers, as a client of others reads them.

use std::cell::RefCell;

use bytes::Bytes;
use countersign_http1::server::Course;
use countersign_lines::Reason;
use http::header::{
    CONNECTION, CONTENT_LENGTH, DATE as DATE_FIELD, HeaderName, HeaderValue, TRAILER, TRANSFER_ENCODING,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;

use crate::support::{Answer, By, DATE, Pieces, converse, exchange, full, run, text};

#[derive(Clone, Debug)]
enum Given {
    Whole(Vec<u8>),
    Pieces(Vec<Vec<u8>>),
    SizedPieces(Vec<Vec<u8>>),
}

impl Given {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Whole(bytes) => bytes.clone(),
            Self::Pieces(pieces) | Self::SizedPieces(pieces) => pieces.concat(),
        }
    }

    fn body(&self) -> Answer {
        match self {
            Self::Whole(bytes) => full(Bytes::from(bytes.clone())),
            Self::Pieces(pieces) => Pieces::new(pieces.iter().cloned().map(Bytes::from)).boxed_unsync(),
            Self::SizedPieces(pieces) => {
                Pieces::new(pieces.iter().cloned().map(Bytes::from)).with_length().boxed_unsync()
            }
        }
    }
}

fn given() -> impl Strategy<Value = Given> {
    let pieces = || {
        let piece = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..100),
            prop::collection::vec(any::<u8>(), 4000..20_000),
        ];
        prop::collection::vec(piece, 0..5)
    };
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..6000).prop_map(Given::Whole),
        pieces().prop_map(Given::Pieces),
        pieces().prop_map(Given::SizedPieces),
    ]
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    let field = ("x-[a-z0-9]{1,20}|server|set-cookie", "[!-~]([ -~]{0,20}[!-~])?|");
    prop::collection::vec(field, 0..8).prop_map(|fields| {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        }
        headers
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn what_is_answered_is_what_hyper_reads_one_answer_after_the_other(
        answers in prop::collection::vec(
            (
                prop::sample::select(vec!["GET", "HEAD", "OPTIONS"]),
                prop::sample::select(vec![200_u16, 201, 204, 299, 301, 304, 400, 404, 500, 503]),
                headers(),
                given(),
            ),
            1..5,
        ),
    ) {
        let next = RefCell::new(0);
        let service = By::new(async |_| {
            let (_, status, headers, given) = &answers[*next.borrow()];
            *next.borrow_mut() += 1;
            let mut response = Response::new(given.body());
            *response.status_mut() = StatusCode::from_u16(*status).unwrap();
            *response.headers_mut() = headers.clone();
            response
        });
        run(converse(&service, &Course::default(), async |client| {
            let (mut send, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(client)).await.unwrap();
            let asking = async {
                for (method, status, headers, given) in &answers {
                    let method = method.parse::<Method>().unwrap();
                    let request = Request::builder().method(&method).uri("/").body(Empty::<Bytes>::new()).unwrap();
                    let (head, body) = send.send_request(request).await.unwrap().into_parts();
                    assert_eq!((head.status.as_u16(), head.version), (*status, Version::HTTP_11));
                    let mut got = head.headers;
                    assert_eq!(got.remove(DATE_FIELD).unwrap(), DATE);
                    got.remove(CONTENT_LENGTH);
                    got.remove(TRANSFER_ENCODING);
                    assert_eq!(&got, headers);
                    let none = method == Method::HEAD || [204, 304].contains(status);
                    let body = body.collect().await.unwrap().to_bytes();
                    assert_eq!(body, if none { Vec::new() } else { given.bytes() });
                }
                drop(send);
            };
            let (driven, ()) = tokio::join!(connection, asking);
            driven.unwrap();
        }))
        .unwrap();
    }
}

/// The head of the answer to the first request of `bytes`, and what follows it.
fn answer_to(bytes: &str, response: impl Fn() -> Response<Answer>) -> (String, String) {
    let service = By::new(async |_| response());
    let (got, _) = run(exchange(&service, bytes.as_bytes()));
    let (head, rest) = got.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), rest.to_owned())
}

fn unknown_length() -> Response<Answer> {
    Response::new(Pieces::new([Bytes::from_static(b"abc"), Bytes::from_static(b"de")]).boxed_unsync())
}

const CLOSING: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[test]
fn a_length_that_is_known_is_said_and_one_that_is_not_makes_chunks() {
    let head = |framing: &str| format!("HTTP/1.1 200 OK\r\n{framing}\r\nconnection: close\r\ndate: {DATE}");
    assert_eq!(answer_to(CLOSING, || text("abcde")), (head("content-length: 5"), "abcde".to_owned()));
    assert_eq!(answer_to(CLOSING, || text("")), (head("content-length: 0"), String::new()));
    let chunks = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".to_owned();
    assert_eq!(answer_to(CLOSING, unknown_length), (head("transfer-encoding: chunked"), chunks));
}

#[test]
fn what_a_handler_says_of_the_framing_does_not_stand_beside_what_is_true() {
    let wrong = || {
        let mut response = text("abcde");
        response.headers_mut().append(CONTENT_LENGTH, HeaderValue::from_static("4"));
        response.headers_mut().append(CONTENT_LENGTH, HeaderValue::from_static("6"));
        response.headers_mut().append(TRANSFER_ENCODING, HeaderValue::from_static("gzip"));
        response.headers_mut().append(CONNECTION, HeaderValue::from_static("keep-alive, x-a"));
        response
    };
    let (head, body) = answer_to(CLOSING, wrong);
    assert_eq!(head, format!("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\ndate: {DATE}"));
    assert_eq!(body, "abcde");
}

#[test]
fn the_answer_to_head_has_the_length_and_not_the_content() {
    let asked = CLOSING.replace("GET", "HEAD");
    let (head, body) = answer_to(&asked, || text("abcde"));
    assert!(head.contains("\r\ncontent-length: 5\r\n"), "{head}");
    assert_eq!(body, "");
    let said = || {
        let mut response = text("");
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("1234"));
        response
    };
    assert!(answer_to(&asked, said).0.contains("\r\ncontent-length: 1234\r\n"));
    let (head, body) = answer_to(&asked, unknown_length);
    assert!(!head.contains("length") && !head.contains("encoding"), "{head}");
    assert_eq!(body, "");
}

#[test]
fn a_status_without_content_says_no_length() {
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        let answer = || {
            let mut response = text("abc");
            *response.status_mut() = status;
            response
        };
        let (head, body) = answer_to(CLOSING, answer);
        assert!(!head.contains("length") && !head.contains("encoding"), "{head}");
        assert_eq!(body, "");
    }
}

#[test]
fn an_old_client_gets_no_chunks_and_its_connection_ends_unless_it_asks_for_more() {
    let (head, body) = answer_to("GET / HTTP/1.0\r\n\r\n", unknown_length);
    assert_eq!((&*head, &*body), (&*format!("HTTP/1.0 200 OK\r\ndate: {DATE}"), "abcde"));
    let kept = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let (head, rest) = answer_to(&[kept, "GET / HTTP/1.0\r\n\r\n"].concat(), || text("a"));
    assert_eq!(
        head,
        format!("HTTP/1.0 200 OK\r\ncontent-length: 1\r\nconnection: keep-alive\r\ndate: {DATE}")
    );
    assert!(rest.starts_with("aHTTP/1.0 200 OK\r\n"), "{rest}");
    // Its end is the end of the connection, whatever was asked.
    let (head, body) = answer_to(kept, unknown_length);
    assert!(!head.contains("keep-alive"), "{head}");
    assert_eq!(body, "abcde");
}

#[test]
fn the_words_after_a_status_are_those_that_were_given() {
    let with = |status: u16, reason: Option<&'static [u8]>| {
        let answer = || {
            let mut response = text("");
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            if let Some(reason) = reason {
                response.extensions_mut().insert(Reason::new(Bytes::from_static(reason)).unwrap());
            }
            response
        };
        answer_to(CLOSING, answer).0.split("\r\n").next().unwrap().to_owned()
    };
    assert_eq!(with(200, Some(b"As you wish")), "HTTP/1.1 200 As you wish");
    assert_eq!(with(404, None), "HTTP/1.1 404 Not Found");
    assert_eq!(with(299, None), "HTTP/1.1 299 ");
}

#[test]
fn a_date_that_the_handler_set_stays() {
    let dated = || {
        let mut response = text("");
        response.headers_mut().insert(DATE_FIELD, HeaderValue::from_static("yesterday"));
        response
    };
    let (head, _) = answer_to(CLOSING, dated);
    assert!(head.contains("date: yesterday") && !head.contains(DATE), "{head}");
}

#[test]
fn trailers_go_to_who_asks_for_them_where_the_head_named_them() {
    let answer = || {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("1"));
        trailers.insert("x-other", HeaderValue::from_static("2"));
        trailers.insert(CONTENT_LENGTH, HeaderValue::from_static("3"));
        let mut body = Pieces::new([Bytes::from_static(b"a")]);
        body.trailers = Some(trailers);
        let mut response = Response::new(body.boxed_unsync());
        response.headers_mut().insert(TRAILER, HeaderValue::from_static("X-Sum, content-length"));
        response
    };
    let asked = CLOSING.replace("Host", "TE: trailers\r\nHost");
    assert_eq!(answer_to(&asked, answer).1, "1\r\na\r\n0\r\nx-sum: 1\r\n\r\n");
    assert_eq!(answer_to(CLOSING, answer).1, "1\r\na\r\n0\r\n\r\n");
}
