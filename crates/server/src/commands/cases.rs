//! Requests that are known to be right or wrong, which stand beside a dialect file: `NAME.cases.json`, or one folder
//! each under `vectors`.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_capture::Scheme;
use countersign_dialect::{Reading, Recipe, Request, Untimely};
use countersign_model::{HeaderList, Secret, UnixTime, visible};
use http::{HeaderName, HeaderValue};
use serde::Deserialize;

/// A request, when and with which secret it was made, and what must come of it.
pub(super) struct Case {
    pub(super) id: String,
    now: UnixTime,
    secret: Secret<String>,
    expected: Expected,
    /// The key id that must be read, where it is said and a signature is presented.
    key_id: Option<String>,
    method: String,
    scheme: String,
    host: String,
    target: String,
    headers: HeaderList,
    body: Vec<u8>,
}

/// What must come of a request.
pub(super) enum Expected {
    Accepted,
    /// It cannot verify, for a reason.
    Refused(String),
    /// This verdict, and the part that it is about.
    Verdict(String, Option<String>),
}

/// A file of cases that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {why}", file.display())]
pub(super) struct WrongCases {
    file: PathBuf,
    why: String,
}

/// One entry of `NAME.cases.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    now_ms: i64,
    secret: String,
    odd: Option<String>,
    request: WrittenRequest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRequest {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
}

/// `verdict.toml` of a vector.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verdict {
    now_ms: i64,
    secret: String,
    expect: String,
    part: Option<String>,
    key_id: Option<String>,
}

/// The cases that stand beside `file` for the dialect `name`.
pub(super) fn beside(file: &Path, name: &str) -> Result<Vec<Case>, WrongCases> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut cases = Vec::new();
    let list = folder.join(format!("{name}.cases.json"));
    if list.is_file() {
        let written: Vec<Written> =
            serde_json::from_slice(&read(&list)?).map_err(|error| wrong(&list, &error))?;
        for one in written {
            cases.push(Case::of(one).map_err(|why| wrong(&list, &why))?);
        }
    }
    let vectors = folder.join("vectors");
    if vectors.is_dir() {
        let entries = std::fs::read_dir(&vectors).map_err(|error| wrong(&vectors, &error))?;
        let mut folders: Vec<PathBuf> =
            entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        folders.sort();
        for folder in folders {
            cases.push(vector(&folder)?);
        }
    }
    Ok(cases)
}

fn wrong(file: &Path, why: &dyn std::fmt::Display) -> WrongCases {
    WrongCases { file: file.to_owned(), why: why.to_string() }
}

fn read(file: &Path) -> Result<Vec<u8>, WrongCases> {
    std::fs::read(file).map_err(|error| wrong(file, &error))
}

fn vector(folder: &Path) -> Result<Case, WrongCases> {
    let file = folder.join("verdict.toml");
    let text = String::from_utf8(read(&file)?).map_err(|error| wrong(&file, &error))?;
    let verdict: Verdict = toml::from_str(&text).map_err(|error| wrong(&file, &error))?;
    let id = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let file = folder.join("request.http");
    let message = read(&file)?;
    Case::of_message(id, verdict, &message).map_err(|why| wrong(&file, &why))
}

impl Case {
    fn of(written: Written) -> Result<Self, String> {
        let Written { id, now_ms, secret, odd, request } = written;
        let (scheme, rest) =
            request.url.split_once("://").ok_or_else(|| format!("{id}: `{}` is no URL", request.url))?;
        let (host, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let mut headers = HeaderList::new();
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| format!("{id}: {error}"))?;
            let value = HeaderValue::from_str(value.trim()).map_err(|error| format!("{id}: {error}"))?;
            headers.push(name, value);
        }
        if !headers.view().contains("host") {
            let value = HeaderValue::from_str(host).map_err(|error| format!("{id}: {error}"))?;
            headers.push("host", value);
        }
        let body = match (request.body, request.body_base64) {
            (Some(_), Some(_)) => return Err(format!("{id}: both `body` and `body_base64`")),
            (Some(body), None) => body.into_bytes(),
            (None, Some(body)) => STANDARD.decode(body).map_err(|error| format!("{id}: {error}"))?,
            (None, None) => Vec::new(),
        };
        Ok(Self {
            now: UnixTime::from_millis(now_ms),
            secret: Secret::new(secret),
            expected: odd.map_or(Expected::Accepted, Expected::Refused),
            key_id: None,
            method: request.method,
            scheme: scheme.to_owned(),
            host: host_of(&headers),
            target: if target.is_empty() { "/".to_owned() } else { target.to_owned() },
            headers,
            body,
            id,
        })
    }

    /// A message as HTTP/1.1 writes it.
    fn of_message(id: String, verdict: Verdict, message: &[u8]) -> Result<Self, String> {
        let all = countersign_capture::read(message).map_err(|error| error.to_string())?;
        let [one] = &*all else { return Err(format!("it holds {} requests, and not one", all.len())) };
        let body = one.body.bytes().ok_or("its body is not there")?;
        Ok(Self {
            id,
            now: UnixTime::from_millis(verdict.now_ms),
            secret: Secret::new(verdict.secret),
            expected: Expected::Verdict(verdict.expect, verdict.part),
            key_id: verdict.key_id,
            method: one.method.clone(),
            scheme: one.scheme.unwrap_or(Scheme::Https).as_str().to_owned(),
            host: one.host.clone(),
            target: one.target.clone(),
            headers: one.headers(),
            body: body.to_vec(),
        })
    }

    pub(super) fn expected(&self) -> &Expected {
        &self.expected
    }

    /// What comes of the request, in the words of `verdict.toml`, and the part that it is about.
    pub(super) fn judge(&self, recipe: &Recipe) -> (&'static str, Option<String>) {
        let request = self.request();
        let claim = match recipe.read(&request) {
            Reading::NotPresented => return ("not-presented", None),
            Reading::OnlyKeyId(_) => return ("only-key-id", None),
            Reading::Incomplete { missing, .. } => return ("incomplete", Some(missing.to_string())),
            Reading::Malformed { why, .. } => return ("malformed", Some(why.part.to_string())),
            Reading::Presented(claim) => claim,
        };
        match recipe.fresh(&claim, self.now) {
            Ok(_) => {}
            Err(Untimely::Early { .. }) => return ("early", None),
            Err(Untimely::Late { .. }) => return ("late", None),
            Err(Untimely::Expired { .. }) => return ("expired", None),
            Err(Untimely::TooLong { .. }) => return ("toolong", None),
        }
        let key = recipe.prepare(self.secret.expose().as_bytes());
        match recipe.verify(&claim, &request, &key) {
            Ok(_) => ("accepted", None),
            Err(_) => ("mismatch", None),
        }
    }

    fn request(&self) -> Request<'_> {
        Request {
            method: &self.method,
            scheme: &self.scheme,
            host: &self.host,
            target: &self.target,
            headers: self.headers.view(),
            body: Some(&self.body),
        }
    }

    /// Whether what comes of the request is what must come of it; if not, what it is instead.
    pub(super) fn passes(&self, recipe: &Recipe) -> Result<(), String> {
        if let (Some(expected), Reading::Presented(claim)) = (&self.key_id, recipe.read(&self.request()))
            && claim.key_id() != expected
        {
            return Err(format!("the key id is read as `{}` and not as `{expected}`", claim.key_id()));
        }
        let (verdict, part) = self.judge(recipe);
        let good = match &self.expected {
            Expected::Accepted => verdict == "accepted",
            Expected::Refused(_) => verdict != "accepted",
            Expected::Verdict(word, expected) => verdict == word && part == *expected,
        };
        if good { Ok(()) } else { Err(part.map_or(verdict.to_owned(), |part| format!("{verdict} ({part})"))) }
    }
}

fn host_of(headers: &HeaderList) -> String {
    headers.view().get("host").and_then(visible).unwrap_or_default().to_owned()
}
