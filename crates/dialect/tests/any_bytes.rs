//! Captured requests and dialect files with bytes changed: whatever comes of them, something is answered.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use countersign_dialect::{Dialects, Reading, Source};
use countersign_model::DialectName;
use http::HeaderValue;
use proptest::prelude::*;
use serde_json::Value;
use support::Case;

fn files(ending: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dialects");
    let folders = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut found: Vec<PathBuf> = folders
        .flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()))
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    found.sort();
    found
}

fn sources() -> &'static [Source] {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(|| {
        let source = |path: PathBuf| Source {
            origin: path.display().to_string(),
            text: fs::read_to_string(&path).unwrap(),
        };
        files(".toml").into_iter().map(source).collect()
    })
}

fn seeds() -> &'static (Dialects, Vec<(DialectName, Case)>) {
    static SEEDS: OnceLock<(Dialects, Vec<(DialectName, Case)>)> = OnceLock::new();
    SEEDS.get_or_init(|| {
        let mut cases = Vec::new();
        for path in files(".cases.json") {
            let name = path.file_name().unwrap().to_str().unwrap().trim_end_matches(".cases.json");
            let name = DialectName::parse(name).unwrap();
            let list: Vec<Value> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            cases.extend(list.iter().map(|value| (name.clone(), Case::parse(value))));
        }
        (Dialects::load(sources()).unwrap(), cases)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_captured_request_with_bytes_changed_is_answered(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((0..4_usize, any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let (dialects, cases) = seeds();
        let (name, case) = which.get(cases);
        let recipe = dialects.get(name).unwrap();
        let mut request = case.request.clone();
        for (place, at, byte) in changes {
            match place {
                0 => {
                    let at = at.index(request.target.len());
                    if request.target.is_char_boundary(at) {
                        request.target.insert(at, char::from(byte));
                    }
                }
                1 if !request.body.is_empty() => {
                    let at = at.index(request.body.len());
                    request.body[at] = byte;
                }
                2 => {
                    let at = at.index(request.headers.len());
                    let name = request.headers.keys().nth(at).cloned();
                    if let Some(name) = name {
                        let mut value = request.headers[&name].as_bytes().to_vec();
                        let at = usize::from(byte) % (value.len() + 1);
                        value.insert(at, byte);
                        if let Ok(value) = HeaderValue::from_bytes(&value) {
                            request.headers.insert(name, value);
                        }
                    }
                }
                _ => {
                    request.body.truncate(at.index(request.body.len() + 1));
                }
            }
        }
        let lines = request.lines();
        let borrowed = request.borrow(&lines);
        if let Reading::Presented(claim) = recipe.read(&borrowed) {
            let key = recipe.prepare(case.secret.as_bytes());
            let _ = recipe.fresh(&claim, case.now);
            let _ = recipe.verify(&claim, &borrowed, &key);
            let _ = recipe.string_to_sign(&claim, &borrowed, &key);
        }
    }

    #[test]
    fn a_dialect_file_with_bytes_changed_is_answered(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let source = which.get(sources());
        let mut bytes = source.text.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Err(mistakes) = Dialects::load(&[Source { origin: source.origin.clone(), text }]) {
            for mistake in mistakes {
                prop_assert!(!mistake.to_string().is_empty());
            }
        }
    }
}
