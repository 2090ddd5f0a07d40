//! How a request reaches each door, and what comes of it.
//!
//! A kind of door that is added to [`Door`] does not compile here until it is reached.

use std::collections::BTreeMap;
use std::convert::Infallible;

use countersign_edge::{Bodies, Door, DoorName, FrontProxy};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::grpc;
use crate::holders::{IDENTITY, Identity, Sent};
use crate::place::Place;
use crate::upstream::{SEEN, tell, told};
use crate::wire::{self, Answer};

pub(crate) const HOST: &str = "api.example.com";

/// What came of a request.
#[derive(Debug, PartialEq)]
pub(crate) enum Got {
    /// It passed: what the upstream is told of the caller, and what secrets it sees.
    Passed { identity: Identity, leaked: Vec<String> },
    /// It did not.
    Refused(Refusal),
    /// This kind of door cannot be sent such a request.
    NotSendable,
}

/// A refusal, as the caller sees it. Its name differs from request to request.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    detail: String,
    headers: BTreeMap<String, Vec<String>>,
}

/// What a door of this kind is called here.
pub(crate) fn name(door: Door) -> &'static str {
    match door {
        Door::Proxy => DoorName::PROXY,
        Door::ForwardAuth(proxy) => proxy.as_str(),
        Door::ExtAuthz => "envoy-grpc",
        Door::Tower => DoorName::TOWER,
    }
}

/// Whether bodies come along to a door, where they can.
pub(crate) fn bodies(door: Door) -> Bodies {
    match door {
        Door::ForwardAuth(FrontProxy::Nginx | FrontProxy::Caddy) => Bodies::Unseen,
        Door::Proxy
        | Door::ForwardAuth(FrontProxy::Traefik | FrontProxy::Envoy)
        | Door::ExtAuthz
        | Door::Tower => Bodies::Forwarded,
    }
}

/// Whether the route for `path` can be at a door of this kind.
pub(crate) fn serves(door: Door, path: &str) -> bool {
    let needs_body = path.starts_with("/v1/marketplace/") || path.starts_with("/runtime/");
    !needs_body || bodies(door) == Bodies::Forwarded
}

/// Sends a request to a door as whoever stands before it does.
pub(crate) fn send(place: &Place, door: Door, sent: &Sent) -> Got {
    match door {
        Door::Proxy => proxied(place, sent),
        Door::ForwardAuth(proxy) => asked(place, proxy, sent),
        Door::ExtAuthz => grpc::asked(place, sent),
        Door::Tower => inside(place, sent),
    }
}

pub(crate) fn with_host(sent: &Sent) -> Vec<(String, String)> {
    let mut headers = sent.headers.clone();
    headers.push(("Host".to_owned(), HOST.to_owned()));
    headers
}

fn proxied(place: &Place, sent: &Sent) -> Got {
    let answer =
        wire::send(place.public(), &sent.method, &sent.target, &with_host(sent), sent.body.as_deref());
    match answer.one(SEEN) {
        Some(seen) => passed(&told(seen), sent),
        None => refused(&answer),
    }
}

/// What each proxy sends, and what it makes of the answer.
fn asked(place: &Place, proxy: FrontProxy, sent: &Sent) -> Got {
    let address = place.check(Door::ForwardAuth(proxy));
    let told = |prefix: &str, names: [&str; 4]| {
        let values = [&*sent.method, &*sent.target, "http", HOST];
        let pairs = names.into_iter().zip(values);
        pairs.map(|(name, value)| (format!("{prefix}-{name}"), value.to_owned())).collect::<Vec<_>>()
    };
    let mut headers = sent.headers.clone();
    headers.push(("Host".to_owned(), "countersign".to_owned()));
    let forwarded = match bodies(Door::ForwardAuth(proxy)) {
        Bodies::Unseen => None,
        Bodies::Forwarded => sent.body.as_deref(),
    };
    let answer = match proxy {
        FrontProxy::Nginx => {
            headers.extend(told("X-Original", ["Method", "URI", "Scheme", "Host"]));
            wire::send(address, "GET", "/check", &headers, forwarded)
        }
        FrontProxy::Traefik | FrontProxy::Caddy => {
            headers.extend(told("X-Forwarded", ["Method", "Uri", "Proto", "Host"]));
            wire::send(address, "GET", "/check?of=the+client", &headers, forwarded)
        }
        FrontProxy::Envoy => {
            let mut headers = with_host(sent);
            headers.push(("X-Forwarded-Proto".to_owned(), "http".to_owned()));
            if forwarded.is_some() {
                headers.push(("X-Envoy-Auth-Partial-Body".to_owned(), "false".to_owned()));
            }
            wire::send(address, &sent.method, &sent.target, &headers, forwarded)
        }
    };
    if answer.status == 200 {
        return passed(&passed_on(proxy, &answer, sent), sent);
    }
    match (proxy, answer.one("x-countersign-refusal")) {
        (FrontProxy::Nginx, Some(carried)) => {
            assert_eq!((answer.status, answer.body.len()), (403, 0));
            let back = [("Host", "countersign"), ("X-Countersign-Refusal", carried)];
            let back = back.map(|(name, value)| (name.to_owned(), value.to_owned()));
            refused(&wire::send(address, "GET", "/refusal", &back, None))
        }
        (FrontProxy::Nginx | FrontProxy::Traefik | FrontProxy::Caddy | FrontProxy::Envoy, _) => {
            refused(&answer)
        }
    }
}

/// The headers that a proxy passes on once it was told that it may: those of the recipes under `deploy`.
fn passed_on(proxy: FrontProxy, answer: &Answer, sent: &Sent) -> Vec<(String, String)> {
    assert_eq!(answer.one("cache-control"), Some("no-store"));
    let removed: Vec<String> = match proxy {
        FrontProxy::Nginx | FrontProxy::Traefik | FrontProxy::Caddy => {
            ["x-api-key", "authorization", "x-signature", "x-timestamp"].map(str::to_owned).into()
        }
        FrontProxy::Envoy => {
            let names = answer.one("x-envoy-auth-headers-to-remove").unwrap_or_default();
            names.split(',').map(str::to_owned).collect()
        }
    };
    let mut headers = sent.headers.clone();
    headers.retain(|(name, _)| {
        let name = name.to_ascii_lowercase();
        !removed.contains(&name) && !IDENTITY.contains(&name.as_str())
    });
    for name in IDENTITY {
        let value = answer.one(name).unwrap_or_else(|| panic!("no {name}"));
        headers.push((name.to_owned(), value.to_owned()));
    }
    headers
}

/// A service with the layer, in this process and on the server's database.
fn inside(place: &Place, sent: &Sent) -> Got {
    let mut request = Request::builder().method(&*sent.method).uri(&sent.target);
    for (name, value) in with_host(sent) {
        request = request.header(name, value);
    }
    let body = Full::new(bytes::Bytes::from(sent.body.clone().unwrap_or_default()));
    let Ok(request) = request.body(body) else { return Got::NotSendable };
    let echo = service_fn(|request: Request<_>| async move {
        let (head, _): (http::request::Parts, countersign_tower::RequestBody<Full<bytes::Bytes>>) =
            request.into_parts();
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        let seen: Vec<_> = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let mut response = Response::new(Full::new(bytes::Bytes::new()));
        response.headers_mut().insert(HeaderName::from_static(SEEN), tell(&seen).parse().unwrap());
        Ok::<_, Infallible>(response)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(async {
        let response = place.embedded.layer().layer(echo).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let body = body.collect().await.map_err(|_| "the body broke off").unwrap().to_bytes().to_vec();
        Answer { status: head.status.as_u16(), headers, body }
    });
    match answer.one(SEEN) {
        Some(seen) => passed(&told(seen), sent),
        None => refused(&answer),
    }
}

pub(crate) fn passed(seen: &[(String, String)], sent: &Sent) -> Got {
    let all = |wanted: &str| {
        let found = seen.iter().filter(|(name, _)| name.replace('_', "-").eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    let identity = IDENTITY
        .iter()
        .map(|name| {
            let values = all(name);
            assert_eq!(values.len(), 1, "{name}: {values:?}");
            ((*name).to_owned(), values[0].clone())
        })
        .collect();
    // The public half of a signature credential may be seen, in a body or as a key id.
    let leaked = seen.iter().filter(|(_, value)| sent.secrets.iter().any(|secret| value.contains(secret)));
    Got::Passed { identity, leaked: leaked.map(|(name, _)| name.clone()).collect() }
}

pub(crate) fn refused(answer: &Answer) -> Got {
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    let kept = |name: &str| {
        let all: Vec<String> = answer.all(name).into_iter().map(str::to_owned).collect();
        (!all.is_empty()).then(|| (name.to_owned(), all))
    };
    let headers = ["content-type", "cache-control", "www-authenticate", "retry-after"];
    assert!(answer.one("x-request-id").is_some(), "{answer:?}");
    Got::Refused(Refusal {
        status: answer.status,
        code: text("code"),
        detail: text("detail"),
        headers: headers.into_iter().filter_map(kept).collect(),
    })
}
