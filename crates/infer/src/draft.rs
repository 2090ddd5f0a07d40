//! The dialect file: written, loaded, and verified against every sample before anybody sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use countersign_dialect::{Reading, Recipe};

use crate::evaluate::load;
use crate::fields::Roles;
use crate::group::Group;
use crate::infer::Question;
use crate::layout::{Atom, Layout, Place};
use crate::makers::How;
use crate::pieces::{BODY, PATH};
use crate::sample::Sample;
use crate::secrets;
use crate::toml_text::quoted;
use crate::unify::Template;
use crate::when;

/// The most files that are written and verified before it is given up.
const MAX_DRAFTS: usize = 64;
/// What stands above what no request shows.
const GUESSED: &str =
    "# No request shows how long a signature is good, or whether it may come again: ask the vendor.";

/// A key of a dialect and what stands behind the equals sign.
type Line = (String, String);

/// Writes the first file that all samples verify in, also those that were not searched. Says which template each group has in it.
pub(crate) fn verified(
    question: &Question<'_>,
    all: &[Sample],
    layout: &Layout,
    groups: &[Group],
) -> Option<(String, Arc<Recipe>, Vec<Choice>)> {
    let mut order: Vec<&Group> = groups.iter().collect();
    // The dialect itself is for what most samples are; variants are for the others.
    order.sort_by_key(|group| group.members.len());
    if let [group] = order.as_slice() {
        return choices(group).take(MAX_DRAFTS).find_map(|choice| {
            let file = file(question, all.len(), layout, &[(group, &choice)])?;
            let recipe = verify(question, &file, all.iter())?;
            Some((file, recipe, vec![choice]))
        });
    }
    let mut chosen = Vec::new();
    for group in &order {
        let own = || group.members.iter().filter_map(|member| question.samples.get(member.sample));
        chosen.push(choices(group).take(MAX_DRAFTS).find(|choice| {
            let file = file(question, all.len(), layout, &[(group, choice)]);
            file.is_some_and(|file| verify(question, &file, own()).is_some())
        })?);
    }
    let both: Vec<(&Group, &Choice)> = order.iter().copied().zip(&chosen).collect();
    let file = file(question, all.len(), layout, &both)?;
    let recipe = verify(question, &file, all.iter())?;
    // In the order in which the groups came.
    let of = |group: &Group| {
        both.iter().find(|(other, _)| std::ptr::eq(*other, group)).map(|(_, choice)| (*choice).clone())
    };
    let chosen = groups.iter().filter_map(of).collect();
    Some((file, recipe, chosen))
}

/// Which template of a group.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) inner: Template,
    pub(crate) outer: Option<Template>,
}

fn choices(group: &Group) -> impl Iterator<Item = Choice> {
    let nested = group.nest.is_some();
    group.templates.iter().flat_map(move |inner| {
        let outers: Vec<Option<Template>> =
            if nested { group.outer.iter().take(4).cloned().map(Some).collect() } else { vec![None] };
        outers.into_iter().map(|outer| Choice { inner: inner.clone(), outer })
    })
}

/// A file for vendors that send the secret itself.
pub(crate) fn plain(
    question: &Question<'_>,
    all: &[Sample],
    layout: &Layout,
) -> Option<(String, Arc<Recipe>)> {
    let searched = 0..question.samples.len();
    let is_secret = |atom: &&Atom| {
        searched.clone().all(|at| atom.text(at).is_some_and(|text| text.as_bytes() == question.secret))
    };
    let atom = layout.atoms.iter().find(is_secret)?;
    let is_key = |atom: &&Atom| {
        question.key_id.is_some() && searched.clone().all(|at| atom.text(at) == question.key_id)
    };
    let key = layout.atoms.iter().find(is_key);
    let mut lines: Vec<Line> =
        key.map(|key| ("key_id".to_owned(), format!("\"{{{}}}\"", key.expr))).into_iter().collect();
    lines.push(("signature".to_owned(), format!("\"{{{}}}\"", atom.expr)));
    for (key, value) in [("encoding", "raw"), ("string_to_sign", "{secret}"), ("algorithm", "plain")] {
        lines.push((key.to_owned(), format!("\"{value}\"")));
    }
    lines.push(("danger_plain".to_owned(), "\"the vendor's clients send the secret\"".to_owned()));
    let mut file = head(question, all.len());
    for line in lines {
        put(&mut file, &line);
    }
    for step in layout.lines(atom.step) {
        file.push_str(step);
        file.push('\n');
    }
    let recipe = verify(question, &file, all.iter())?;
    Some((file, recipe))
}

fn head(question: &Question<'_>, samples: usize) -> String {
    let requests = if samples == 1 { "one request, which verifies" } else { "requests, all of which verify" };
    let count = if samples == 1 { String::new() } else { format!("{samples} ") };
    format!("# Inferred from {count}{requests}.\n[dialect.{}]\n", question.name)
}

fn put(file: &mut String, (key, value): &Line) {
    let _ = writeln!(file, "{key:<14} = {value}");
}

/// The file for groups, the last of which is the dialect itself and the others its variants.
fn file(
    question: &Question<'_>,
    samples: usize,
    layout: &Layout,
    groups: &[(&Group, &Choice)],
) -> Option<String> {
    let (_, variants) = groups.split_last()?;
    let mut roles: Vec<Roles> =
        groups.iter().map(|(group, choice)| roles(question, layout, group, choice)).collect();
    let all = roles.clone();
    roles = roles.into_iter().map(|own| all.iter().fold(own, Roles::within)).collect();
    let base_roles = roles.last()?;
    let mut file = head(question, samples);
    let written: Vec<Vec<Line>> = groups
        .iter()
        .zip(&roles)
        .map(|((group, choice), roles)| lines(question, group, choice, roles))
        .collect();
    let named = algorithms(layout, groups, &written);
    let base_lines = named.as_ref().or(written.last())?;
    // Where the request names its algorithm, there is nothing else that differs.
    let variants = if named.is_some() { &[][..] } else { variants };
    for line in base_lines {
        put(&mut file, line);
    }
    // The dialect's own first: what a variant takes apart otherwise stands in the variant.
    let mut steps: Vec<String> = Vec::new();
    let mut own_steps: Vec<Vec<String>> = vec![Vec::new(); groups.len()];
    for (at, ((group, choice), roles)) in groups.iter().zip(&roles).enumerate().rev() {
        for line in step_lines(layout, group, choice, roles) {
            let key = |line: &str| line.split(" = ").next().map(|key| key.trim_end().to_owned());
            match steps.iter().find(|known| key(known) == key(&line)) {
                None => steps.push(line),
                Some(known) if *known == line => {}
                Some(_) => own_steps.get_mut(at)?.push(line),
            }
        }
    }
    for step in steps {
        let _ = writeln!(file, "{step}");
    }
    let all: Vec<usize> = (0..question.samples.len()).collect();
    for (name, atom) in secrets::shown(question.secret, layout, &all) {
        let part = format!("\"{{secret.{name}}}\"");
        let _ = writeln!(file, "checks.{name} = [{}, {part}]", quoted(&format!("{{{}}}", atom.expr)));
        if matches!(atom.place, Place::Header(_)) {
            let _ = writeln!(file, "sign.\"{}\" = {part}", atom.expr);
        }
    }
    let guesses = base_roles.guesses();
    if !guesses.is_empty() {
        let _ = writeln!(file, "{GUESSED}");
    }
    for line in &guesses {
        put(&mut file, line);
    }
    for (at, ((group, choice), own)) in variants.iter().zip(&roles).enumerate() {
        let later: Vec<&Group> = groups.iter().skip(at + 1).map(|(group, _)| *group).collect();
        let (subject, expression) = when::condition(question.samples, group, &later)?;
        let _ = write!(file, "\n[[dialect.{}.variants]]\n", question.name);
        put(&mut file, &(format!("when.{subject}"), expression));
        let mut all = lines(question, group, choice, own);
        all.extend(own.guesses());
        for line in all {
            if !base_lines.contains(&line) && !guesses.contains(&line) {
                put(&mut file, &line);
            }
        }
        for step in own_steps.get(at).into_iter().flatten() {
            let _ = writeln!(file, "{step}");
        }
    }
    Some(file)
}

/// The lines of a dialect whose requests name their algorithm: those of all groups, where they differ in nothing else and
/// some value tells them apart.
fn algorithms(layout: &Layout, groups: &[(&Group, &Choice)], written: &[Vec<Line>]) -> Option<Vec<Line>> {
    let rest = |lines: &[Line]| -> Vec<Line> {
        lines.iter().filter(|(key, _)| key != "algorithm").cloned().collect()
    };
    let (first, others) = written.split_first()?;
    if others.is_empty() || others.iter().any(|lines| rest(lines) != rest(first)) {
        return None;
    }
    let names = |atom: &Atom| -> Option<BTreeMap<String, String>> {
        let mut names = BTreeMap::new();
        for (group, _) in groups {
            for member in &group.members {
                let name = atom.text(member.sample)?.to_owned();
                let algorithm = group.maker.algorithm();
                if *names.entry(name).or_insert_with(|| algorithm.clone()) != algorithm {
                    return None;
                }
            }
        }
        let short = names.keys().all(|name| name.len() <= 32);
        // Every group has an algorithm of its own, or it is not that in which they differ.
        let distinct: BTreeSet<&String> = names.values().collect();
        let told_apart = names.len() == groups.len() && distinct.len() == groups.len();
        (short && told_apart).then_some(names)
    };
    // What is called an algorithm tells best.
    let atoms = layout.atoms.iter().filter_map(|atom| Some((atom, names(atom)?)));
    let (atom, names) =
        atoms.min_by_key(|(atom, _)| !["alg", "method"].iter().any(|word| atom.hint.contains(word)))?;
    let allow: Vec<String> =
        names.iter().map(|(name, algorithm)| format!("{} = {}", quoted(name), quoted(algorithm))).collect();
    let line =
        format!("{{ from = {}, allow = {{ {} }} }}", quoted(&format!("{{{}}}", atom.expr)), allow.join(", "));
    let mut lines = rest(first);
    lines.push(("algorithm".to_owned(), line));
    Some(lines)
}

fn roles(question: &Question<'_>, layout: &Layout, group: &Group, choice: &Choice) -> Roles {
    let samples: Vec<usize> = group.members.iter().map(|member| member.sample).collect();
    let text = choice.raw_text(group);
    let is_signed = |atom: &Atom| text.contains(&format!("{{{}}}", atom.expr));
    Roles::of(layout, &samples, question.key_id, &group.target, is_signed)
}

impl Choice {
    /// All pieces as they are, for looking values up.
    fn raw_text(&self, group: &Group) -> String {
        let piece = |at: usize| group.pieces.get(at).map_or(String::new(), |piece| piece.template.clone());
        let outer = self.outer.as_ref().map(|outer| outer.text(piece)).unwrap_or_default();
        self.inner.text(piece) + &outer
    }

    /// The pieces that it has.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = usize> {
        let outer = self.outer.iter().flat_map(|outer| &outer.parts);
        self.inner.parts.iter().chain(outer).filter_map(crate::unify::Part::piece)
    }
}

/// The lines of a group: fields, signature, what is signed.
fn lines(question: &Question<'_>, group: &Group, choice: &Choice, roles: &Roles) -> Vec<Line> {
    let mut lines = roles.lines();
    let piece = |at: usize| {
        let template = group.pieces.get(at).map_or_else(|| group.digest(), |piece| piece.template.clone());
        named(template, roles)
    };
    lines.push(("signature".to_owned(), quoted(&format!("{{{}}}", group.target.expr))));
    lines.push(("encoding".to_owned(), quoted(group.target.encoding)));
    if let How::Hmac { key, .. } = &group.maker.how
        && key != "{secret}"
    {
        lines.push(("key".to_owned(), quoted(&named(key.clone(), roles))));
    }
    let mut inner = choice.inner.text(piece);
    if choice.outer.is_none() && takes_body(question.samples, group, choice, &inner) {
        inner.push_str("{body}");
    }
    match &choice.outer {
        None => lines.push(("string_to_sign".to_owned(), quoted(&inner))),
        Some(outer) => {
            let mut text = outer.text(piece);
            match lone(&inner) {
                // A digest of one thing needs no step of its own.
                Some(slot) => text = text.replace("{inner |", &format!("{{{slot} |")),
                None => lines.push(("let.inner".to_owned(), quoted(&inner))),
            }
            lines.push(("string_to_sign".to_owned(), quoted(&text)));
        }
    }
    lines.push(("algorithm".to_owned(), quoted(&group.maker.algorithm())));
    lines
}

/// Whether the body is taken to be signed last, though no sample has one: most vendors do, and where this one does not,
/// its requests with a body are refused and not let in unsigned.
fn takes_body(samples: &[Sample], group: &Group, choice: &Choice, text: &str) -> bool {
    let covers =
        choice.pieces().filter_map(|at| group.pieces.get(at)).fold(0, |all, piece| all | piece.covers);
    samples.iter().all(|sample| sample.body.is_empty())
        && covers & PATH != 0
        && covers & BODY == 0
        && choice.inner.parts.len() > 1
        && text.ends_with(group.separator)
}

/// What stands in the braces, where there is one pair of them and nothing else.
fn lone(template: &str) -> Option<&str> {
    let slot = template.strip_prefix('{')?.strip_suffix('}')?;
    (!slot.contains(['{', '}'])).then_some(slot)
}

/// A template with the names of the fields for what they read.
fn named(template: String, roles: &Roles) -> String {
    roles.named().fold(template, |text, (name, role)| {
        let text = text.replace(&format!("{{{}}}", role.expr), &format!("{{{name}}}"));
        text.replace(&format!("{{{} | ", role.expr), &format!("{{{name} | "))
    })
}

/// The steps that a group needs, in order.
fn step_lines(layout: &Layout, group: &Group, choice: &Choice, roles: &Roles) -> Vec<String> {
    let of_pieces = choice.pieces().filter_map(|at| group.pieces.get(at)?.step);
    let of_key = match &group.maker.how {
        How::Hmac { step, .. } => *step,
        How::Plain => None,
    };
    let of_roles = roles.named().filter_map(|(_, role)| role.step);
    let mut needed: Vec<usize> = of_pieces.chain(of_key).chain(of_roles).chain(group.target.step).collect();
    needed.sort_unstable();
    let mut lines: Vec<String> = Vec::new();
    for step in needed {
        for line in layout.lines(Some(step)) {
            if !lines.iter().any(|known| known == line) {
                lines.push(line.to_owned());
            }
        }
        let sign = layout.steps.get(step).and_then(|step| step.sign.clone());
        lines.extend(sign.filter(|sign| !lines.contains(sign)));
    }
    lines
}

/// Loads a file and verifies samples in it. `None` where it is no good.
fn verify<'s>(
    question: &Question<'_>,
    file: &str,
    samples: impl Iterator<Item = &'s Sample>,
) -> Option<Arc<Recipe>> {
    let recipe = load(file)?;
    let key = recipe.prepare(question.secret);
    for sample in samples {
        let request = sample.request();
        let Reading::Presented(claim) = recipe.read(&request) else { return None };
        let named =
            question.key_id.is_none_or(|key_id| claim.key_id().is_empty() || claim.key_id() == key_id);
        if !named || recipe.verify(&claim, &request, &key).is_err() {
            return None;
        }
    }
    Some(recipe)
}
