//! `countersign sign`: a request signed as a client of a dialect does.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_dialect::{KeyNaming, SignInput, Signed};
use countersign_model::{Clock as _, Secret};
use http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use serde_json::{Map, Value};

use super::context::Context;
use super::{Answer, Refusal, dialect, shell};
use crate::cli::{HeaderArg, SignArgs};
use crate::world::{OsEntropy, SystemClock};

/// The longest body that is printed within the line, in bytes: longer ones do not fit into one argument of a
/// command.
const INLINE_BODY: usize = 64 * 1024;

/// A request that was signed.
struct Request<'a> {
    method: &'a Method,
    /// Scheme and authority.
    origin: String,
    signed: Signed,
    /// The file that holds the body as it is sent.
    body_file: Option<&'a Path>,
}

pub(crate) fn sign(context: &Context, wanted: &SignArgs) -> Result<Answer, Refusal> {
    let dialects = dialect::load(context)?;
    let recipe =
        dialects.get(&wanted.dialect).ok_or_else(|| dialect::not_found(&wanted.dialect, &dialects))?;
    let (scheme, authority, target) = parts(&wanted.url)?;
    let headers = headers(&wanted.headers);
    let body = match &wanted.body_file {
        Some(path) => read(path)?,
        None => Vec::new(),
    };
    let named_host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = named_host.map_or_else(|| host_of(scheme, authority), str::to_owned);
    let secret = secret_of(wanted.secret.as_deref(), wanted.secret_file.as_deref())?;
    let key_id = match (&wanted.key, recipe.key_naming()) {
        (Some(key), KeyNaming::ByRequest | KeyNaming::ByRoute) => key.as_str(),
        (None, KeyNaming::ByRoute) => "",
        (None, KeyNaming::ByRequest) => {
            let message = format!("requests in `{}` carry a key id: name it with --key", recipe.name());
            return Err(Refusal::new("NO_KEY", message));
        }
    };
    let signed = recipe
        .sign(SignInput {
            method: wanted.method.as_str(),
            scheme,
            host: &host,
            target,
            headers: &headers,
            body: &body,
            key_id,
            secret: secret.expose(),
            now: SystemClock.now(),
            entropy: &OsEntropy,
        })
        .map_err(|error| Refusal::of("NOT_SIGNED", &error))?;
    let body_file = wanted.body_file.as_deref().filter(|_| signed.body == body);
    let origin = format!("{scheme}://{authority}");
    let request = Request { method: &wanted.method, origin, signed, body_file };
    Ok(Answer::done(request.json(), request.curl()))
}

impl Request<'_> {
    fn url(&self) -> String {
        format!("{}{}", self.origin, self.signed.target)
    }

    fn json(&self) -> Value {
        let pair = |(name, value): (&HeaderName, &HeaderValue)| -> Value {
            [name.as_str().to_owned(), text(value)].into_iter().collect()
        };
        let mut json = Map::new();
        json.insert("method".to_owned(), self.method.as_str().into());
        json.insert("url".to_owned(), self.url().into());
        json.insert("headers".to_owned(), self.signed.headers.iter().map(pair).collect());
        match std::str::from_utf8(&self.signed.body) {
            Ok(body) => json.insert("body".to_owned(), body.into()),
            Err(_) => json.insert("body_base64".to_owned(), STANDARD.encode(&self.signed.body).into()),
        };
        json.insert("curl".to_owned(), self.curl().into());
        Value::Object(json)
    }

    /// A line for a POSIX shell that sends this request and no other.
    fn curl(&self) -> String {
        let url = self.url();
        let mut line = vec!["curl".to_owned()];
        // curl leaves these alone only where it is told to.
        if url.contains(['[', ']', '{', '}']) {
            line.push("--globoff".to_owned());
        }
        if url.contains("/.") {
            line.push("--path-as-is".to_owned());
        }
        if self.method == Method::HEAD {
            // With `--request HEAD` it would wait for a body.
            line.push("--head".to_owned());
        } else {
            line.push(format!("--request {}", shell::word(self.method.as_str())));
        }
        line.push(format!("--url {}", shell::word(&url)));
        for (name, value) in &self.signed.headers {
            let value = text(value);
            // A header without a value is written with a semicolon; with a colon curl leaves it out.
            let header = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
            line.push(format!("--header {}", shell::word(&header)));
        }
        let mut before = String::new();
        if !self.signed.body.is_empty() {
            // curl would add a content type of its own.
            if !self.signed.headers.contains_key(CONTENT_TYPE) {
                line.push("--header Content-Type:".to_owned());
            }
            let (command, argument) = self.body();
            before = command;
            line.push(format!("--data-binary {argument}"));
        }
        format!("{before}{}", line.join(" "))
    }

    /// What stands before curl in the line, and the argument by which curl finds the body.
    fn body(&self) -> (String, String) {
        if let Some(path) = self.body_file.and_then(Path::to_str) {
            return (String::new(), shell::word(&format!("@{path}")));
        }
        let body = &self.signed.body;
        match std::str::from_utf8(body) {
            // An argument holds no NUL, and one that begins with @ names a file.
            Ok(body) if body.len() <= INLINE_BODY && !body.contains('\0') && !body.starts_with('@') => {
                (String::new(), shell::word(body))
            }
            Ok(_) | Err(_) => (format!("{} | ", shell::printf(body)), "@-".to_owned()),
        }
    }
}

/// Scheme, authority and target (RFC 9112 section 3.2.1) of a URL.
fn parts(url: &Uri) -> Result<(&str, &str, &str), Refusal> {
    let wrong = || {
        Refusal::new(
            "WRONG_URL",
            format!("`{url}` is no URL of a request: write http:// or https://, a host and a path"),
        )
    };
    let scheme = url.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https")).ok_or_else(wrong)?;
    let authority = url.authority().ok_or_else(wrong)?.as_str();
    if authority.contains('@') {
        return Err(wrong());
    }
    let target = url.path_and_query().map_or("/", |target| target.as_str());
    Ok((scheme, authority, target))
}

/// What clients send as `Host`: the default port is left out.
fn host_of(scheme: &str, authority: &str) -> String {
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    authority.strip_suffix(default_port).unwrap_or(authority).to_owned()
}

fn headers(given: &[HeaderArg]) -> HeaderMap {
    given.iter().map(|header| (header.name.clone(), header.value.clone())).collect()
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Refusal> {
    std::fs::read(path)
        .map_err(|error| Refusal::new("FILE_NOT_READ", format!("{} cannot be read: {error}", path.display())))
}

/// The secret as it was given, or the content of the file that holds it.
pub(super) fn secret_of(given: Option<&str>, file: Option<&Path>) -> Result<Secret<Vec<u8>>, Refusal> {
    if let Some(secret) = given {
        return Ok(Secret::new(secret.as_bytes().to_vec()));
    }
    let mut bytes = file.map_or(Ok(Vec::new()), read)?;
    // Files end with a line end that is no part of the secret.
    for end in [b'\n', b'\r'] {
        if bytes.last() == Some(&end) {
            bytes.pop();
        }
    }
    Ok(Secret::new(bytes))
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
