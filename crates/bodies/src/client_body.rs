//! The body of a request, from the client's connection: read if a check asks for it, passed on as it comes if none does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_verify::{Begun, BodyFailure, BodySource, Caller};
use http_body::Body;
use tokio::sync::oneshot;

use crate::coming::{Coming, Filled};
use crate::held::SMALL_BODY;
use crate::relay::{Relay, Relayed, relay};
use crate::spool::Spooled;
use crate::{Departure, HeldBodies, SpoolPlace};

/// A body up to this long is held in memory in any case, in bytes.
const SHORT: u64 = SMALL_BODY;

/// The body of a request, until the decision is made.
#[derive(Debug)]
pub struct ClientBody<'l, B> {
    state: State<B>,
    limits: &'l ReadLimits,
    long: Long,
}

/// Limits on reading a body.
#[derive(Clone, Debug)]
pub struct ReadLimits {
    /// The longest body, in bytes.
    pub max_bytes: u64,
    /// How long it may be silent on the way.
    pub idle_timeout: Duration,
    /// How long it may take from its first byte to its last.
    pub whole_timeout: Duration,
    /// The room in memory for all that are read at one time.
    pub held: HeldBodies,
    /// Where long ones are put aside, if they may be.
    pub spool: Option<Arc<SpoolPlace>>,
}

/// Limits on a body that goes on while it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayLimits {
    /// The longest, in bytes.
    pub max_bytes: u64,
    /// How long it may take from its first byte to its last.
    pub whole_timeout: Duration,
    /// How long a piece of it may wait to be taken. After that it is checked all the same, and nothing of it goes on.
    pub patience: Duration,
}

#[derive(Debug)]
enum State<B> {
    Unread(B),
    /// It is too long to be held in memory; what has come of it is here.
    Begun(Box<Coming<B>>),
    Read(Bytes),
    Spooled(Box<Spooled>),
    /// It went on but for its end.
    Relayed(Box<Relay>),
    /// It went by.
    Forgotten,
    Failed(BodyFailure),
}

/// What becomes of a body that is too long to be held in memory.
#[derive(Debug)]
enum Long {
    Spooled,
    Relayed(Option<(Box<Relay>, RelayLimits)>),
    Forgotten,
}

/// Whether a body went on while it was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Along {
    /// It did; its end went once the check was done.
    Sent,
    /// Nothing of it went on yet.
    NotSent,
}

/// A body that was found good, or that nobody had to read.
#[derive(Debug)]
pub enum Checked<B> {
    /// Nobody has read of it.
    AsItCame(B),
    /// It was read, whole.
    Read(Bytes),
    /// It was read, and put aside in a file.
    Spooled(Box<Spooled>),
}

impl<'l, B: Body<Data = Bytes> + Unpin> ClientBody<'l, B> {
    /// A body that may be read within `limits`.
    pub const fn new(incoming: B, limits: &'l ReadLimits) -> Self {
        Self { state: State::Unread(incoming), limits, long: Long::Spooled }
    }

    /// The same body, which is checked and goes nowhere: a long one is not kept.
    #[must_use]
    pub fn for_checking(self) -> Self {
        Self { long: Long::Forgotten, ..self }
    }

    /// Has the body go on while it is read, if it is long: what tells that it does, and the other side of it.
    pub fn relay(&mut self, limits: RelayLimits) -> (oneshot::Receiver<Departure>, Relayed) {
        let (relay, begun, relayed) = relay(limits.patience);
        self.long = Long::Relayed(Some((Box::new(relay), limits)));
        (begun, relayed)
    }

    /// Lets go of the end of a body that went on while it was checked.
    pub async fn release(&mut self) -> Along {
        match self.replace(State::Failed(BodyFailure::Broken)) {
            State::Relayed(relay) if relay.has_begun() => {
                relay.release().await;
                Along::Sent
            }
            other => {
                self.state = other;
                Along::NotSent
            }
        }
    }

    /// What is passed on: what was read, or the stream. There is nothing left of it then.
    pub fn take_checked(&mut self) -> Result<Checked<B>, BodyFailure> {
        match self.replace(State::Failed(BodyFailure::Broken)) {
            State::Unread(incoming) => Ok(Checked::AsItCame(incoming)),
            State::Read(bytes) => Ok(Checked::Read(bytes)),
            State::Spooled(spooled) => Ok(Checked::Spooled(spooled)),
            State::Failed(why) => Err(why),
            // It was begun for a check that did not end, or went on already.
            State::Begun(_) | State::Relayed(_) | State::Forgotten => Err(BodyFailure::Broken),
        }
    }

    /// What was read of it, where all of it is in memory.
    pub fn held(&self) -> Option<Bytes> {
        match &self.state {
            State::Read(bytes) => Some(bytes.clone()),
            State::Unread(incoming) if incoming.is_end_stream() => Some(Bytes::new()),
            State::Unread(_)
            | State::Begun(_)
            | State::Spooled(_)
            | State::Relayed(_)
            | State::Forgotten
            | State::Failed(_) => None,
        }
    }

    fn replace(&mut self, state: State<B>) -> State<B> {
        std::mem::replace(&mut self.state, state)
    }

    /// Notes how reading went.
    fn note<T>(
        &mut self,
        read: Result<T, BodyFailure>,
        state: impl FnOnce(&T) -> State<B>,
    ) -> Result<T, BodyFailure> {
        self.state = match &read {
            Ok(read) => state(read),
            Err(why) => State::Failed(*why),
        };
        read
    }

    /// The body from its beginning, or what was made of it.
    fn coming(&mut self) -> Result<Coming<B>, Result<Bytes, BodyFailure>> {
        // Whoever gives up on reading leaves it broken.
        match self.replace(State::Failed(BodyFailure::Broken)) {
            State::Unread(incoming) => Ok(Coming::new(incoming, &self.limits.held)),
            State::Begun(coming) => Ok(*coming),
            State::Read(bytes) => {
                self.state = State::Read(bytes.clone());
                Err(Ok(bytes))
            }
            State::Failed(why) => {
                self.state = State::Failed(why);
                Err(Err(why))
            }
            gone @ (State::Spooled(_) | State::Relayed(_) | State::Forgotten) => {
                self.state = gone;
                Err(Err(BodyFailure::Broken))
            }
        }
    }

    /// How long a body may be that is held in memory even though nobody needs it whole, in bytes.
    fn short(&self) -> u64 {
        match (&self.long, &self.limits.spool) {
            (Long::Relayed(_) | Long::Forgotten, _) => SHORT,
            (Long::Spooled, Some(place)) => place.longer_than,
            (Long::Spooled, None) => u64::MAX,
        }
    }
}

/// Puts a body aside while it is checked.
async fn spool<B: Body<Data = Bytes> + Unpin>(
    mut coming: Coming<B>,
    limits: &ReadLimits,
    take: &mut (dyn FnMut(&[u8]) + Send),
) -> Result<Spooled, BodyFailure> {
    let place = limits.spool.as_ref().ok_or(BodyFailure::Crowded)?;
    let mut spool = place.open().await?;
    while let Some(piece) = coming.next(limits).await? {
        take(&piece);
        spool.write(&piece).await?;
    }
    spool.finish().await
}

/// Checks a body that goes nowhere.
async fn forget<B: Body<Data = Bytes> + Unpin>(
    mut coming: Coming<B>,
    limits: &ReadLimits,
    take: &mut (dyn FnMut(&[u8]) + Send),
) -> Result<(), BodyFailure> {
    while let Some(piece) = coming.next(limits).await? {
        take(&piece);
    }
    Ok(())
}

/// Passes a body on, but for its end, while it is checked.
async fn pass_on<B: Body<Data = Bytes> + Unpin>(
    mut coming: Coming<B>,
    limits: &ReadLimits,
    relay: &mut Relay,
    caller: Option<&Caller>,
    take: &mut (dyn FnMut(&[u8]) + Send),
) -> Result<(), BodyFailure> {
    if let Some(caller) = caller {
        relay.begin(Departure { caller: caller.clone(), length: coming.exact_length() });
    }
    while let Some(piece) = coming.next(limits).await? {
        take(&piece);
        relay.put(piece).await;
    }
    Ok(())
}

impl<B: Body<Data = Bytes> + Send + Unpin> BodySource for ClientBody<'_, B> {
    async fn read(&mut self) -> Result<Bytes, BodyFailure> {
        let read = match self.coming() {
            Ok(coming) => coming.read(self.limits).await,
            Err(read) => return read,
        };
        self.note(read, |bytes| State::Read(bytes.clone()))
    }

    async fn begin(&mut self) -> Result<Begun, BodyFailure> {
        let mut coming = match self.coming() {
            Ok(coming) => coming,
            Err(read) => return read.map(Begun::Whole),
        };
        // How long it may be that goes on is not how long it may be that is read whole.
        let longer = match &self.long {
            Long::Relayed(Some((_, limits))) => {
                Some(ReadLimits { max_bytes: limits.max_bytes, ..self.limits.clone() })
            }
            Long::Relayed(None) | Long::Spooled | Long::Forgotten => None,
        };
        match coming.fill(self.short(), longer.as_ref().unwrap_or(self.limits)).await {
            Ok(Filled::Whole) => {
                let bytes = coming.into_bytes();
                self.state = State::Read(bytes.clone());
                Ok(Begun::Whole(bytes))
            }
            Ok(Filled::Part) => {
                self.state = State::Begun(Box::new(coming));
                Ok(Begun::Long)
            }
            Err(why) => self.note(Err(why), |_| State::Failed(why)),
        }
    }

    async fn pass(
        &mut self,
        caller: Option<&Caller>,
        take: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<(), BodyFailure> {
        let coming = match self.coming() {
            Ok(coming) => coming,
            Err(read) => return read.map(|whole| take(&whole)),
        };
        let passed = match &mut self.long {
            Long::Relayed(relay) => {
                let (mut relay, limits) = relay.take().ok_or(BodyFailure::Broken)?;
                let RelayLimits { max_bytes, whole_timeout, .. } = limits;
                let limits = ReadLimits { max_bytes, whole_timeout, ..self.limits.clone() };
                pass_on(coming, &limits, &mut relay, caller, take).await.map(|()| State::Relayed(relay))
            }
            Long::Forgotten => forget(coming, self.limits, take).await.map(|()| State::Forgotten),
            Long::Spooled => {
                spool(coming, self.limits, take).await.map(|spooled| State::Spooled(Box::new(spooled)))
            }
        };
        match passed {
            Ok(state) => {
                self.state = state;
                Ok(())
            }
            Err(why) => self.note(Err(why), |()| State::Failed(why)),
        }
    }
}
