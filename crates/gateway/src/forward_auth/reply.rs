//! The answer to a check, as each kind of proxy wants it.

use bytes::Bytes;
use countersign_edge::{Admitted, FrontProxy, Pass, RequestId};
use countersign_lines::{AnswerHead, AnswerHeaders as _, Answered};
use http::header::{CACHE_CONTROL, CONNECTION};
use http::{HeaderName, StatusCode};

use super::restored;

/// The headers that Envoy is to remove from a request before it passes it on.
const TO_REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

/// The request may pass. The proxy copies these headers into it.
///
/// No cache may keep it: a yes depends on headers whose names cannot be listed, such as all that begin with `X-Consumer-`, so no `Vary`
/// (RFC 9111 section 4.1) says on what it depends; and on what was revoked since.
pub(super) fn yes(proxy: FrontProxy, admitted: &Admitted, pass: &Pass, id: &RequestId) -> Answered<Bytes> {
    let mut head = AnswerHead::new(StatusCode::OK);
    admitted.put_onward(id, &mut head);
    head.add(&CACHE_CONTROL, b"no-store");
    match proxy {
        FrontProxy::Envoy => {
            let names: Vec<&str> = pass.removed().map(HeaderName::as_str).collect();
            if !names.is_empty() {
                head.add(&TO_REMOVE, names.join(",").as_bytes());
            }
        }
        FrontProxy::Nginx | FrontProxy::Traefik | FrontProxy::Caddy => {}
    }
    // For proxies that hand them on to the client.
    admitted.tell_limits(&mut head);
    Answered { head, body: Bytes::new() }
}

/// The request may not pass. `answer` is what its client is to get.
pub(super) fn no(proxy: FrontProxy, mut answer: Answered<Bytes>) -> Answered<Bytes> {
    // It is about the client's connection, which is the proxy's.
    answer.head.remove(&[CONNECTION]);
    match proxy {
        FrontProxy::Nginx => restored::carry(&answer),
        FrontProxy::Traefik | FrontProxy::Caddy | FrontProxy::Envoy => answer,
    }
}

/// What nginx takes for a refusal. Of a 401 it would take the challenges over and add them to those of the answer that it
/// fetches.
pub(super) const NGINX_NO: StatusCode = StatusCode::FORBIDDEN;
