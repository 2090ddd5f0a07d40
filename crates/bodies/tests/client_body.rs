//! Bodies that are read whole: how much memory and time their senders get.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests fail by panicking")]

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use countersign_bodies::{ClientBody, HeldBodies, ReadLimits, RelayLimits};
use countersign_verify::{Begun, BodyFailure, BodySource as _, Caller};
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::sleep;

const KIB: u64 = 1024;

/// What is wanted of a body.
#[derive(Clone, Copy, Debug)]
enum Way {
    Whole,
    Passed,
}

/// A client's end of a connection whose bodies are read within `limits`, and what comes of each.
fn connection(limits: ReadLimits) -> (DuplexStream, mpsc::UnboundedReceiver<Result<Bytes, BodyFailure>>) {
    let (client, server) = duplex(1024 * 1024);
    let (tell, told) = mpsc::unbounded_channel();
    tokio::task::spawn_local(async move {
        let service = service_fn(move |request: Request<Incoming>| {
            let (tell, limits) = (tell.clone(), limits.clone());
            async move {
                let _heard = tell.send(ClientBody::new(request.into_body(), &limits).read().await);
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        });
        let _ended = http1::Builder::new().serve_connection(TokioIo::new(server), service).await;
    });
    (client, told)
}

fn limits(held: &HeldBodies) -> ReadLimits {
    ReadLimits {
        max_bytes: 1024 * KIB,
        idle_timeout: Duration::from_secs(5),
        whole_timeout: Duration::from_mins(1),
        held: held.clone(),
        spool: None,
    }
}

async fn post(client: &mut DuplexStream, length: u64) {
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
}

async fn send(client: &mut DuplexStream, length: u64) {
    client.write_all(&vec![b' '; usize::try_from(length).unwrap()]).await.unwrap();
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_body_that_keeps_dripping_ends_with_its_time() {
    let (mut client, mut told) = connection(limits(&HeldBodies::new(0)));
    post(&mut client, 1000).await;
    let outcome = loop {
        client.write_all(b" ").await.unwrap();
        sleep(Duration::from_secs(4)).await;
        if let Ok(outcome) = told.try_recv() {
            break outcome;
        }
    };
    assert_eq!(outcome, Err(BodyFailure::TooLong { within: Duration::from_mins(1) }));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_body_that_stops_ends_with_the_silence() {
    let (mut client, mut told) = connection(limits(&HeldBodies::new(0)));
    post(&mut client, 1000).await;
    send(&mut client, 999).await;
    let idle = Duration::from_secs(5);
    assert_eq!(told.recv().await.unwrap(), Err(BodyFailure::TooSlow { idle }));
}

#[tokio::test(flavor = "local")]
async fn a_long_body_that_is_only_checked_takes_no_room() {
    let (mut client, server) = duplex(1024 * 1024);
    let (tell, mut told) = mpsc::unbounded_channel();
    tokio::task::spawn_local(async move {
        let service = service_fn(move |request: Request<Incoming>| {
            let tell = tell.clone();
            async move {
                let limits = limits(&HeldBodies::new(0));
                let mut body = ClientBody::new(request.into_body(), &limits).for_checking();
                let mut length = 0;
                let begun = body.begin().await;
                let passed = body.pass(None, &mut |piece| length += piece.len()).await;
                let _heard = tell.send((begun, passed, length));
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        });
        let _ended = http1::Builder::new().serve_connection(TokioIo::new(server), service).await;
    });
    post(&mut client, 500 * KIB).await;
    send(&mut client, 500 * KIB).await;
    assert_eq!(told.recv().await.unwrap(), (Ok(Begun::Long), Ok(()), 500 * 1024));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_body_that_goes_on_while_it_is_checked_has_a_time_of_its_own_to_end_in() {
    let (mut client, server) = duplex(1024 * 1024);
    let (tell, mut told) = mpsc::unbounded_channel();
    tokio::task::spawn_local(async move {
        let service = service_fn(move |request: Request<Incoming>| {
            let tell = tell.clone();
            async move {
                let limits = limits(&HeldBodies::new(0));
                let mut body = ClientBody::new(request.into_body(), &limits);
                let (_begun, _relayed) = body.relay(RelayLimits {
                    max_bytes: 1024 * KIB,
                    whole_timeout: Duration::from_hours(1),
                    patience: Duration::from_secs(1),
                });
                let begun = body.begin().await;
                let _heard = tell.send((begun, body.pass(Some(&Caller::default()), &mut |_| ()).await));
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        });
        let _ended = http1::Builder::new().serve_connection(TokioIo::new(server), service).await;
    });
    post(&mut client, 500 * KIB).await;
    let mut waited = Duration::ZERO;
    let outcome = loop {
        client.write_all(b" ").await.unwrap();
        sleep(Duration::from_secs(4)).await;
        waited += Duration::from_secs(4);
        if let Ok(outcome) = told.try_recv() {
            break outcome;
        }
    };
    let within = Duration::from_hours(1);
    assert_eq!(outcome, (Ok(Begun::Long), Err(BodyFailure::TooLong { within })));
    assert!(waited >= within && waited < within + Duration::from_secs(8), "{waited:?}");
}

#[tokio::test(flavor = "local")]
async fn a_body_that_may_go_on_while_it_is_checked_is_no_longer_for_that_where_it_is_needed_whole() {
    let (tell, mut told) = mpsc::unbounded_channel();
    for way in [Way::Passed, Way::Whole] {
        let tell = tell.clone();
        let (mut client, server) = duplex(1024 * 1024);
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let tell = tell.clone();
                async move {
                    let short = ReadLimits { max_bytes: 100 * KIB, ..limits(&HeldBodies::new(1 << 20)) };
                    let mut body = ClientBody::new(request.into_body(), &short);
                    let (_begun, _relayed) = body.relay(RelayLimits {
                        max_bytes: 1024 * KIB,
                        whole_timeout: Duration::from_mins(1),
                        patience: Duration::from_secs(1),
                    });
                    let outcome = match way {
                        Way::Whole => body.read().await.map(|_| ()),
                        Way::Passed => {
                            assert_eq!(body.begin().await, Ok(Begun::Long));
                            body.pass(None, &mut |_| ()).await
                        }
                    };
                    let _heard = tell.send(outcome);
                    Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
                }
            });
            let _ended = http1::Builder::new().serve_connection(TokioIo::new(server), service).await;
        });
        post(&mut client, 200 * KIB).await;
        send(&mut client, 200 * KIB).await;
        let expected = match way {
            Way::Whole => Err(BodyFailure::TooLarge { limit: 100 * KIB }),
            Way::Passed => Ok(()),
        };
        assert_eq!(told.recv().await.unwrap(), expected, "{way:?}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn bodies_that_others_hold_leave_no_room_but_for_small_ones() {
    let held = HeldBodies::new(400 * KIB);
    let (mut stranger, mut of_stranger) = connection(limits(&held));
    post(&mut stranger, 500 * KIB).await;
    send(&mut stranger, 400 * KIB).await;
    sleep(Duration::from_secs(1)).await;

    let (mut client, mut told) = connection(limits(&held));
    post(&mut client, 64 * KIB).await;
    send(&mut client, 64 * KIB).await;
    assert_eq!(told.recv().await.unwrap().unwrap().len(), 64 * 1024);
    client.read_buf(&mut Vec::new()).await.unwrap();
    post(&mut client, 200 * KIB).await;
    send(&mut client, 200 * KIB).await;
    assert_eq!(told.recv().await.unwrap(), Err(BodyFailure::Crowded));

    // The room comes back with the end of the body that took it.
    drop(stranger);
    assert_eq!(of_stranger.recv().await.unwrap(), Err(BodyFailure::Broken));
    let (mut client, mut told) = connection(limits(&held));
    post(&mut client, 200 * KIB).await;
    send(&mut client, 200 * KIB).await;
    assert_eq!(told.recv().await.unwrap().unwrap().len(), 200 * 1024);
}
