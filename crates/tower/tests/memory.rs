//! How much memory a long signed body takes on its way into a service. In a process of its own, as its peak is what is looked at.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs, reason = "a test")]

#[path = "long_bodies/world.rs"]
mod world;

use std::convert::Infallible;

use bytes::Bytes;
use countersign_edge::LongBodies::{HoldLast, SpoolFirst};
use countersign_tower::RequestBody;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use tower::{Layer as _, ServiceExt as _, service_fn};
use world::{Room, Sent, World, sent};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
static PIECE: &[u8] = &[b'x'; 65_536];

/// The most memory that this process has had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Has a service read a body of `length` bytes that its client sends piece by piece.
async fn pass(world: &World, length: u64) {
    let count = usize::try_from(length / PIECE.len() as u64).unwrap();
    let (to, body) = sent(Some(length));
    let request = world.request(std::iter::repeat_n(PIECE, count), body);
    let service = service_fn(|request: Request<RequestBody<Sent>>| async move {
        let (mut body, mut read) = (request.into_body(), 0);
        while let Some(frame) = body.frame().await {
            read += frame.unwrap().data_ref().unwrap().len() as u64;
        }
        let told = Response::builder().header("x-read", read);
        Ok::<_, Infallible>(told.body(Empty::<Bytes>::new()).unwrap())
    });
    // What is sent is one piece of static memory, over and over.
    for _ in 0..count {
        to.send(Bytes::from_static(PIECE)).unwrap();
    }
    drop(to);
    let answer = world.layer.layer(service).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["x-read"], length.to_string());
}

#[tokio::test]
async fn sixty_four_times_the_body_takes_no_more_memory() {
    for long_bodies in [HoldLast, SpoolFirst] {
        let world = World::new(long_bodies, Room { most: 64 * MIB, spooled: 64 * MIB }).await;
        pass(&world, MIB).await;
        let before = peak();
        pass(&world, 64 * MIB).await;
        let more = peak() - before;
        assert!(more < 4 * KIB, "{long_bodies:?}: {more} KiB more");
        assert_eq!(world.named_files(), 0);
    }
}
