//! How connections end.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use countersign_http1::server::{Broken, Course, Event, Sends};
use http::header::{CONNECTION, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{
    Answer, By, End, Pieces, Told, a_while, converse, exchange, never, read_until, run, text,
};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// An answer that begins with `abc`.
fn pieces(end: End, length: Option<u64>) -> Response<Answer> {
    let mut body = Pieces::new([Bytes::from_static(b"abc")]);
    (body.end, body.length) = (end, length);
    Response::new(body.boxed_unsync())
}

#[test]
fn a_client_that_leaves_gives_up_on_its_answer() {
    let told = Rc::new(Cell::new(0));
    let service = By::new(async |_| {
        let _told = Told(Rc::clone(&told));
        never().await
    });
    let ended = run(converse(&service, &Course::default(), async |mut client| {
        client.write_all(GET.as_bytes()).await.unwrap();
        a_while().await;
        assert_eq!(told.get(), 0);
    }));
    assert_eq!((ended, told.get()), (Err(Broken::Left), 1));
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_answer_gives_up_on_the_rest() {
    let service = By::new(async |_| pieces(End::Stalls, None));
    let ended = run(converse(&service, &Course::default(), async |mut client| {
        client.write_all(GET.as_bytes()).await.unwrap();
        read_until(&mut client, "abc\r\n").await;
    }));
    assert_eq!(ended, Err(Broken::Left));
}

#[test]
fn an_answer_that_breaks_off_or_is_not_as_long_as_it_said_ends_the_connection_in_disorder() {
    for (end, length) in [(End::BreaksOff, None), (End::BreaksOff, Some(9)), (End::Whole, Some(9))] {
        let service = By::new(async |_| pieces(end, length));
        let (got, ended) = run(exchange(&service, [GET, GET].concat().as_bytes()));
        assert!(!got.contains("\r\n0\r\n"), "{got}");
        assert_eq!(ended, Err(Broken::Answer));
        let events = service.events.borrow();
        assert_eq!(*events, [Event::RequestBegins(Sends::Nothing), Event::AnswerBreaksOff]);
    }
    // Nothing of what is too much is sent as if it were another answer.
    let service = By::new(async |_| {
        let body = Pieces::new([Bytes::from_static(b"abc"), Bytes::from_static(b"def")]);
        Response::new(Pieces { length: Some(4), ..body }.boxed_unsync())
    });
    let (got, ended) = run(exchange(&service, GET.as_bytes()));
    assert!(!got.contains("def"), "{got}");
    assert_eq!(ended, Err(Broken::Answer));
}

#[test]
fn a_head_that_is_refused_is_answered_in_its_turn_and_nothing_after_it_is_read() {
    let service = By::new(async |_| text("ok"));
    let bytes = [GET, "GET / HTTP/1.1\nHost: a\n\n", GET].concat();
    let (got, ended) = run(exchange(&service, bytes.as_bytes()));
    let (first, second) = got.split_once("ok").unwrap();
    assert!(first.starts_with("HTTP/1.1 200 OK\r\n"), "{first}");
    assert!(second.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{second}");
    assert!(second.contains("connection: close\r\n") && second.ends_with("refused"), "{second}");
    assert_eq!(ended, Ok(()));
}

#[test]
fn a_handler_can_have_the_connection_end() {
    let service = By::new(async |_| {
        let mut response = text("ok");
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    });
    let (got, ended) = run(exchange(&service, [GET, GET].concat().as_bytes()));
    assert_eq!((got.matches("HTTP/1.1").count(), ended), (1, Ok(())));
    assert!(got.contains("connection: close\r\n"), "{got}");
}

#[test]
fn a_status_that_ends_no_request_is_not_sent() {
    let service = By::new(async |_| {
        let mut response = text("");
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response
    });
    assert_eq!(run(exchange(&service, GET.as_bytes())), (String::new(), Err(Broken::Answer)));
}

#[test]
fn a_connection_between_requests_ends_at_once_when_it_is_to_end() {
    let (service, course) = (By::new(async |_| text("ok")), Course::default());
    let ended = run(converse(&service, &course, async |mut client| {
        client.write_all(GET.as_bytes()).await.unwrap();
        read_until(&mut client, "ok").await;
        course.wind_down();
        a_while().await;
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty());
    }));
    assert_eq!(ended, Ok(()));
}

#[test]
fn a_connection_with_a_request_ends_after_its_answer_when_it_is_to_end() {
    let course = Course::default();
    let service = By::new(async |_| {
        course.wind_down();
        text("ok")
    });
    let (got, ended) = {
        let mut got = String::new();
        let ended = run(converse(&service, &course, async |mut client| {
            client.write_all([GET, GET].concat().as_bytes()).await.unwrap();
            client.read_to_string(&mut got).await.unwrap();
        }));
        (got, ended)
    };
    assert_eq!((got.matches("connection: close").count(), ended), (1, Ok(())));
}

#[test]
fn requests_that_come_before_their_turn_wait_outside() {
    let served = Cell::new(0);
    let service = By::new(async |_| {
        served.set(served.get() + 1);
        if served.get() == 1 { never().await } else { text("ok") }
    });
    let finished = Cell::new(false);
    run(async {
        let course = Course::default();
        let talk = converse(&service, &course, async |mut client| {
            let mut sent = 0;
            // What the pipe holds, and one portion.
            while sent < 64 * 1024 {
                sent += client.write(GET.as_bytes()).await.unwrap();
            }
            let mut more = 0;
            let mut write = Box::pin(async {
                loop {
                    more += client.write(GET.as_bytes()).await.unwrap();
                }
            });
            for _ in 0..8 {
                a_while().await;
                std::future::poll_fn(|cx| std::task::Poll::Ready(write.as_mut().poll(cx).is_ready())).await;
            }
            drop(write);
            assert!(more <= 16 * 1024, "{more} bytes more were taken");
            finished.set(true);
            never::<()>().await;
        });
        let mut talk = std::pin::pin!(talk);
        std::future::poll_fn(|cx| {
            assert!(talk.as_mut().poll(cx).is_pending());
            if finished.get() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    });
    assert_eq!(served.get(), 1);
}
