//! The last step before the yes: how many requests may pass.
//!
//! A request is counted when everything else about it is proven. So nobody uses up what belongs to somebody else: not by
//! naming his key id, not by a signature that is wrong, not by what he may not do.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_limit::{Check, Client, Exceeded, Limiter, Rule, Standing, Subject, Taken};
use countersign_model::{ConsumerName, KeyId, UnixTime};
use smallvec::SmallVec;

use crate::{Accept, Caller, Denial, Failure, Reason, Scheme};

/// When a request came, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The one time of this request.
    pub at: UnixTime,
    /// The client's place in the network.
    pub from: Client,
}

/// Whose requests a limit counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// Those of one credential; those of one wallet where a request has its token alone.
    Credential,
    /// Those of one consumer. A request without a consumer is not counted.
    Consumer,
    /// Those of one wallet. A request without a wallet is not counted.
    Wallet,
    /// Those from one address, whoever sends them.
    Client,
    /// All of the route.
    Route,
}

/// A limit that a route sets. Which rules are kept, each by itself, depends on who sent the request.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Whose requests are counted together.
    pub per: Per,
    /// The rules.
    pub rules: Vec<Arc<Rule>>,
    /// The rules of some credentials, in place of all others.
    pub of_credentials: HashMap<KeyId, Vec<Arc<Rule>>>,
    /// The rules of some consumers, in place of the general ones.
    pub of_consumers: HashMap<ConsumerName, Vec<Arc<Rule>>>,
}

/// A request that is over a limit. Everything else about it was good.
#[derive(Debug, thiserror::Error)]
#[error("{exceeded}")]
pub struct Limited {
    /// The credential that was used, where there is one.
    pub key_id: Option<KeyId>,
    /// The limit, and how the request stands with it and the others.
    pub exceeded: Exceeded,
}

/// Proof: the request was counted, and was over no limit.
#[derive(Debug)]
pub(crate) struct Counted(Option<Box<Taken>>);

impl Counted {
    /// Counts a request that proved everything else.
    pub(crate) fn count(
        limiter: &Limiter,
        limits: &[Arc<Limit>],
        caller: &Caller,
        arrival: Arrival,
    ) -> Result<Self, Failure> {
        if limits.is_empty() && caller.app().is_none_or(|app| app.entry().kept().is_unlimited()) {
            return Ok(Self(None));
        }
        let checks = checks(limits, caller, arrival);
        if checks.is_empty() {
            return Ok(Self(None));
        }
        let taken = limiter.take(&checks, arrival.at);
        taken.map(|taken| Self(Some(Box::new(taken)))).map_err(|exceeded| limited(caller, exceeded))
    }

    /// Refuses a request of somebody who is over a limit, and counts nothing.
    pub(crate) fn look(
        limiter: &Limiter,
        limits: &[Arc<Limit>],
        caller: &Caller,
        arrival: Arrival,
    ) -> Result<(), Failure> {
        let checks = checks(limits, caller, arrival);
        if checks.is_empty() {
            return Ok(());
        }
        limiter.look(&checks, arrival.at).map_err(|exceeded| limited(caller, exceeded))
    }

    /// How whoever was counted stands with every rule.
    pub(crate) fn standings(&self) -> &[Standing] {
        self.0.as_deref().map_or(&[], |taken| taken)
    }
}

/// What the limits of the route count, then those of the credential and of its consumer.
fn checks<'a>(limits: &'a [Arc<Limit>], caller: &'a Caller, arrival: Arrival) -> SmallVec<[Check<'a>; 4]> {
    let of_route = limits.iter().flat_map(|limit| limit.checks(caller, arrival.from));
    let of_caller = caller.app().into_iter().flat_map(|app| app.entry().kept().checks());
    of_route.chain(of_caller).collect()
}

fn limited(caller: &Caller, exceeded: Exceeded) -> Failure {
    let key_id = caller.app().map(|app| app.key_id().clone());
    Failure::Limited(Box::new(Limited { key_id, exceeded }))
}

impl Limit {
    fn checks<'a>(&'a self, caller: &Caller, from: Client) -> impl Iterator<Item = Check<'a>> {
        let kept = caller.app().map(|app| app.entry().kept());
        let wallet = || caller.user().map(Subject::Wallet);
        let subject = match self.per {
            Per::Credential => kept.map(|kept| Subject::Credential(*kept.digest())).or_else(wallet),
            Per::Consumer => kept.map(|kept| Subject::Consumer(kept.consumer().id)),
            Per::Wallet => wallet(),
            Per::Client => Some(Subject::Client(from)),
            Per::Route => Some(Subject::Everybody),
        };
        let own = kept.and_then(|kept| {
            let of_credential = self.of_credentials.get(kept.key_id());
            of_credential.or_else(|| self.of_consumers.get(&kept.consumer().name))
        });
        let rules = own.unwrap_or(&self.rules);
        subject.into_iter().flat_map(|subject| rules.iter().map(move |rule| Check { rule, subject }))
    }

    /// Whether it can count any request of a route that accepts this.
    pub(crate) fn can_count(&self, accept: &Accept) -> bool {
        let is_wallet = |scheme: &Scheme| match scheme {
            Scheme::Wallet => true,
            Scheme::ApiKey | Scheme::Signature(_) => false,
        };
        match self.per {
            Per::Client | Per::Route => true,
            Per::Credential => !accept.schemes().is_empty(),
            Per::Consumer => !accept.schemes().iter().all(is_wallet),
            Per::Wallet => accept.schemes().iter().any(is_wallet),
        }
    }
}

/// How many credentials that do not prove themselves may come from one address. None where there are no rules.
#[derive(Clone, Debug, Default)]
pub struct Guesses {
    /// The rules.
    pub rules: Vec<Arc<Rule>>,
}

impl Guesses {
    /// Refuses whoever guessed too often, before anything of the request is looked at.
    pub(crate) fn may_try(&self, limiter: &Limiter, arrival: Arrival) -> Result<(), Failure> {
        if self.rules.is_empty() {
            return Ok(());
        }
        limiter
            .look(&self.checks(arrival.from), arrival.at)
            .map_err(|exceeded| Failure::Limited(Box::new(Limited { key_id: None, exceeded })))
    }

    /// Counts a denial, unless the caller had proven who he is.
    pub(crate) fn note(&self, limiter: &Limiter, denial: &Denial, arrival: Arrival) {
        match denial.reason {
            Reason::Scopes(_) => {}
            Reason::NotPresented
            | Reason::Repeated
            | Reason::Unreadable
            | Reason::Malformed(_)
            | Reason::Incomplete(_)
            | Reason::UnknownKey
            | Reason::Unusable(_)
            | Reason::Untimely(_)
            | Reason::Mismatch(_)
            | Reason::Replayed(_)
            | Reason::NonceNotANumber
            | Reason::UnsignedQuery
            | Reason::Token(_)
            | Reason::SessionEnded
            | Reason::TwoConsumers => {
                // Whether it was one too many is for the next request to find out.
                let _ = limiter.take(&self.checks(arrival.from), arrival.at);
            }
        }
    }

    fn checks(&self, from: Client) -> SmallVec<[Check<'_>; 2]> {
        self.rules.iter().map(|rule| Check { rule, subject: Subject::Client(from) }).collect()
    }
}
