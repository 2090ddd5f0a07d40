//! The answer to a check, as each kind of proxy wants it.

use bytes::Bytes;
use countersign_edge::{FrontProxy, Pass};
use http::header::{CACHE_CONTROL, CONNECTION};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::restored;

/// The headers that Envoy is to remove from a request before it passes it on.
const TO_REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

/// The request may pass. The proxy copies these headers into it.
///
/// No cache may keep it: a yes depends on headers whose names cannot be listed, such as all that begin with `X-Consumer-`, so no `Vary`
/// (RFC 9111 section 4.1) says on what it depends; and on what was revoked since.
pub(super) fn yes(proxy: FrontProxy, pass: Pass) -> Response<Bytes> {
    let removed = match proxy {
        FrontProxy::Envoy => list(&pass),
        FrontProxy::Nginx | FrontProxy::Traefik | FrontProxy::Caddy => None,
    };
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    *headers = pass.set;
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(removed) = removed {
        headers.insert(TO_REMOVE, removed);
    }
    response
}

fn list(pass: &Pass) -> Option<HeaderValue> {
    let names: Vec<&str> = pass.removed().map(HeaderName::as_str).collect();
    HeaderValue::from_str(&names.join(",")).ok().filter(|names| !names.is_empty())
}

/// The request may not pass. `answer` is what its client is to get.
pub(super) fn no(proxy: FrontProxy, mut answer: Response<Bytes>) -> Response<Bytes> {
    // It is about the client's connection, which is the proxy's.
    answer.headers_mut().remove(CONNECTION);
    match proxy {
        FrontProxy::Nginx => restored::carry(&answer),
        FrontProxy::Traefik | FrontProxy::Caddy | FrontProxy::Envoy => answer,
    }
}

/// What nginx takes for a refusal. Of a 401 it would take the challenges over and add them to those of the answer that it
/// fetches.
pub(super) const NGINX_NO: StatusCode = StatusCode::FORBIDDEN;
