//! `countersign dialect infer`, on requests that stand beside the dialects of the source.

use crate::support::{Folder, Ran, text};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dialects/realm/vectors");
const KEY: [&str; 4] = ["--secret", "sk_example_Zürich", "--key-id", "rk_live_example"];

fn request(case: &str) -> String {
    format!("{VECTORS}/{case}/request.http")
}

fn infer(folder: &Folder, cases: &[&str], more: &[&str]) -> Ran {
    let files: Vec<String> = cases.iter().map(|case| request(case)).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    folder.run(&[&["dialect", "infer"], files.as_slice(), &KEY, more].concat())
}

const CASES: [&str; 3] = ["accepted-get-without-body", "accepted-post", "accepted-query-is-not-signed"];

#[test]
fn what_is_printed_is_a_dialect_file_that_can_be_used_as_it_is() {
    let folder = Folder::new();
    let ran = infer(&folder, &CASES, &["--name", "found"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    folder.write("found.toml", &ran.stdout);
    let told = folder.json(&["dialect", "lint", "found.toml"]);
    assert_eq!(text(&told[0], "dialect"), "found");
    let signed = r#"string_to_sign = "{method}\n{path}\n{timestamp}\n{body}""#;
    assert!(ran.stdout.lines().any(|line| line == signed), "{}", ran.stdout);
}

#[test]
fn for_programs_it_is_one_value_with_the_file_what_is_undecided_and_what_is_left_open() {
    let folder = Folder::new();
    let ran = infer(&folder, &CASES[..1], &["--json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(text(&told, "file").contains("[dialect.inferred]"));
    let undecided = told["undecided"].as_array().unwrap();
    assert!(undecided.iter().any(|one| text(one, "settle") == "a request with a query"), "{undecided:?}");
    assert!(told["findings"].as_array().unwrap().iter().any(|one| text(one, "name") == "unsigned_host"));
}

#[test]
fn what_cannot_be_found_is_told_with_how_far_it_came_and_ends_with_1() {
    let folder = Folder::new();
    let file = request("accepted-post");
    let refused = |more: &[&str]| folder.refusal(&[&["dialect", "infer", file.as_str()], more].concat());
    assert_eq!(refused(&["--secret", "another", "--limit", "20000"]), "NOT_FOUND_IN_TIME");
    assert_eq!(refused(&["--secret", "another", "--limit", "50ms"]), "NOT_FOUND_IN_TIME");
    folder.write("bare.http", "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(folder.refusal(&["dialect", "infer", "bare.http", "--secret", "s"]), "NO_SIGNATURE");
    folder.write("none.http", "what is this");
    assert_eq!(folder.refusal(&["dialect", "infer", "none.http", "--secret", "s"]), "UNREADABLE_REQUEST");
}

#[test]
fn progress_is_told_where_it_is_asked_for_and_nowhere_else() {
    let folder = Folder::new();
    let file = request("accepted-post");
    let arguments = ["dialect", "infer", &file, "--secret", "another", "--limit", "1s"];
    let silent = folder.run(&arguments);
    assert_eq!((silent.code, silent.stderr.lines().count()), (1, 1), "{}", silent.stderr);
    let told = folder.run(&[&arguments[..], &["--progress"]].concat());
    assert!(told.stderr.contains(" strings tried, "), "{}", told.stderr);
}

#[test]
fn an_interrupt_ends_it_with_how_far_it_came() {
    let folder = Folder::new();
    let file = request("accepted-post");
    let mut command =
        folder.command(&["dialect", "infer", &file, "--secret", "another", "--progress", "--limit", "100s"]);
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    // The first line of progress says that it listens.
    let mut first = [0; 1];
    std::io::Read::read_exact(&mut stderr, &mut first).unwrap();
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut stderr, &mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(rest.contains("error: interrupted: "), "{rest}");
}

#[test]
fn the_example_of_the_page_prints_what_stands_below_it() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let page = std::fs::read_to_string(format!("{root}/docs/infer.md")).unwrap();
    let block = |kind: &str| {
        let begin = page.split_once(&format!("```{kind}\n")).unwrap().1;
        begin.split_once("```").unwrap().0.to_owned()
    };
    let line = block("sh").replace("\\\n", " ");
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    let folder = Folder::new();
    let ran = Ran::of(folder.command(&words).current_dir(root));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.stdout, block("toml"));
}
