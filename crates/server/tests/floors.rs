//! The one law of the house: a crate depends only on crates of a lower floor. See ARCHITECTURE.md.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Every crate with its floor. A new crate is put on a floor here, and in ARCHITECTURE.md.
const FLOORS: &[(&str, u8)] = &[
    ("countersign", 6),
    ("countersign-gateway", 5),
    ("countersign-api", 5),
    ("countersign-tower", 5),
    ("countersign-ext-authz", 5),
    ("countersign-edge", 4),
    ("countersign-bodies", 4),
    ("countersign-verify", 3),
    ("countersign-session", 3),
    ("countersign-manage", 3),
    ("countersign-store-sqlite", 3),
    ("countersign-doctor", 2),
    ("countersign-store", 2),
    ("countersign-infer", 2),
    ("countersign-http1", 2),
    ("countersign-capture", 1),
    ("countersign-dialect", 1),
    ("countersign-limit", 1),
    ("countersign-lines", 1),
    ("countersign-framing", 1),
    ("countersign-token", 1),
    ("countersign-wallet", 1),
    ("countersign-model", 0),
    ("countersign-sha256", 0),
];

/// Adapters that only the binary may name: whoever else did would be tied to one database.
const ONLY_FOR_THE_BINARY: &str = "countersign-store-";

fn manifests() -> Vec<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found: Vec<_> =
        std::fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path().join("Cargo.toml")).collect();
    found.retain(|path| path.is_file());
    assert!(!found.is_empty(), "no crates in {}", crates.display());
    found
}

/// The name of a crate, and the crates of this workspace that it depends on, but for tests.
fn edges(manifest: &Path) -> (String, Vec<String>) {
    let text = std::fs::read_to_string(manifest).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let name = table["package"]["name"].as_str().unwrap().to_owned();
    let mut depends = Vec::new();
    for section in ["dependencies", "build-dependencies"] {
        let Some(section) = table.get(section).and_then(toml::Value::as_table) else { continue };
        depends.extend(section.keys().filter(|key| key.starts_with("countersign")).cloned());
    }
    assert!(table.get("target").is_none(), "{name}: put platform dependencies where this test reads them");
    (name, depends)
}

#[test]
fn every_crate_depends_only_on_crates_of_a_lower_floor() {
    let floors: BTreeMap<_, _> = FLOORS.iter().copied().collect();
    let mut broken = Vec::new();
    let mut seen = Vec::new();
    for manifest in manifests() {
        let (name, depends) = edges(&manifest);
        let Some(floor) = floors.get(name.as_str()) else {
            broken.push(format!("{name} is on no floor"));
            continue;
        };
        for other in depends {
            match floors.get(other.as_str()) {
                Some(below) if below < floor => {}
                Some(same) => {
                    broken.push(format!("{name} (floor {floor}) depends on {other} (floor {same})"));
                }
                None => broken.push(format!("{name} depends on {other}, which is on no floor")),
            }
            if other.starts_with(ONLY_FOR_THE_BINARY) && name != "countersign" {
                broken.push(format!("{name} names the adapter {other}; only the binary may"));
            }
        }
        seen.push(name);
    }
    for (name, _) in FLOORS {
        if !seen.iter().any(|there| there == name) {
            broken.push(format!("{name} has a floor and is not there"));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
