use std::collections::BTreeMap;

use async_trait::async_trait;
use countersign_model::{Life, UnixTime};

use super::{MemoryStore, State};
use crate::{Increase, Keep, Once, ReplayScope, ReplayToken, Replays, StoreError};

/// What was claimed in one scope.
#[derive(Debug, Default)]
pub(super) struct Claims {
    once: BTreeMap<ReplayToken, Keep>,
    greatest: Option<u128>,
    /// The latest end among what was swept.
    swept: Option<UnixTime>,
}

impl State {
    /// The claims of `scope`; nothing where its credential cannot be used any more.
    fn claims(&mut self, scope: &ReplayScope) -> Option<&mut Claims> {
        self.can_be_used(scope).then(|| self.replays.entry(scope.clone()).or_default())
    }

    fn can_be_used(&self, scope: &ReplayScope) -> bool {
        self.credentials.get(&scope.key_id).is_some_and(|credential| {
            credential.kind.dialect() == Some(&scope.dialect)
                && !matches!(credential.life, Life::Revoked { .. })
        })
    }

    /// Sweeps at most `limit` claims, and gives how many.
    pub(super) fn sweep_replays(&mut self, now: UnixTime, limit: usize) -> usize {
        let mut past: Vec<(UnixTime, ReplayScope, ReplayToken)> = Vec::new();
        let mut idle: Vec<(ReplayScope, ReplayToken)> = Vec::new();
        for (scope, claims) in &self.replays {
            let ended = !self.can_be_used(scope);
            for (token, keep) in &claims.once {
                match keep {
                    Keep::Until(end) if *end < now => past.push((*end, scope.clone(), *token)),
                    Keep::Until(_) | Keep::WithCredential if ended => idle.push((scope.clone(), *token)),
                    Keep::Until(_) | Keep::WithCredential => {}
                }
            }
        }
        past.sort();
        past.truncate(limit);
        idle.truncate(limit - past.len());
        let swept = past.len() + idle.len();
        for (end, scope, token) in past {
            let Some(claims) = self.replays.get_mut(&scope) else { continue };
            claims.once.remove(&token);
            claims.swept = claims.swept.max(Some(end));
        }
        for (scope, token) in idle {
            self.replays.get_mut(&scope).map(|claims| claims.once.remove(&token));
        }
        let emptied: Vec<ReplayScope> = self
            .replays
            .iter()
            .filter(|(scope, claims)| claims.once.is_empty() && !self.can_be_used(scope))
            .map(|(scope, _)| scope.clone())
            .collect();
        for scope in emptied {
            self.replays.remove(&scope);
        }
        swept
    }
}

#[async_trait]
impl Replays for MemoryStore {
    async fn claim_once(
        &self,
        scope: &ReplayScope,
        token: &ReplayToken,
        keep: Keep,
        now: UnixTime,
    ) -> Result<Once, StoreError> {
        let mut state = self.state("claim a signature")?;
        let Some(claims) = state.claims(scope) else { return Ok(Once::NoCredential) };
        match claims.once.get(token) {
            Some(Keep::Until(end)) if *end < now => {}
            Some(Keep::Until(_) | Keep::WithCredential) => return Ok(Once::Seen),
            None => {}
        }
        match keep {
            Keep::Until(end) if end < now || claims.swept >= Some(end) => return Ok(Once::Expired),
            Keep::Until(_) | Keep::WithCredential => {}
        }
        claims.once.insert(*token, keep);
        Ok(Once::First)
    }

    async fn claim_increasing(&self, scope: &ReplayScope, value: u128) -> Result<Increase, StoreError> {
        let mut state = self.state("claim a nonce")?;
        let Some(claims) = state.claims(scope) else { return Ok(Increase::NoCredential) };
        if claims.greatest >= Some(value) {
            return Ok(Increase::NotGreater);
        }
        claims.greatest = Some(value);
        Ok(Increase::Increased)
    }
}
