//! Headers that were signed with another value than they were sent with, or not at all.

use countersign_model::visible;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use super::Suspicion;
use crate::finding::Kind;
use crate::shown::quoted;
use crate::view::{Change, Scene};
use crate::withheld::is_sensitive;

/// The most headers that are tried.
const MAX_HEADERS: usize = 64;

/// Media types that clients name in the string to sign and libraries replace on the way.
const TYPES: [&str; 5] = [
    "application/json",
    "application/json; charset=utf-8",
    "application/json;charset=utf-8",
    "application/x-www-form-urlencoded",
    "text/plain",
];

pub(super) fn suspicions(scene: &Scene<'_>) -> Vec<Suspicion> {
    let mut all = Vec::new();
    let headers = scene.request.headers;
    let mut push = |name: &HeaderName, rank, value: &str, said: String, remedy: String| {
        let sent = headers.get(name.as_str()).unwrap_or_default();
        if let Ok(header) = HeaderValue::from_str(value)
            && value.as_bytes() != sent
        {
            all.push(Suspicion::new(
                Kind::HeaderValue,
                rank,
                Change::Header(name.clone(), header),
                said,
                remedy,
            ));
        }
    };
    for name in headers.names().filter_map(|name| HeaderName::from_bytes(name).ok()).take(MAX_HEADERS) {
        let Some(sent) = headers.get(name.as_str()).and_then(visible) else { continue };
        let name = &name;
        let shown = |value: &str| {
            if is_sensitive(name.as_str()) {
                "what is not shown here".to_owned()
            } else {
                quoted(value.as_bytes())
            }
        };
        let remedy = format!("Sign `{name}` with the value that is sent.");
        let said = format!("The client signed the header `{name}` as empty, and sent {}.", shown(sent));
        push(name, 82, "", said, remedy.clone());
        for (value, how) in [
            (sent.to_lowercase(), "in lower case"),
            (sent.to_uppercase(), "in upper case"),
            (sent.split(';').next().unwrap_or_default().trim().to_owned(), "without its parameters"),
            (sent.replace(", ", ","), "without blanks behind its commas"),
        ] {
            let said = format!(
                "The client signed the header `{name}` {how} ({}), and sent {}.",
                shown(&value),
                shown(sent)
            );
            push(name, 83, &value, said, remedy.clone());
        }
    }
    for other in TYPES {
        let sent = headers.get(CONTENT_TYPE.as_str()).unwrap_or_default();
        let said = format!("The client signed the content type `{other}`, and sent {}.", quoted(sent));
        push(
            &CONTENT_TYPE,
            44,
            other,
            said,
            "Set the content type before signing, and see that the HTTP library leaves it alone.".to_owned(),
        );
    }
    all
}
