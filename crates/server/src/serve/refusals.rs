//! The last requests that were refused where a signature had a say: kept in memory, for the operator to ask about.
//!
//! Requests that pass never come here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use bytes::Bytes;
use countersign_dialect::Recipe;
use countersign_edge::{Inbound, Note, OVER_LIMIT, Outcome, Relayed, RequestId};
use countersign_model::{ConsumerName, HeaderLine, HeaderList, UnixTime};
use countersign_verify::Scheme;
use http::StatusCode;

use crate::config::Limits;

/// What keeping one costs beside its headers and its body, in bytes.
const OVERHEAD_BYTES: usize = 1024;

/// What each header costs beside its text, in bytes.
const HEADER_BYTES: usize = size_of::<HeaderLine>();

/// The requests that are kept, the newest last.
#[derive(Default)]
pub(crate) struct Refusals {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    all: VecDeque<Arc<Refused>>,
    /// The memory that they take.
    bytes: usize,
}

/// How many are kept, how much memory they may take, and for how long.
#[derive(Clone, Copy)]
pub(super) struct Keeping {
    count: usize,
    bytes: usize,
    age: Duration,
}

/// A request that was refused.
pub(super) struct Refused {
    pub(super) request_id: String,
    pub(super) at: UnixTime,
    pub(super) method: String,
    pub(super) scheme: String,
    pub(super) host: String,
    pub(super) target: String,
    pub(super) headers: HeaderList,
    pub(super) body: KeptBody,
    pub(super) status: StatusCode,
    pub(super) reason: &'static str,
    pub(super) detail: String,
    /// The dialect that had a say.
    pub(super) recipe: Arc<Recipe>,
    /// Whose signatures the route takes, where they do not say it.
    pub(super) signer: Option<ConsumerName>,
    bytes: usize,
}

/// The body of a request that was refused.
pub(super) enum KeptBody {
    Whole(Bytes),
    /// It was refused before its body was read, or while it was.
    NotRead,
    /// It would take the place of too many others.
    TooLong(usize),
}

impl Keeping {
    pub(super) fn of(limits: &Limits) -> Self {
        Self {
            count: limits.kept_refusals(),
            bytes: usize::try_from(limits.kept_refusal_bytes()).unwrap_or(usize::MAX),
            age: limits.kept_refusals_for(),
        }
    }
}

impl Refusals {
    /// Keeps a request that was refused, if a signature had a say. Under a flood of them some are left out: nobody waits.
    pub(super) fn keep(
        &self,
        keeping: Keeping,
        inbound: &Inbound<'_>,
        body: Option<Bytes>,
        (note, status): (&Note, StatusCode),
        (id, now): (&RequestId, UnixTime),
    ) {
        if keeping.count == 0 {
            return;
        }
        let Some(recipe) = recipe_of(note) else { return };
        let mut kept = match self.kept.try_lock() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let body = match body {
            Some(body) if body.len() > keeping.bytes / 4 => KeptBody::TooLong(body.len()),
            Some(body) => KeptBody::Whole(body),
            None => KeptBody::NotRead,
        };
        let headers: usize =
            inbound.headers.iter().map(|header| HEADER_BYTES + header.name.len() + header.value.len()).sum();
        let held = match &body {
            KeptBody::Whole(body) => body.len(),
            KeptBody::NotRead | KeptBody::TooLong(_) => 0,
        };
        let bytes = OVERHEAD_BYTES + headers + held + inbound.target.len();
        kept.add(
            keeping,
            Refused {
                request_id: id.as_str().to_owned(),
                at: now,
                method: inbound.method.as_str().to_owned(),
                scheme: inbound.scheme.to_owned(),
                host: inbound.host.to_owned(),
                target: inbound.target.to_owned(),
                headers: inbound.headers.into(),
                body,
                status,
                reason: note.reason,
                detail: note.detail().to_owned(),
                recipe,
                signer: note.route.as_ref().and_then(|route| route.requirement.signer().cloned()),
                bytes,
            },
        );
    }

    /// Keeps a request about which another proxy asked, in the same way.
    pub(super) fn keep_relayed(
        &self,
        keeping: Keeping,
        relayed: Option<&Relayed>,
        body: Option<&Bytes>,
        what: (&Note, StatusCode),
        of: (&RequestId, UnixTime),
    ) {
        // One that passes is not read again.
        if recipe_of(what.0).is_some()
            && let Some(Ok(inbound)) = relayed.map(Relayed::inbound)
        {
            self.keep(keeping, &inbound, body.cloned(), what, of);
        }
    }

    /// Those that are kept at `now`, the newest first.
    pub(super) fn all(&self, keeping: Keeping, now: UnixTime) -> Vec<Arc<Refused>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.let_go(keeping, now);
        kept.all.iter().rev().cloned().collect()
    }
}

impl Kept {
    fn add(&mut self, keeping: Keeping, refused: Refused) {
        let now = refused.at;
        self.bytes += refused.bytes;
        self.all.push_back(Arc::new(refused));
        self.let_go(keeping, now);
    }

    /// Lets go of the oldest, until the rest is within its limits.
    fn let_go(&mut self, keeping: Keeping, now: UnixTime) {
        while let Some(oldest) = self.all.front() {
            let within = self.all.len() <= keeping.count
                && self.bytes <= keeping.bytes
                && now.since(oldest.at) <= keeping.age;
            if within {
                break;
            }
            self.bytes = self.bytes.saturating_sub(oldest.bytes);
            self.all.pop_front();
        }
    }
}

/// The dialect whose signature was refused, or the first that the route takes, where none was presented; none where no signature had a
/// say.
fn recipe_of(note: &Note) -> Option<Arc<Recipe>> {
    if note.outcome != Outcome::Denied || note.reason == OVER_LIMIT {
        return None;
    }
    let signature = |scheme: &Scheme| match scheme {
        Scheme::Signature(recipe) => Some(Arc::clone(recipe)),
        Scheme::ApiKey | Scheme::Wallet => None,
    };
    match note.scheme() {
        Some(scheme) => signature(scheme),
        None => note.route.as_ref()?.requirement.accept().schemes().iter().find_map(signature),
    }
}

#[cfg(test)]
mod tests {
    use countersign_dialect::Dialects;

    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_795_262_400);

    fn refused(id: usize, at: UnixTime, bytes: usize) -> Refused {
        Refused {
            request_id: id.to_string(),
            at,
            method: "GET".to_owned(),
            scheme: "http".to_owned(),
            host: String::new(),
            target: "/".to_owned(),
            headers: HeaderList::new(),
            body: KeptBody::NotRead,
            status: StatusCode::UNAUTHORIZED,
            reason: "signature",
            detail: String::new(),
            recipe: Dialects::builtin().iter().next().unwrap().clone(),
            signer: None,
            bytes,
        }
    }

    fn ids(refusals: &Refusals, keeping: Keeping, now: UnixTime) -> Vec<String> {
        refusals.all(keeping, now).iter().map(|one| one.request_id.clone()).collect()
    }

    #[test]
    fn the_oldest_go_first_by_count_by_memory_and_by_age() {
        let refusals = Refusals::default();
        let keeping = Keeping { count: 3, bytes: 100, age: Duration::from_mins(1) };
        for id in 0..5 {
            refusals.kept.lock().unwrap().add(keeping, refused(id, NOW, 10));
        }
        assert_eq!(ids(&refusals, keeping, NOW), ["4", "3", "2"]);
        refusals.kept.lock().unwrap().add(keeping, refused(5, NOW, 85));
        assert_eq!(ids(&refusals, keeping, NOW), ["5", "4"]);
        refusals.kept.lock().unwrap().add(keeping, refused(6, NOW.plus(Duration::from_secs(30)), 1));
        assert_eq!(ids(&refusals, keeping, NOW.plus(Duration::from_secs(61))), ["6"]);
        assert_eq!(refusals.kept.lock().unwrap().bytes, 1);
    }
}
