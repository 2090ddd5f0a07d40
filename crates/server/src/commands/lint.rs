//! `countersign dialect lint`, and what `countersign check` says of the dialects that routes use.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_dialect::{Dialects, Finding, Mistake, Reach, Recipe, Source};
use countersign_model::DialectName;
use serde_json::{Value, json};

use super::context::Context;
use super::dialect::{load, not_found};
use super::{Answer, Refusal};

/// Says what a dialect leaves open: one that is loaded anyway, by its name, or all of a file.
pub(super) fn lint(context: &Context, what: &str) -> Result<Answer, Refusal> {
    let recipes = match DialectName::parse(what) {
        Ok(name) if !Path::new(what).is_file() => {
            let dialects = load(context)?;
            vec![dialects.get(&name).ok_or_else(|| not_found(&name, &dialects))?.clone()]
        }
        Ok(_) | Err(_) => of_files(&[PathBuf::from(what)])?.into_iter().map(|(_, recipe)| recipe).collect(),
    };
    let json = recipes.iter().map(|recipe| findings_json(recipe, &recipe.lint())).collect();
    let text: Vec<String> = recipes.iter().map(|recipe| told(recipe, &recipe.lint())).collect();
    Ok(Answer::done(json, text.join("\n\n")))
}

/// The dialects of these files, each with its file. They may be like one that comes with the program, or like one in a
/// file beside them.
pub(super) fn of_files(files: &[PathBuf]) -> Result<Vec<(PathBuf, Arc<Recipe>)>, Refusal> {
    let sources: Vec<Source> = files.iter().map(|file| read(file)).collect::<Result<_, _>>()?;
    let fewer = |one: Vec<Mistake>, other: Vec<Mistake>| if other.len() < one.len() { other } else { one };
    let loaded = Dialects::load(&sources)
        .or_else(|alone| Dialects::builtin_and(&sources).map_err(|told| fewer(alone, told)))
        .or_else(|alone| {
            Dialects::load(&with_neighbours(files, &sources)).map_err(|told| fewer(alone, told))
        });
    let dialects = loaded.map_err(|mistakes| wrong_dialects(&mistakes))?;
    let ours = |recipe: &Arc<Recipe>| {
        let at = sources.iter().position(|source| source.text == recipe.source())?;
        Some((files.get(at)?.clone(), recipe.clone()))
    };
    Ok(dialects.iter().filter_map(ours).collect())
}

/// The files, and those that stand beside them and can be read.
fn with_neighbours(files: &[PathBuf], sources: &[Source]) -> Vec<Source> {
    let folders: BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
    let here =
        |folder: &Path| if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() };
    let entries = folders.into_iter().filter_map(|folder| std::fs::read_dir(here(folder)).ok()).flatten();
    let beside = entries.filter_map(Result::ok).map(|entry| entry.path());
    let beside = beside.filter(|path| path.extension().is_some_and(|ending| ending == "toml"));
    let others = beside.filter_map(|path| read(&path).ok());
    let others = others.filter(|other| sources.iter().all(|source| source.text != other.text));
    sources.iter().cloned().chain(others).collect()
}

fn wrong_dialects(mistakes: &[Mistake]) -> Refusal {
    let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    Refusal::new("WRONG_DIALECT", format!("the dialect is wrong\n\n{}", told.join("\n\n")))
}

fn read(file: &Path) -> Result<Source, Refusal> {
    let origin = file.display().to_string();
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Source { origin, text }),
        Err(error) => Err(Refusal::new(
            "DIALECT_NOT_FOUND",
            format!("`{origin}` is the name of no dialect, and cannot be read as a file: {error}"),
        )),
    }
}

/// Findings for eyes: one line each, with what would do below it.
pub(super) fn told(recipe: &Recipe, findings: &[Finding]) -> String {
    let name = recipe.name();
    let stale = recipe.stale().into_iter().map(|stale| {
        let (origin, line, risk) = (&stale.place.origin, stale.place.line, stale.risk.name());
        format!(
            "{origin}:{line}: {name}: danger_{risk} is recorded, and nothing of that name is left open\n  = take it out"
        )
    });
    let stale: Vec<String> = stale.collect();
    if findings.is_empty() && stale.is_empty() {
        return format!("{name}: nothing is left open");
    }
    let lines: Vec<String> = findings
        .iter()
        .map(|finding| {
            let head = format!(
                "{}:{}: {name}: {}: {}{}",
                finding.place.origin,
                finding.place.line,
                finding.risk.name(),
                finding.risk.meaning(),
                reach(finding),
            );
            match &finding.meant {
                Some(reason) => format!("{head}\n  = recorded as meant: {reason}"),
                None => format!("{head}\n  = {}", finding.risk.would_do()),
            }
        })
        .chain(stale)
        .collect();
    lines.join("\n")
}

/// Which variants a finding is about, where it is not all.
fn reach(finding: &Finding) -> String {
    match finding.reach {
        Reach::Always => String::new(),
        Reach::Sometimes => {
            let which: Vec<String> =
                finding
                    .variants
                    .iter()
                    .map(|at| {
                        if *at == 0 {
                            "where no variant is meant".to_owned()
                        } else {
                            format!("variant {at}")
                        }
                    })
                    .collect();
            format!(" ({})", which.join(", "))
        }
    }
}

pub(super) fn findings_json(recipe: &Recipe, findings: &[Finding]) -> Value {
    let findings: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "name": finding.risk.name(),
                "meaning": finding.risk.meaning(),
                "would_do": finding.risk.would_do(),
                "meant": finding.meant,
                "variants": match finding.reach {
                    Reach::Always => Value::Null,
                    Reach::Sometimes => json!(finding.variants),
                },
                "file": finding.place.origin,
                "line": finding.place.line,
            })
        })
        .collect();
    let stale = recipe.stale().into_iter().map(
        |stale| json!({ "name": stale.risk.name(), "file": stale.place.origin, "line": stale.place.line }),
    );
    json!({ "dialect": recipe.name().as_str(), "findings": findings, "stale": stale.collect::<Value>() })
}
