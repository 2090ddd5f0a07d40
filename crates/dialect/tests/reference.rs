//! The reference page, run: every dialect in it loads, every template in it comes to what stands beside it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::Path;

use countersign_dialect::{Dialects, Reading, Source};
use countersign_model::DialectName;
use http::{HeaderMap, HeaderValue};
use support::OwnedRequest;

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/dialects.md")).unwrap()
}

fn load(text: &str) -> Result<Dialects, String> {
    let source = Source { origin: "docs/dialects.md".into(), text: text.to_owned() };
    Dialects::load(&[source])
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn every_dialect_on_the_pages_loads() {
    let shapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/shapes.md");
    let page = page() + &fs::read_to_string(shapes).unwrap();
    let mut count = 0;
    for block in page.split("```toml\n").skip(1) {
        let text = block.split("```").next().unwrap();
        if let Err(mistakes) = load(text) {
            assert_eq!(mistakes, "", "{text}");
        }
        count += 1;
    }
    assert!(count >= 18, "{count}");
}

/// The templates on the page, and what they come to.
fn rows(page: &str) -> Vec<(String, String)> {
    let code = |cell: &str| {
        let cell = cell.trim();
        cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).map(|cell| cell.replace("\\|", "|"))
    };
    page.lines()
        .filter_map(|line| {
            let line = line.strip_prefix("| `{")?;
            let (template, rest) = line.split_once("` | ")?;
            Some((format!("{{{}", template.replace("\\|", "|")), code(rest.strip_suffix('|')?)?))
        })
        .collect()
}

fn sample() -> OwnedRequest {
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-one", "1"), ("x-two", "A   b"), ("sig", "00")] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    OwnedRequest {
        method: "POST".into(),
        scheme: "https".into(),
        host: "api.example:8443".into(),
        target: "/v1/a%20b?b=2&a=1&a=0&e=".into(),
        headers,
        body: br#"{"n":10,"s":"x\"y","o":{"k":[1,2]}}"#.to_vec(),
    }
}

fn comes_to(template: &str) -> Result<String, String> {
    let quoted = serde_json::to_string(template).unwrap();
    let file = format!(
        "[dialect.x]\nsignature = '{{header.Sig}}'\nencoding = 'hex'\nalgorithm = 'hmac-sha256'\nstring_to_sign = {quoted}\n"
    );
    let dialects = load(&file)?;
    let recipe = dialects.get(&DialectName::parse("x").unwrap()).unwrap();
    let request = sample();
    let lines = request.lines();
    let request = request.borrow(&lines);
    let Reading::Presented(claim) = recipe.read(&request) else { return Err("not presented".into()) };
    let made = recipe.string_to_sign(&claim, &request, &recipe.prepare(b"key"));
    made.map(|text| String::from_utf8_lossy(text.expose()).into_owned()).map_err(|why| why.to_string())
}

#[test]
fn every_template_on_the_page_comes_to_what_stands_beside_it() {
    let rows = rows(&page());
    assert!(rows.len() > 50, "{}", rows.len());
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(template, expected)| {
            let came = comes_to(template);
            (came.as_ref() != Ok(expected)).then(|| format!("{template}\n  is {came:?}\n not {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
