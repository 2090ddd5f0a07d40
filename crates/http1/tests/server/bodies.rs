//! Bodies of requests that come after their heads.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use countersign_framing::Refusal;
use countersign_http1::server::{Body, BodyBroken, Course, Event, Sends};
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Answer, By, a_while, converse, exchange, never, read_until, run, run_in_no_time, text};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

fn statuses(answers: &str) -> Vec<&str> {
    answers.match_indices("HTTP/1.1 ").map(|(at, _)| &answers[at + 9..at + 12]).collect()
}

async fn read_whole(request: Request<Body>) -> Result<Bytes, BodyBroken> {
    Ok(request.into_body().collect().await?.to_bytes())
}

#[test]
fn a_short_body_that_came_with_its_head_is_there_at_once() {
    let service = By::new(async |request: Request<Body>| {
        if request.method() == "GET" {
            return text("ok");
        }
        let mut body = request.into_body();
        assert_eq!(body.size_hint().exact(), Some(3));
        let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx))).await;
        let Poll::Ready(Some(Ok(frame))) = first else { panic!("{first:?}") };
        assert_eq!(frame.into_data().unwrap(), "abc");
        text("ok")
    });
    let bytes = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc{GET}");
    let (got, ended) = run(exchange(&service, bytes.as_bytes()));
    assert_eq!((statuses(&got), ended), (vec!["200", "200"], Ok(())));
    assert!(!service.events.borrow().contains(&Event::RequestBegins(Sends::Body)));
}

#[test]
fn a_client_that_waits_is_told_to_go_on_when_its_body_is_asked_for_and_not_before() {
    let asked = Cell::new(false);
    let service = By::new(async |request: Request<Body>| {
        a_while().await;
        asked.set(true);
        assert_eq!(read_whole(request).await.unwrap(), "abc");
        text("ok")
    });
    run(converse(&service, &Course::default(), async |mut client| {
        let head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
        client.write_all(head).await.unwrap();
        let told = read_until(&mut client, "\r\n\r\n").await;
        assert_eq!((&*told, asked.get()), ("HTTP/1.1 100 Continue\r\n\r\n", true));
        client.write_all(b"abc").await.unwrap();
        read_until(&mut client, "\r\n\r\nok").await;
    }))
    .unwrap();
}

#[test]
fn a_client_that_waits_and_is_refused_is_not_told_to_go_on() {
    let service = By::new(async |_| text("no"));
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    let (got, ended) = run(exchange(&service, head.as_bytes()));
    assert!(got.starts_with("HTTP/1.1 200 OK\r\n") && got.contains("connection: close\r\n"), "{got}");
    assert_eq!(ended, Ok(()));
}

#[test]
fn a_body_that_nobody_reads_ends_the_connection_and_the_client_is_told() {
    let service = By::new(async |_| text("no"));
    let bytes = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{GET}");
    let (got, ended) = run(exchange(&service, bytes.as_bytes()));
    assert_eq!((statuses(&got), ended), (vec!["200"], Ok(())));
    assert!(got.contains("connection: close\r\n"), "{got}");
}

#[test]
fn a_body_that_nobody_reads_is_passed_over_where_all_of_it_is_there() {
    let service = By::new(async |_| text("no"));
    for body in
        ["Content-Length: 5\r\n\r\nGET /", "Transfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n"]
    {
        let bytes = format!("POST / HTTP/1.1\r\nHost: a\r\n{body}{GET}");
        let (got, ended) = run(exchange(&service, bytes.as_bytes()));
        assert_eq!((statuses(&got), ended), (vec!["200", "200"], Ok(())), "{body}");
    }
}

#[test]
fn no_more_of_a_body_is_read_than_is_asked_for() {
    let (got, finished) = (Cell::new(0), Cell::new(false));
    let service = By::new(async |request: Request<Body>| {
        let mut body = request.into_body();
        got.set(body.frame().await.unwrap().unwrap().into_data().unwrap().len());
        never::<Response<Answer>>().await
    });
    run(async {
        let course = Course::default();
        let talk = converse(&service, &course, async |mut client| {
            let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n";
            client.write_all(head).await.unwrap();
            let mut sent = 0;
            // What the pipe between the two holds, and one piece.
            while sent < 64 * 1024 || sent < 64 * 1024 + got.get() {
                sent += client.write(&[0; 1024]).await.unwrap();
            }
            let mut more = pin!(client.write(&[0; 1024]));
            for _ in 0..8 {
                a_while().await;
                let taken = poll_fn(|cx| Poll::Ready(more.as_mut().poll(cx).is_ready())).await;
                assert!(!taken, "{sent} bytes were taken, and more");
            }
            finished.set(true);
            never::<()>().await;
        });
        let mut talk = pin!(talk);
        poll_fn(|cx| {
            assert!(talk.as_mut().poll(cx).is_pending());
            if finished.get() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_body_breaks_it_off() {
    let broken = RefCell::new(None);
    let service = By::new(async |request: Request<Body>| {
        broken.replace(read_whole(request).await.err());
        text("no")
    });
    for framing in ["Content-Length: 9", "Transfer-Encoding: chunked"] {
        let bytes = format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n5\r\nabcde");
        let ended = run(converse(&service, &Course::default(), async |mut client| {
            client.write_all(bytes.as_bytes()).await.unwrap();
            client.shutdown().await.unwrap();
            let answer = read_until(&mut client, "\r\n\r\nno").await;
            assert!(answer.contains("connection: close"), "{answer}");
        }));
        assert_eq!((ended, broken.take()), (Ok(()), Some(BodyBroken::Incomplete)), "{framing}");
    }
}

#[test]
fn a_body_with_a_chunk_that_is_refused_is_broken_off_and_nothing_after_it_is_read() {
    let broken = RefCell::new(None);
    let service = By::new(async |request: Request<Body>| {
        broken.replace(read_whole(request).await.err());
        text("no")
    });
    let bytes = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n+1\r\na\r\n0\r\n\r\n{GET}"
    );
    let (got, ended) = run(exchange(&service, bytes.as_bytes()));
    assert_eq!((statuses(&got), ended), (vec!["200"], Ok(())));
    assert_eq!(broken.take(), Some(BodyBroken::Refused(Refusal::ChunkSize)));
    assert!(service.events.borrow().contains(&Event::BodyRefused(Refusal::ChunkSize)));
}

#[test]
fn a_body_can_be_read_in_another_task_while_the_answer_is_sent() {
    let (send, receive) = tokio::sync::oneshot::channel();
    let send = RefCell::new(Some(send));
    let service = By::new(async |request: Request<Body>| {
        let send = send.take().unwrap();
        tokio::spawn(async move { send.send(read_whole(request).await) });
        text("early")
    });
    let ended = run(async {
        converse(&service, &Course::default(), async |mut client| {
            client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc").await.unwrap();
            read_until(&mut client, "early").await;
            client.write_all(b"def").await.unwrap();
            assert_eq!(receive.await.unwrap().unwrap(), "abcdef");
        })
        .await
    });
    assert_eq!(ended, Ok(()));
}

#[test]
fn what_an_answer_reads_of_a_body_it_reads_no_more_when_it_is_sent() {
    /// The body of an answer that holds on to that of its request.
    struct Holding(Answer, #[expect(dead_code, reason = "held")] Body);

    impl http_body::Body for Holding {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
            Pin::new(&mut self.0).poll_frame(cx)
        }
    }

    let service = By::new(async |request: Request<Body>| {
        text("early").map(|answer| Holding(answer, request.into_body()).boxed_unsync())
    });
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    let (got, ended) = run(exchange(&service, head));
    assert_eq!((statuses(&got), ended), (vec!["200"], Ok(())));
}

#[test]
fn who_reads_a_body_of_a_connection_that_is_gone_is_told() {
    let body = RefCell::new(None);
    let service = By::new(async |request: Request<Body>| {
        body.replace(Some(request.into_body()));
        let mut response = text("early");
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response
    });
    let bytes = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc";
    let (got, ended) = run(exchange(&service, bytes));
    assert!(got.contains("connection: close") && ended == Ok(()), "{got}");
    let read = run(body.take().unwrap().collect());
    assert_eq!(read.err(), Some(BodyBroken::Incomplete));
}

#[test]
fn a_client_that_stalls_its_body_is_not_waited_for_once_who_reads_it_in_another_task_gave_up() {
    let reading = RefCell::new(None);
    let service = By::new(async |request: Request<Body>| {
        reading.replace(Some(tokio::spawn(read_whole(request))));
        text("early")
    });
    let ended = run_in_no_time(async {
        converse(&service, &Course::default(), async |mut client| {
            client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc").await.unwrap();
            read_until(&mut client, "early").await;
            a_while().await;
            reading.take().unwrap().abort();
            let end = tokio::time::timeout(Duration::from_hours(1), client.read_u8()).await;
            assert!(end.expect("the connection ends").is_err());
        })
        .await
    });
    assert_eq!(ended, Ok(()));
}
