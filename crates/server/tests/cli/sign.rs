//! `countersign sign`: the line that it prints is run by a shell, sent by curl, and verified as it arrives.

use std::process::Command;

use countersign_dialect::{Dialects, Reading, Request};
use countersign_model::{DialectName, HeaderList};

use crate::server::{Seen, Server};
use crate::support::{Folder, Ran, members, text};

const SECRET: &str = "it's a \"secret\" $HOME\\";

/// Whether the request, as it came over the wire, carries a good signature of `dialect`.
fn verifies(dialect: &str, seen: &Seen) -> bool {
    let dialects = Dialects::builtin();
    let recipe = dialects.get(&DialectName::parse(dialect).unwrap()).unwrap();
    let headers: HeaderList = seen.headers.iter().map(|(name, value)| (name, value)).collect();
    let request = Request {
        method: &seen.method,
        scheme: "http",
        host: seen.header("host").unwrap(),
        target: &seen.target,
        headers: headers.view(),
        body: Some(&seen.body),
    };
    let Reading::Presented(claim) = recipe.read(&request) else { return false };
    let key = recipe.prepare(SECRET.as_bytes());
    recipe.verify(&claim, &request, &key).is_ok()
}

/// Signs, runs the printed line, and gives what arrived.
fn send(folder: &Folder, dialect: &str, method: &str, target: &str, more: &[&str]) -> Seen {
    let server = Server::start(vec![|_| ("200 OK", "{}".to_owned())]);
    let url = format!("http://{}{target}", server.address);
    let fixed = ["sign", "--dialect", dialect, "--key", "csk_x'y", "--secret", SECRET, method, &url];
    let line = folder.text(&[&fixed, more].concat());
    folder.write("line.sh", &line);
    let ran = Ran::of(Command::new("sh").arg("line.sh").current_dir(folder.path("")));
    assert_eq!(ran.code, 0, "{line}{ran:?}");
    server.seen().remove(0)
}

#[test]
fn the_printed_line_sends_what_was_signed_whatever_the_body_holds() {
    let folder = Folder::new();
    let long = vec![b'x'; 200_000];
    let bodies: [&[u8]; 7] =
        [b"{\"title\":\"it's\"}", b"@body", b"", b"a\0b\xff%s\\n\n", b"two\nlines\n", b"-n", &long];
    for body in bodies {
        folder.write("body", body);
        let seen = send(&folder, "realm", "POST", "/v1/marketplace/listings", &["--body-file", "body"]);
        assert_eq!(seen.body, body);
        assert!(verifies("realm", &seen), "{seen:?}");
        assert_eq!(seen.header("x-api-key"), Some("csk_x'y"));
    }
}

#[test]
fn a_body_that_the_dialect_writes_into_stands_in_the_line() {
    let folder = Folder::new();
    let long = format!("{{\"pages\":\"{}\"}}", "%\\u00e9 ".repeat(30_000));
    for body in [&long, "{}", "{\"title\":\"it's $HOME `x` \\\"\"}", "{\"a\":\n\"\u{e9}\u{1f600}\"}"] {
        folder.write("body", body);
        let seen = send(&folder, "pitchprint", "POST", "/runtime/fetch", &["--body-file", "body"]);
        assert!(verifies("pitchprint", &seen), "{seen:?}");
        assert_eq!(seen.header("content-type"), None, "nothing is sent that was not signed");
    }
}

#[test]
fn the_url_arrives_as_it_was_given() {
    let folder = Folder::new();
    for target in ["/v1/a?x={1}&y=[2-3]", "/v1/../b/./c", "/v1/%7e%2F?q=a'b", "/?"] {
        let seen = send(&folder, "realm", "GET", target, &[]);
        assert_eq!(seen.target, target);
        assert!(verifies("realm", &seen), "{seen:?}");
    }
}

#[test]
fn headers_and_methods_arrive_as_they_were_given() {
    let folder = Folder::new();
    let more = ["-H", "Content-Type: application/json", "-H", "X-Empty:", "-H", "X-Odd: it's; \"so\" $HOME"];
    let seen = send(&folder, "realm", "DELETE", "/v1/a", &more);
    assert_eq!(seen.method, "DELETE");
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("x-empty"), Some(""));
    assert_eq!(seen.header("x-odd"), Some("it's; \"so\" $HOME"));
    let seen = send(&folder, "realm", "HEAD", "/v1/a", &[]);
    assert!(seen.method == "HEAD" && verifies("realm", &seen));
}

#[test]
fn programs_get_the_parts() {
    let folder = Folder::new();
    folder.write("secret", format!("{SECRET}\n"));
    let fixed = ["sign", "--dialect", "realm", "--key", "k", "--secret-file", "secret", "GET"];
    let parts = folder.json(&[&fixed[..], &["http://127.0.0.1:8080/v1/a?b"]].concat());
    assert_eq!(members(&parts), ["body", "curl", "headers", "method", "url"]);
    assert_eq!((text(&parts, "method"), text(&parts, "url")), ("GET", "http://127.0.0.1:8080/v1/a?b"));
    let names: Vec<&str> =
        parts["headers"].as_array().unwrap().iter().map(|pair| pair[0].as_str().unwrap()).collect();
    assert_eq!(names, ["x-api-key", "x-timestamp", "x-signature"]);
    let header = |at: usize| parts["headers"][at][1].as_str().unwrap().to_owned();
    let seen = Seen {
        method: "GET".to_owned(),
        target: "/v1/a?b".to_owned(),
        headers: vec![
            ("Host".to_owned(), "127.0.0.1:8080".to_owned()),
            ("X-API-Key".to_owned(), header(0)),
            ("X-Timestamp".to_owned(), header(1)),
            ("X-Signature".to_owned(), header(2)),
        ],
        body: Vec::new(),
    };
    assert!(verifies("realm", &seen), "the line end of a secret's file is no part of the secret");
}

#[test]
fn what_cannot_be_signed_is_refused() {
    let folder = Folder::new();
    let sign = |dialect: &str, url: &str, more: &[&str]| {
        folder.refusal(
            &[&["sign", "--dialect", dialect, "--key", "k", "--secret", "s", "POST", url], more].concat(),
        )
    };
    assert_eq!(sign("relm", "http://h/", &[]), "DIALECT_NOT_FOUND");
    assert_eq!(sign("realm", "ftp://h/", &[]), "WRONG_URL");
    assert_eq!(sign("realm", "/v1", &[]), "WRONG_URL");
    assert_eq!(sign("realm", "http://h/", &["--body-file", "none"]), "FILE_NOT_READ");
    assert_eq!(sign("realm", "http://h/", &["-H", "X-API-Key: mine"]), "NOT_SIGNED");
    folder.write("list", "[1]");
    assert_eq!(sign("pitchprint", "http://h/", &["--body-file", "list"]), "NOT_SIGNED");
}

#[test]
fn a_webhook_is_signed_without_a_key_and_a_request_that_carries_one_is_not() {
    let folder = Folder::new();
    let sign = |dialect: &'static str| {
        ["sign", "--dialect", dialect, "--secret", SECRET, "POST", "http://127.0.0.1:9/hook"]
    };
    let signed = folder.json(&sign("github"));
    let headers = signed["headers"].as_array().unwrap();
    assert!(headers.iter().any(|pair| pair[0] == "x-hub-signature-256"), "{signed}");
    assert_eq!(folder.refusal(&sign("aws-sigv4")), "NO_KEY");
}
