//! `countersign check` and `countersign dialect`.

use serde_json::json;

use crate::support::{Folder, members, text};

#[test]
fn a_configuration_that_is_right_is_said_to_be() {
    let folder = Folder::new();
    assert_eq!(folder.text(&["check"]), "countersign.toml is right: 1 route and 1 upstream\n");
    assert_eq!(
        folder.json(&["check"]),
        json!({ "ok": true, "mistakes": [], "warnings": [], "dialects": [] })
    );
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
    assert_eq!(
        members(&list[0]),
        ["body", "covers_query", "folder", "key_alone", "name", "names_key", "replay"]
    );
    assert_eq!(folder.refusal(&["dialect", "show", "relm"]), "DIALECT_NOT_FOUND");
}

#[test]
fn what_a_dialect_leaves_open_is_said_of_a_name_and_of_a_file() {
    let folder = Folder::new();
    let told = folder.json(&["dialect", "lint", "realm"]);
    assert_eq!(text(&told[0], "dialect"), "realm");
    let names: Vec<&str> =
        told[0]["findings"].as_array().unwrap().iter().map(|one| text(one, "name")).collect();
    assert_eq!(names, ["unsigned_query", "unsigned_host", "no_replay_guard"]);
    assert_eq!(
        members(&told[0]["findings"][0]),
        ["file", "line", "meaning", "meant", "name", "variants", "would_do"]
    );

    folder.write(
        "mine.toml",
        "[dialect.mine]\nlike = \"realm\"\nreplay = \"window\"\nwindow = \"2h\"\ndanger_unsigned_host = \"there is one host\"\ndanger_plain = \"it was once\"\n",
    );
    let told = folder.text(&["dialect", "lint", "mine.toml"]);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 8, "{told}");
    assert!(lines[0].contains("mine: unsigned_query: the signature does not cover"), "{told}");
    assert!(lines[1].starts_with("  = write query = \"refuse\""), "{told}");
    assert_eq!(lines[3], "  = recorded as meant: there is one host");
    assert!(lines[4].starts_with("mine.toml:4: mine: long_window: "), "{told}");
    assert!(lines[6].starts_with("mine.toml:6: mine: danger_plain is recorded, and nothing "), "{told}");

    folder.write("mine.toml", "[dialect.mine]\nlike = \"realm\"\nwindow = \"soon\"\n");
    assert_eq!(folder.refusal(&["dialect", "lint", "mine.toml"]), "WRONG_DIALECT");
    assert_eq!(folder.refusal(&["dialect", "lint", "none.toml"]), "DIALECT_NOT_FOUND");
    assert_eq!(folder.refusal(&["dialect", "lint", "relm"]), "DIALECT_NOT_FOUND");
}

#[test]
fn a_check_says_what_the_dialects_leave_open_that_routes_use_and_asks_each_route_of_the_query() {
    let folder = Folder::new();
    let config = std::fs::read_to_string(folder.path("countersign.toml")).unwrap();
    folder.write("countersign.toml", config.replace("\"api-key\"", "\"signature:realm\""));
    let told = folder.json(&["check"]);
    assert_eq!(told["warnings"].as_array().unwrap().len(), 1);
    let found = told["dialects"][0]["findings"].as_array().unwrap();
    let names: Vec<&str> = found.iter().map(|one| text(one, "name")).collect();
    assert_eq!(names, ["unsigned_host", "no_replay_guard"]);
    let told = folder.text(&["check"]);
    assert_eq!(told.matches("does not cover the whole query").count(), 1, "{told}");
    assert_eq!(told.matches("realm: no_replay_guard: ").count(), 1, "{told}");
}
