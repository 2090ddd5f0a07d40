//! What any bytes from a client come to: the requests that the framing finds, and no other; with their bodies; in whatever pieces they
//! come. And what is answered is so many whole answers.

#![no_main]

mod wire;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::ops::Range;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign_framing::{BodyLength, BodyOfGet, Framing, Limits, Next, Refusal};
use countersign_http1::server::{Body, Broken, Course, Event, Head, Server, Service};
use countersign_lines::{AnswerHead, Answered};
use countersign_model::{Clock, UnixTime};
use http::StatusCode;
use http_body::{Body as _, Frame, SizeHint};
use wire::{Cuts, Then, Wire, chunks, run};

const LIMITS: Limits = Limits { header_count: 32, header_bytes: 4096, body_of_get: BodyOfGet::Taken };

/// What an answerer makes of the bodies of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// It reads all of each before it answers.
    All,
    /// One piece.
    Some,
    None,
    /// It answers with what comes, as it comes.
    Echoes,
}

/// A request as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    method: String,
    target: String,
    fields: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    /// Whether the end of the body was there.
    whole: bool,
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let reads = match first % 4 {
        0 => Reads::All,
        1 => Reads::Some,
        2 => Reads::None,
        _ => Reads::Echoes,
    };
    let there = framed(bytes);
    let mut before = None;
    for cuts in [Cuts::None, Cuts::Short, Cuts::Each] {
        let (seen, written, ended) = serve(bytes, cuts, reads);
        assert!(seen.len() <= there.len(), "more requests than there are");
        let last = seen.len().wrapping_sub(1);
        for (at, (seen, there)) in seen.iter().zip(&there).enumerate() {
            assert_eq!((&seen.method, &seen.target, &seen.fields), (&there.method, &there.target, &there.fields));
            assert!(there.body.starts_with(&seen.body), "another body");
            assert_eq!(seen.whole && !there.whole, false, "a body that is cut is taken for whole");
            if reads == Reads::All && (at != last || ended.is_ok()) && there.whole {
                assert!(seen.whole && seen.body == there.body, "a part of a body");
            }
        }
        let answers = answers(&written, &seen);
        if ended.is_ok() {
            let answers = answers.expect("it ends with a part of an answer");
            assert!(seen.len() <= answers && answers <= seen.len() + 1, "{answers} answers to {}", seen.len());
        }
        if reads == Reads::All {
            // A client that leaves may be noticed in the middle of its last answer; otherwise nothing but the bytes decides.
            let (there, answered) = before.get_or_insert_with(|| (seen.clone(), without_interim(&written)));
            assert_eq!(*there, seen);
            let written = without_interim(&written);
            match ended {
                Ok(()) => assert_eq!(*answered, written),
                Err(Broken::Left) => assert!(answered.starts_with(&written)),
                Err(Broken::Io(_) | Broken::Answer) => panic!("{ended:?}"),
            }
        }
    }
});

/// What is seen, and answered, when `bytes` come.
fn serve(bytes: &[u8], cuts: Cuts, reads: Reads) -> (Vec<Seen>, Vec<u8>, Result<(), Broken>) {
    let mut wire = Wire::new(bytes, cuts, Then::End);
    let service = Answerer { reads, seen: RefCell::default() };
    let server = Server::new(LIMITS, Still);
    let ended = {
        let course = Course::default();
        let mut served = pin!(server.serve(&mut wire, &service, &course));
        run(|cx| served.as_mut().poll(cx)).expect("nobody is woken any more")
    };
    (service.seen.into_inner(), wire.written, ended)
}

struct Still;

impl Clock for Still {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(784_111_777)
    }
}

struct Answerer {
    reads: Reads,
    seen: RefCell<Vec<Seen>>,
}

impl Service for Answerer {
    type Body = Content;

    fn answer(&self, head: &Head<'_>, body: Body) -> impl Future<Output = Answered<Content>> {
        let fields = head.headers.iter().map(|field| (field.name_str().to_owned(), field.value.to_vec()));
        let at = self.seen.borrow().len();
        self.seen.borrow_mut().push(Seen {
            method: head.method.to_string(),
            target: asked(head.authority, head.target),
            fields: fields.collect(),
            body: Vec::new(),
            whole: false,
        });
        let shape = at + head.target.len();
        async move {
            let mut body = body;
            let pieces = match self.reads {
                Reads::All => usize::MAX,
                Reads::Some => 1,
                Reads::None | Reads::Echoes => 0,
            };
            for _ in 0..pieces {
                let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await else {
                    break;
                };
                let data = frame.into_data().expect("no trailers");
                if let Some(seen) = self.seen.borrow_mut().get_mut(at) {
                    seen.body.extend_from_slice(&data);
                }
            }
            if self.reads == Reads::All
                && let Some(seen) = self.seen.borrow_mut().get_mut(at)
            {
                // It ends, or broke off: asked again it says which.
                let after = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
                seen.whole = after.is_none();
            }
            if self.reads == Reads::Echoes {
                return Answered { head: AnswerHead::new(StatusCode::OK), body: Content::Echo(body) };
            }
            let length = if shape % 2 == 0 { Said::Length } else { Said::Nothing };
            let status = match shape % 5 {
                0 => StatusCode::NO_CONTENT,
                1 => StatusCode::NOT_MODIFIED,
                2 => StatusCode::NOT_FOUND,
                _ => StatusCode::OK,
            };
            let body = Content::Text(Some(Bytes::from_static(b"content")), length);
            Answered { head: AnswerHead::new(status), body }
        }
    }

    fn refuse(&self, _: Refusal, _: &[u8]) -> Answered<Content> {
        let body = Content::Text(Some(Bytes::from_static(b"refused")), Said::Length);
        Answered { head: AnswerHead::new(StatusCode::BAD_REQUEST), body }
    }

    fn note(&self, _: Event) {}
}

/// The content of an answer.
enum Content {
    Text(Option<Bytes>, Said),
    Echo(Body),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Length,
    Nothing,
}

impl http_body::Body for Content {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Text(text, _) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::Echo(body) => Pin::new(body).poll_frame(cx).map_err(std::io::Error::other),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Text(text, Said::Length) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Self::Text(_, Said::Nothing) => SizeHint::default(),
            Self::Echo(body) => body.size_hint(),
        }
    }
}

/// A target, in its parts.
fn asked(authority: Option<&str>, target: &str) -> String {
    format!("{} {target}", authority.unwrap_or_default())
}

/// The requests that the framing finds.
fn framed(bytes: &[u8]) -> Vec<Seen> {
    let mut framing = Framing::new(LIMITS);
    let mut there: Vec<Seen> = Vec::new();
    let mut rest = bytes;
    let text = |bytes: &[u8], range: Range<usize>| String::from_utf8_lossy(&bytes[range]).into_owned();
    while !rest.is_empty() {
        match framing.next(rest) {
            Ok(Next::Head(outline)) => {
                let fields = framing.fields().iter().map(|field| {
                    (text(rest, field.name..field.colon).to_lowercase(), rest[field.value..field.end].to_vec())
                });
                let uri: http::Uri = text(rest, outline.target.clone()).parse().expect("a target");
                there.push(Seen {
                    method: text(rest, outline.method),
                    target: asked(
                        uri.authority().map(|authority| authority.as_str()),
                        uri.path_and_query().map_or("", |target| target.as_str()),
                    ),
                    fields: fields.collect(),
                    body: Vec::new(),
                    whole: outline.body == BodyLength::None,
                });
                rest = &rest[outline.length..];
            }
            Ok(Next::Piece { data, bytes }) => {
                let last = there.last_mut().expect("a body after its head");
                last.body.extend_from_slice(&rest[data]);
                last.whole = !framing.is_inside_a_body();
                rest = &rest[bytes..];
            }
            Ok(Next::Part) | Err(_) => break,
        }
    }
    there
}

/// How many whole answers these are to the requests that were seen. Nothing where one is not whole.
fn answers(mut written: &[u8], seen: &[Seen]) -> Option<usize> {
    let mut count = 0;
    while !written.is_empty() {
        let mut fields = [httparse::EMPTY_HEADER; 16];
        let mut response = httparse::Response::new(&mut fields);
        let httparse::Status::Complete(length) = response.parse(written).expect("no answer") else { return None };
        written = &written[length..];
        let status = response.code?;
        if status == 100 {
            assert!(response.headers.is_empty());
            continue;
        }
        let value = |name: &str| {
            let mut of_name = response.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
            let value = of_name.next().map(|field| field.value);
            assert!(of_name.next().is_none(), "said twice");
            value
        };
        let (length, coding) = (value("content-length"), value("transfer-encoding"));
        assert!(length.is_none() || coding.is_none());
        let closes = value("connection") == Some(b"close") || (response.version == Some(0) && value("connection").is_none());
        let to_head = seen.get(count).is_some_and(|seen| seen.method == "HEAD");
        count += 1;
        if !to_head && status != 204 && status != 304 {
            written = match (length, coding) {
                (Some(length), _) => {
                    let length = std::str::from_utf8(length).ok()?.parse().ok()?;
                    written.split_at_checked(length)?.1
                }
                (None, Some(_)) => chunks(written)?.1,
                (None, None) => {
                    assert!(closes);
                    &[]
                }
            };
        }
        assert!(!closes || written.is_empty(), "something comes after the last answer");
    }
    Some(count)
}

/// What is written but for what says that a body may come.
fn without_interim(written: &[u8]) -> Vec<u8> {
    const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
    String::from_utf8_lossy(written).replace(CONTINUE, "").into_bytes()
}
