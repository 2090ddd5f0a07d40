//! Headers that hold several values: `Scheme id:signature`, `t=1,v1=ab`, JSON in base64, tokens.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::evaluate::Evaluator;
use crate::layout::{Layout, Place, Step, members};
use crate::signature::looks_signed;
use crate::times::Format;
use crate::toml_text::{escaped, quoted};

/// The most parts that a header may be cut into.
const MAX_PARTS: usize = 12;

/// Finds what `expr`, which is called `name` and has this value in one sample, holds within itself.
pub(crate) fn take_apart(
    layout: &mut Layout,
    evaluator: &Evaluator<'_>,
    expr: &str,
    name: &str,
    value: &str,
    key_id: Option<&str>,
) {
    let mut taker = Taker { layout, evaluator, expr: expr.to_owned(), scheme: String::new(), name, key_id };
    let mut rest = value.to_owned();
    if let Some((scheme, after)) = scheme(value) {
        taker.expr = format!("{expr} | capture('^{} (.*)$')", escaped(scheme));
        taker.scheme = format!("{scheme} ");
        taker.constant(scheme);
        taker.add(taker.expr.clone(), name, None);
        after.clone_into(&mut rest);
        if scheme == "Basic"
            && let Some(decoded) = STANDARD.decode(&rest).ok().and_then(|bytes| String::from_utf8(bytes).ok())
        {
            taker.expr = format!("{} | unbase64", taker.expr);
            taker.scheme.clear();
            rest = decoded;
        }
    }
    if taker.scope(expr, name, &rest, None) {
        return;
    }
    let _done = taker.token(expr, &rest)
        || taker.list(&rest)
        || taker.json(&rest)
        || taker.prefix(expr, &rest)
        || taker.fields(expr, &rest);
}

/// An auth-scheme and what follows it.
fn scheme(value: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = value.split_once(' ')?;
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let good = scheme.len() > 1 && scheme.bytes().all(word) && !rest.is_empty();
    good.then_some((scheme, rest))
}

struct Taker<'t, 'e> {
    layout: &'t mut Layout,
    evaluator: &'t Evaluator<'e>,
    expr: String,
    scheme: String,
    name: &'t str,
    key_id: Option<&'t str>,
}

impl Taker<'_, '_> {
    fn add(&mut self, expr: String, hint: &str, step: Option<usize>) {
        self.layout.add(self.evaluator, expr, Place::Inside(self.name.to_owned()), hint, step);
    }

    fn constant(&mut self, text: &str) {
        if !self.layout.constants.iter().any(|known| known == text) {
            self.layout.constants.push(text.to_owned());
        }
    }

    /// A name for a step that no other step has.
    fn named(&self, name: &str, line: impl Fn(&str) -> String) -> String {
        let mut candidate = name.to_owned();
        for count in 2..9 {
            let first = line(&candidate);
            let taken = |step: &Step| {
                step.lines.iter().any(|known| {
                    known != &first
                        && (known.starts_with(&format!("let.{candidate} "))
                            || known.contains(&format!("?P<{candidate}>")))
                })
            };
            if !self.layout.steps.iter().any(taken) {
                return candidate;
            }
            candidate = format!("{name}{count}");
        }
        candidate
    }

    /// `Scheme a=1, b=2` or `a=1;b=2`.
    fn list(&mut self, rest: &str) -> bool {
        for separator in [",", ";", "&"] {
            let parts: Vec<&str> =
                rest.split(separator).map(str::trim).filter(|part| !part.is_empty()).collect();
            let names: Vec<&str> = parts.iter().filter_map(|part| pair_name(part)).collect();
            if names.len() < 2 || names.len() != parts.len() || names.len() > MAX_PARTS {
                continue;
            }
            let expr = self.expr.clone();
            let line = |name: &str| let_line(name, &format!("{expr} | split('{separator}', '=')"));
            let name = self.named("sent", line);
            let step = self.layout.step(Step { lines: vec![line(&name)], needs: None, sign: None });
            for part in &names {
                self.add(format!("{name}.{part}"), part, Some(step));
            }
            for part in parts {
                if let Some((part, value)) = part.split_once('=') {
                    let value = value.trim().trim_matches('"');
                    let expr = format!("{name}.{part}");
                    if value.contains('%') {
                        self.add(format!("{expr} | dec"), part, Some(step));
                    }
                    self.scope(&expr, part, value, Some(step));
                }
            }
            return true;
        }
        false
    }

    /// `id/20261121/region/service`: the key id first, then what it is good for.
    fn scope(&mut self, expr: &str, hint: &str, value: &str, needs: Option<usize>) -> bool {
        let Some(key_id) = self.key_id else { return false };
        let Some(scope) = value.strip_prefix(key_id).and_then(|rest| rest.strip_prefix('/')) else {
            return false;
        };
        let parts = scope.split('/').count();
        let names = ["day", "p2", "p3", "p4", "p5", "p6"];
        let Some(names) = names.get(..parts) else { return false };
        let groups: Vec<String> = names.iter().map(|name| format!("(?P<{name}>[^/]+)")).collect();
        let line = format!("match.\"{expr}\" = '^(?P<id>[^/]+)/(?P<scope>{})$'", groups.join("/"));
        let step = self.layout.step(Step { lines: vec![line], needs, sign: None });
        self.add("id".into(), "key id", Some(step));
        self.add("scope".into(), hint, Some(step));
        for name in names {
            self.add((*name).to_owned(), hint, Some(step));
        }
        true
    }

    /// A JSON object in base64.
    fn json(&mut self, rest: &str) -> bool {
        for (filter, decoded) in
            [("unbase64", STANDARD.decode(rest).ok()), ("unbase64url", URL_SAFE_NO_PAD.decode(rest).ok())]
        {
            let Some(value @ serde_json::Value::Object(_)) =
                decoded.and_then(|bytes| serde_json::from_slice(&bytes).ok())
            else {
                continue;
            };
            let expr = self.expr.clone();
            let line = |name: &str| let_line(name, &format!("{expr} | {filter} | json"));
            let name = self.named("payload", line);
            let step = self.layout.step(Step { lines: vec![line(&name)], needs: None, sign: None });
            let mut names = Vec::new();
            members(&value, "", 2, &mut names);
            for member in names.into_iter().take(MAX_PARTS) {
                self.add(format!("{name}.{member}"), &member, Some(step));
            }
            return true;
        }
        false
    }

    /// A JWT: what is signed, and the signature.
    fn token(&mut self, whole: &str, rest: &str) -> bool {
        let parts: Vec<&str> = rest.split('.').collect();
        let [head, claims, _] = parts.as_slice() else { return false };
        let object = |part: &str| -> Option<serde_json::Value> {
            let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
            serde_json::from_slice(&bytes).ok().filter(serde_json::Value::is_object)
        };
        let (Some(head), Some(claims)) = (object(head), object(claims)) else { return false };
        if head.get("alg").is_none() {
            return false;
        }
        let scheme = if self.scheme.is_empty() { String::new() } else { escaped(&self.scheme) };
        let lines = vec![
            format!(
                "match.\"{whole}\" = '^{scheme}(?P<signed>(?P<head64>[\\w-]+)\\.(?P<claims64>[\\w-]+))\\.(?P<sig>[\\w-]+)$'"
            ),
            let_line("claims", "claims64 | unbase64url | json"),
        ];
        let step = self.layout.step(Step { lines, needs: None, sign: None });
        self.add("sig".into(), "signature", Some(step));
        self.add("signed".into(), "signed", Some(step));
        let mut names = Vec::new();
        members(&claims, "", 2, &mut names);
        for member in names.into_iter().take(MAX_PARTS) {
            self.add(format!("claims.{member}"), &member, Some(step));
        }
        true
    }

    /// `sha256=...`, `v0=...`, `v1,...`.
    fn prefix(&mut self, whole: &str, rest: &str) -> bool {
        for separator in ['=', ',', ':'] {
            let Some((front, value)) = rest.split_once(separator) else { continue };
            let word =
                !front.is_empty() && front.len() <= 12 && front.bytes().all(|b| b.is_ascii_alphanumeric());
            if !word || self.key_id == Some(front) || !looks_signed(value) || looks_signed(rest) {
                continue;
            }
            self.constant(front);
            let front = format!("{}{front}{separator}", self.scheme);
            self.add(format!("{whole} | replace('^{}', '')", escaped(&front)), self.name, None);
            return true;
        }
        false
    }

    /// Values behind each other with a sign between them, of which one is the key id or could be the signature.
    fn fields(&mut self, whole: &str, rest: &str) -> bool {
        for separator in [':', '|', '.', '/', ';', ','] {
            let parts: Vec<&str> = rest.split(separator).collect();
            if parts.len() < 2 || parts.len() > MAX_PARTS || parts.iter().any(|part| part.is_empty()) {
                continue;
            }
            let known = |part: &str| self.key_id == Some(part) || looks_signed(part);
            if !parts.iter().any(|part| known(part)) || looks_signed(rest) {
                continue;
            }
            let (names, text) = self.groups(&parts, separator);
            // What was decoded first has no place of its own.
            let decoded = self.expr.ends_with("unbase64");
            let (subject, scheme) = if decoded {
                (self.expr.clone(), String::new())
            } else {
                (whole.to_owned(), escaped(&self.scheme))
            };
            let line = format!("match.\"{subject}\" = '^{scheme}{text}$'");
            let sign = (!decoded && whole.starts_with("header."))
                .then(|| written(whole, &self.scheme, &names, separator, &parts));
            let step = self.layout.step(Step { lines: vec![line], needs: None, sign });
            for name in &names {
                self.add(name.clone(), hint_of(name), Some(step));
            }
            return true;
        }
        false
    }

    /// Names for the parts, and the expression that catches them.
    fn groups(&self, parts: &[&str], separator: char) -> (Vec<String>, String) {
        let last = parts.len() - 1;
        let mut names: Vec<String> = Vec::new();
        let mut text = String::new();
        for (at, part) in parts.iter().enumerate() {
            let name = if self.key_id == Some(*part) {
                "id"
            } else if Format::of(part).is_some() {
                "at"
            } else if looks_signed(part) {
                "sig"
            } else {
                "part"
            };
            let name = if name == "part" || names.iter().any(|known| known == name) {
                format!("{name}{at}")
            } else {
                name.to_owned()
            };
            let catches = if at == last { ".+".to_owned() } else { format!("[^{separator}]+") };
            let _ = write!(text, "(?P<{name}>{catches})");
            if at != last {
                text.push_str(&escaped(&separator.to_string()));
            }
            names.push(name);
        }
        (names, text)
    }
}

/// What a client writes into such a header.
fn written(whole: &str, scheme: &str, names: &[String], separator: char, parts: &[&str]) -> String {
    let fields: Vec<String> = names
        .iter()
        .zip(parts)
        .map(|(name, part)| match name.as_str() {
            "id" => "{key_id}".to_owned(),
            "sig" => "{signature}".to_owned(),
            "at" => "{timestamp}".to_owned(),
            _ => crate::toml_text::fixed(part),
        })
        .collect();
    let text = format!("{scheme}{}", fields.join(&separator.to_string()));
    format!("sign.\"{whole}\" = {}", quoted(&text))
}

fn hint_of(name: &str) -> &str {
    match name {
        "id" => "key id",
        "at" => "timestamp",
        "sig" => "signature",
        other => other,
    }
}

fn pair_name(part: &str) -> Option<&str> {
    let (name, value) = part.split_once('=')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let good = !name.is_empty() && name.bytes().all(plain) && !value.trim_start_matches('=').is_empty();
    good.then_some(name)
}

fn let_line(name: &str, expr: &str) -> String {
    format!("{:<14} = {}", format!("let.{name}"), quoted(&format!("{{{expr}}}")))
}
