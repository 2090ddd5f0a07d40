//! Consumers: add, list, show, enable, disable, remove.

use countersign_model::{Consumer, ConsumerId, ConsumerName, ConsumerState, Entropy, Rates, UnixTime};
use countersign_store::{Added, Held, Store, StoreError};
use uuid::Builder;

/// Why a consumer was not added.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerNotAdded {
    /// There is one of that name.
    #[error("there is a consumer `{name}` already")]
    NameTaken {
        /// The name.
        name: ConsumerName,
    },
    /// Storage failed.
    #[error("the consumer was not added")]
    Store(#[source] StoreError),
}

/// Why nothing was done to a consumer.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerNotFound {
    /// There is none of that name.
    #[error("there is no consumer `{name}`")]
    NoConsumer {
        /// The name.
        name: ConsumerName,
    },
    /// Storage failed.
    #[error("consumers are not to be had")]
    Store(#[source] StoreError),
}

/// A consumer that was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The consumer, as it was.
    pub consumer: Consumer,
    /// How many credentials it had. They are gone with it.
    pub credentials: usize,
}

/// Adds an enabled consumer without limits. Its identity is a UUID of version 7 (RFC 9562 section 5.7).
pub async fn add_consumer(
    store: &dyn Store,
    name: ConsumerName,
    now: UnixTime,
    entropy: &dyn Entropy,
) -> Result<Consumer, ConsumerNotAdded> {
    add_limited_consumer(store, name, Rates::default(), now, entropy).await
}

/// The same with limits, which its credentials keep together.
pub async fn add_limited_consumer(
    store: &dyn Store,
    name: ConsumerName,
    limits: Rates,
    now: UnixTime,
    entropy: &dyn Entropy,
) -> Result<Consumer, ConsumerNotAdded> {
    let consumer = Consumer { limits, ..new_consumer(name, now, entropy) };
    match store.add_consumer(&consumer).await.map_err(ConsumerNotAdded::Store)? {
        Added::Added => Ok(consumer),
        Added::NameTaken => Err(ConsumerNotAdded::NameTaken { name: consumer.name }),
    }
}

/// An enabled consumer that is not added yet.
pub(crate) fn new_consumer(name: ConsumerName, now: UnixTime, entropy: &dyn Entropy) -> Consumer {
    let mut random = [0; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    let id = ConsumerId(Builder::from_unix_timestamp_millis(millis, &random).into_uuid());
    Consumer { id, name, state: ConsumerState::Enabled, limits: Rates::default(), added_at: now }
}

/// All consumers, by name.
pub async fn consumers(store: &dyn Store) -> Result<Vec<Consumer>, StoreError> {
    store.consumers().await
}

/// A consumer and every credential it has, oldest first.
pub async fn show_consumer(
    store: &dyn Store,
    name: &ConsumerName,
) -> Result<(Consumer, Vec<Held>), ConsumerNotFound> {
    let consumer = find(store, name).await?;
    let credentials = store.credentials(Some(consumer.id)).await.map_err(ConsumerNotFound::Store)?;
    Ok((consumer, credentials))
}

/// Makes none of a consumer's credentials work until it is enabled again. One that is disabled stays so since when it was.
pub async fn disable_consumer(
    store: &dyn Store,
    name: &ConsumerName,
    now: UnixTime,
) -> Result<Consumer, ConsumerNotFound> {
    let consumer = find(store, name).await?;
    match consumer.state {
        ConsumerState::Enabled => set_state(store, consumer, ConsumerState::Disabled { at: now }).await,
        ConsumerState::Disabled { .. } => Ok(consumer),
    }
}

/// Makes a consumer's credentials work again, each as its own life allows.
pub async fn enable_consumer(store: &dyn Store, name: &ConsumerName) -> Result<Consumer, ConsumerNotFound> {
    let consumer = find(store, name).await?;
    match consumer.state {
        ConsumerState::Enabled => Ok(consumer),
        ConsumerState::Disabled { .. } => set_state(store, consumer, ConsumerState::Enabled).await,
    }
}

/// Has all credentials of a consumer together keep `limits`, in place of those before.
pub async fn set_consumer_limits(
    store: &dyn Store,
    name: &ConsumerName,
    limits: Rates,
) -> Result<Consumer, ConsumerNotFound> {
    let consumer = find(store, name).await?;
    if store.set_consumer_limits(consumer.id, &limits).await.map_err(ConsumerNotFound::Store)? {
        return Ok(Consumer { limits, ..consumer });
    }
    Err(ConsumerNotFound::NoConsumer { name: consumer.name })
}

/// Removes a consumer and every credential it has.
pub async fn remove_consumer(store: &dyn Store, name: &ConsumerName) -> Result<Removed, ConsumerNotFound> {
    let (consumer, credentials) = show_consumer(store, name).await?;
    if store.remove_consumer(consumer.id).await.map_err(ConsumerNotFound::Store)? {
        return Ok(Removed { consumer, credentials: credentials.len() });
    }
    Err(ConsumerNotFound::NoConsumer { name: consumer.name })
}

pub(crate) async fn find(store: &dyn Store, name: &ConsumerName) -> Result<Consumer, ConsumerNotFound> {
    let found = store.consumer_by_name(name).await.map_err(ConsumerNotFound::Store)?;
    found.ok_or_else(|| ConsumerNotFound::NoConsumer { name: name.clone() })
}

async fn set_state(
    store: &dyn Store,
    consumer: Consumer,
    state: ConsumerState,
) -> Result<Consumer, ConsumerNotFound> {
    if store.set_consumer_state(consumer.id, state).await.map_err(ConsumerNotFound::Store)? {
        return Ok(Consumer { state, ..consumer });
    }
    Err(ConsumerNotFound::NoConsumer { name: consumer.name })
}
