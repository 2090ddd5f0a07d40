//! A body on its way from the client, piece by piece or held as it comes.

use bytes::{Bytes, BytesMut};
use countersign_verify::BodyFailure;
use http_body::Body;
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout};

use crate::held::Room;
use crate::{HeldBodies, ReadLimits};

/// A body on its way.
#[derive(Debug)]
pub(crate) struct Coming<B> {
    incoming: B,
    began: Instant,
    /// How much of it has come, in bytes.
    length: u64,
    /// What has come and is held.
    held: Whole,
    room: Room,
}

/// How much there is of a body.
pub(crate) enum Filled {
    Whole,
    Part,
}

impl<B: Body<Data = Bytes> + Unpin> Coming<B> {
    pub(crate) fn new(incoming: B, held: &HeldBodies) -> Self {
        Self { incoming, began: Instant::now(), length: 0, held: Whole::Nothing, room: held.room() }
    }

    /// Its length in bytes, where the client said it.
    pub(crate) fn exact_length(&self) -> Option<u64> {
        self.incoming.size_hint().exact().map(|rest| rest.saturating_add(self.length))
    }

    pub(crate) async fn read(mut self, limits: &ReadLimits) -> Result<Bytes, BodyFailure> {
        match self.fill(u64::MAX, limits).await? {
            Filled::Whole => Ok(self.into_bytes()),
            Filled::Part => Err(BodyFailure::Crowded),
        }
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.room.hold(self.held.into_bytes())
    }

    /// Holds what comes, until all of it is there, or it is longer than `short`, or there is no room.
    pub(crate) async fn fill(&mut self, short: u64, limits: &ReadLimits) -> Result<Filled, BodyFailure> {
        let least = self.incoming.size_hint().lower();
        if least > limits.max_bytes {
            return Err(BodyFailure::TooLarge { limit: limits.max_bytes });
        }
        if least > short {
            return Ok(Filled::Part);
        }
        while let Some(piece) = self.come(limits).await? {
            let fits = self.room.grow(self.length).is_ok();
            self.held = std::mem::take(&mut self.held).with(piece);
            if !fits || self.length > short {
                return Ok(Filled::Part);
            }
        }
        Ok(Filled::Whole)
    }

    /// The next piece, what is held before what comes.
    pub(crate) async fn next(&mut self, limits: &ReadLimits) -> Result<Option<Bytes>, BodyFailure> {
        match std::mem::take(&mut self.held) {
            Whole::Nothing => self.come(limits).await,
            held @ (Whole::One(_) | Whole::Many(_)) => {
                let room = std::mem::replace(&mut self.room, limits.held.room());
                Ok(Some(room.hold(held.into_bytes())))
            }
        }
    }

    /// The next piece that comes.
    async fn come(&mut self, limits: &ReadLimits) -> Result<Option<Bytes>, BodyFailure> {
        let (limit, idle, within) = (limits.max_bytes, limits.idle_timeout, limits.whole_timeout);
        loop {
            // A client that sends a byte now and then is never silent for long, and must end all the same.
            let left = within.saturating_sub(self.began.elapsed());
            let frame = timeout(idle.min(left), self.incoming.frame()).await.map_err(|_| {
                if idle < left { BodyFailure::TooSlow { idle } } else { BodyFailure::TooLong { within } }
            })?;
            let Some(frame) = frame else { return Ok(None) };
            // Trailers are no part of the content (RFC 9110 section 6.5) and are not signed by any dialect.
            let Ok(data) = frame.map_err(|_| BodyFailure::Broken)?.into_data() else { continue };
            self.length = self.length.saturating_add(data.len() as u64);
            if self.length > limit {
                return Err(BodyFailure::TooLarge { limit });
            }
            return Ok(Some(data));
        }
    }
}

/// What has come and is held. A body in one piece, as most are, is not copied.
#[derive(Debug, Default)]
enum Whole {
    #[default]
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Whole {
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
