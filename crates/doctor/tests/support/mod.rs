//! Every dialect of the repository with the captured requests beside it.

#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking; each uses a part")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_capture::Captured;
use countersign_dialect::{Dialects, Recipe, Request, Source};
use countersign_doctor::{Question, Report, explain};
use countersign_model::{DialectName, HeaderList, Secret, UnixTime};

/// A captured request, and how it was signed.
pub(crate) struct Case {
    pub(crate) recipe: Arc<Recipe>,
    pub(crate) id: String,
    pub(crate) now: UnixTime,
    pub(crate) secret: Secret<Vec<u8>>,
    pub(crate) odd: bool,
    pub(crate) scheme: &'static str,
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) target: String,
    pub(crate) headers: HeaderList,
    pub(crate) body: Vec<u8>,
}

impl Case {
    pub(crate) fn of(recipe: Arc<Recipe>, captured: Captured) -> Self {
        Self {
            recipe,
            id: captured.name.clone().unwrap_or_default(),
            now: captured.at.unwrap(),
            secret: Secret::new(captured.secret.clone().unwrap().expose().clone().into_bytes()),
            odd: captured.odd.is_some(),
            scheme: captured.scheme.map_or("https", countersign_capture::Scheme::as_str),
            headers: captured.headers(),
            method: captured.method,
            host: captured.host,
            target: captured.target,
            body: captured.body.bytes().unwrap().to_vec(),
        }
    }

    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            method: &self.method,
            scheme: self.scheme,
            host: &self.host,
            target: &self.target,
            headers: self.headers.view(),
            body: Some(&self.body),
        }
    }

    pub(crate) fn explained(&self, request: Request<'_>, secret: &Secret<Vec<u8>>) -> Report {
        explain(&Question { recipe: &self.recipe, request, secret: Some(secret), others: &[], now: self.now })
    }
}

pub(crate) fn dialects() -> (Dialects, Vec<PathBuf>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dialects");
    let mut files = Vec::new();
    find(&root, &mut files);
    files.sort();
    let sources: Vec<Source> = files
        .iter()
        .map(|file| Source {
            origin: file.display().to_string(),
            text: std::fs::read_to_string(file).unwrap(),
        })
        .collect();
    let dialects = Dialects::load(&sources).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    (dialects, files)
}

/// Every case that stands beside a dialect.
pub(crate) fn cases() -> Vec<Case> {
    let (dialects, files) = dialects();
    let mut all = Vec::new();
    for recipe in dialects.iter() {
        let name = format!("{}.cases.json", recipe.name());
        let beside = files.iter().map(|file| file.with_file_name(&name)).find(|file| file.is_file());
        let Some(file) = beside else { continue };
        let captured = countersign_capture::read(&std::fs::read(&file).unwrap()).unwrap();
        all.extend(captured.into_iter().map(|one| Case::of(recipe.clone(), one)));
    }
    assert!(all.len() > 300, "{}", all.len());
    all
}

pub(crate) fn named(dialects: &Dialects, name: &str) -> Arc<Recipe> {
    dialects.get(&DialectName::parse(name).unwrap()).unwrap().clone()
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "vectors") {
            find(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            files.push(path);
        }
    }
}
