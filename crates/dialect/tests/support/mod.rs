//! What several of the tests need.

#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]
#![allow(clippy::panic, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use countersign_dialect::{Dialects, Request, RequestPart, Source};
use countersign_model::{HeaderList, UnixTime};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// The folders of dialects that come with captured requests, and the cases that cannot verify, with the reason.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dialects")
}

/// The files in them whose names end so.
pub fn files(ending: &str) -> Vec<PathBuf> {
    let folders =
        fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut found: Vec<PathBuf> = folders
        .flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()))
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    found.sort();
    found
}

/// All dialects in them.
pub fn dialects() -> Dialects {
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

/// The captured requests of a file.
pub fn cases(path: &Path) -> Vec<Case> {
    let list: Vec<Value> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    list.iter().map(Case::parse).collect()
}

/// A captured request, when it was made and with which secret.
#[derive(Clone, Debug)]
pub struct Case {
    pub id: String,
    pub now: UnixTime,
    pub secret: String,
    /// Why it cannot verify, where it cannot.
    pub odd: Option<String>,
    pub request: OwnedRequest,
}

impl Case {
    pub fn parse(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let request = &value["request"];
        let url = request["url"].as_str().unwrap();
        let (scheme, rest) = url.split_once("://").unwrap();
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, target) = rest.split_at(at);
        let mut headers = HeaderMap::new();
        for pair in request["headers"].as_array().unwrap() {
            let name = HeaderName::from_bytes(pair[0].as_str().unwrap().as_bytes()).unwrap();
            let value = pair[1].as_str().unwrap().trim();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        if !headers.contains_key("host") {
            headers.insert("host", HeaderValue::from_str(host).unwrap());
        }
        let body = match (request["body"].as_str(), request["body_base64"].as_str()) {
            (Some(body), _) => body.as_bytes().to_vec(),
            (None, Some(body)) => base64::engine::general_purpose::STANDARD.decode(body).unwrap(),
            (None, None) => Vec::new(),
        };
        let host = headers["host"].to_str().unwrap().to_owned();
        Self {
            id: text("id").unwrap(),
            now: UnixTime::from_millis(value["now_ms"].as_i64().unwrap()),
            secret: text("secret").unwrap(),
            odd: text("odd"),
            request: OwnedRequest {
                method: request["method"].as_str().unwrap().to_owned(),
                scheme: scheme.to_owned(),
                host,
                target: if target.is_empty() { "/".to_owned() } else { target.to_owned() },
                headers,
                body,
            },
        }
    }
}

/// A request that owns its parts.
#[derive(Clone, Debug)]
pub struct OwnedRequest {
    pub method: String,
    pub scheme: String,
    pub host: String,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl OwnedRequest {
    /// The headers, for [`OwnedRequest::borrow`].
    pub fn lines(&self) -> HeaderList {
        self.headers.iter().collect()
    }

    pub fn borrow<'a>(&'a self, lines: &'a HeaderList) -> Request<'a> {
        Request {
            method: &self.method,
            scheme: &self.scheme,
            host: &self.host,
            target: &self.target,
            headers: lines.view(),
            body: Some(&self.body),
        }
    }

    /// Reads an HTTP/1.1 message as it stands in a vector's `request.http`.
    pub fn parse(message: &[u8]) -> Self {
        let end = message.windows(4).position(|four| four == b"\r\n\r\n").expect("a blank line");
        let mut lines = message[..end].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let first = String::from_utf8(lines.next().unwrap().to_vec()).unwrap();
        let mut words = first.split(' ');
        let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let mut headers = HeaderMap::new();
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':').expect("a colon");
            let name = HeaderName::from_bytes(&line[..colon]).unwrap();
            headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).unwrap());
        }
        let host = headers.get("host").map_or("", |host| host.to_str().unwrap()).to_owned();
        Self { method, scheme: "https".into(), host, target, headers, body: message[end + 4..].to_vec() }
    }
}

/// The request with one part changed, for each part.
pub fn tampered(request: &OwnedRequest) -> Vec<(RequestPart, OwnedRequest)> {
    let mut all = Vec::new();
    let mut change = |part, with: &dyn Fn(&mut OwnedRequest)| {
        let mut other = request.clone();
        with(&mut other);
        all.push((part, other));
    };
    let (path, query) = match request.target.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (request.target.clone(), None),
    };
    let target =
        |path: &str, query: Option<&str>| query.map_or(path.to_owned(), |query| format!("{path}?{query}"));
    change(RequestPart::Method, &|r| r.method = "PROPFIND".into());
    change(RequestPart::Host, &|r| {
        r.host = "other.example".into();
        r.headers.insert("host", "other.example".parse().unwrap());
    });
    change(RequestPart::Path, &|r| r.target = target(&format!("{path}x"), query.as_deref()));
    let longer = query.as_ref().map_or("zz=1".to_owned(), |query| format!("{query}&zz=1"));
    change(RequestPart::Query, &|r| r.target = target(&path, Some(&longer)));
    if !request.body.is_empty() {
        change(RequestPart::Body, &|r| match r.body.last() {
            Some(b'}') => {
                r.body.pop();
                r.body.extend_from_slice(br#","zz":1}"#);
            }
            _ => r.body.extend_from_slice(b"&zz=1"),
        });
    }
    all
}
