//! The body of a request, and the place where it is handed over.
//!
//! The connection puts a piece there when it was asked for one, and reads nothing before: who reads slowly is sent slowly. Who
//! reads may be in another task than the connection, or in another thread: then each wakes the other. In the same task, who is
//! polled next sees what there is.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use countersign_framing::Refusal;
use http_body::{Frame, SizeHint};

/// The body of a request. It has no trailers: what frames it is checked, and none of them is handed on.
#[derive(Debug)]
pub struct Body(Kind);

#[derive(Debug)]
enum Kind {
    None,
    /// It came with its head.
    Whole(Bytes),
    Coming(Reader),
}

/// Why a body is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyBroken {
    /// The client left in the middle of it.
    #[error("the client left in the middle of the body")]
    Incomplete,
    /// Its framing was refused.
    #[error("the framing of the body was refused")]
    Refused(#[source] Refusal),
}

impl Body {
    /// No body.
    pub const fn none() -> Self {
        Self(Kind::None)
    }

    pub(super) fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole(bytes))
    }

    /// A body that is to come, so many bytes of it where that is known, and the other side of it.
    pub(super) fn coming(length: Option<u64>) -> (Self, Giver) {
        let place = Arc::new(Mutex::new(Place::default()));
        let reader = Reader { place: Arc::clone(&place), left: length };
        (Self(Kind::Coming(reader)), Giver { place })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyBroken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyBroken>>> {
        match &mut self.0 {
            Kind::None => Poll::Ready(None),
            Kind::Whole(bytes) => {
                let whole = std::mem::take(bytes);
                self.0 = Kind::None;
                Poll::Ready(Some(Ok(Frame::data(whole))))
            }
            Kind::Coming(reader) => reader.poll(cx).map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::None => true,
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Coming(reader) => reader.left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::None => SizeHint::with_exact(0),
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Coming(reader) => reader.left.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

/// Where a body is handed over.
#[derive(Debug, Default)]
struct Place {
    piece: Option<Bytes>,
    rest: Rest,
    demand: Demand,
    /// Who waits for a piece, and who waits until one is asked for.
    reader: Option<Waker>,
    giver: Option<Waker>,
}

/// What comes after the piece that is there.
#[derive(Clone, Copy, Debug, Default)]
enum Rest {
    #[default]
    ToCome,
    /// Nothing.
    Ended,
    Broken(BodyBroken),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Demand {
    #[default]
    None,
    /// The next piece is waited for.
    Piece,
    /// Nobody reads any more.
    Gone,
}

/// Where nobody panics with the lock in hand, what it guards is as it should be.
fn lock(place: &Mutex<Place>) -> MutexGuard<'_, Place> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Reader {
    place: Arc<Mutex<Place>>,
    left: Option<u64>,
}

impl Reader {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyBroken>>> {
        if self.left == Some(0) {
            return Poll::Ready(None);
        }
        let mut place = lock(&self.place);
        if let Some(piece) = place.piece.take() {
            self.left = self.left.map(|left| left.saturating_sub(piece.len() as u64));
            return Poll::Ready(Some(Ok(piece)));
        }
        match place.rest {
            Rest::ToCome => {
                let before = std::mem::replace(&mut place.demand, Demand::Piece);
                register(&mut place.reader, cx);
                if before == Demand::None {
                    wake_other(&mut place.giver, cx);
                }
                Poll::Pending
            }
            Rest::Ended => Poll::Ready(None),
            Rest::Broken(why) => Poll::Ready(Some(Err(why))),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut place = lock(&self.place);
        place.demand = Demand::Gone;
        let giver = place.giver.take();
        drop(place);
        if let Some(giver) = giver {
            giver.wake();
        }
    }
}

/// The side that a body comes from.
#[derive(Debug)]
pub(super) struct Giver {
    place: Arc<Mutex<Place>>,
}

/// What is wanted of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A piece.
    Piece,
    /// Nothing yet.
    Nothing,
    /// Nothing more.
    NeverMore,
}

impl Giver {
    /// What is wanted. Who asks is woken when that changes.
    pub(super) fn wanted(&self, cx: &mut Context<'_>) -> Wanted {
        let mut place = lock(&self.place);
        let wanted = match place.demand {
            Demand::Gone => return Wanted::NeverMore,
            // A client that sends no more of it must not be waited for once nobody does.
            Demand::Piece => Wanted::Piece,
            Demand::None => Wanted::Nothing,
        };
        register(&mut place.giver, cx);
        wanted
    }

    /// Whether nobody reads it any more.
    pub(super) fn is_forsaken(&self) -> bool {
        lock(&self.place).demand == Demand::Gone
    }

    /// Hands over a piece that was wanted.
    pub(super) fn give(&self, piece: Bytes, cx: &mut Context<'_>) {
        let mut place = lock(&self.place);
        place.piece = Some(piece);
        if place.demand == Demand::Piece {
            place.demand = Demand::None;
        }
        wake_other(&mut place.reader, cx);
    }

    /// Nothing comes any more.
    pub(super) fn end(&self, cx: &mut Context<'_>) {
        self.rest(Rest::Ended, cx);
    }

    /// Nothing comes any more, and that is not the end.
    pub(super) fn break_off(&self, why: BodyBroken, cx: &mut Context<'_>) {
        self.rest(Rest::Broken(why), cx);
    }

    fn rest(&self, rest: Rest, cx: &mut Context<'_>) {
        let mut place = lock(&self.place);
        place.rest = rest;
        wake_other(&mut place.reader, cx);
    }
}

impl Drop for Giver {
    /// A connection that is gone sends nothing any more.
    fn drop(&mut self) {
        let mut place = lock(&self.place);
        if let Rest::ToCome = place.rest {
            place.rest = Rest::Broken(BodyBroken::Incomplete);
        }
        let reader = place.reader.take();
        drop(place);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

fn register(waker: &mut Option<Waker>, cx: &Context<'_>) {
    match waker {
        Some(there) => there.clone_from(cx.waker()),
        None => *waker = Some(cx.waker().clone()),
    }
}

/// Wakes who waits, unless that is who is being polled now: the connection polls its service again when it gave something, and
/// looks what its service wants when it has polled it.
fn wake_other(waker: &mut Option<Waker>, cx: &Context<'_>) {
    if let Some(waker) = waker.take_if(|waker| !waker.will_wake(cx.waker())) {
        waker.wake();
    }
}
