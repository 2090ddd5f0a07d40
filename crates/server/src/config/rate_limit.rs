//! `[[limit]]`: how many requests may pass, and whose are counted together.

use std::fmt;

use countersign_model::{ConsumerName, KeyId, Rate, Rates};
use countersign_verify::Per;

use super::document::{At, Node, Value};
use super::notes::Notes;
use super::read::{list, parsed, word};
use super::section::Section;

/// A limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RateLimitConfig {
    /// What routes, callers, the log and the metrics know it by.
    pub(crate) name: LimitName,
    /// Whose requests are counted together.
    pub(crate) per: Per,
    /// The rates, each of another period; at least one.
    pub(crate) rates: Vec<Rate>,
    /// Rates of some, in place of those.
    pub(crate) overrides: Vec<Override>,
}

/// What a limit is called: 1 to 32 lower-case letters, digits and `-`, which stand in a header as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitName(String);

/// The rates of somebody, in place of the general ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Override {
    /// Whose they are.
    pub(crate) of: Favoured,
    /// The rates; at least one.
    pub(crate) rates: Vec<Rate>,
}

/// Who has rates of his own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Favoured {
    /// A consumer, with each of its credentials.
    Consumer(ConsumerName),
    /// One credential. It comes before its consumer.
    Key(KeyId),
}

/// The limit that a route has which does not say.
pub(super) const DEFAULT: &str = "default";
/// How the limits of `[clients]` are called.
pub(crate) const LOGINS: &str = "logins";
pub(crate) const FAILURES: &str = "failures";

/// The longest name, in characters.
const NAME_LEN: usize = 32;

const PERS: [(&str, Per); 5] = [
    ("credential", Per::Credential),
    ("consumer", Per::Consumer),
    ("wallet", Per::Wallet),
    ("address", Per::Client),
    ("route", Per::Route),
];

impl LimitName {
    fn parse(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || text.len() > NAME_LEN || !text.chars().all(allowed) {
            let rule = format!("use 1 to {NAME_LEN} lower-case ASCII letters, digits and -");
            return Err(format!("`{text}` is no name of a limit: {rule}"));
        }
        if [LOGINS, FAILURES].contains(&text) {
            return Err(format!("`{text}` is the name of a limit in [clients]: choose another"));
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of one rate of a limit, for callers, the log and the metrics: that of the limit, and where it has several rates, the
/// period.
pub(crate) fn rate_name(limit: &str, rate: Rate, rates: &[Rate]) -> String {
    match rates {
        [_] => limit.to_owned(),
        _ => format!("{limit}-{}", rate.window()),
    }
}

impl RateLimitConfig {
    /// Those that could be read, and the names of all, so that no route is blamed for what is wrong with a limit.
    pub(super) fn read_all(sections: Vec<Section<'_>>) -> (Vec<Self>, Vec<String>) {
        let (mut limits, mut names): (Vec<Self>, Vec<String>) = (Vec::new(), Vec::new());
        for mut section in sections {
            let name_at = section.node("name").map_or(section.at.clone(), |node| node.at.clone());
            let name = section.required("name", "what routes call it", parsed(LimitName::parse));
            if let Some(name) = &name {
                if names.iter().any(|known| known == name.as_str()) {
                    let found = format!("there are two limits `{name}`");
                    section.notes.wrong(&name_at, found, "give each its own name");
                }
                names.push(name.to_string());
            }
            let per = section.or("per", Per::Credential, word(&PERS));
            let rates = section.required("rates", "how many, as in [\"10/s burst 20\", \"1000/h\"]", rates);
            let overrides = overrides(&mut section);
            section.finish();
            if let (Some(name), Some(rates)) = (name, rates) {
                limits.push(Self { name, per, rates, overrides });
            }
        }
        (limits, names)
    }
}

/// Some rates, of which no two have the same period.
pub(super) fn rates(node: &Node, notes: &Notes<'_>) -> Option<Vec<Rate>> {
    if matches!(&node.value, Value::List(members) if members.is_empty()) {
        notes.wrong(&node.at, "an empty list", "write at least one rate, as in [\"100/min\"]");
        return None;
    }
    // What is wrong with the members was told, where none is left.
    rates_or_none(node, notes).filter(|rates| !rates.is_empty())
}

/// Any number of rates, of which no two have the same period.
pub(super) fn rates_or_none(node: &Node, notes: &Notes<'_>) -> Option<Vec<Rate>> {
    let rates = list(Rate::parse)(node, notes)?;
    if rates.len() > Rates::MOST {
        notes.wrong(&node.at, format!("{} rates", rates.len()), format!("write at most {}", Rates::MOST));
        return None;
    }
    for (place, rate) in rates.iter().enumerate() {
        if rates.iter().take(place).any(|earlier| earlier.period() == rate.period()) {
            let found = format!("another rate before `{rate}` has the same period");
            notes.wrong(&node.at, found, "keep the smaller one: it is reached first");
            return None;
        }
    }
    Some(rates)
}

fn overrides(section: &mut Section<'_>) -> Vec<Override> {
    let mut overrides: Vec<Override> = Vec::new();
    for mut one in section.sections("override") {
        let consumer = one.optional("consumer", parsed(ConsumerName::parse));
        let key = one.optional("key", parsed(KeyId::parse));
        let rates = one.required("rates", "how many, as in [\"1000/min\"]", rates);
        let of = match (consumer, key) {
            (Some(consumer), None) => Some(Favoured::Consumer(consumer)),
            (None, Some(key)) => Some(Favoured::Key(key)),
            (Some(_), Some(_)) | (None, None) => {
                note_favoured(&mut one);
                None
            }
        };
        if of.as_ref().is_some_and(|of| overrides.iter().any(|earlier| earlier.of == *of)) {
            one.notes.wrong(&one.at, "another [[limit.override]] is for the same", "leave one out");
        }
        one.finish();
        if let (Some(of), Some(rates)) = (of, rates) {
            overrides.push(Override { of, rates });
        }
    }
    overrides
}

/// Notes that an override is for both or for nobody, unless what is wrong with either was told.
fn note_favoured(one: &mut Section<'_>) {
    const MEND: &str = "write either consumer = \"NAME\" or key = \"KEY ID\"";
    match (one.node("consumer"), one.node("key")) {
        (Some(_), Some(key)) => one.notes.wrong(&key.at, "a consumer and a key", MEND),
        (None, None) => one.notes.wrong(&one.at, "rates of nobody", MEND),
        (Some(_), None) | (None, Some(_)) => {}
    }
}

/// Notes limits that no route has.
pub(super) fn note_unused(limits: &[RateLimitConfig], used: &[String], notes: &Notes<'_>) {
    for limit in limits.iter().filter(|limit| !used.iter().any(|name| name == limit.name.as_str())) {
        notes.warn(
            &At::File,
            format!("no route has the limit `{}`", limit.name),
            "name it in the `limits` of a route",
        );
    }
}
