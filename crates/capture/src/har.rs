//! HAR files (HTTP Archive 1.2), as browsers and proxies write them: whole ones, single entries, single requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use crate::captured::{Body, Captured, Field, Form};
use crate::head::{host, named};
use crate::unreadable::{Unreadable, shown};
use crate::{MAX_FIELDS, MAX_REQUESTS, url};

const WOULD_DO: &str = "a HAR file, an entry of one, or the `request` of an entry";

#[derive(Deserialize)]
struct File {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: Option<String>,
    request: Request,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    post_data: Option<PostData>,
    body_size: Option<i64>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct PostData {
    text: Option<String>,
    encoding: Option<String>,
}

/// Whether it is one: its headers have a `name` and a `value` each.
pub(crate) fn is_one(value: &Value) -> bool {
    let request = value.get("request").unwrap_or(value);
    let headers = request.get("headers").and_then(Value::as_array);
    value.get("log").is_some()
        || value.get("startedDateTime").is_some()
        || request.get("postData").is_some()
        || request.get("httpVersion").is_some()
        || headers.and_then(|all| all.first()).is_some_and(Value::is_object)
}

pub(crate) fn read(capture: &[u8], value: &Value) -> Result<Vec<Captured>, Unreadable> {
    let entries = if value.get("log").is_some() {
        parsed::<File>(capture)?.log.entries
    } else if value.get("request").is_some() {
        vec![parsed(capture)?]
    } else {
        vec![Entry { started_date_time: None, request: parsed(capture)? }]
    };
    if entries.is_empty() || entries.len() > MAX_REQUESTS {
        let found = format!("it holds {} entries", entries.len());
        return Err(Unreadable::new(1, found, format!("at least 1 and at most {MAX_REQUESTS}")));
    }
    let many = entries.len() > 1;
    let read = |(at, entry)| {
        captured(entry).map_err(|found| {
            let found = if many { format!("entry {}: {found}", at + 1) } else { found };
            Unreadable::new(1, found, WOULD_DO)
        })
    };
    entries.into_iter().enumerate().map(read).collect()
}

fn parsed<'a, T: Deserialize<'a>>(capture: &'a [u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(capture)
        .map_err(|error| Unreadable { would_do: WOULD_DO.into(), ..Unreadable::json(&error) })
}

fn captured(Entry { started_date_time, request }: Entry) -> Result<Captured, String> {
    let Request { method, url, headers, post_data, body_size } = request;
    let parts =
        url::split(&url).ok_or_else(|| format!("{} is no URL of a request", shown(url.as_bytes())))?;
    if headers.len() > MAX_FIELDS {
        return Err(format!("it holds {} headers, and at most {MAX_FIELDS} are read", headers.len()));
    }
    let mut fields: Vec<Field> = Vec::with_capacity(headers.len());
    let mut authority = parts.authority.to_owned();
    for Pair { name, value } in &headers {
        // HTTP/2 has them in place of a request line (RFC 9113 section 8.3.1).
        if let Some(name) = name.strip_prefix(':') {
            if name == "authority" {
                authority.clone_from(value);
            }
            continue;
        }
        let field = named(name.as_bytes(), value.as_bytes());
        fields.push(field.ok_or_else(|| format!("{} is no header", shown(name.as_bytes())))?);
    }
    http::Method::from_bytes(method.as_bytes())
        .map_err(|_| format!("{} is no method", shown(method.as_bytes())))?;
    Ok(Captured {
        form: Form::Har,
        name: None,
        host: host(&fields).unwrap_or(authority),
        scheme: Some(parts.scheme),
        target: parts.target,
        method,
        fields,
        body: body(post_data, body_size)?,
        at: started_date_time.as_deref().and_then(crate::captured::iso),
        secret: None,
        odd: None,
    })
}

fn body(post: Option<PostData>, size: Option<i64>) -> Result<Body, String> {
    let size = size.and_then(|size| u64::try_from(size).ok()).filter(|size| *size > 0);
    match post {
        Some(PostData { text: Some(text), encoding: Some(encoding) }) if encoding == "base64" => {
            STANDARD.decode(text).map(Body::Whole).map_err(|_| "`postData.text` is no base64".to_owned())
        }
        Some(PostData { text: Some(text), .. }) => Ok(Body::Whole(text.into_bytes())),
        // Names and values of a form do not say how they were written.
        Some(PostData { text: None, .. }) => Ok(Body::NotShown { bytes: size }),
        None if size.is_some() => Ok(Body::NotShown { bytes: size }),
        None => Ok(Body::Whole(Vec::new())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scheme;

    const REQUEST: &str = r#"{"method": "POST", "url": "https://api.example/v1?a=1", "httpVersion": "HTTP/2",
        "headers": [{"name": ":authority", "value": "api.example:8443"}, {"name": "X-Key", "value": "k"}],
        "postData": {"mimeType": "text/plain", "text": "h\u00e9"}, "bodySize": 3}"#;

    #[test]
    fn a_request_of_a_har_file_is_read_from_the_file_the_entry_or_alone() {
        let entry =
            format!(r#"{{"startedDateTime": "2026-11-21T13:00:00.123+01:00", "request": {REQUEST}}}"#);
        let file = format!(r#"{{"log": {{"version": "1.2", "entries": [{entry}, {entry}]}}}}"#);
        for (text, count) in [(REQUEST, 1), (&entry, 1), (&file, 2)] {
            let all = crate::read(text.as_bytes()).unwrap();
            assert_eq!(all.len(), count);
            let one = &all[0];
            assert_eq!((one.form, one.scheme), (Form::Har, Some(Scheme::Https)));
            assert_eq!((one.host.as_str(), one.target.as_str()), ("api.example:8443", "/v1?a=1"));
            assert_eq!(one.fields.len(), 1);
            assert_eq!(one.body, Body::Whole("hé".into()));
        }
        let at = crate::read(entry.as_bytes()).unwrap()[0].at.unwrap();
        assert_eq!(at.millis(), 1_795_262_400_123);
    }

    #[test]
    fn a_body_that_the_archive_leaves_out_is_not_taken_for_none() {
        let text = r#"{"method": "POST", "url": "https://a/", "httpVersion": "HTTP/1.1", "headers": [], "bodySize": 9}"#;
        assert_eq!(crate::read(text.as_bytes()).unwrap()[0].body, Body::NotShown { bytes: Some(9) });
    }

    #[test]
    fn what_is_missing_is_told() {
        let why = crate::read(br#"{"log": {"entries": [{"request": {"method": "GET"}}]}}"#).unwrap_err();
        assert_eq!(why.found, "missing field `url`");
        let why = crate::read(REQUEST.replace("https://", "").as_bytes()).unwrap_err();
        assert_eq!(why.found, "`api.example/v1?a=1` is no URL of a request");
    }
}
