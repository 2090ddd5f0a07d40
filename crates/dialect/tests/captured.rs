//! Requests captured from clients in the field, against the dialects that describe them: `dialects/GROUP/NAME.toml` beside
//! `NAME.cases.json`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use countersign_dialect::{Dialects, Reading, Recipe, Source};
use countersign_model::{DialectName, UnixTime};
use serde_json::Value;
use support::{Case, OwnedRequest};

/// The folders of dialects that come with captured requests, and the cases that cannot verify, with the reason.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dialects")
}

fn files(ending: &str) -> Vec<PathBuf> {
    let folders =
        fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut found: Vec<PathBuf> = folders
        .flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()))
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    found.sort();
    found
}

fn dialects() -> Dialects {
    let sources: Vec<Source> = files(".toml")
        .into_iter()
        .map(|path| Source {
            origin: path.strip_prefix(root()).unwrap().display().to_string(),
            text: fs::read_to_string(&path).unwrap(),
        })
        .collect();
    match Dialects::load(&sources) {
        Ok(dialects) => dialects,
        Err(mistakes) => {
            let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            panic!("{}", all.join("\n\n"));
        }
    }
}

fn cases(path: &Path) -> Vec<Case> {
    let list: Vec<Value> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    list.iter().map(Case::parse).collect()
}

/// What came of a request: nothing, or what was wrong and the string to sign.
fn judge(recipe: &Recipe, request: &OwnedRequest, now: UnixTime, secret: &[u8]) -> Result<(), String> {
    let request = request.borrow();
    let claim = match recipe.read(&request) {
        Reading::Presented(claim) => claim,
        other => return Err(format!("{other:?}")),
    };
    recipe.fresh(&claim, now).map_err(|why| format!("{why:?}"))?;
    let key = recipe.prepare(secret);
    recipe.verify(&claim, &request, &key).map(|_| ()).map_err(|why| {
        let signed = recipe.string_to_sign(&claim, &request, &key);
        let signed = signed.map(|text| String::from_utf8_lossy(text.expose()).into_owned());
        format!("{why:?}: {signed:?}")
    })
}

fn each(mut with: impl FnMut(&Recipe, &Case, &mut Vec<String>)) {
    let dialects = dialects();
    let only = std::env::var("ONLY").ok();
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in files(".cases.json") {
        let name = path.file_name().unwrap().to_str().unwrap().trim_end_matches(".cases.json");
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let Some(recipe) = dialects.get(&DialectName::parse(name).unwrap()) else {
            wrong.push(format!("there is no dialect {name}"));
            continue;
        };
        for case in cases(&path) {
            count += 1;
            let mut found = Vec::new();
            with(recipe, &case, &mut found);
            wrong.extend(found.into_iter().map(|what| format!("{name} {}: {what}", case.id)));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 0, "no case at all");
}

#[test]
fn every_captured_request_verifies_or_is_listed_with_the_reason_why_not() {
    each(|recipe, case, wrong| {
        let came = judge(recipe, &case.request, case.now, case.secret.as_bytes());
        match (came, &case.odd) {
            (Ok(()), None) | (Err(_), Some(_)) => {}
            (Err(why), None) => wrong.push(why),
            (Ok(()), Some(why)) => wrong.push(format!("verifies, though it should not: {why}")),
        }
    });
}
