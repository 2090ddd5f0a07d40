//! `[api_key]`: where an API key stands in a request.

use http::HeaderName;

use super::read::parsed;
use super::section::Section;

/// Where an API key stands in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiKeyConfig {
    /// The header.
    pub(crate) header: HeaderName,
}

/// Headers that mean something else already: to HTTP itself, to the wallet's tokens, or to the upstream.
const TAKEN: [&str; 17] = [
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-authenticated-scope",
    "x-authenticated-userid",
    "x-consumer-id",
    "x-consumer-username",
    "x-credential-identifier",
];

impl ApiKeyConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let header = section.or("header", HeaderName::from_static("x-api-key"), parsed(header));
        section.finish();
        Self { header }
    }
}

fn header(text: &str) -> Result<HeaderName, String> {
    let name: HeaderName =
        text.parse().map_err(|_| format!("`{text}` is no header name: write one, as in \"X-API-Key\""))?;
    // Some servers read `_` in a name as `-`, so a name with it can be taken for another.
    if name.as_str().contains('_') {
        return Err(format!("`{text}` has a `_` in it: write a name with `-`, as in \"X-API-Key\""));
    }
    if TAKEN.contains(&name.as_str()) {
        return Err(format!("`{text}` has a meaning of its own: use another header, as in \"X-API-Key\""));
    }
    Ok(name)
}
