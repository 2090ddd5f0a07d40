//! `countersign check` and `countersign dialect`.

use serde_json::json;

use crate::support::{Folder, members, text};

#[test]
fn a_configuration_that_is_right_is_said_to_be() {
    let folder = Folder::new();
    assert_eq!(folder.text(&["check"]), "countersign.toml is right: 1 route and 1 upstream\n");
    assert_eq!(folder.json(&["check"]), json!({ "ok": true, "mistakes": [], "warnings": [] }));
}

#[test]
fn every_mistake_is_told_at_once_and_the_check_ends_with_1() {
    let folder = Folder::new();
    folder.write(
        "countersign.toml",
        "[listen]\npubilc = \"x\"\nadmin = \"0.0.0.0:8081\"\n[[route]]\npath = \"/\"\n",
    );
    let ran = folder.run(&["check"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    assert!(ran.stdout.contains("countersign.toml:2:1: unknown key `pubilc`"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("\n\n3 mistakes\n"), "{}", ran.stdout);
    let ran = folder.run(&["check", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &told["ok"]), (1, &json!(false)));
    assert_eq!(
        (told["mistakes"].as_array().unwrap().len(), told["warnings"].as_array().unwrap().len()),
        (3, 1)
    );
    let first = &told["mistakes"][0];
    assert_eq!(members(first), ["column", "file", "found", "line", "mend"]);
    assert_eq!((&first["line"], text(first, "mend")), (&json!(2), "did you mean `public`?"));
}

#[test]
fn a_check_without_a_configuration_says_that_there_is_none() {
    let folder = Folder::new();
    std::fs::remove_file(folder.path("countersign.toml")).unwrap();
    let ran = folder.run(&["check"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("there is no such file here"), "{}", ran.stdout);
    assert_eq!(folder.refusal(&["check", "--config", "none.toml"]), "CONFIGURATION_NOT_FOUND");
}

#[test]
fn a_check_touches_nothing() {
    let folder = Folder::new();
    folder.text(&["check"]);
    assert_eq!(std::fs::read_dir(folder.path("")).unwrap().count(), 1);
}

#[test]
fn a_dialect_is_shown_as_it_is_written() {
    let folder = Folder::new();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dialects/realm/dialect.toml");
    assert_eq!(folder.text(&["dialect", "show", "realm"]), std::fs::read_to_string(file).unwrap());
    let list = folder.json(&["dialect", "list"]);
    assert_eq!(members(&list[0]), ["body", "covers_query", "key_alone", "name", "replay"]);
    assert_eq!(folder.refusal(&["dialect", "show", "relm"]), "DIALECT_NOT_FOUND");
}
