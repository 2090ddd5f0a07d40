use async_trait::async_trait;
use countersign_model::{Address, Generation, Session, SessionEnd, SessionId, UnixTime};

use super::{MemoryStore, State};
use crate::{Advance, Advanced, Begun, Change, SWEEP_LIMIT, Sessions, StoreError, Swept};

impl State {
    pub(super) fn generation(&self, address: Address) -> Generation {
        self.generations.get(&address).copied().unwrap_or_default()
    }

    pub(super) fn move_generation_on(&mut self, address: Address) {
        let next = self.generation(address).next();
        self.generations.insert(address, next);
    }
}

#[async_trait]
impl Sessions for MemoryStore {
    async fn generation(&self, address: Address) -> Result<Generation, StoreError> {
        Ok(self.state("read a generation")?.generation(address))
    }

    async fn begin_session(&self, expected: Generation, session: &Session) -> Result<Begun, StoreError> {
        let mut state = self.state("begin a session")?;
        if state.generation(session.address) != expected || state.sessions.contains_key(&session.id) {
            return Ok(Begun::Raced);
        }
        state.move_generation_on(session.address);
        state.sessions.insert(session.id, session.clone());
        Ok(Begun::Begun)
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        Ok(self.state("read a session")?.sessions.get(&id).cloned())
    }

    async fn advance_session(&self, advance: &Advance) -> Result<Advanced, StoreError> {
        let mut state = self.state("advance a session")?;
        let Some(session) = state.sessions.get_mut(&advance.id) else { return Ok(Advanced::Raced) };
        if session.counter != advance.from || session.ended.is_some() {
            return Ok(Advanced::Raced);
        }
        session.counter = advance.from.wrapping_add(1);
        session.refreshed_at = advance.at;
        session.scopes = advance.scopes.clone();
        session.expires_at = advance.expires_at;
        Ok(Advanced::Advanced)
    }

    async fn end_session(&self, id: SessionId, end: SessionEnd) -> Result<bool, StoreError> {
        let mut state = self.state("end a session")?;
        match state.sessions.get_mut(&id) {
            Some(session) if session.ended.is_none() => session.ended = Some(end),
            Some(_) | None => return Ok(false),
        }
        state.record(Change::Session(id));
        Ok(true)
    }

    async fn ended_sessions(&self, now: UnixTime) -> Result<Vec<SessionId>, StoreError> {
        let state = self.state("list ended sessions")?;
        let ended = |session: &&Session| session.ended.is_some() && session.expires_at > now;
        Ok(state.sessions.values().filter(ended).map(|session| session.id).collect())
    }

    async fn sweep(&self, now: UnixTime, keep_changes: u64) -> Result<Swept, StoreError> {
        let mut state = self.state("sweep")?;
        let limit = usize::try_from(SWEEP_LIMIT).unwrap_or(usize::MAX);
        let expired: Vec<SessionId> = state
            .sessions
            .values()
            .filter(|session| session.expires_at <= now)
            .map(|session| session.id)
            .take(limit)
            .collect();
        for id in &expired {
            state.sessions.remove(id);
        }
        let kept = usize::try_from(keep_changes).unwrap_or(usize::MAX);
        let old = state.feed.len().saturating_sub(kept).min(limit);
        state.feed.drain(..old);
        let replays = state.sweep_replays(now, limit);
        Ok(Swept { sessions: expired.len() as u64, changes: old as u64, replays: replays as u64 })
    }
}
