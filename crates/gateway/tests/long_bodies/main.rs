//! Long bodies under a signature, at a real door before a real upstream, byte by byte: what does the upstream see, and when?

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs, reason = "a test")]

mod world;

use std::time::Duration;

use countersign_edge::LongBodies::{HoldLast, SpoolFirst};
use countersign_verify::SignatureUse;
use tokio::time::timeout;
use world::{Framing, LONG, Served, Upstream, World, body, chunk, request};

const BOTH: [Framing; 2] = [Framing::Length, Framing::Chunks];

/// How much of a long body is held back at least.
const HELD_BACK: usize = 16 * 1024;

/// What a client reads until the server closes.
async fn ask(world: &World, bytes: &[u8]) -> String {
    let mut client = world.client().await;
    client.send(bytes).await;
    client.read_to_end().await
}

#[tokio::test(flavor = "local")]
async fn a_long_body_arrives_whole_with_its_callers_name_whichever_way_it_goes() {
    for (long_bodies, framing) in
        [(HoldLast, BOTH[0]), (HoldLast, BOTH[1]), (SpoolFirst, BOTH[0]), (SpoolFirst, BOTH[1])]
    {
        let mut upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        let world = World::new(&upstream, long_bodies, SignatureUse::AsDialect).await;
        let body = body(LONG);
        let answer = ask(&world, &request(&world, &body, framing)).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nok"), "{answer}");
        let served = upstream.served().await;
        assert!(served.is_whole(), "{long_bodies:?} {framing:?}");
        assert_eq!(served.body(), body);
        assert!(served.head().contains("x-consumer-username: acme"), "{}", served.head());
        assert!(!served.head().contains("x-signature"), "{}", served.head());
    }
}

#[tokio::test(flavor = "local")]
async fn of_a_request_with_a_wrong_signature_the_upstream_never_sees_the_whole() {
    for framing in BOTH {
        let mut upstream = Upstream::silent().await;
        let world = World::new(&upstream, HoldLast, SignatureUse::AsDialect).await;
        let mut bytes = request(&world, &body(LONG), framing);
        // One byte, near the end of the body.
        let at = bytes.len() - 9;
        bytes[at] ^= 1;
        let answer = ask(&world, &bytes).await;
        assert!(
            answer.starts_with("HTTP/1.1 403") && answer.contains("application/problem+json"),
            "{answer}"
        );
        let served = upstream.served().await;
        assert!(served.is_broken_off() && !served.is_whole(), "{framing:?}");
        let seen = served.body().len();
        assert!(seen > LONG / 2 && seen <= LONG - HELD_BACK, "{seen}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_body_that_breaks_off_or_stops_is_never_whole_at_the_upstream() {
    for framing in BOTH {
        let mut upstream = Upstream::silent().await;
        let world = World::new(&upstream, HoldLast, SignatureUse::AsDialect).await;
        let bytes = request(&world, &body(LONG), framing);
        let mut client = world.client().await;
        client.send(&bytes[..bytes.len() - 4]).await;
        drop(client);
        let served = upstream.served().await;
        assert!(served.is_broken_off() && !served.is_whole(), "{framing:?}");
    }
}

#[tokio::test(flavor = "local")]
async fn a_body_that_is_put_aside_first_is_not_seen_at_all_if_its_signature_is_wrong() {
    for framing in BOTH {
        let upstream = Upstream::silent().await;
        let world = World::new(&upstream, SpoolFirst, SignatureUse::AsDialect).await;
        let mut bytes = request(&world, &body(LONG), framing);
        let at = bytes.len() - 9;
        bytes[at] ^= 1;
        let answer = ask(&world, &bytes).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        assert_eq!(upstream.accepted(), 0);
        assert_eq!(std::fs::read_dir(world.spool()).unwrap().count(), 0);
    }
}

#[tokio::test(flavor = "local")]
async fn a_short_body_is_held_until_its_signature_is_found_good() {
    let upstream = Upstream::silent().await;
    let world = World::new(&upstream, HoldLast, SignatureUse::AsDialect).await;
    for length in [0, 1, 60_000] {
        let mut bytes = request(&world, &body(length), Framing::Chunks);
        let at = bytes.windows(13).position(|part| part == b"x-timestamp: ").unwrap() + 13;
        bytes[at] ^= 1;
        assert!(ask(&world, &bytes).await.starts_with("HTTP/1.1 403"), "{length}");
        assert_eq!(upstream.accepted(), 0, "{length}");
    }
}

#[tokio::test(flavor = "local")]
async fn the_end_goes_only_once_the_signature_is_claimed() {
    for framing in BOTH {
        let mut upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        let world = World::new(&upstream, HoldLast, SignatureUse::Once).await;
        let bytes = request(&world, &body(LONG), framing);
        // Storage is gone once all but the end of the body is on its way: nobody can say that it is the first use.
        let mut client = world.client().await;
        let most = bytes.len() - 100;
        client.send(&bytes[..most]).await;
        upstream.wait_for(LONG / 2).await;
        world.cut();
        client.send(&bytes[most..]).await;
        assert!(client.read_to_end().await.starts_with("HTTP/1.1 503"));
        let served = upstream.served().await;
        assert!(served.is_broken_off() && !served.is_whole());

        world.mend();
        assert!(ask(&world, &bytes).await.starts_with("HTTP/1.1 200"));
        assert!(upstream.served().await.is_whole());
        // The same signature again.
        assert!(ask(&world, &bytes).await.starts_with("HTTP/1.1 403"));
        let served = upstream.served().await;
        assert!(served.is_broken_off() && !served.is_whole());
    }
}

#[tokio::test(flavor = "local")]
async fn an_answer_that_comes_before_the_signature_is_checked_is_for_nobody_else() {
    let early = "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge";
    for good in [true, false] {
        let mut upstream = Upstream::early(early).await;
        let world = World::new(&upstream, HoldLast, SignatureUse::AsDialect).await;
        let mut bytes = request(&world, &body(LONG), Framing::Length);
        let last = bytes.len() - 1;
        bytes[last] ^= u8::from(!good);
        let mut client = world.client().await;
        client.send(&bytes[..last]).await;
        upstream.wait_for(LONG / 2).await;
        let waits = timeout(Duration::from_millis(50), client.read_head()).await;
        assert!(waits.is_err(), "told before the end: {waits:?}");
        assert!(upstream.got() < bytes.len() - HELD_BACK / 2, "{} of {}", upstream.got(), bytes.len());
        client.send(&bytes[last..]).await;
        let answer = client.read_to_end().await;
        if good {
            assert!(answer.starts_with("HTTP/1.1 413") && answer.ends_with("large"), "{answer}");
        } else {
            assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
            assert!(!upstream.served().await.is_whole());
        }
    }
}

#[tokio::test(flavor = "local")]
async fn an_upstream_that_is_not_there_is_told_to_those_alone_who_signed() {
    let upstream = Upstream::silent().await;
    let world = World::new(&upstream, HoldLast, SignatureUse::AsDialect).await;
    drop(upstream);
    let mut bytes = request(&world, &body(LONG), Framing::Length);
    assert!(ask(&world, &bytes).await.starts_with("HTTP/1.1 502"));
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert!(ask(&world, &bytes).await.starts_with("HTTP/1.1 403"));
}

#[tokio::test(flavor = "local")]
async fn what_needs_no_body_is_refused_before_the_client_is_told_to_send_it() {
    for long_bodies in [HoldLast, SpoolFirst] {
        let mut upstream = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        let world = World::new(&upstream, long_bodies, SignatureUse::AsDialect).await;
        let bytes = request(&world, &body(LONG), Framing::Length);
        let head_ends = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head =
            String::from_utf8(bytes[..head_ends].to_vec()).unwrap() + "\r\nExpect: 100-continue\r\n\r\n";
        let unknown = head.replace(&world.api_key(), "nobodys");
        let late = head.replace("x-timestamp: 17", "x-timestamp: 16");
        let keyless = head.replace("x-api-key", "x-other");
        for (refused, status) in [(unknown, "401"), (late, "403"), (keyless, "401")] {
            let mut client = world.client().await;
            client.send(refused.as_bytes()).await;
            let told = client.read_head().await;
            assert!(told.starts_with(&format!("HTTP/1.1 {status}")), "{told}");
        }
        let mut client = world.client().await;
        client.send(head.as_bytes()).await;
        assert_eq!(client.read_head().await, "HTTP/1.1 100 Continue\r\n\r\n");
        client.send(&bytes[head_ends + 4..]).await;
        assert!(client.read_to_end().await.starts_with("HTTP/1.1 200"));
        assert!(upstream.served().await.is_whole());
    }
}

#[tokio::test(flavor = "local")]
async fn a_body_that_is_longer_than_it_may_be_is_refused_and_never_whole() {
    // Its length is said, or shows only as it comes.
    let mut upstream = Upstream::silent().await;
    let world = World::new(&upstream, HoldLast, SignatureUse::AsDialect).await;
    let body = body(world::MOST + 1);
    assert!(ask(&world, &request(&world, &body, Framing::Length)).await.starts_with("HTTP/1.1 413"));
    assert_eq!(upstream.accepted(), 0);
    assert!(ask(&world, &request(&world, &body, Framing::Chunks)).await.starts_with("HTTP/1.1 413"));
    assert!(!upstream.served().await.is_whole());
}

#[test]
fn a_served_request_is_known_to_be_whole_or_not() {
    let whole = |text: &str| Served::of(text.as_bytes().to_vec()).is_whole();
    assert!(whole("PUT / HTTP/1.1\r\ncontent-length: 2\r\n\r\nok"));
    assert!(!whole("PUT / HTTP/1.1\r\ncontent-length: 3\r\n\r\nok"));
    assert!(whole("PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"));
    assert!(!whole("PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n"));
    assert!(!whole("PUT / HTTP/1.1\r\n"));
    assert_eq!(chunk(b"ok"), b"2\r\nok\r\n");
}
