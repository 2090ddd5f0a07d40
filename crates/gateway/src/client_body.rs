//! The body of a request, from the client's connection: read whole if a check asks for it, passed on as it comes if none does.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use countersign_verify::{BodyFailure, BodySource};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout};

use crate::{HeldBodies, Payload};

/// The body of a request.
#[derive(Debug)]
pub struct ClientBody {
    state: State,
    limits: ReadLimits,
}

/// Limits on reading a body whole.
#[derive(Clone, Debug)]
pub struct ReadLimits {
    /// The longest body, in bytes.
    pub max_bytes: u64,
    /// How long it may be silent on the way.
    pub idle_timeout: Duration,
    /// How long it may take from its first byte to its last.
    pub whole_timeout: Duration,
    /// The room for all that are read at one time.
    pub held: HeldBodies,
}

#[derive(Debug)]
enum State {
    Unread(Incoming),
    Read(Bytes),
    Failed(BodyFailure),
}

impl ClientBody {
    /// A body that may be read whole within `limits`.
    pub fn new(incoming: Incoming, limits: ReadLimits) -> Self {
        Self { state: State::Unread(incoming), limits }
    }

    /// What is passed on: what was read, or the stream.
    pub(crate) fn into_payload(self) -> Payload {
        match self.state {
            State::Unread(incoming) => Payload::incoming(incoming),
            State::Read(bytes) if bytes.is_empty() => Payload::None,
            State::Read(bytes) => Payload::Read(bytes),
            // A body that failed while it was read failed the check that asked for it, so that nothing is passed on.
            State::Failed(_) => Payload::None,
        }
    }
}

impl BodySource for ClientBody {
    async fn read(&mut self) -> Result<Bytes, BodyFailure> {
        let read = match &mut self.state {
            State::Read(bytes) => return Ok(bytes.clone()),
            State::Failed(why) => return Err(*why),
            State::Unread(incoming) => read(incoming, &self.limits).await,
        };
        self.state = match &read {
            Ok(bytes) => State::Read(bytes.clone()),
            Err(why) => State::Failed(*why),
        };
        read
    }
}

async fn read(incoming: &mut Incoming, limits: &ReadLimits) -> Result<Bytes, BodyFailure> {
    let (limit, idle, within) = (limits.max_bytes, limits.idle_timeout, limits.whole_timeout);
    let too_large = BodyFailure::TooLarge { limit };
    if incoming.size_hint().lower() > limit {
        return Err(too_large);
    }
    let began = Instant::now();
    let mut room = limits.held.room();
    let mut whole = Whole::Nothing;
    loop {
        // A client that sends a byte now and then is never silent for long, and must end all the same.
        let left = within.saturating_sub(began.elapsed());
        let frame = timeout(idle.min(left), incoming.frame()).await.map_err(|_| {
            if idle < left { BodyFailure::TooSlow { idle } } else { BodyFailure::TooLong { within } }
        })?;
        match frame {
            None => return Ok(room.hold(whole.into_bytes())),
            Some(Err(_)) => return Err(BodyFailure::Broken),
            // Trailers are no part of the content (RFC 9110 section 6.5) and are not signed by any dialect.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    let length = whole.length_with(&data, limit).ok_or(too_large)?;
                    room.grow(length).map_err(|_| BodyFailure::Crowded)?;
                    whole = whole.with(data);
                }
            }
        }
    }
}

/// What has come so far. A body in one piece, as most are, is not copied.
enum Whole {
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Whole {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(bytes) => bytes.len(),
            Self::Many(bytes) => bytes.len(),
        }
    }

    /// How long it is with one more piece, in bytes; nothing where that is too much.
    fn length_with(&self, piece: &Bytes, limit: u64) -> Option<u64> {
        let total = u64::try_from(self.len().checked_add(piece.len())?).ok()?;
        (total <= limit).then_some(total)
    }

    /// With one more piece.
    fn with(self, piece: Bytes) -> Self {
        match self {
            Self::Nothing => Self::One(piece),
            Self::One(first) => {
                let mut bytes = BytesMut::with_capacity(first.len().saturating_add(piece.len()));
                bytes.extend_from_slice(&first);
                bytes.extend_from_slice(&piece);
                Self::Many(bytes)
            }
            Self::Many(mut bytes) => {
                bytes.extend_from_slice(&piece);
                Self::Many(bytes)
            }
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes.freeze(),
        }
    }
}
