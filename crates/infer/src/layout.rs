//! Where values stand in requests: headers, query, form and JSON members, and what headers hold within themselves.

use std::collections::BTreeSet;

use countersign_model::visible;

use crate::carrier;
use crate::evaluate::{Evaluator, Values};
use crate::sample::Sample;
use crate::shapes::{self, Shape};

/// The most members of a JSON body that are looked at.
const MAX_MEMBERS: usize = 24;
/// How deep they may stand.
const MAX_DEPTH: usize = 3;
/// The most values that are looked at in all.
const MAX_ATOMS: usize = 96;

/// Headers that carry requests along and say nothing of who sent them.
const TRANSPORT: [&str; 14] = [
    "host",
    "user-agent",
    "accept",
    "accept-encoding",
    "accept-language",
    "connection",
    "content-length",
    "transfer-encoding",
    "referer",
    "origin",
    "cookie",
    "cache-control",
    "pragma",
    "expect",
];

/// In which part of a request a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Header(String),
    /// Inside a header, which has this name.
    Inside(String),
    Query(String),
    Form(String),
    Json(String),
    Path,
}

/// Lines of a dialect that take a part of the request apart, under names that no others have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) lines: Vec<String>,
    /// The step that this one builds on.
    pub(crate) needs: Option<usize>,
    /// What a client writes there, with `{key_id}`, `{timestamp}`, `{nonce}` and `{signature}` for what it fills in.
    pub(crate) sign: Option<String>,
}

/// A value that stands somewhere.
#[derive(Clone, Debug)]
pub(crate) struct Atom {
    /// How a template reads it, without the braces.
    pub(crate) expr: String,
    /// Where it stands.
    pub(crate) place: Place,
    /// Its name, in lower case: a hint of what it means.
    pub(crate) hint: String,
    /// The step that it needs.
    pub(crate) step: Option<usize>,
    /// What it is in each sample.
    pub(crate) values: Values,
}

impl Atom {
    /// Its value as text in a sample; `None` where it is empty, which is not there.
    pub(crate) fn text(&self, sample: usize) -> Option<&str> {
        let value = self.values.get(sample)?.as_deref()?;
        std::str::from_utf8(value).ok().filter(|text| !text.is_empty())
    }
}

/// Everything that stands somewhere.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    pub(crate) steps: Vec<Step>,
    pub(crate) atoms: Vec<Atom>,
    /// Texts that stand in front of others: auth-schemes, names of versions.
    pub(crate) constants: Vec<String>,
    /// Templates of several steps.
    pub(crate) shapes: Vec<Shape>,
    /// Keys that are derived in several steps.
    pub(crate) chains: Vec<(String, usize)>,
    found: BTreeSet<String>,
}

impl Layout {
    /// Looks through all samples.
    pub(crate) fn of(evaluator: &Evaluator<'_>, key_id: Option<&str>) -> Self {
        let mut layout = Self::default();
        for sample in evaluator.samples {
            layout.headers(evaluator, sample, key_id);
            layout.query(evaluator, sample, key_id);
            layout.path(evaluator, sample);
            layout.body(evaluator, sample);
        }
        shapes::add(&mut layout, evaluator);
        layout
    }

    /// The lines of a step and of those that it builds on.
    pub(crate) fn lines(&self, step: Option<usize>) -> Vec<&str> {
        let Some(step) = step.and_then(|at| self.steps.get(at)) else { return Vec::new() };
        let mut lines = self.lines(step.needs);
        lines.extend(step.lines.iter().map(String::as_str));
        lines
    }

    /// Adds a step, or finds the one that is the same.
    pub(crate) fn step(&mut self, step: Step) -> usize {
        if let Some(at) = self.steps.iter().position(|known| known.lines == step.lines) {
            return at;
        }
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// Adds a value, where it is not known yet and stands in one sample at least.
    pub(crate) fn add(
        &mut self,
        evaluator: &Evaluator<'_>,
        expr: String,
        place: Place,
        hint: &str,
        step: Option<usize>,
    ) {
        if self.atoms.len() >= MAX_ATOMS || !self.found.insert(known_as(&expr)) {
            return;
        }
        let Some(values) = evaluator.values(&self.lines(step), &format!("{{{expr}}}")) else { return };
        if values.iter().flatten().any(|value| !value.is_empty()) {
            self.atoms.push(Atom { expr, place, hint: hint.to_ascii_lowercase(), step, values });
        }
    }

    fn headers(&mut self, evaluator: &Evaluator<'_>, sample: &Sample, key_id: Option<&str>) {
        for header in sample.headers.view().grouped() {
            let name = header.name_str();
            if TRANSPORT.contains(&name) {
                continue;
            }
            let Some(value) = visible(header.value) else { continue };
            let expr = format!("header.{}", sample.title(name));
            self.add(evaluator, expr.clone(), Place::Header(sample.title(name)), name, None);
            carrier::take_apart(self, evaluator, &expr, &sample.title(name), value, key_id);
        }
    }

    fn query(&mut self, evaluator: &Evaluator<'_>, sample: &Sample, key_id: Option<&str>) {
        for (name, value) in raw_pairs(sample.request().query().unwrap_or_default()) {
            let expr = format!("query.{name}");
            self.add(evaluator, expr.clone(), Place::Query(name.to_owned()), name, None);
            carrier::take_apart(self, evaluator, &expr, name, &decoded(value), key_id);
        }
    }

    /// Segments that could be a signature of what follows them.
    fn path(&mut self, evaluator: &Evaluator<'_>, sample: &Sample) {
        let path = sample.request().path();
        for (at, segment) in path.split('/').skip(1).enumerate().take(4) {
            if segment.len() < 24 || path.ends_with(segment) {
                continue;
            }
            let front = "[^/]+/".repeat(at);
            let line = format!("match.path     = '^/{front}(?P<sig>[^/]+)/(?P<rest>.*)$'");
            let step = self.step(Step { lines: vec![line], needs: None, sign: None });
            self.add(evaluator, "sig".into(), Place::Path, "signature", Some(step));
            self.add(evaluator, "rest".into(), Place::Path, "rest", Some(step));
        }
    }

    fn body(&mut self, evaluator: &Evaluator<'_>, sample: &Sample) {
        if let Ok(body) = serde_json::from_slice::<serde_json::Value>(&sample.body) {
            let mut names = Vec::new();
            members(&body, "", 0, &mut names);
            for name in names.into_iter().take(MAX_MEMBERS) {
                let hint = name.rsplit('.').next().unwrap_or_default().to_owned();
                self.add(evaluator, format!("json.{name}"), Place::Json(name), &hint, None);
            }
        } else if let Ok(body) = std::str::from_utf8(&sample.body) {
            for (name, _) in raw_pairs(body) {
                self.add(evaluator, format!("form.{name}"), Place::Form(name.to_owned()), name, None);
            }
        }
    }
}

/// The names of what a JSON value holds, dots between them, as far as a template can name them.
pub(crate) fn members(value: &serde_json::Value, front: &str, depth: usize, names: &mut Vec<String>) {
    let serde_json::Value::Object(object) = value else { return };
    for (name, value) in object {
        if !is_plain(name) {
            continue;
        }
        let path = if front.is_empty() { name.clone() } else { format!("{front}.{name}") };
        match value {
            serde_json::Value::Null => {}
            serde_json::Value::Object(_) if depth + 1 < MAX_DEPTH => {
                names.push(path.clone());
                members(value, &path, depth + 1, names);
            }
            serde_json::Value::Object(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => names.push(path),
        }
    }
}

/// The pairs of a query or form whose names a template can name.
fn raw_pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('&').filter_map(|pair| pair.split_once('=')).filter(|(name, _)| is_plain(name))
}

fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.bytes().all(plain)
}

/// The names of headers are the same in any case; others are not.
fn known_as(expr: &str) -> String {
    if expr.starts_with("header.") { expr.to_ascii_lowercase() } else { expr.to_owned() }
}

/// A value without its escapes (RFC 3986 section 2.1).
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(first) = rest.chars().next() {
        let escaped = rest.strip_prefix('%').and_then(|rest| u8::from_str_radix(rest.get(..2)?, 16).ok());
        let used = if let Some(byte) = escaped {
            bytes.push(byte);
            3
        } else {
            bytes.extend_from_slice(first.encode_utf8(&mut [0; 4]).as_bytes());
            first.len_utf8()
        };
        rest = rest.get(used..).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
