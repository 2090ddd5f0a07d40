//! Lists of cases, as they stand beside dialect files: a request, and where known when and with which secret it was signed.
//!
//! A case is `{id, now_ms, secret, odd?, request: {method, url, headers: [[name, value]], body | body_base64}}`; the request
//! alone will do, as `countersign sign --json` prints it, and so will one case instead of a list.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_model::{Secret, UnixTime};
use serde::Deserialize;
use serde_json::Value;

use crate::captured::{Body, Captured, Field, Form};
use crate::head::{host, named};
use crate::unreadable::{Unreadable, shown};
use crate::{MAX_FIELDS, MAX_REQUESTS, url};

const WOULD_DO: &str =
    r#"`{"request": {"method": "GET", "url": "https://..", "headers": [["Name", "value"]], "body": ".."}}`"#;

#[derive(Deserialize)]
struct Case {
    id: Option<String>,
    now_ms: Option<i64>,
    secret: Option<String>,
    odd: Option<String>,
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
}

pub(crate) fn read(capture: &[u8], value: &Value) -> Result<Vec<Captured>, Unreadable> {
    let alone = |request| Case { id: None, now_ms: None, secret: None, odd: None, request };
    let cases: Vec<Case> = if value.is_array() {
        parsed(capture)?
    } else if value.get("request").is_some() {
        vec![parsed(capture)?]
    } else {
        vec![alone(parsed(capture)?)]
    };
    if cases.is_empty() || cases.len() > MAX_REQUESTS {
        let found = format!("it holds {} cases", cases.len());
        return Err(Unreadable::new(1, found, format!("at least 1 and at most {MAX_REQUESTS}")));
    }
    let read = |(at, case): (usize, Case)| {
        let name = case.id.clone().unwrap_or_else(|| format!("case {}", at + 1));
        captured(case).map_err(|found| Unreadable::new(1, format!("{name}: {found}"), WOULD_DO))
    };
    cases.into_iter().enumerate().map(read).collect()
}

fn parsed<'a, T: Deserialize<'a>>(capture: &'a [u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(capture)
        .map_err(|error| Unreadable { would_do: WOULD_DO.into(), ..Unreadable::json(&error) })
}

fn captured(Case { id, now_ms, secret, odd, request }: Case) -> Result<Captured, String> {
    let Request { method, url, headers, body, body_base64 } = request;
    let parts =
        url::split(&url).ok_or_else(|| format!("{} is no URL of a request", shown(url.as_bytes())))?;
    if headers.len() > MAX_FIELDS {
        return Err(format!("it holds {} headers, and at most {MAX_FIELDS} are read", headers.len()));
    }
    let field = |(name, value): &(String, String)| {
        named(name.as_bytes(), value.as_bytes())
            .ok_or_else(|| format!("{} is no header", shown(name.as_bytes())))
    };
    let mut fields = headers.iter().map(field).collect::<Result<Vec<Field>, String>>()?;
    // Whatever a client leaves out of its own list, it names the host.
    if host(&fields).is_none() {
        let field = named(b"Host", parts.authority.as_bytes());
        fields.push(field.ok_or_else(|| format!("{} is no host", shown(parts.authority.as_bytes())))?);
    }
    http::Method::from_bytes(method.as_bytes())
        .map_err(|_| format!("{} is no method", shown(method.as_bytes())))?;
    let body = match (body, body_base64) {
        (Some(body), None) => body.into_bytes(),
        (None, Some(body)) => STANDARD.decode(body).map_err(|_| "`body_base64` is no base64".to_owned())?,
        (None, None) => Vec::new(),
        (Some(_), Some(_)) => return Err("both `body` and `body_base64` are there".to_owned()),
    };
    Ok(Captured {
        form: Form::Case,
        name: id,
        scheme: Some(parts.scheme),
        host: host(&fields).unwrap_or_default(),
        target: parts.target,
        method,
        fields,
        body: Body::Whole(body),
        at: now_ms.map(UnixTime::from_millis),
        secret: secret.map(Secret::new),
        odd,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_cases_is_read_with_secret_and_time() {
        let text = r#"[{"id": "lib/one", "now_ms": 17, "secret": "s", "odd": "why", "request":
            {"method": "POST", "url": "https://a.b:8443/v1?x", "headers": [["K", "v"]], "body_base64": "AP8="}}]"#;
        let one = crate::read(text.as_bytes()).unwrap().remove(0);
        assert_eq!((one.form, one.name.as_deref()), (Form::Case, Some("lib/one")));
        assert_eq!(
            (one.host.as_str(), one.header("host").unwrap().as_bytes()),
            ("a.b:8443", b"a.b:8443".as_slice())
        );
        assert_eq!(one.body, Body::Whole(vec![0, 255]));
        assert_eq!(one.at, Some(UnixTime::from_millis(17)));
        assert_eq!((one.secret.unwrap().expose().as_str(), one.odd.as_deref()), ("s", Some("why")));
    }

    #[test]
    fn a_request_alone_is_one_too() {
        let text = r#"{"method": "GET", "url": "http://a/", "headers": [["Host", "b"]], "curl": "curl .."}"#;
        let one = crate::read(text.as_bytes()).unwrap().remove(0);
        assert_eq!((one.host.as_str(), one.secret.is_none()), ("b", true));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let why = crate::read(b"[\n{\"request\": {\"method\": 1}}]").unwrap_err();
        assert_eq!((why.line, why.found.as_str()), (2, "invalid type: integer `1`, expected a string"));
        let why = crate::read(b"[]").unwrap_err();
        assert_eq!(why.found, "it holds 0 cases");
        let why = crate::read(br#"[{"id": "x", "request": {"method": "GET", "url": "a"}}]"#).unwrap_err();
        assert_eq!(why.found, "x: `a` is no URL of a request");
    }
}
