use async_trait::async_trait;

use super::MemoryStore;
use crate::{Follower, FollowerId, Followers, StoreError};

#[async_trait]
impl Followers for MemoryStore {
    async fn acknowledge(&self, follower: &Follower) -> Result<(), StoreError> {
        self.state("note a follower")?.followers.insert(follower.id, follower.clone());
        Ok(())
    }

    async fn forget_follower(&self, id: FollowerId) -> Result<bool, StoreError> {
        Ok(self.state("forget a follower")?.followers.remove(&id).is_some())
    }

    async fn followers(&self) -> Result<Vec<Follower>, StoreError> {
        Ok(self.state("list the followers")?.followers.values().cloned().collect())
    }
}
