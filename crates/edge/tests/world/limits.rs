//! Limits on how many requests may pass.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use countersign_manage::{set_consumer_limits, set_key_limits};
use countersign_model::{ConsumerName, Rate, Rates};
use countersign_verify::{Client, Guesses, Limit, Per, Rule};

use super::{Credentials, Guessing, Sent, World, noon, verifier};

impl Sent {
    /// On a route with a limit.
    pub(crate) fn limit(mut self, limit: &Arc<Limit>) -> Self {
        self.limits.push(Arc::clone(limit));
        self
    }

    /// From this address.
    pub(crate) fn from(mut self, address: &str) -> Self {
        self.from = Client::of(address.parse().unwrap());
        self
    }
}

impl World {
    /// With a bound on how many credentials that do not prove themselves may come from one address.
    pub(crate) fn with_guesses(self, rate: &str) -> Self {
        let guesses = Guesses { rules: vec![self.limiter.rule("failures", "", Rate::parse(rate).unwrap())] };
        let made = verifier(&self.store, self.api_key_header.clone(), &self.limiter, guesses);
        Self { verifier: self.runtime.block_on(made), guessing: Guessing::Counted, ..self }
    }

    /// A limit with these rates.
    pub(crate) fn limit(&self, per: Per, rates: &[&str]) -> Limit {
        Limit {
            per,
            rules: rates.iter().map(|rate| self.limiter.rule(rate, "", Rate::parse(rate).unwrap())).collect(),
            of_credentials: HashMap::new(),
            of_consumers: HashMap::new(),
        }
    }

    /// Has a credential keep these limits on all routes; the server knows it at once.
    pub(crate) fn limit_key(&self, credentials: &Credentials, rates: &str) {
        let name = credentials.key_id.clone().into();
        let set = set_key_limits(&*self.store, &name, Rates::parse_list(rates).unwrap());
        self.runtime.block_on(set).unwrap();
        self.limited.store(true, Ordering::Relaxed);
        self.runtime.block_on(self.verifier.catch_up(noon())).unwrap();
    }

    /// Has all credentials of a consumer together keep these limits.
    pub(crate) fn limit_consumer(&self, name: &str, rates: &str) {
        let name = ConsumerName::parse(name).unwrap();
        let set = set_consumer_limits(&*self.store, &name, Rates::parse_list(rates).unwrap());
        self.runtime.block_on(set).unwrap();
        self.limited.store(true, Ordering::Relaxed);
        self.runtime.block_on(self.verifier.catch_up(noon())).unwrap();
    }

    /// The rule of a limit that is somebody's own.
    pub(crate) fn rule(&self, rate: &str) -> Arc<Rule> {
        self.limiter.rule(rate, "", Rate::parse(rate).unwrap())
    }
}
