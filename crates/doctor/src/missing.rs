//! What fails before there is a signature to check.

use countersign_dialect::{Flaw, Looked, Looks, Malformed, Part, Reading, Request};

use crate::finding::{Finding, Kind};
use crate::shown::quoted;
use crate::times::{self, Form};

/// How alike two names are, at least, for one to be taken for the other.
const ALIKE: f64 = 0.75;

/// What is wrong with what was read; `None` where everything is there.
pub(crate) fn finding(reading: &Reading<'_>, looks: &Looks, request: &Request<'_>) -> Option<Finding> {
    match reading {
        Reading::Presented(_) => None,
        Reading::NotPresented => {
            let wanted: Vec<String> = looks
                .fields
                .iter()
                .map(|field| format!("{} in `{}`", field.part, field.expression))
                .collect();
            let mut said =
                format!("Nothing of this dialect is in the request. It looks for {}.", wanted.join(", "));
            for field in &looks.fields {
                if let Some(near) = near(field, looks, request) {
                    said = format!("{said} {near}");
                    break;
                }
            }
            Some(Finding::new(
                Kind::NotPresented,
                said,
                "Send what the dialect looks for, under these names.",
            ))
        }
        Reading::OnlyKeyId(_) => {
            let rest = looks.fields.iter().filter(|field| field.part != Part::KeyId);
            let rest: Vec<String> =
                rest.map(|field| format!("{} in `{}`", field.part, field.expression)).collect();
            let near = looks
                .fields
                .iter()
                .filter(|field| field.part != Part::KeyId)
                .find_map(|field| near(field, looks, request));
            let said = format!("Only the key id is there. {}{}", rest.join(", "), " is missing.");
            let said = near.map_or(said.clone(), |near| format!("{said} {near}"));
            Some(Finding::new(
                Kind::OnlyKeyId,
                said,
                "Sign the request, or call a route that takes the key alone.",
            ))
        }
        Reading::Incomplete { missing, .. } => Some(missing_part(*missing, looks, request)),
        Reading::Malformed { why, .. } => Some(malformed(*why, looks)),
    }
}

fn missing_part(part: Part, looks: &Looks, request: &Request<'_>) -> Finding {
    if part == Part::Body {
        return Finding::new(
            Kind::BodyNotCaptured,
            "This dialect reads the body, and the capture does not hold it.",
            "Give it with `--body-file`.",
        );
    }
    let Some(field) = looks.fields.iter().find(|field| field.part == part) else {
        return Finding::new(Kind::Missing, format!("The {} is not there.", name(part)), "Send it.");
    };
    let said = format!("The {} is not there: `{}` is empty or missing.", name(part), field.expression);
    let said = match (near(field, looks, request), looks.steps.first()) {
        (Some(near), _) => format!("{said} {near}"),
        (None, Some(_)) => format!("{said} It is found by: {}.", looks.steps.join("; ")),
        (None, None) => said,
    };
    Finding::new(Kind::Missing, said, format!("Send the {} there.", name(part)))
}

pub(crate) fn name(part: Part) -> &'static str {
    match part {
        Part::KeyId => "key id",
        Part::Timestamp => "time",
        Part::Nonce => "nonce",
        Part::Expires => "end",
        Part::Signature => "signature",
        Part::Body => "body",
    }
}

/// A name in the request that is almost the one that is looked for.
fn near(field: &Looked, looks: &Looks, request: &Request<'_>) -> Option<String> {
    let all = looks.steps.iter().map(String::as_str).chain([field.expression.as_str()]);
    // Of steps, only those that this field names count.
    let relevant =
        all.filter(|text| text.split_once(" = ").is_none_or(|(step, _)| field.expression.starts_with(step)));
    let text = relevant.collect::<Vec<_>>().join(" ");
    for (kind, names) in places(request) {
        for wanted in named(&text, kind) {
            if names
                .iter()
                .any(|name| *name == wanted || (kind == "header" && name.eq_ignore_ascii_case(&wanted)))
            {
                continue;
            }
            let alike = |name: &String| {
                plain(name) == plain(&wanted)
                    || strsim::jaro_winkler(&plain(name), &plain(&wanted)) > ALIKE + 0.15
            };
            if let Some(found) = names.iter().find(|name| alike(name)) {
                return Some(format!(
                    "There is {} {}: it should be {}.",
                    article(kind),
                    quoted(found.as_bytes()),
                    quoted(wanted.as_bytes())
                ));
            }
        }
    }
    None
}

fn article(kind: &str) -> String {
    match kind {
        "header" => "a header".to_owned(),
        "query" => "a parameter of the query".to_owned(),
        other => format!("a member of the {} body", if other == "json" { "JSON" } else { "form" }),
    }
}

/// A name without what people write differently.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The names that an expression looks up in one place.
fn named(expression: &str, place: &str) -> Vec<String> {
    let front = format!("{place}.");
    let mut names = Vec::new();
    for (at, _) in expression.match_indices(&front) {
        let behind = expression.get(at + front.len()..).unwrap_or_default();
        let end =
            behind.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).unwrap_or(behind.len());
        names.extend(behind.get(..end).map(str::to_owned));
    }
    names
}

/// The names in a request, by where they stand.
fn places(request: &Request<'_>) -> Vec<(&'static str, Vec<String>)> {
    let headers = request.headers.iter().map(|header| header.name_str().to_owned()).collect();
    let pairs = |text: &str| -> Vec<String> {
        text.split('&').filter_map(|pair| pair.split('=').next()).map(str::to_owned).take(256).collect()
    };
    let body = request.body.and_then(|body| std::str::from_utf8(body).ok()).unwrap_or_default();
    let json = match serde_json::from_str(body) {
        Ok(serde_json::Value::Object(members)) => members.keys().take(256).cloned().collect(),
        Ok(_) | Err(_) => Vec::new(),
    };
    let form = if body.contains('=') && !body.starts_with('{') { pairs(body) } else { Vec::new() };
    vec![
        ("header", headers),
        ("query", pairs(request.query().unwrap_or_default())),
        ("json", json),
        ("form", form),
    ]
}

pub(crate) fn malformed(why: Malformed, looks: &Looks) -> Finding {
    let field = looks.fields.iter().find(|field| field.part == why.part);
    let place = field.map_or_else(|| "the request".to_owned(), |field| format!("`{}`", field.expression));
    let sent = field.and_then(|field| field.text.as_deref());
    let what = name(why.part);
    let (said, remedy) = match why.flaw {
        Flaw::NotATime => {
            let own = Form::of_dialect(looks.time);
            let sent = sent.unwrap_or_default();
            match times::guess(sent) {
                Some((_, form)) if form.told() != own.told() => (
                    format!(
                        "The client sent the {what} {} ({}); this dialect has it {}.",
                        form.told(),
                        quoted(sent),
                        own.told()
                    ),
                    format!("Send and sign the {what} {}.", own.told()),
                ),
                _ => (
                    format!(
                        "The {what} in {place} ({}) is not written {}, as this dialect has it.",
                        quoted(sent),
                        own.told()
                    ),
                    format!("Send and sign the {what} {}.", own.told()),
                ),
            }
        }
        Flaw::Twice => (
            format!("What the dialect reads for the {what} ({place}) stands twice in the request."),
            "Send it once; look for a proxy or a library that adds it a second time.".to_owned(),
        ),
        Flaw::NotJson => (
            "The body is not JSON, and this dialect reads from it.".to_owned(),
            "Send a JSON object.".to_owned(),
        ),
        Flaw::NotText => {
            (format!("The {what} in {place} is no text."), "Send it as a text or a number.".to_owned())
        }
        Flaw::NotEncoded => (
            format!("The {what} in {place} is not encoded as this dialect says."),
            "Encode it as the dialect says.".to_owned(),
        ),
        Flaw::TooMany => (format!("The {what} in {place} holds too many parts."), "Send fewer.".to_owned()),
        Flaw::Missing => (
            format!(
                "A part that the request lists as signed is not there: the {what} ({place}) cannot be read without it."
            ),
            "Send every part that is listed, or list fewer.".to_owned(),
        ),
        Flaw::BodyUnread => {
            ("The body is needed, and was not read.".to_owned(), "Give it with `--body-file`.".to_owned())
        }
    };
    Finding::new(Kind::Malformed, said, remedy)
}
