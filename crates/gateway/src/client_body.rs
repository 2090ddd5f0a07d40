//! The body of a request, from the client's connection: read whole if a check asks for it, passed on as it comes if none does.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use countersign_verify::{BodyFailure, BodySource};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use crate::Payload;

/// The body of a request.
#[derive(Debug)]
pub struct ClientBody {
    state: State,
    limit: u64,
    idle: Duration,
}

#[derive(Debug)]
enum State {
    Unread(Incoming),
    Read(Bytes),
    Failed(BodyFailure),
}

impl ClientBody {
    /// A body that may be read whole up to `limit` bytes, and may be silent for `idle` on the way.
    pub fn new(incoming: Incoming, limit: u64, idle: Duration) -> Self {
        Self { state: State::Unread(incoming), limit, idle }
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
            State::Unread(incoming) => read(incoming, self.limit, self.idle).await,
        };
        self.state = match &read {
            Ok(bytes) => State::Read(bytes.clone()),
            Err(why) => State::Failed(*why),
        };
        read
    }
}

async fn read(incoming: &mut Incoming, limit: u64, idle: Duration) -> Result<Bytes, BodyFailure> {
    let too_large = BodyFailure::TooLarge { limit };
    if incoming.size_hint().lower() > limit {
        return Err(too_large);
    }
    let mut whole = Whole::Nothing;
    loop {
        let frame = timeout(idle, incoming.frame()).await.map_err(|_| BodyFailure::TooSlow { idle })?;
        match frame {
            None => return Ok(whole.into_bytes()),
            Some(Err(_)) => return Err(BodyFailure::Broken),
            // Trailers are no part of the content (RFC 9110 section 6.5) and are not signed by any dialect.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    whole = whole.with(data, limit).ok_or(too_large)?;
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

    /// With one more piece; nothing where that is too much.
    fn with(self, piece: Bytes, limit: u64) -> Option<Self> {
        let total = self.len().checked_add(piece.len())?;
        if u64::try_from(total).ok()? > limit {
            return None;
        }
        Some(match self {
            Self::Nothing => Self::One(piece),
            Self::One(first) => {
                let mut bytes = BytesMut::with_capacity(total);
                bytes.extend_from_slice(&first);
                bytes.extend_from_slice(&piece);
                Self::Many(bytes)
            }
            Self::Many(mut bytes) => {
                bytes.extend_from_slice(&piece);
                Self::Many(bytes)
            }
        })
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes.freeze(),
        }
    }
}
