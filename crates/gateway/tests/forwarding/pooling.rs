//! Which connection to the upstream a request takes.

use std::rc::Rc;
use std::time::Duration;

use crate::support::{Bodies, Door, Scripted};
use countersign_gateway::{BodyLimits, UpstreamLimits};
use tokio::sync::Notify;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test(flavor = "local")]
async fn one_connection_serves_many_clients_one_after_another() {
    let upstream = Scripted::answering(OK).await;
    let door = Door::to(upstream.address).await;
    for _ in 0..5 {
        let mut client = door.client().await;
        for _ in 0..3 {
            client.send(GET).await;
            assert!(client.read_until("\r\n\r\nok").await.starts_with("HTTP/1.1 200"));
        }
    }
    assert_eq!(upstream.accepted(), 1);
}

#[tokio::test(flavor = "local")]
async fn requests_at_the_same_time_take_a_connection_each() {
    let upstream = Scripted::answering(OK).await;
    let door = Door::to(upstream.address).await;
    let mut clients = [door.client().await, door.client().await, door.client().await];
    for _ in 0..2 {
        for client in &mut clients {
            client.send(GET).await;
        }
        for client in &mut clients {
            client.read_until("\r\n\r\nok").await;
        }
    }
    assert_eq!(upstream.accepted(), 3);
    assert_eq!(door.pools.of(&door.upstream).idle(), 3);
}

#[tokio::test(flavor = "local")]
async fn pipelined_requests_are_answered_in_order() {
    let upstream = Scripted::mirror().await;
    let door = Door::to(upstream.address).await;
    let mut client = door.client().await;
    client
        .send(
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n\
             GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        )
        .await;
    let answers = client.read_to_end().await;
    let order: Vec<_> = answers.match_indices(" HTTP/1.1\r\n").map(|(at, _)| &answers[at - 2..at]).collect();
    assert_eq!(order, ["/1", "/2", "/3"]);
}

#[tokio::test(flavor = "local")]
async fn a_connection_that_the_upstream_closed_while_idle_costs_nobody_a_request() {
    let close = Rc::new(Notify::new());
    let (closing, closed) = (close.clone(), Rc::new(Notify::new()));
    let done = closed.clone();
    let upstream = Scripted::new(move |_, mut peer| {
        let (closing, done) = (closing.clone(), done.clone());
        async move {
            peer.read_head().await;
            peer.send(OK).await;
            closing.notified().await;
            drop(peer);
            done.notify_one();
        }
    })
    .await;
    let door = Door::to(upstream.address).await;
    let mut client = door.client().await;
    for number in 1..=3 {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
        let answer = client.read_until("\r\n\r\nok").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{number}: {answer}");
        assert_eq!(upstream.accepted(), number);
        assert_eq!(door.pools.of(&door.upstream).idle(), 1);
        close.notify_one();
        closed.notified().await;
    }
}

/// Answers the first request of a connection and closes it when the second one arrives, unanswered.
async fn closing_on_the_second() -> Scripted {
    Scripted::new(|number, mut peer| async move {
        peer.read_head().await;
        peer.send(OK).await;
        peer.read_head().await;
        if number > 0 {
            peer.send(OK).await;
        }
    })
    .await
}

#[tokio::test(flavor = "local")]
async fn an_idempotent_request_that_met_a_closing_connection_is_sent_again() {
    for method in ["GET", "HEAD", "DELETE", "PUT", "OPTIONS"] {
        let upstream = closing_on_the_second().await;
        let door = Door::to(upstream.address).await;
        let mut client = door.client().await;
        for _ in 0..2 {
            client.send(&format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            let head = client.read_head().await;
            assert!(head.starts_with("HTTP/1.1 200"), "{method}: {head}");
            if method != "HEAD" {
                client.read_until("ok").await;
            }
        }
        assert_eq!(upstream.accepted(), 2, "{method}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_request_that_may_have_been_done_is_never_sent_again() {
    for request in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "PATCH / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
    ] {
        let upstream = closing_on_the_second().await;
        let door = Door::to(upstream.address).await;
        let mut client = door.client().await;
        client.send(GET).await;
        client.read_until("\r\n\r\nok").await;
        client.send(request).await;
        let head = client.read_head().await;
        assert!(head.starts_with("HTTP/1.1 502"), "{request}: {head}");
        assert_eq!(upstream.accepted(), 1);
    }
}

#[tokio::test(flavor = "local")]
async fn an_idempotent_request_is_sent_again_once_and_no_more() {
    let upstream = Scripted::new(|number, mut peer| async move {
        peer.read_head().await;
        if number == 0 {
            peer.send(OK).await;
            peer.read_head().await;
        }
    })
    .await;
    let door = Door::to(upstream.address).await;
    let mut client = door.client().await;
    client.send(GET).await;
    client.read_until("\r\n\r\nok").await;
    client.send(GET).await;
    assert!(client.read_head().await.starts_with("HTTP/1.1 502"));
    assert_eq!(upstream.accepted(), 2);
}

#[tokio::test(flavor = "local")]
async fn a_connection_that_says_close_or_speaks_http_1_0_is_not_used_again() {
    for response in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok",
        // More than was asked for.
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    ] {
        let upstream = Scripted::answering(response).await;
        let door = Door::to(upstream.address).await;
        let mut client = door.client().await;
        for _ in 0..2 {
            client.send(GET).await;
            let answer = client.read_until("\r\n\r\nok").await;
            assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nok"), "{answer}");
        }
        assert_eq!(upstream.accepted(), 2, "{response}");
    }
}

#[tokio::test(flavor = "local")]
async fn content_that_comes_where_there_is_none_is_no_answer_to_the_next_request() {
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    for (first, head) in [
        ("GET", format!("HTTP/1.1 204 No Content\r\nContent-Length: {}\r\n\r\n", evil.len())),
        ("GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()),
        ("GET", format!("HTTP/1.1 304 Not Modified\r\n\r\n{evil}")),
        ("HEAD", format!("HTTP/1.1 200 OK\r\nContent-Length: {0}\r\n\r\n{evil}", evil.len())),
    ] {
        let upstream = Scripted::new(move |number, mut peer| {
            let head = head.clone();
            async move {
                peer.read_head().await;
                peer.send(if number == 0 { &head } else { OK }).await;
                if number == 0 && !peer.read_head().await.is_empty() {
                    peer.send(evil).await;
                }
            }
        })
        .await;
        let door = Door::to(upstream.address).await;
        let mut client = door.client().await;
        client.send(&format!("{first} / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        client.read_head().await;
        client.send(GET).await;
        assert!(client.read_head().await.starts_with("HTTP/1.1 200"));
        assert_eq!(client.read_exactly(2).await, "ok");
        assert_eq!(upstream.accepted(), 2);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn idle_connections_are_closed_when_their_time_is_over() {
    let upstream = Scripted::answering(OK).await;
    let limits = UpstreamLimits { idle_timeout: Duration::from_secs(50), ..UpstreamLimits::default() };
    let url = format!("http://{}", upstream.address);
    let door = Door::with(&url, limits, BodyLimits::default(), Bodies::Streamed).await;
    let mut client = door.client().await;
    client.send(GET).await;
    client.read_until("\r\n\r\nok").await;
    let pool = door.pools.of(&door.upstream);
    assert_eq!(pool.idle(), 1);
    tokio::time::sleep(Duration::from_secs(49)).await;
    assert_eq!(pool.idle(), 1);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(pool.idle(), 0);
}

#[tokio::test(flavor = "local")]
async fn no_more_idle_connections_are_kept_than_allowed() {
    let upstream = Scripted::answering(OK).await;
    let limits = UpstreamLimits { max_idle: 2, ..UpstreamLimits::default() };
    let url = format!("http://{}", upstream.address);
    let door = Door::with(&url, limits, BodyLimits::default(), Bodies::Streamed).await;
    let mut clients = [door.client().await, door.client().await, door.client().await];
    for client in &mut clients {
        client.send(GET).await;
    }
    for client in &mut clients {
        client.read_until("\r\n\r\nok").await;
    }
    assert_eq!(door.pools.of(&door.upstream).idle(), 2);
}
