//! Long bodies under a signature, on their way into a service: what does it see of them, and when?

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(missing_docs, reason = "a test")]

mod world;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use countersign_edge::LongBodies::{self, HoldLast, SpoolFirst};
use countersign_tower::{Caller, RequestBody, ResponseBody, Withheld};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tower::{Layer as _, ServiceExt as _, service_fn};
use world::{Room, Sent, World, sent};

const BOTH: [LongBodies; 2] = [HoldLast, SpoolFirst];
const KIB: usize = 1024;
/// A body of which much is on its way before its end, in bytes.
const LONG: usize = 1024 * KIB;
/// How much of a long body is held back at least, in bytes.
const HELD_BACK: usize = 16 * KIB;
/// How much is sent at once, in bytes.
const PIECE: usize = 10_000;
const ROOM: Room = Room { most: 2 * LONG as u64, spooled: 1 << 30 };

/// How the body went that the service saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// It was not called, or what it did was given up.
    Never,
    Whole,
    Withheld,
    Otherwise,
}

/// What the service saw.
#[derive(Clone, Debug)]
struct Seen {
    body: Vec<u8>,
    ended: Ended,
    caller: Option<String>,
    signature: bool,
}

#[derive(Clone)]
struct Witness(Arc<Mutex<Seen>>);

impl Witness {
    fn new() -> Self {
        let seen = Seen { body: Vec::new(), ended: Ended::Never, caller: None, signature: false };
        Self(Arc::new(Mutex::new(seen)))
    }

    fn seen(&self) -> Seen {
        self.0.lock().unwrap().clone()
    }

    /// Sees a request.
    async fn read(self, request: Request<RequestBody<Sent>>) {
        let (head, mut body) = request.into_parts();
        {
            let mut seen = self.0.lock().unwrap();
            let caller = head.extensions.get::<Caller>().and_then(Caller::app);
            seen.caller = caller.map(|app| app.name().to_string());
            seen.signature = head.headers.contains_key("x-signature");
        }
        loop {
            let frame = body.frame().await;
            let mut seen = self.0.lock().unwrap();
            match frame {
                None => {
                    seen.ended = Ended::Whole;
                    return;
                }
                Some(Ok(frame)) => seen.body.extend_from_slice(frame.data_ref().unwrap()),
                Some(Err(error)) => {
                    seen.ended = if error.is::<Withheld>() { Ended::Withheld } else { Ended::Otherwise };
                    return;
                }
            }
        }
    }
}

/// A body that differs everywhere.
fn body(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

/// The request for `body`, and what it is sent by.
fn request(world: &World, body: &[u8], length: Option<u64>) -> (mpsc::UnboundedSender<Bytes>, Request<Sent>) {
    let (send, incoming) = sent(length);
    (send, world.request([body], incoming))
}

fn send(to: &mpsc::UnboundedSender<Bytes>, bytes: &[u8]) {
    for piece in bytes.chunks(PIECE) {
        to.send(Bytes::copy_from_slice(piece)).unwrap();
    }
}

type Answer = Response<ResponseBody<Full<Bytes>>>;

fn yes() -> Response<Full<Bytes>> {
    Response::new(Full::new(Bytes::from_static(b"yes")))
}

/// What the client is told by a service that reads its request to the end.
async fn ask(world: &World, witness: &Witness, request: Request<Sent>) -> Answer {
    let witness = witness.clone();
    let service = service_fn(move |request: Request<RequestBody<Sent>>| {
        let witness = witness.clone();
        async move {
            witness.read(request).await;
            Ok::<_, Infallible>(yes())
        }
    });
    world.layer.layer(service).oneshot(request).await.unwrap()
}

/// The same, on the way.
fn asking(world: &Arc<World>, witness: &Witness, request: Request<Sent>) -> JoinHandle<Answer> {
    let (world, witness) = (Arc::clone(world), witness.clone());
    tokio::spawn(async move { ask(&world, &witness, request).await })
}

async fn text(answer: Answer) -> (StatusCode, String) {
    let status = answer.status();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn a_long_body_reaches_the_service_whole_with_its_callers_name_whichever_way_it_goes() {
    for long_bodies in BOTH {
        for length in [None, Some(LONG as u64)] {
            let world = World::new(long_bodies, ROOM).await;
            let (whole, witness) = (body(LONG), Witness::new());
            let (to, request) = request(&world, &whole, length);
            send(&to, &whole);
            drop(to);
            let answer = ask(&world, &witness, request).await;
            assert!(answer.headers().contains_key("x-request-id"));
            assert_eq!(text(answer).await, (StatusCode::OK, "yes".to_owned()), "{long_bodies:?} {length:?}");
            let seen = witness.seen();
            assert_eq!((seen.ended, seen.caller.as_deref()), (Ended::Whole, Some("acme")));
            assert!(seen.body == whole && !seen.signature, "{long_bodies:?} {length:?}");
            assert_eq!(world.named_files(), 0);
        }
    }
}

#[tokio::test]
async fn of_a_tampered_body_that_went_on_meanwhile_the_service_never_sees_the_end() {
    for length in [None, Some(LONG as u64)] {
        let world = World::new(HoldLast, ROOM).await;
        let (whole, witness) = (body(LONG), Witness::new());
        let (to, request) = request(&world, &whole, length);
        let mut tampered = whole.clone();
        tampered[LONG - 9] ^= 1;
        send(&to, &tampered);
        drop(to);
        assert_eq!(ask(&world, &witness, request).await.status(), StatusCode::FORBIDDEN);
        let seen = witness.seen();
        assert_eq!(seen.ended, Ended::Never);
        assert!(seen.body.len() > LONG / 2 && seen.body.len() <= LONG - HELD_BACK, "{}", seen.body.len());
    }
}

#[tokio::test]
async fn whoever_reads_a_tampered_body_elsewhere_gets_an_error_in_place_of_its_end() {
    let world = World::new(HoldLast, ROOM).await;
    let (whole, witness) = (body(LONG), Witness::new());
    let (to, request) = request(&world, &whole, Some(LONG as u64));
    let mut tampered = whole.clone();
    tampered[LONG - 1] ^= 1;
    send(&to, &tampered);
    drop(to);
    let (tell, mut told) = mpsc::unbounded_channel();
    let reader = witness.clone();
    let service = service_fn(move |request| {
        tell.send(tokio::spawn(reader.clone().read(request))).unwrap();
        async { Ok::<_, Infallible>(yes()) }
    });
    let answer = world.layer.layer(service).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    told.recv().await.unwrap().await.unwrap();
    let seen = witness.seen();
    assert_eq!(seen.ended, Ended::Withheld);
    assert!(seen.body.len() <= LONG - HELD_BACK, "{}", seen.body.len());
}

#[tokio::test]
async fn a_service_is_not_called_with_a_tampered_body_that_is_put_aside_first_or_short() {
    for (long_bodies, length) in [(SpoolFirst, LONG), (SpoolFirst, 60 * KIB), (HoldLast, 60 * KIB)] {
        let world = World::new(long_bodies, ROOM).await;
        let (whole, witness) = (body(length), Witness::new());
        let (to, request) = request(&world, &whole, None);
        let mut tampered = whole.clone();
        tampered[length / 2] ^= 1;
        send(&to, &tampered);
        drop(to);
        assert_eq!(ask(&world, &witness, request).await.status(), StatusCode::FORBIDDEN);
        let seen = witness.seen();
        assert_eq!((seen.ended, seen.caller, seen.body.len()), (Ended::Never, None, 0), "{long_bodies:?}");
    }
}

#[tokio::test]
async fn an_answer_that_the_service_gives_early_is_heard_after_the_verdict_or_never() {
    for (good, status) in [(true, StatusCode::OK), (false, StatusCode::FORBIDDEN)] {
        let world = Arc::new(World::new(HoldLast, ROOM).await);
        let whole = body(LONG);
        let (to, request) = request(&world, &whole, Some(LONG as u64));
        send(&to, &whole[..LONG - 1]);
        let (tell, mut told) = mpsc::unbounded_channel();
        let service = service_fn(move |_: Request<RequestBody<Sent>>| {
            tell.send(()).unwrap();
            async { Ok::<_, Infallible>(yes()) }
        });
        let mut answer = tokio::spawn(world.layer.layer(service).oneshot(request));
        told.recv().await.unwrap();
        assert!(timeout(Duration::from_millis(50), &mut answer).await.is_err(), "heard before the verdict");
        send(&to, &[whole[LONG - 1] ^ u8::from(!good)]);
        drop(to);
        assert_eq!(answer.await.unwrap().unwrap().status(), status);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_is_told_so_and_its_body_has_no_end() {
    for long_bodies in BOTH {
        let world = Arc::new(World::new(long_bodies, ROOM).await);
        let (whole, witness) = (body(LONG), Witness::new());
        let (to, request) = request(&world, &whole, Some(LONG as u64));
        send(&to, &whole[..LONG - 1]);
        let answer = asking(&world, &witness, request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT, "{long_bodies:?}");
        let seen = witness.seen();
        assert_eq!(seen.ended, Ended::Never);
        assert_eq!(seen.body.is_empty(), long_bodies == SpoolFirst);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_keeps_dripping_is_ended_in_the_time_for_its_kind_of_body() {
    for (long_bodies, minutes) in [(HoldLast, 10), (SpoolFirst, 1)] {
        let world = Arc::new(World::new(long_bodies, ROOM).await);
        let (whole, witness) = (body(LONG), Witness::new());
        let (to, request) = request(&world, &whole, None);
        send(&to, &whole[..LONG / 2]);
        let began = Instant::now();
        let answer = asking(&world, &witness, request);
        while !answer.is_finished() {
            let _over = to.send(Bytes::from_static(b" "));
            sleep(Duration::from_secs(4)).await;
        }
        assert_eq!(answer.await.unwrap().status(), StatusCode::REQUEST_TIMEOUT);
        let (took, within) = (began.elapsed(), Duration::from_mins(minutes));
        assert!(took >= within && took < within + Duration::from_secs(8), "{long_bodies:?}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_leaves_a_body_unread_gets_no_more_of_it_and_the_verdict_comes() {
    let world = World::new(HoldLast, ROOM).await;
    let whole = body(LONG);
    let (to, request) = request(&world, &whole, Some(LONG as u64));
    send(&to, &whole);
    drop(to);
    let service = service_fn(|request: Request<RequestBody<Sent>>| async move {
        sleep(Duration::from_mins(5)).await;
        let read = request.into_body().collect().await;
        assert!(read.err().unwrap().is::<Withheld>());
        Ok::<_, Infallible>(yes())
    });
    let answer = world.layer.layer(service).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_body_longer_than_it_may_be_is_refused_and_never_whole() {
    for long_bodies in BOTH {
        for said in [true, false] {
            let world = World::new(long_bodies, ROOM).await;
            let (whole, witness) = (body(2 * LONG + 1), Witness::new());
            let (to, request) = request(&world, &whole, said.then_some(whole.len() as u64));
            send(&to, &whole);
            drop(to);
            let answer = ask(&world, &witness, request).await;
            assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE, "{long_bodies:?} {said}");
            assert_eq!(witness.seen().ended, Ended::Never);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn files_of_others_leave_no_room_until_they_are_read() {
    let world = Arc::new(World::new(SpoolFirst, Room { spooled: LONG as u64, ..ROOM }).await);
    let (whole, witness) = (body(LONG), Witness::new());
    let (to, first) = request(&world, &whole, None);
    send(&to, &whole);
    let first = asking(&world, &witness, first);
    // The time passes once all of it is put aside.
    sleep(Duration::from_secs(1)).await;
    let second = || {
        let (to, second) = request(&world, &whole, None);
        send(&to, &whole);
        second
    };
    let refused = ask(&world, &Witness::new(), second()).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(to);
    assert_eq!(first.await.unwrap().status(), StatusCode::OK);
    assert_eq!(ask(&world, &Witness::new(), second()).await.status(), StatusCode::OK);
}
