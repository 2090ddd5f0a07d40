//! Which server of an upstream a request goes to, and what becomes of it where one fails.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use countersign_gateway::{BodyLimits, Health, HealthCheck, Server, Upstream, UpstreamLimits, tend};
use http::uri::PathAndQuery;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::spawn_local;

use crate::support::{Bodies, Door, Scripted};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";

fn upstream_of(addresses: &[SocketAddr]) -> Upstream {
    let urls: Vec<_> = addresses.iter().map(|address| format!("http://{address}")).collect();
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    Upstream::of("api", &urls, UpstreamLimits::default()).unwrap()
}

async fn door_to(addresses: &[SocketAddr]) -> Door {
    Door::before(Arc::new(upstream_of(addresses)), BodyLimits::default(), Bodies::Streamed).await
}

/// Addresses where nobody listens, each another one.
async fn nobody<const COUNT: usize>() -> [SocketAddr; COUNT] {
    let mut taken = Vec::new();
    for _ in 0..COUNT {
        taken.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let addresses: Vec<_> = taken.iter().map(|listener| listener.local_addr().unwrap()).collect();
    addresses.try_into().unwrap()
}

async fn named(name: &'static str) -> Scripted {
    Scripted::new(move |_, mut peer| async move {
        while !peer.read_head().await.is_empty() {
            peer.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{name}")).await;
        }
    })
    .await
}

async fn who_answers(door: &Door, requests: usize) -> String {
    let mut client = door.client().await;
    let mut said = String::new();
    for _ in 0..requests {
        client.send(GET).await;
        let head = client.read_head().await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        said.push_str(&client.read_exactly(1).await);
    }
    said
}

#[tokio::test(flavor = "local")]
async fn servers_that_are_equally_busy_take_turns() {
    let (a, b, c) = (named("a").await, named("b").await, named("c").await);
    let door = door_to(&[a.address, b.address, c.address]).await;
    assert_eq!(who_answers(&door, 6).await, "abcabc");
    assert_eq!([a.accepted(), b.accepted(), c.accepted()], [1, 1, 1]);
}

#[tokio::test(flavor = "local")]
async fn the_least_busy_server_is_asked() {
    let slow = Rc::new(Notify::new());
    let waiting = slow.clone();
    let a = Scripted::new(move |_, mut peer| {
        let waiting = waiting.clone();
        async move {
            while !peer.read_head().await.is_empty() {
                waiting.notified().await;
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na").await;
            }
        }
    })
    .await;
    let b = named("b").await;
    let door = door_to(&[a.address, b.address]).await;
    let mut held = door.client().await;
    held.send(GET).await;
    while a.accepted() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(who_answers(&door, 4).await, "bbbb");
    slow.notify_one();
    assert!(held.read_until("\r\n\r\na").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "local")]
async fn each_server_is_called_by_its_own_name() {
    let (a, b) = (Scripted::mirror().await, Scripted::mirror().await);
    let door = door_to(&[a.address, b.address]).await;
    for server in [&a, &b] {
        let seen = door.ask("GET / HTTP/1.1\r\nHost: us\r\nConnection: close\r\n\r\n").await;
        assert!(seen.to_lowercase().contains(&format!("host: {}\r\n", server.address)), "{seen}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_server_that_takes_no_connection_costs_nobody_a_request() {
    let a = named("a").await;
    let [gone] = nobody().await;
    let door = door_to(&[gone, a.address]).await;
    let mut client = door.client().await;
    for request in [POST, GET, POST] {
        client.send(request).await;
        assert!(client.read_until("\r\n\r\na").await.starts_with("HTTP/1.1 200"));
    }
    assert!(!door.upstream.servers()[0].standing().is_good());
    assert!(door.upstream.servers()[1].standing().is_good());
}

#[tokio::test(flavor = "local")]
async fn where_no_server_is_good_a_request_tries_three_and_is_told() {
    let gone: [_; 4] = nobody().await;
    let door = door_to(&gone).await;
    let answer = door.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    let tried = |server: &&Server| !server.standing().is_good();
    assert_eq!(door.upstream.servers().iter().filter(tried).count(), 3);
    // Of four of which three are gone, the last is found at once.
    let alive = named("a").await;
    let door = door_to(&[gone[0], gone[1], gone[2], alive.address]).await;
    door.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(who_answers(&door, 3).await, "aaa");
}

/// Takes a request and breaks off without an answer.
async fn breaking() -> Scripted {
    Scripted::new(|_, mut peer| async move {
        peer.read_head().await;
    })
    .await
}

#[tokio::test(flavor = "local")]
async fn a_request_that_one_server_may_have_done_is_not_sent_to_another() {
    let (broken, well) = (breaking().await, named("a").await);
    let door = door_to(&[broken.address, well.address]).await;
    let mut client = door.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    assert!(client.read_head().await.starts_with("HTTP/1.1 502"));
    assert_eq!(well.accepted(), 0);
    assert!(!door.upstream.servers()[0].standing().is_good(), "it broke off");
}

#[tokio::test(flavor = "local")]
async fn an_idempotent_request_goes_to_another_server() {
    let (broken, well) = (breaking().await, named("a").await);
    let door = door_to(&[broken.address, well.address]).await;
    assert_eq!(who_answers(&door, 2).await, "aa");
    assert_eq!(broken.accepted(), 1);
}

fn looked_after(upstream: Arc<Upstream>) -> tokio::sync::mpsc::UnboundedReceiver<bool> {
    let (told, changes) = tokio::sync::mpsc::unbounded_channel();
    spawn_local(async move {
        let server = &upstream.servers()[0];
        tend(&upstream, server, |server| told.send(server.standing().is_good()).unwrap()).await;
    });
    changes
}

#[tokio::test(flavor = "local")]
async fn a_server_is_asked_for_its_health_and_gets_nothing_while_it_is_ill() {
    let well = Rc::new(std::cell::Cell::new(false));
    let state = well.clone();
    let (ill, other) = (
        Scripted::new(move |_, mut peer| {
            let state = state.clone();
            async move {
                let head = peer.read_head().await;
                assert!(head.starts_with("GET /health?deep=1 HTTP/1.1\r\n"), "{head}");
                let status = if state.get() { "200 OK" } else { "503 Unavailable" };
                peer.send(&format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await;
            }
        })
        .await,
        named("b").await,
    );
    let check = HealthCheck {
        target: PathAndQuery::from_static("/health?deep=1"),
        every: std::time::Duration::from_millis(1),
    };
    let upstream = Arc::new(upstream_of(&[ill.address, other.address]).with_health(check));
    let mut changes = looked_after(upstream.clone());
    assert_eq!(changes.recv().await, Some(false));
    assert_eq!(upstream.servers()[0].standing().health(), Health::Ill);
    let door = Door::before(upstream, BodyLimits::default(), Bodies::Streamed).await;
    assert_eq!(who_answers(&door, 3).await, "bbb");
    well.set(true);
    assert_eq!(changes.recv().await, Some(true));
}

#[tokio::test(flavor = "local")]
async fn a_server_that_takes_connections_again_is_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let upstream = Arc::new(upstream_of(&[address]));
    let door = Door::before(upstream.clone(), BodyLimits::default(), Bodies::Streamed).await;
    let mut changes = looked_after(upstream);
    let mut client = door.client().await;
    client.send(GET).await;
    assert!(client.read_head().await.starts_with("HTTP/1.1 502"));
    assert_eq!(changes.recv().await, Some(false));
    let _listener = TcpListener::bind(address).await.unwrap();
    assert_eq!(changes.recv().await, Some(true));
}
