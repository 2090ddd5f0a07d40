//! Bodies on their way through, in both directions.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crate::support::{Bodies, Door, Peer, Scripted};
use countersign_gateway::{BodyLimits, UpstreamLimits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Far more than the sockets and every buffer between them hold.
const LARGE: usize = 64 * 1024 * 1024;

/// An upstream that keeps what it gets of each connection until it has seen `end`, and then answers.
async fn keeping(end: &'static str) -> (Scripted, Rc<RefCell<String>>) {
    let kept = Rc::new(RefCell::new(String::new()));
    let keep = kept.clone();
    let upstream = Scripted::new(move |_, mut peer| {
        let keep = keep.clone();
        async move {
            *keep.borrow_mut() = peer.read_until(end).await;
            peer.send(OK).await;
            peer.read_head().await;
        }
    })
    .await;
    (upstream, kept)
}

fn body_of(message: &str) -> &str {
    message.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test(flavor = "local")]
async fn a_body_of_known_length_goes_on_with_its_length() {
    let (upstream, kept) = keeping("hello").await;
    let door = Door::to(upstream.address).await;
    let mut client = door.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel").await;
    client.send("lo").await;
    assert!(client.read_until("ok").await.starts_with("HTTP/1.1 200"));
    assert!(kept.borrow().contains("\r\ncontent-length: 5\r\n"), "{}", kept.borrow());
    assert!(!kept.borrow().contains("transfer-encoding"));
    assert_eq!(body_of(&kept.borrow()), "hello");
}

#[tokio::test(flavor = "local")]
async fn a_chunked_body_goes_on_chunked_whatever_the_method() {
    for method in ["POST", "GET", "DELETE", "QUERY"] {
        let (upstream, kept) = keeping("\r\n0\r\n\r\n").await;
        let door = Door::to(upstream.address).await;
        let mut client = door.client().await;
        client
            .send(&format!(
                "{method} / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
            ))
            .await;
        assert!(client.read_until("ok").await.starts_with("HTTP/1.1 200"));
        assert!(kept.borrow().contains("\r\ntransfer-encoding: chunked\r\n"), "{}", kept.borrow());
        assert!(!kept.borrow().contains("content-length"));
        assert_eq!(body_of(&kept.borrow()), "5\r\nhello\r\n0\r\n\r\n", "{method}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_body_that_was_read_before_goes_on_with_a_length() {
    for framing in
        ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
    {
        let (upstream, kept) = keeping("hello").await;
        let url = format!("http://{}", upstream.address);
        let door =
            Door::with(&url, UpstreamLimits::default(), BodyLimits::default(), Bodies::ReadBefore).await;
        let mut client = door.client().await;
        client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}")).await;
        assert!(client.read_until("ok").await.starts_with("HTTP/1.1 200"));
        assert!(kept.borrow().contains("\r\ncontent-length: 5\r\n"), "{}", kept.borrow());
        assert!(!kept.borrow().contains("transfer-encoding"));
    }
}

#[tokio::test(flavor = "local")]
async fn no_trailer_of_a_request_goes_on() {
    let (upstream, kept) = keeping("0\r\n\r\n").await;
    let door = Door::to(upstream.address).await;
    let mut client = door.client().await;
    client
        .send(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Forwarded-For, X-Consumer-ID\r\n\r\n\
             5\r\nhello\r\n0\r\nX-Forwarded-For: 8.8.8.8\r\nX-Consumer-ID: a\r\nX_API_Key: b\r\nX-Sum: 1\r\n\r\n",
        )
        .await;
    assert!(client.read_until("ok").await.starts_with("HTTP/1.1 200"));
    assert_eq!(body_of(&kept.borrow()), "5\r\nhello\r\n0\r\n\r\n");
    assert!(!kept.borrow().contains("\r\ntrailer:"));
}

#[tokio::test(flavor = "local")]
async fn trailers_of_a_response_reach_a_client_that_takes_them() {
    let upstream = Scripted::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
    )
    .await;
    let door = Door::to(upstream.address).await;
    let answer = door.ask("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: close, te\r\n\r\n").await;
    assert!(answer.ends_with("5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n"), "{answer}");
}

#[tokio::test(flavor = "local")]
async fn a_client_that_waits_for_100_gets_it_and_the_upstream_is_not_asked_for_it() {
    let (upstream, kept) = keeping("hello").await;
    let door = Door::to(upstream.address).await;
    let mut client = door.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(client.read_head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello").await;
    assert!(client.read_until("ok").await.starts_with("HTTP/1.1 200"));
    assert!(!kept.borrow().contains("expect"), "{}", kept.borrow());
}

#[tokio::test(flavor = "local")]
async fn a_body_that_says_it_is_too_long_is_413_before_anything_is_sent() {
    let upstream = Scripted::mirror().await;
    let url = format!("http://{}", upstream.address);
    let limits = BodyLimits { max_bytes: 10, ..BodyLimits::default() };
    for bodies in [Bodies::Streamed, Bodies::ReadBefore] {
        let door = Door::with(&url, UpstreamLimits::default(), limits, bodies).await;
        let mut client = door.client().await;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world").await;
        assert!(client.read_head().await.starts_with("HTTP/1.1 413"));
    }
    assert_eq!(upstream.accepted(), 0);
}

#[tokio::test(flavor = "local")]
async fn a_body_that_grows_too_long_is_413_and_never_completed_at_the_upstream() {
    let (upstream, kept) = keeping("\r\n0\r\n\r\n").await;
    let url = format!("http://{}", upstream.address);
    let limits = BodyLimits { max_bytes: 10, ..BodyLimits::default() };
    let door = Door::with(&url, UpstreamLimits::default(), limits, Bodies::Streamed).await;
    let mut client = door.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    client.send("6\r\n world\r\n0\r\n\r\n").await;
    assert!(client.read_head().await.starts_with("HTTP/1.1 413"));
    while kept.borrow().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!kept.borrow().ends_with("0\r\n\r\n"), "{}", kept.borrow());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_client_that_drips_its_body_is_408_when_its_time_is_over() {
    let (upstream, _) = keeping("never").await;
    let url = format!("http://{}", upstream.address);
    let limits = BodyLimits { whole_timeout: Duration::from_secs(100), ..BodyLimits::default() };
    let door = Door::with(&url, UpstreamLimits::default(), limits, Bodies::Streamed).await;
    let mut client = door.client().await;
    let start = Instant::now();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n").await;
    for _ in 0..9 {
        client.send("x").await;
        tokio::time::sleep(Duration::from_secs(11)).await;
    }
    let head = client.read_head().await;
    assert!(head.starts_with("HTTP/1.1 408"), "{head} {:?}", start.elapsed());
    assert_eq!(start.elapsed(), Duration::from_secs(100));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_client_that_stops_in_mid_body_is_408_and_not_the_upstreams_fault() {
    let (upstream, _) = keeping("never").await;
    let url = format!("http://{}", upstream.address);
    let limits = BodyLimits { idle_timeout: Duration::from_secs(30), ..BodyLimits::default() };
    let upstream_limits =
        UpstreamLimits { response_timeout: Duration::from_secs(10), ..UpstreamLimits::default() };
    let door = Door::with(&url, upstream_limits, limits, Bodies::Streamed).await;
    let mut client = door.client().await;
    let start = Instant::now();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel").await;
    assert!(client.read_head().await.starts_with("HTTP/1.1 408"));
    assert_eq!(start.elapsed(), Duration::from_secs(30));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_time_to_answer_counts_from_the_end_of_the_request() {
    let (upstream, _) = keeping("never").await;
    let url = format!("http://{}", upstream.address);
    let limits = UpstreamLimits { response_timeout: Duration::from_secs(10), ..UpstreamLimits::default() };
    let door = Door::with(&url, limits, BodyLimits::default(), Bodies::Streamed).await;
    let mut client = door.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel").await;
    tokio::time::sleep(Duration::from_secs(25)).await;
    let start = Instant::now();
    client.send("lo").await;
    assert!(client.read_head().await.starts_with("HTTP/1.1 504"));
    assert_eq!(start.elapsed(), Duration::from_secs(10));
}

#[tokio::test(flavor = "local")]
async fn a_body_that_breaks_off_or_is_malformed_is_never_completed_at_the_upstream() {
    for (sent, end) in [
        ("Content-Length: 10\r\n\r\nhello", "hello"),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n", "\r\n0\r\n\r\n"),
    ] {
        let closed = Rc::new(Cell::new(None));
        let saw = closed.clone();
        let upstream = Scripted::new(move |_, mut peer| {
            let saw = saw.clone();
            async move { saw.set(Some(peer.read_to_end().await)) }
        })
        .await;
        let door = Door::to(upstream.address).await;
        let mut client = door.client().await;
        client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\n{sent}")).await;
        while upstream.accepted() == 0 {
            tokio::task::yield_now().await;
        }
        drop(client);
        let got = loop {
            if let Some(got) = closed.take() {
                break got;
            }
            tokio::task::yield_now().await;
        };
        assert!(end == "hello" || !got.ends_with(end), "{got}");
    }
}

/// Writes `total` bytes and says how many are written so far.
async fn write_slowly(peer: &mut Peer, total: usize, written: &Cell<usize>) {
    let block = vec![b'x'; 64 * 1024];
    while written.get() < total {
        peer.0.write_all(&block).await.unwrap();
        written.set(written.get() + block.len());
    }
}

/// Lets everybody else run until `written` grows no more, and says how far it has come.
async fn come_to_rest(written: &Cell<usize>) -> usize {
    let mut quiet = 0;
    let mut last = written.get();
    while quiet < 10_000 {
        tokio::task::yield_now().await;
        quiet = if written.get() == last { quiet + 1 } else { 0 };
        last = written.get();
    }
    last
}

#[tokio::test(flavor = "local")]
async fn a_large_download_flows_no_faster_than_the_client_reads() {
    let written = Rc::new(Cell::new(0));
    let count = written.clone();
    let upstream = Scripted::new(move |_, mut peer| {
        let count = count.clone();
        async move {
            peer.read_head().await;
            peer.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n")).await;
            write_slowly(&mut peer, LARGE, &count).await;
        }
    })
    .await;
    let door = Door::to(upstream.address).await;
    let mut client = door.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    client.read_head().await;
    let stuck = come_to_rest(&written).await;
    assert!(stuck < LARGE / 2, "{stuck} bytes went into buffers");
    let mut body = Vec::new();
    client.0.read_to_end(&mut body).await.unwrap();
    assert_eq!(body.len(), LARGE);
}

#[tokio::test(flavor = "local")]
async fn a_large_upload_flows_no_faster_than_the_upstream_reads() {
    let read_on = Rc::new(tokio::sync::Notify::new());
    let resume = read_on.clone();
    let upstream = Scripted::new(move |_, mut peer| {
        let resume = resume.clone();
        async move {
            peer.read_head().await;
            resume.notified().await;
            let mut body = vec![0; LARGE];
            peer.0.read_exact(&mut body).await.unwrap();
            peer.send(OK).await;
        }
    })
    .await;
    let door = Door::to(upstream.address).await;
    let mut client = door.client().await;
    let written = Rc::new(Cell::new(0));
    let count = written.clone();
    let uploaded = tokio::task::spawn_local(async move {
        client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGE}\r\n\r\n")).await;
        write_slowly(&mut client, LARGE, &count).await;
        client.read_until("ok").await
    });
    let stuck = come_to_rest(&written).await;
    assert!(stuck < LARGE / 2, "{stuck} bytes went into buffers");
    read_on.notify_one();
    assert!(uploaded.await.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "local")]
async fn an_upstream_may_answer_while_the_client_is_still_sending() {
    // The client reads nothing before it has sent everything, and the upstream's answer is more than fits
    // into buffers meanwhile: the one must not wait for the other.
    let upstream = Scripted::new(|_, mut peer| async move {
        peer.read_head().await;
        peer.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n")).await;
        let (mut from, mut to) = peer.0.split();
        let mut body = vec![0; LARGE];
        let answer = vec![b'a'; LARGE];
        let (sent, taken) = tokio::join!(to.write_all(&answer), from.read_exact(&mut body));
        sent.unwrap();
        taken.unwrap();
    })
    .await;
    let door = Door::to(upstream.address).await;
    let mut client = door.client().await;
    client
        .send(&format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGE}\r\nConnection: close\r\n\r\n"))
        .await;
    client.0.write_all(&vec![b'x'; LARGE]).await.unwrap();
    let mut answer = Vec::new();
    client.0.read_to_end(&mut answer).await.unwrap();
    assert!(answer.len() > LARGE);
}
