//! `countersign dialect lint`, and what `countersign check` says of the dialects that routes use.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_dialect::{Dialects, Finding, Reach, Recipe, Source};
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
        Ok(_) | Err(_) => of_files(&[PathBuf::from(what)])?,
    };
    let json = recipes.iter().map(|recipe| findings_json(recipe, &recipe.lint())).collect();
    let text: Vec<String> = recipes.iter().map(|recipe| told(recipe, &recipe.lint())).collect();
    Ok(Answer::done(json, text.join("\n\n")))
}

/// The dialects of these files. They may be like one that comes with the program.
pub(super) fn of_files(files: &[PathBuf]) -> Result<Vec<Arc<Recipe>>, Refusal> {
    let sources: Vec<Source> = files.iter().map(|file| read(file)).collect::<Result<_, _>>()?;
    let loaded = Dialects::load(&sources).or_else(|alone| {
        // A file may need those that come with the program, or be the one that they come from.
        Dialects::builtin_and(&sources)
            .map_err(|beside| if beside.len() < alone.len() { beside } else { alone })
    });
    let dialects = loaded.map_err(|mistakes| {
        let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        Refusal::new("WRONG_DIALECT", format!("the dialect is wrong\n\n{}", told.join("\n\n")))
    })?;
    let ours = |recipe: &&Arc<Recipe>| sources.iter().any(|source| source.text == recipe.source());
    Ok(dialects.iter().filter(ours).cloned().collect())
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
    if findings.is_empty() {
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
    json!({ "dialect": recipe.name().as_str(), "findings": findings })
}
