use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::{BATCH_LIMIT, Batch, Change, Changes, Cursor, StoreError};

impl State {
    /// The place before the oldest change that is still there.
    fn tail(&self) -> i64 {
        self.head - i64::try_from(self.feed.len()).unwrap_or(i64::MAX)
    }
}

#[async_trait]
impl Changes for MemoryStore {
    async fn head(&self) -> Result<Cursor, StoreError> {
        Ok(Cursor(self.state("read the change feed")?.head))
    }

    async fn changes_since(&self, cursor: Cursor) -> Result<Batch, StoreError> {
        let state = self.state("read the change feed")?;
        if cursor.0 < state.tail() || cursor.0 > state.head {
            return Ok(Batch::Reset(Cursor(state.head)));
        }
        let known = usize::try_from(cursor.0 - state.tail()).unwrap_or(usize::MAX);
        let changes: Vec<Change> = state.feed.iter().skip(known).take(BATCH_LIMIT).copied().collect();
        let reached = Cursor(cursor.0 + i64::try_from(changes.len()).unwrap_or(i64::MAX));
        Ok(Batch::Changes(changes, reached))
    }
}
