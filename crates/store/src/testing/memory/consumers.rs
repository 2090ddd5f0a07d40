use async_trait::async_trait;
use countersign_model::{Consumer, ConsumerId, ConsumerName, ConsumerState, Rates};

use super::MemoryStore;
use crate::{Added, Change, Consumers, StoreError};

#[async_trait]
impl Consumers for MemoryStore {
    async fn add_consumer(&self, consumer: &Consumer) -> Result<Added, StoreError> {
        let mut state = self.state("add a consumer")?;
        if state.consumers.values().any(|held| held.id == consumer.id || held.name == consumer.name) {
            return Ok(Added::NameTaken);
        }
        state.consumers.insert(consumer.id, consumer.clone());
        Ok(Added::Added)
    }

    async fn consumer_by_name(&self, name: &ConsumerName) -> Result<Option<Consumer>, StoreError> {
        let state = self.state("read a consumer")?;
        Ok(state.consumers.values().find(|consumer| consumer.name == *name).cloned())
    }

    async fn consumer(&self, id: ConsumerId) -> Result<Option<Consumer>, StoreError> {
        Ok(self.state("read a consumer")?.consumers.get(&id).cloned())
    }

    async fn consumers(&self) -> Result<Vec<Consumer>, StoreError> {
        let mut all: Vec<Consumer> = self.state("list consumers")?.consumers.values().cloned().collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    async fn set_consumer_state(&self, id: ConsumerId, to: ConsumerState) -> Result<bool, StoreError> {
        let mut state = self.state("set a consumer's state")?;
        let Some(consumer) = state.consumers.get_mut(&id) else { return Ok(false) };
        consumer.state = to;
        state.record(Change::Consumer(id));
        Ok(true)
    }

    async fn set_consumer_limits(&self, id: ConsumerId, limits: &Rates) -> Result<bool, StoreError> {
        let mut state = self.state("set a consumer's limits")?;
        let Some(consumer) = state.consumers.get_mut(&id) else { return Ok(false) };
        consumer.limits = limits.clone();
        state.record(Change::Consumer(id));
        Ok(true)
    }

    async fn remove_consumer(&self, id: ConsumerId) -> Result<bool, StoreError> {
        let mut state = self.state("remove a consumer")?;
        if state.consumers.remove(&id).is_none() {
            return Ok(false);
        }
        state.credentials.retain(|_, credential| credential.consumer != id);
        state.record(Change::Consumer(id));
        Ok(true)
    }
}
