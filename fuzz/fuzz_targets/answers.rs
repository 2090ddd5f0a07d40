//! What any bytes from an upstream come to: the same in whatever pieces they come; and where a connection may serve again, they are one
//! response and nothing more to a reader as simple as can be.

#![no_main]

mod wire;

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign_http1::client::{Connection, Length, RequestHead};
use countersign_lines::Answered;
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body::Frame;
use wire::{Cuts, Then, Wire, chunks, run};

/// What was read of a response whose head was whole.
#[derive(Debug, PartialEq)]
struct Got {
    status: u16,
    fields: HeaderMap,
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
    end: End,
}

#[derive(Debug, PartialEq)]
enum End {
    Whole(Reuse),
    Broken(String),
    /// More has to come.
    Open,
}

#[derive(Debug, PartialEq)]
enum Reuse {
    Allowed,
    Refused,
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let method = if first & 1 == 0 { Method::GET } else { Method::HEAD };
    let then = if first & 2 == 0 { Then::End } else { Then::Silence };
    let whole = ask(&method, bytes, Cuts::None, then);
    for cuts in [Cuts::Short, Cuts::Each] {
        let mut cut = ask(&method, bytes, cuts, then);
        // What comes too late is found before the next request is sent.
        if let (Some(Ok(cut)), Some(Ok(whole))) = (&mut cut, &whole)
            && whole.end == End::Whole(Reuse::Refused)
            && cut.end == End::Whole(Reuse::Allowed)
        {
            panic!("it would be used again, had it come in pieces");
        }
        assert_eq!(cut, whole);
    }
    let Some(Ok(got)) = whole else { return };
    let End::Whole(reuse) = &got.end else { return };
    let (status, body, rest) = plainly(method == Method::HEAD, bytes).expect("a simple reader finds no response");
    assert_eq!(got.status, status);
    if let Some(body) = body {
        assert!(got.body == body, "a simple reader finds another body");
    } else {
        assert!(got.body == rest && *reuse == Reuse::Refused);
        return;
    }
    if *reuse == Reuse::Allowed {
        assert!(rest.is_empty(), "a simple reader finds something after it");
    }
});

/// Sends a request, after which `bytes` come. Nothing where more has to come before there is a response.
fn ask(method: &Method, bytes: &[u8], cuts: Cuts, then: Then) -> Option<Result<Got, String>> {
    let mut wire = Wire::new(bytes, cuts, then);
    wire.waits = true;
    let mut connection = Connection::new(wire);
    assert!(connection.is_silent());
    connection.begin(RequestHead {
        method,
        target: "/",
        host: &HeaderValue::from_static("a"),
        fields: HeaderMap::new().iter(),
        lines: b"",
        length: Length::None,
    });
    let mut first = true;
    let response = run(|cx| {
        let polled = connection.poll_response(cx, &mut Nothing);
        if std::mem::take(&mut first) && polled.is_pending() {
            cx.waker().wake_by_ref();
        }
        polled
    })?;
    let (head, ()) = match response {
        Ok(head) => Response::from(Answered { head, body: () }).into_parts(),
        Err(failure) => {
            assert!(!connection.is_reusable());
            return Some(Err(words(&failure)));
        }
    };
    let (status, fields) = (head.status.as_u16(), head.headers);
    let mut got = Got { status, fields, body: Vec::new(), trailers: None, end: End::Open };
    loop {
        match run(|cx| connection.poll_frame(cx)) {
            None => {
                assert!(!connection.is_reusable());
                return Some(Ok(got));
            }
            Some(None) => break,
            Some(Some(Err(why))) => {
                assert!(!connection.is_reusable());
                got.end = End::Broken(words(&why));
                return Some(Ok(got));
            }
            Some(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => {
                    assert!(got.trailers.is_none() && !data.is_empty());
                    got.body.extend_from_slice(&data);
                }
                Err(frame) => assert!(got.trailers.replace(frame.into_trailers().expect("a frame")).is_none()),
            },
        }
    }
    assert!(connection.is_end_stream());
    let reusable = connection.is_reusable() && {
        // A pause is not yet silence.
        connection.is_silent() && connection.is_silent()
    };
    got.end = End::Whole(if reusable { Reuse::Allowed } else { Reuse::Refused });
    Some(Ok(got))
}

/// The status and the body of the response that `bytes` begin with, after interim ones, and what stands after it. No body where it goes
/// on to the end.
fn plainly(to_head: bool, mut bytes: &[u8]) -> Option<(u16, Option<Vec<u8>>, &[u8])> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 100];
        let mut response = httparse::Response::new(&mut fields);
        let Ok(httparse::Status::Complete(length)) = response.parse(bytes) else { return None };
        bytes = &bytes[length..];
        let status = response.code?;
        if status < 200 {
            continue;
        }
        let all = |name: &str| {
            let of_name = response.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
            of_name.map(|field| field.value.to_vec()).collect::<Vec<_>>()
        };
        let (lengths, codings) = (all("content-length"), all("transfer-encoding"));
        assert!(lengths.len() + codings.len() <= 1, "it says its length twice");
        if to_head || status == 204 || status == 304 {
            return Some((status, Some(Vec::new()), bytes));
        }
        if let Some(coding) = codings.first() {
            assert!(coding.eq_ignore_ascii_case(b"chunked"));
            let (body, rest) = chunks(bytes)?;
            return Some((status, Some(body), rest));
        }
        let Some(length) = lengths.first() else { return Some((status, None, bytes)) };
        let length = std::str::from_utf8(length).ok()?.parse().ok()?;
        let (body, rest) = bytes.split_at_checked(length)?;
        return Some((status, Some(body.to_vec()), rest));
    }
}

/// The body of a request that has none.
struct Nothing;

impl http_body::Body for Nothing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }
}

/// An error and what is under it.
fn words(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
