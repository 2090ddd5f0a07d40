//! Infers every scheme below `dialects/` from requests, key id and secret alone, and prints a table.
//!
//! Half of a scheme's cases are shown to the search; the others are held out and verified in what was found.
//!
//! Usage: `cargo run --release -p countersign-infer --example corpus [-- [--candidates N] [--files] [NAME...]]`

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a program that measures and prints")]

use std::collections::BTreeMap;
use std::error::Error;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_dialect::{Class, Dialects, Reading, Recipe, Source};
use countersign_infer::{DEFAULT_CANDIDATES, Question, Sample, infer};
use countersign_model::{DialectName, HeaderList, visible};
use serde::Deserialize;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Deserialize)]
struct Case {
    secret: String,
    odd: Option<String>,
    request: Written,
}

#[derive(Deserialize)]
struct Written {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
}

/// A case as the search may see it.
struct Blind {
    sample: Sample,
    secret: String,
    key_id: String,
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (mut names, mut candidates, mut files) = (Vec::new(), DEFAULT_CANDIDATES, false);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--candidates" => candidates = args.next().ok_or("how many?")?.parse()?,
            "--files" => files = true,
            _ => names.push(arg),
        }
    }
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dialects");
    let mut sources = Vec::new();
    let mut lists = BTreeMap::new();
    collect(&folder, &mut sources, &mut lists)?;
    let dialects = Dialects::load(&sources).map_err(|mistakes| format!("{} mistakes", mistakes.len()))?;
    println!(
        "| scheme | shown | held out | found | verifies shown | verifies held out | candidates | seconds |"
    );
    println!("|---|---:|---:|---|---:|---:|---:|---:|");
    let (mut schemes, mut found, mut with_held, mut complete, mut held_cases, mut held_good) =
        (0, 0, 0, 0, 0, 0);
    for recipe in dialects.iter() {
        let name = recipe.name().as_str();
        let Some(path) = lists.get(name) else { continue };
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name) {
            continue;
        }
        let cases: Vec<Case> = serde_json::from_slice(&std::fs::read(path)?)?;
        let blind = blind(recipe, cases)?;
        if blind.is_empty() {
            continue;
        }
        schemes += 1;
        // The cases alternate: what is shown and what is held out are of the same kinds.
        let shown: Vec<&Blind> = blind.iter().step_by(2).collect();
        let held: Vec<&Blind> = blind.iter().skip(1).step_by(2).collect();
        let samples: Vec<Sample> = shown.iter().map(|case| case.sample.clone()).collect();
        let first = shown.first().ok_or("no case")?;
        let question = Question {
            samples: &samples,
            secret: first.secret.as_bytes(),
            key_id: (!first.key_id.is_empty()).then_some(first.key_id.as_str()),
            name: &DialectName::parse("inferred")?,
            candidates,
            threads,
        };
        let begun = Instant::now();
        let outcome = infer(&question, &());
        let seconds = begun.elapsed().as_secs_f64();
        match outcome {
            Ok(inferred) => {
                let good =
                    |cases: &[&Blind]| cases.iter().filter(|case| verifies(&inferred.recipe, case)).count();
                let (of_shown, of_held) = (good(&shown), good(&held));
                found += 1;
                with_held += usize::from(!held.is_empty());
                complete += usize::from(!held.is_empty() && of_held == held.len());
                held_cases += held.len();
                held_good += of_held;
                println!(
                    "| {name} | {} | {} | yes | {of_shown} | {of_held} | {} | {seconds:.2} |",
                    shown.len(),
                    held.len(),
                    inferred.tried,
                );
                if files {
                    println!("\n{}", inferred.file);
                    for open in &inferred.open {
                        println!("open: {}; {} would settle it", open.what, open.settle);
                    }
                }
            }
            Err(not) => println!(
                "| {name} | {} | {} | no ({:?}, {} solved) | | | {} | {seconds:.2} |",
                shown.len(),
                held.len(),
                not.ended,
                not.solved,
                not.tried
            ),
        }
    }
    println!(
        "\n{schemes} schemes, {found} found, {with_held} of these with cases held out: all verify in {complete}."
    );
    println!("Of {held_cases} cases held out from those found, {held_good} verify.");
    Ok(())
}

/// The cases that can verify, were signed with a symmetric secret, and share it with the first of them.
fn blind(recipe: &Recipe, cases: Vec<Case>) -> Result<Vec<Blind>> {
    if recipe.classes() == [Class::PublicKey] {
        return Ok(Vec::new());
    }
    let mut all: Vec<Blind> = Vec::new();
    for case in cases {
        let symmetric = !case.secret.contains("PUBLIC KEY");
        let same = all.first().is_none_or(|first| first.secret == case.secret);
        if case.odd.is_some() || !symmetric || !same {
            continue;
        }
        let sample = sample(case.request)?;
        let request = sample.request();
        let Reading::Presented(claim) = recipe.read(&request) else { continue };
        if recipe.verify(&claim, &request, &recipe.prepare(case.secret.as_bytes())).is_err() {
            continue;
        }
        let key_id = claim.key_id().to_owned();
        all.push(Blind { secret: case.secret, key_id, sample: sample.clone() });
    }
    Ok(all)
}

fn verifies(recipe: &Recipe, case: &Blind) -> bool {
    let request = case.sample.request();
    match recipe.read(&request) {
        Reading::Presented(claim) => {
            recipe.verify(&claim, &request, &recipe.prepare(case.secret.as_bytes())).is_ok()
        }
        _ => false,
    }
}

fn collect(folder: &Path, sources: &mut Vec<Source>, lists: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            collect(&path, sources, lists)?;
        } else if path.extension().is_some_and(|ending| ending == "toml") && name != "verdict.toml" {
            sources.push(Source { origin: name, text: std::fs::read_to_string(&path)? });
        } else if let Some(name) = name.strip_suffix(".cases.json") {
            lists.insert(name.to_owned(), path);
        }
    }
    Ok(())
}

fn sample(written: Written) -> Result<Sample> {
    let (scheme, rest) = written.url.split_once("://").ok_or("no URL")?;
    let (host, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let mut headers: HeaderList = written.headers.iter().map(|(name, value)| (name, value.trim())).collect();
    if !headers.view().contains("host") {
        headers.push("host", host);
    }
    let host = headers.view().get("host").and_then(visible).unwrap_or_default().to_owned();
    let body = match (written.body, written.body_base64) {
        (Some(body), _) => body.into_bytes(),
        (None, Some(body)) => STANDARD.decode(body)?,
        (None, None) => Vec::new(),
    };
    Ok(Sample {
        method: written.method,
        scheme: scheme.to_owned(),
        host,
        target: if target.is_empty() { "/".to_owned() } else { target.to_owned() },
        names: written.headers.iter().map(|(name, _)| name.clone()).collect(),
        headers,
        body,
    })
}
