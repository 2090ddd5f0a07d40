//! Limits on how many requests may pass.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_verify::{Client, Guesses, Limit, Per, Rate, Rule};

use super::{Guessing, Sent, World, verifier};

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

    /// The rule of a limit that is somebody's own.
    pub(crate) fn rule(&self, rate: &str) -> Arc<Rule> {
        self.limiter.rule(rate, "", Rate::parse(rate).unwrap())
    }
}
