//! Following storage's change feed, and telling in storage how far it was followed, for whoever waits for a change to be in effect.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use countersign_edge::with_causes;
use countersign_model::{Clock, Entropy, UnixTime};
use countersign_store::{Cursor, Follower, FollowerId, Store, StoreError};
use countersign_verify::{Failure, Verifier};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::telemetry;

/// How often the change feed is read. What a command changes beside a running server is in effect after this long, and the
/// reading.
const FEED_EVERY: Duration = Duration::from_millis(50);

/// How long after a failure it is tried again to tell how far the feed was followed.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The longest that a server waits, when it stops, to have itself forgotten.
const FORGET_WITHIN: Duration = Duration::from_secs(1);

/// Everything in this process that remembers what is in storage: the verifier of the present configuration, and those of
/// earlier ones under which requests are still under way.
#[derive(Default)]
pub(crate) struct Followed(Mutex<Vec<Weak<Verifier>>>);

impl Followed {
    /// Has `verifier` follow the feed for as long as it is there.
    pub(super) fn add(&self, verifier: &Arc<Verifier>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(verifier));
    }

    fn living(&self) -> Vec<Arc<Verifier>> {
        let mut verifiers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        verifiers.retain(|verifier| verifier.strong_count() > 0);
        verifiers.iter().filter_map(Weak::upgrade).collect()
    }

    /// Takes the feed in up to its end. What was changed before this call is in effect in this process after it.
    pub(crate) async fn catch_up(&self, now: UnixTime) -> Result<(), Failure> {
        for verifier in self.living() {
            verifier.catch_up(now).await?;
        }
        Ok(())
    }

    /// How far all of them have taken the feed in.
    fn applied(&self) -> Cursor {
        self.living().iter().map(|verifier| verifier.applied()).min().unwrap_or_default()
    }

    /// How long ago, at `now`, the feed was read last.
    pub(crate) fn age(&self, now: UnixTime) -> Duration {
        let read_at = |verifier: &Arc<Verifier>| now.since(verifier.read_at());
        self.living().iter().map(read_at).max().unwrap_or_default()
    }
}

/// The follower that this process is.
pub(super) struct Following {
    followed: Arc<Followed>,
    store: Arc<dyn Store>,
    id: FollowerId,
    title: String,
}

#[derive(Clone, Copy)]
enum Reading {
    Well,
    Failing,
}

impl Following {
    /// Makes this process known. To be called before it remembers anything: who finds it not known may conclude that it knows
    /// nothing.
    pub(super) async fn begin(
        followed: &Arc<Followed>,
        store: &Arc<dyn Store>,
        title: String,
        now: UnixTime,
        entropy: &dyn Entropy,
    ) -> Result<Self, StoreError> {
        let mut id = [0; 16];
        entropy.fill(&mut id);
        let (followed, store) = (Arc::clone(followed), Arc::clone(store));
        let following = Self { followed, store, id: FollowerId(id), title };
        following.tell(following.followed.applied(), now).await?;
        Ok(following)
    }

    /// Follows the feed until the future is dropped.
    pub(super) async fn run(&self, clock: &dyn Clock) {
        let (applied, told) = watch::channel(self.followed.applied());
        tokio::join!(self.read(applied, clock), self.tell_all(told, clock));
    }

    /// Has it forgotten that there is this process.
    pub(super) async fn end(&self) {
        let forgotten = tokio::time::timeout(FORGET_WITHIN, self.store.forget_follower(self.id)).await;
        if let Ok(Err(error)) = forgotten {
            tracing::warn!(
                error = with_causes(&error),
                "this process is still among those that follow changes"
            );
        }
    }

    async fn read(&self, applied: watch::Sender<Cursor>, clock: &dyn Clock) {
        let mut every = interval(FEED_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reading = Reading::Well;
        loop {
            every.tick().await;
            match (self.followed.catch_up(clock.now()).await, reading) {
                (Ok(()), was) => {
                    if let Reading::Failing = was {
                        tracing::info!("the change feed can be read again");
                        reading = Reading::Well;
                    }
                    let reached = self.followed.applied();
                    applied.send_if_modified(|told| std::mem::replace(told, reached) != reached);
                }
                (Err(error), was) => {
                    telemetry::feed_failed();
                    if let Reading::Well = was {
                        tracing::error!(error = with_causes(&error), "the change feed cannot be read");
                    }
                    reading = Reading::Failing;
                }
            }
        }
    }

    /// Tells how far the feed was followed each time that there was news. Beside the reading: writing may take long, and must not
    /// keep anybody from reading.
    async fn tell_all(&self, mut applied: watch::Receiver<Cursor>, clock: &dyn Clock) {
        while applied.changed().await.is_ok() {
            let reached = *applied.borrow_and_update();
            if let Err(error) = self.tell(reached, clock.now()).await {
                tracing::warn!(
                    error = with_causes(&error),
                    "how far changes were followed could not be told"
                );
                tokio::time::sleep(TELL_AGAIN_AFTER).await;
                applied.mark_changed();
            }
        }
    }

    async fn tell(&self, applied: Cursor, at: UnixTime) -> Result<(), StoreError> {
        let title = self.title.clone();
        self.store.acknowledge(&Follower { id: self.id, title, applied, at }).await
    }
}
