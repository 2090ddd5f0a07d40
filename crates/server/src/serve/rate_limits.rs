//! Limits as the configuration names them, made into the rules that requests are counted by.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_model::Rate;
use countersign_verify::{Limit, Limiter, Per, Rule};

use crate::config::{Favoured, Methods, RateLimitConfig, RouteConfig, rate_name};

/// The limits of one configuration, and what counts by them.
pub(super) struct RateLimits<'a> {
    pub(super) configs: &'a [RateLimitConfig],
    pub(super) limiter: &'a Limiter,
}

impl RateLimits<'_> {
    /// The limits of a route. A limit that several routes name counts the requests of all of them together, but for one that is
    /// per route.
    pub(super) fn of(&self, route: &RouteConfig) -> Vec<Arc<Limit>> {
        let named =
            self.configs.iter().filter(|limit| route.limits.iter().any(|name| name == limit.name.as_str()));
        named.map(|limit| Arc::new(self.limit(limit, route))).collect()
    }

    fn limit(&self, config: &RateLimitConfig, route: &RouteConfig) -> Limit {
        let of = match config.per {
            Per::Route => title(route),
            Per::Credential | Per::Consumer | Per::Wallet | Per::Client => String::new(),
        };
        let rules = |rates: &[Rate]| rules(self.limiter, config.name.as_str(), &of, rates);
        let mut limit = Limit {
            per: config.per,
            rules: rules(&config.rates),
            of_credentials: HashMap::new(),
            of_consumers: HashMap::new(),
        };
        for own in &config.overrides {
            let rules = rules(&own.rates);
            match &own.of {
                Favoured::Consumer(name) => drop(limit.of_consumers.insert(name.clone(), rules)),
                Favoured::Key(key_id) => drop(limit.of_credentials.insert(key_id.clone(), rules)),
            }
        }
        limit
    }
}

/// The rules of a limit of this name, a rule a rate.
pub(super) fn rules(limiter: &Limiter, name: &str, of: &str, rates: &[Rate]) -> Vec<Arc<Rule>> {
    rates.iter().map(|rate| limiter.rule(&rate_name(name, *rate, rates), of, *rate)).collect()
}

/// What tells a route from every other, also after a reload.
fn title(route: &RouteConfig) -> String {
    let methods: Vec<&str> = match &route.methods {
        Methods::Any => Vec::new(),
        Methods::These(methods) => methods.iter().map(http::Method::as_str).collect(),
    };
    format!("{} {}", methods.join(","), route.pattern)
}
