//! The rules that requests are counted by.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_model::Rate;

use crate::bucket::Bucket;

/// A rate under a name. Buckets belong to a rule: the same subject has one for each, but one for all those of a [window](crate::Limiter::window).
#[derive(Debug)]
pub struct Rule {
    pub(crate) number: u32,
    name: Arc<str>,
    of: Box<str>,
    pub(crate) rate: Rate,
    /// What all have together who found no place for a bucket of their own.
    pub(crate) crowd: Bucket,
}

impl Rule {
    /// What it is called.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The rate.
    pub fn rate(&self) -> Rate {
        self.rate
    }
}

/// The rules that there are, each once. They stay: whoever asks again finds his buckets.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    by_rate: HashMap<Rate, Vec<Arc<Rule>>>,
    /// Those that are windows, by rate.
    windows: HashMap<Rate, Vec<Arc<Rule>>>,
    /// The numbers of windows, by their names and periods.
    numbers: HashMap<(Box<str>, u64), u32>,
    count: u32,
}

impl Rules {
    pub(crate) fn the_one(&mut self, name: &str, of: &str, rate: Rate) -> Arc<Rule> {
        let rules = self.by_rate.entry(rate).or_default();
        if let Some(known) = rules.iter().find(|rule| *rule.name == *name && *rule.of == *of) {
            return Arc::clone(known);
        }
        let number = next(&mut self.count);
        let rule =
            Arc::new(Rule { number, name: name.into(), of: of.into(), rate, crowd: Bucket::default() });
        rules.push(Arc::clone(&rule));
        rule
    }

    pub(crate) fn window(&mut self, name: &str, rate: Rate) -> Arc<Rule> {
        let rules = self.windows.entry(rate).or_default();
        if let Some(known) = rules.iter().find(|rule| *rule.name == *name) {
            return Arc::clone(known);
        }
        let place = (name.into(), rate.period_ms());
        let number = *self.numbers.entry(place).or_insert_with(|| next(&mut self.count));
        let rule = Rule { number, name: name.into(), of: Box::default(), rate, crowd: Bucket::default() };
        let rule = Arc::new(rule);
        rules.push(Arc::clone(&rule));
        rule
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.by_rate.values().chain(self.windows.values()).flatten()
    }
}

fn next(count: &mut u32) -> u32 {
    let number = *count;
    *count = number.saturating_add(1);
    number
}
