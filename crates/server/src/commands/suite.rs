//! `countersign dialect test` and `countersign dialect table`: dialect files against the requests beside them.

use std::path::{Path, PathBuf};

use countersign_dialect::Recipe;
use serde_json::{Value, json};

use super::cases::{self, Case, Expected};
use super::lint::of_files;
use super::{Answer, Outcome, Refusal};

/// How deep below a folder dialect files are looked for.
const MAX_DEPTH: usize = 4;

/// Runs every case that stands beside these files: a line each.
pub(super) fn test(files: &[PathBuf]) -> Result<Answer, Refusal> {
    let mut lines = Vec::new();
    let mut json = Vec::new();
    let mut failed = 0_usize;
    for (file, recipe) in of_files(files)? {
        for case in beside(&file, &recipe)? {
            let (name, id) = (recipe.name(), &case.id);
            let result = case.passes(&recipe);
            let expected = match case.expected() {
                Expected::Accepted => "accepted".to_owned(),
                Expected::Refused(why) => format!("refused, since {why}"),
                Expected::Verdict(verdict, None) => verdict.clone(),
                Expected::Verdict(verdict, Some(part)) => format!("{verdict} ({part})"),
            };
            json.push(json!({
                "dialect": name.as_str(), "case": id, "ok": result.is_ok(),
                "expected": expected, "found": result.as_ref().err(),
            }));
            lines.push(match result {
                Ok(()) => format!("ok    {name} {id}: {expected}"),
                Err(found) => {
                    failed += 1;
                    format!("FAILS {name} {id}: {found}, and not {expected}")
                }
            });
        }
    }
    if lines.is_empty() {
        return Err(Refusal::new(
            "NO_CASES",
            "no case stands beside these files: write NAME.cases.json beside the file of the dialect NAME",
        ));
    }
    let last = format!("{} cases, {failed} of them failing", lines.len());
    let outcome = if failed == 0 { Outcome::Done } else { Outcome::Refused };
    let text = lines.into_iter().chain([last]).collect::<Vec<_>>().join("\n");
    Ok(Answer { json: Value::Array(json), text, outcome })
}

fn beside(file: &Path, recipe: &Recipe) -> Result<Vec<Case>, Refusal> {
    cases::beside(file, recipe.name().as_str()).map_err(|error| Refusal::of("WRONG_CASES", &error))
}

/// A page with a table of every dialect below a folder.
pub(super) fn page(folder: &Path) -> Result<Answer, Refusal> {
    let mut files = Vec::new();
    find(folder, MAX_DEPTH, &mut files).map_err(|error| Refusal::of("DIALECT_NOT_FOUND", &error))?;
    files.sort();
    let mut rows = Vec::new();
    let (mut all, mut right) = (0, 0);
    for (file, recipe) in of_files(&files)? {
        let cases = beside(&file, &recipe)?;
        let is_odd = |case: &&Case| matches!(case.expected(), Expected::Refused(_));
        let (odd, rest): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(is_odd);
        let good = |cases: &[&Case]| cases.iter().filter(|case| case.passes(&recipe).is_ok()).count();
        let (good, refused) = (good(&rest), good(&odd));
        right += good + refused;
        all += cases.len();
        let kind = file.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        let classes: Vec<String> = recipe.classes().iter().map(ToString::to_string).collect();
        let open: Vec<&str> = recipe.lint().iter().map(|finding| finding.risk.name()).collect();
        let odd = if odd.is_empty() { String::new() } else { format!(", {} odd", odd.len()) };
        rows.push((
            recipe.name().to_string(),
            kind,
            sources(&cases),
            classes.join(", "),
            cases.len(),
            format!("{good}{odd}"),
            open.join(", "),
        ));
    }
    rows.sort();
    let mut text = format!(
        "# Schemes\n\nThis page is what `countersign dialect table dialects` prints; a test compares them.\n\n\
         {} dialects, {all} cases, of which {right} come to what they must. A case is a request that a client was seen to send, or one \
         made by a program that shares nothing with the code; an *odd* one cannot verify, is refused as it must be, and says why in its file. \
         What a dialect leaves open is what `countersign dialect lint` says of it.\n\n\
         | name | kind | seen from | class | cases | verified | leaves open |\n|---|---|---|---|---:|---|---|\n",
        rows.len(),
    );
    let lines: Vec<String> = rows
        .iter()
        .map(|(name, kind, from, class, cases, verified, open)| {
            format!("| {name} | {kind} | {from} | {class} | {cases} | {verified} | {open} |")
        })
        .collect();
    text.push_str(&lines.join("\n"));
    let json = rows
        .iter()
        .map(|(name, kind, from, class, cases, verified, open)| {
            json!({
                "name": name, "kind": kind, "seen_from": from, "class": class,
                "cases": cases, "verified": verified, "leaves_open": open,
            })
        })
        .collect();
    Ok(Answer::done(json, text))
}

/// The dialect files below a folder; the verdicts of vectors are none.
fn find(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_vectors = path.file_name().is_some_and(|name| name == "vectors");
        if path.is_dir() && depth > 0 && !is_vectors {
            find(&path, depth - 1, files)?;
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            files.push(path);
        }
    }
    Ok(())
}

/// The libraries that the requests come from, as the first words of their names tell.
fn sources(cases: &[Case]) -> String {
    let mut names: Vec<&str> =
        cases.iter().filter_map(|case| case.id.split_once('/')).map(|(library, _)| library).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() && !cases.is_empty() { "vectors.py".to_owned() } else { names.join(", ") }
}
