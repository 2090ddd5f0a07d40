//! Shapes that standards have for what is signed, which are too long to be put together piece by piece: the request
//! written line by line with the headers that it names (AWS Signature Version 4 and its kin), the headers that it names
//! alone (draft-cavage-http-signatures-12 section 2.3), the base string of OAuth 1.0 (RFC 5849 section 3.4.1), and the keys
//! that are derived part by part.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::evaluate::Evaluator;
use crate::layout::{Atom, Layout, Place, Step};
use crate::pieces::{BODY, Covers, HEADERS, HOST, METHOD, PATH, QUERY};
use crate::sample::Sample;
use crate::signature::looks_signed;
use crate::toml_text::quoted;

/// How a canonical path is written.
const PATHS: [&str; 4] = [
    "{path}",
    "{path | dec | enc('-._~/')}",
    "{path | dec | enc('-._~/')}/",
    "{path | normpath | enc('-._~/')}",
];

/// A template of several steps.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) template: String,
    pub(crate) step: usize,
    pub(crate) covers: Covers,
}

/// Adds the shapes that these samples could have, and the keys.
pub(crate) fn add(layout: &mut Layout, evaluator: &Evaluator<'_>) {
    let atoms = layout.atoms.clone();
    for atom in &atoms {
        if names_headers(atom, evaluator.samples, ';') {
            canonical(layout, atom, &atoms);
        }
        if names_headers(atom, evaluator.samples, ' ') {
            listed(layout, atom, &atoms, evaluator.samples);
        }
    }
    oauth(layout, &atoms, evaluator.samples);
    chains(layout, &atoms);
}

/// Whether a value lists headers of its request, in every sample that has it.
fn names_headers(atom: &Atom, samples: &[Sample], separator: char) -> bool {
    if !atom.hint.contains("header") && !atom.hint.contains("signed") {
        return false;
    }
    let mut any = false;
    let lists = |(at, sample): (usize, &Sample)| {
        let Some(text) = atom.text(at) else { return true };
        any = true;
        let there = |name: &str| {
            DERIVED.iter().any(|(known, ..)| *known == name)
                || name.starts_with('(')
                || sample.headers.view().contains(&name.to_ascii_lowercase())
        };
        text.split(separator).all(there)
    };
    samples.iter().enumerate().all(lists) && any
}

fn covers() -> Covers {
    METHOD | HOST | PATH | QUERY | HEADERS | BODY
}

fn canonical(layout: &mut Layout, list: &Atom, atoms: &[Atom]) {
    let signatures: Vec<&str> = atoms
        .iter()
        .filter_map(|atom| match &atom.place {
            Place::Query(name)
                if atom.values.iter().flatten().all(|v| std::str::from_utf8(v).is_ok_and(looks_signed)) =>
            {
                Some(name.as_str())
            }
            _ => None,
        })
        .collect();
    let mut queries = vec!["{rawpairs | dec | enc | sort | render('=', '&')}".to_owned()];
    queries.extend(
        signatures
            .iter()
            .map(|name| format!("{{rawpairs | drop('{name}') | dec | enc | sort | render('=', '&')}}")),
    );
    let mut bodies = vec!["{body | sha256 | hex}".to_owned(), "UNSIGNED-PAYLOAD".to_owned()];
    let sent = atoms.iter().find(|atom| atom.hint.ends_with("content-sha256"));
    bodies.extend(sent.map(|atom| format!("{{{} | or(body | sha256 | hex)}}", atom.expr)));
    let headers = format!("{{headers | squeeze | join(',') | pick({}) | render(':', '\n')}}", list.expr);
    for path in PATHS {
        for query in &queries {
            for body in &bodies {
                let text = format!("{{method}}\n{path}\n{query}\n{headers}\n\n{{{}}}\n{body}", list.expr);
                let lines = vec![let_line("canonical", &text)];
                let step = layout.step(Step { lines, needs: list.step, sign: None });
                let template = "{canonical | sha256 | hex}".to_owned();
                layout.shapes.push(Shape { template, step, covers: covers() });
            }
        }
    }
}

/// What stands in such a list for what is no header, and the lines that vendors have for it.
const DERIVED: [(&str, &str, &[&str]); 3] = [
    (
        "(request-target)",
        "asked",
        &["(request-target): {method | lower} {target}", "(request-target): {method | lower} {path | dec}"],
    ),
    (
        "@request-target",
        "asked_at",
        &["{method | lower} {target}", "{method} {target}", "@request-target: {method | lower} {target}"],
    ),
    (
        "request-line",
        "line",
        &["{method} {target} HTTP/1.1", "{method} {path | dec}{rawquery | prefix('?')} HTTP/1.1"],
    ),
];

fn listed(layout: &mut Layout, list: &Atom, atoms: &[Atom], samples: &[Sample]) {
    let names: BTreeSet<&str> =
        (0..samples.len()).filter_map(|at| list.text(at)).flat_map(|text| text.split(' ')).collect();
    let mut all = String::from("headers | trim | join(', ') | line(': ')");
    let mut fixed = Vec::new();
    for name in ["created", "expires"] {
        let parameter = atoms.iter().find(|atom| atom.step == list.step && atom.hint == name);
        if let Some(atom) = parameter.filter(|_| names.contains(format!("({name})").as_str())) {
            fixed.push(let_line(&format!("line_{name}"), &format!("({name}): {{{}}}", atom.expr)));
            let _ = write!(all, " | add('({name})', line_{name})");
        }
    }
    // Every way to write the lines that are no headers.
    let mut ways: Vec<Vec<String>> = vec![fixed];
    for (name, step, texts) in DERIVED.into_iter().filter(|(name, ..)| names.contains(name)) {
        let _ = write!(all, " | add('{name}', {step})");
        ways = ways
            .iter()
            .flat_map(|way| texts.iter().map(move |text| [way.as_slice(), &[let_line(step, text)]].concat()))
            .collect();
    }
    for mut lines in ways {
        lines.push(let_line("parts", &format!("{{{all}}}")));
        lines.push(let_line("listed", &format!("{{{} | or('date') | lower}}", list.expr)));
        let step = layout.step(Step { lines, needs: list.step, sign: None });
        let template = "{parts | pick(listed) | values('\n')}".to_owned();
        layout.shapes.push(Shape { template, step, covers: covers() & !BODY });
    }
}

fn let_line(name: &str, text: &str) -> String {
    format!("{:<14} = {}", format!("let.{name}"), quoted(text))
}

/// Where parameters have the names that RFC 5849 gives them.
fn oauth(layout: &mut Layout, atoms: &[Atom], samples: &[Sample]) {
    let Some(signature) = atoms.iter().find(|atom| atom.hint == "oauth_signature") else { return };
    let inside = atoms.iter().find(|atom| atom.hint == "oauth_signature" && atom.step.is_some());
    let bodies = samples.iter().any(|sample| !sample.body.is_empty());
    let mut ways = vec![(false, ""), (false, " | unique")];
    ways.extend(bodies.then_some((true, "")));
    for (posted, unique) in ways {
        let mut lines = Vec::new();
        let mut all = String::from("query");
        let name = inside.and_then(|atom| atom.expr.split('.').next());
        if let Some(name) = name {
            lines.push(let_line("given", &format!("{{{name} | dec}}")));
            all.push_str(" | plus(given)");
        }
        if posted {
            // A form counts, another body does not (RFC 5849 section 3.4.1.3.1).
            let other =
                "{header.Content-Type | or('none') | replace('^application/x-www-form-urlencoded.*$', '')}";
            lines.push(let_line("other", other));
            lines.push(let_line("formed", "{body | unless(other)}"));
            lines.push(let_line("posted", "{formed | pairs | dec-form}"));
            all.push_str(" | plus(posted)");
        }
        let _ = write!(all, " | drop('oauth_signature', 'realm'){unique} | enc | sort | render('=', '&')");
        lines.push(let_line("base", "{scheme}://{host | lower | replace(':(80|443)$', '')}{path}"));
        lines.push(let_line("all", &format!("{{{all}}}")));
        let needs = inside.unwrap_or(signature).step;
        let step = layout.step(Step { lines, needs, sign: None });
        let template = "{method | upper}&{base | enc}&{all | enc}".to_owned();
        layout.shapes.push(Shape { template, step, covers: covers() });
    }
}

/// Keys that are derived from the secret with one part of a scope after the other.
fn chains(layout: &mut Layout, atoms: &[Atom]) {
    let Some(scope) = atoms.iter().find(|atom| atom.expr == "scope") else { return };
    let parts: Vec<&str> = atoms
        .iter()
        .filter(|atom| atom.step == scope.step && !["scope", "id"].contains(&atom.expr.as_str()))
        .map(|atom| atom.expr.as_str())
        .collect();
    let values = atoms.iter().flat_map(|atom| atom.values.iter().flatten());
    let texts = values.filter_map(|value| std::str::from_utf8(value).ok()).map(str::to_owned);
    let mut fronts: Vec<String> = texts
        .chain(layout.constants.iter().cloned())
        .filter(|text| text.contains("-HMAC-"))
        .filter_map(|text| text.split('-').next().map(str::to_owned))
        .collect();
    fronts.sort();
    fronts.dedup();
    fronts.truncate(4);
    for front in fronts {
        let line = let_line("first_key", &format!("{front}{{secret}}"));
        let step = layout.step(Step { lines: vec![line], needs: scope.step, sign: None });
        for hash in ["sha256", "sha512", "sha1"] {
            layout.chains.push((format!("{{first_key | chain-{hash}({})}}", parts.join(", ")), step));
        }
    }
}
