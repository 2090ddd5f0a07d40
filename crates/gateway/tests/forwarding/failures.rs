//! Upstreams that are gone, slow or broken, and clients that are.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Bodies, Door, Scripted};
use countersign_gateway::{BodyLimits, UpstreamLimits};
use tokio::net::TcpSocket;
use tokio::time::Instant;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test(flavor = "local")]
async fn an_upstream_that_is_not_there_is_502() {
    // Bound, so that nobody else gets the port, and not listening.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let door = Door::to(socket.local_addr().unwrap()).await;
    assert!(door.ask(GET).await.starts_with("HTTP/1.1 502"));
    assert_eq!(*door.failures.borrow(), ["the upstream refused the connection"]);
}

#[tokio::test(flavor = "local")]
async fn an_upstream_that_closes_or_talks_nonsense_is_502() {
    for (said, failure) in [
        ("", "the upstream closed the connection without an answer"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "the upstream closed the connection without an answer"),
        ("SSH-2.0-OpenSSH\r\n\r\n", "the upstream's answer is not HTTP: its first line is not a status line"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "the upstream's answer is not HTTP: it has more than one content-length",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
            "the upstream's answer is not HTTP: its content-length is not a number",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "the upstream's answer is not HTTP: it has both a content-length and a transfer-encoding",
        ),
        (
            "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok",
            "the upstream's answer is not HTTP: a line does not end with CR LF",
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
            "the upstream's answer cannot be passed on: it switches protocols, which nobody asked for",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "the upstream's answer cannot be passed on: it has a transfer coding other than chunked",
        ),
    ] {
        let upstream = Scripted::new(move |_, mut peer| async move {
            peer.read_head().await;
            peer.send(said).await;
        })
        .await;
        let door = Door::to(upstream.address).await;
        let answer = door.ask(GET).await;
        assert!(answer.starts_with("HTTP/1.1 502"), "{said}: {answer}");
        assert_eq!(*door.failures.borrow(), [failure], "{said}");
        assert_eq!(upstream.accepted(), 1, "{said}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_response_head_without_end_is_502() {
    let upstream = Scripted::new(|_, mut peer| async move {
        peer.read_head().await;
        peer.send(&format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(300_000))).await;
        peer.read_head().await;
    })
    .await;
    let door = Door::to(upstream.address).await;
    assert!(door.ask(GET).await.starts_with("HTTP/1.1 502"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_upstream_that_does_not_answer_is_504_when_its_time_is_over() {
    let upstream = Scripted::new(|_, mut peer| async move {
        peer.read_head().await;
        peer.send("HTTP/1.1 200 OK\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    let limits = UpstreamLimits { response_timeout: Duration::from_secs(7), ..UpstreamLimits::default() };
    let url = format!("http://{}", upstream.address);
    let door = Door::with(&url, limits, BodyLimits::default(), Bodies::Streamed).await;
    let start = Instant::now();
    assert!(door.ask(GET).await.starts_with("HTTP/1.1 504"));
    assert_eq!(start.elapsed(), Duration::from_secs(7));
    assert_eq!(*door.failures.borrow(), ["the upstream did not answer within 7s"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_upstream_that_takes_no_connection_is_504_when_its_time_is_over() {
    // A backlog of one that is full: the kernel drops what comes after it.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let _first = tokio::net::TcpStream::connect(address).await.unwrap();
    let limits = UpstreamLimits { connect_timeout: Duration::from_secs(3), ..UpstreamLimits::default() };
    let door =
        Door::with(&format!("http://{address}"), limits, BodyLimits::default(), Bodies::Streamed).await;
    let start = Instant::now();
    assert!(door.ask(GET).await.starts_with("HTTP/1.1 504"));
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test(flavor = "local")]
async fn a_response_that_breaks_off_is_not_ended_as_if_it_were_whole() {
    for (said, passed) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "half"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "4\r\nhalf\r\n"),
    ] {
        let upstream = Scripted::new(move |_, mut peer| async move {
            peer.read_head().await;
            peer.send(said).await;
        })
        .await;
        let door = Door::to(upstream.address).await;
        let mut client = door.client().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let answer = client.read_to_end().await;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        assert!(passed.starts_with(body), "{answer}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_response_that_stands_still_is_broken_off() {
    let upstream = Scripted::new(|_, mut peer| async move {
        peer.read_head().await;
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
        std::future::pending::<()>().await;
    })
    .await;
    let limits =
        UpstreamLimits { response_idle_timeout: Duration::from_secs(9), ..UpstreamLimits::default() };
    let url = format!("http://{}", upstream.address);
    let door = Door::with(&url, limits, BodyLimits::default(), Bodies::Streamed).await;
    let mut client = door.client().await;
    let start = Instant::now();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = client.read_to_end().await;
    assert!(answer.ends_with("\r\n\r\nhalf"), "{answer}");
    assert_eq!(start.elapsed(), Duration::from_secs(9));
}

#[tokio::test(flavor = "local")]
async fn a_client_that_goes_away_cancels_its_request_at_the_upstream() {
    let gone = Rc::new(Cell::new(0));
    let count = gone.clone();
    let upstream = Scripted::new(move |number, mut peer| {
        let count = count.clone();
        async move {
            peer.read_head().await;
            if number == 1 {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
            }
            assert_eq!(peer.read_head().await, "");
            count.set(count.get() + 1);
        }
    })
    .await;
    let door = Door::to(upstream.address).await;
    for number in 1..=2 {
        let mut client = door.client().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        if number == 2 {
            client.read_until("half").await;
        } else {
            while upstream.accepted() < number {
                tokio::task::yield_now().await;
            }
        }
        drop(client);
        while gone.get() < number {
            tokio::task::yield_now().await;
        }
    }
}
