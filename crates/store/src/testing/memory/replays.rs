use std::collections::BTreeMap;
use std::time::Duration;

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

/// What has become of a scope's credential.
enum Standing {
    /// It can be used.
    InUse,
    /// It can be used up to this moment, the last before it expires.
    Ending(UnixTime),
    /// It was revoked or removed, or is of another dialect.
    Gone,
}

impl State {
    fn standing(&self, scope: &ReplayScope) -> Standing {
        let name = (scope.key_id.clone(), Some(scope.dialect.clone()));
        let Some(credential) = self.credentials.get(&name) else { return Standing::Gone };
        match credential.life {
            Life::Active { expires_at: None } => Standing::InUse,
            Life::Active { expires_at: Some(end) } | Life::Rotating { until: end, .. } => {
                Standing::Ending(end.minus(Duration::from_millis(1)))
            }
            Life::Revoked { .. } => Standing::Gone,
        }
    }

    /// Sweeps at most `limit` claims, and gives how many.
    pub(super) fn sweep_replays(&mut self, now: UnixTime, limit: usize) -> usize {
        let mut past: Vec<(UnixTime, ReplayScope, ReplayToken)> = Vec::new();
        let mut ended: Vec<(Option<UnixTime>, ReplayScope, ReplayToken)> = Vec::new();
        for (scope, claims) in &self.replays {
            for (token, keep) in &claims.once {
                match (keep, self.standing(scope)) {
                    (Keep::Until(end), _) if *end < now => past.push((*end, scope.clone(), *token)),
                    (_, Standing::Gone) => ended.push((None, scope.clone(), *token)),
                    (Keep::WithCredential, Standing::Ending(end)) if end < now => {
                        ended.push((Some(end), scope.clone(), *token));
                    }
                    (_, Standing::InUse | Standing::Ending(_)) => {}
                }
            }
        }
        past.sort();
        past.truncate(limit);
        ended.truncate(limit - past.len());
        let past = past.into_iter().map(|(end, scope, token)| (Some(end), scope, token));
        let all: Vec<_> = past.chain(ended).collect();
        for (end, scope, token) in &all {
            let Some(claims) = self.replays.get_mut(scope) else { continue };
            claims.once.remove(token);
            claims.swept = claims.swept.max(*end);
        }
        let emptied: Vec<ReplayScope> = self
            .replays
            .iter()
            .filter(|(scope, claims)| {
                claims.once.is_empty() && matches!(self.standing(scope), Standing::Gone)
            })
            .map(|(scope, _)| scope.clone())
            .collect();
        for scope in emptied {
            self.replays.remove(&scope);
        }
        all.len()
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
        let keep = match (keep, state.standing(scope)) {
            (_, Standing::Gone) => return Ok(Once::NoCredential),
            (Keep::WithCredential, Standing::Ending(end)) => Keep::Until(end),
            (keep, Standing::InUse | Standing::Ending(_)) => keep,
        };
        let claims = state.replays.entry(scope.clone()).or_default();
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
        match state.standing(scope) {
            Standing::Gone => return Ok(Increase::NoCredential),
            Standing::InUse | Standing::Ending(_) => {}
        }
        let claims = state.replays.entry(scope.clone()).or_default();
        if claims.greatest >= Some(value) {
            return Ok(Increase::NotGreater);
        }
        claims.greatest = Some(value);
        Ok(Increase::Increased)
    }
}
