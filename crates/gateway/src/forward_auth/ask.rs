//! What each kind of proxy says of a request, and where.

use std::net::SocketAddr;

use countersign_edge::{BadRequest, Bodies, FrontProxy, Head, Problem, Refused, Relayed, Telling, Told};
use countersign_model::Headers;
use countersign_verify::BodyFailure;

use super::{CHECK_PATH, bad_request};

/// The headers in which a proxy says what it was asked for.
struct Sources {
    method: &'static str,
    target: &'static str,
    scheme: &'static str,
    host: &'static str,
}

/// nginx has none of its own: these are what our recipe sets, each in place of what a client may send under its name.
const NGINX: Sources = Sources {
    method: "x-original-method",
    target: "x-original-uri",
    scheme: "x-original-scheme",
    host: "x-original-host",
};

/// What Traefik and Caddy set, each in place of what a client may send under its name.
const FORWARDED: Sources = Sources {
    method: "x-forwarded-method",
    target: "x-forwarded-uri",
    scheme: FORWARDED_PROTO,
    host: "x-forwarded-host",
};

const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// How Envoy says whether the body that it sends along is a part only. It drops what a client sends under this name.
const PARTIAL_BODY: &str = "x-envoy-auth-partial-body";

/// The request that a check is about. `head` is that of the check.
pub(super) fn relayed(
    proxy: FrontProxy,
    bodies: Bodies,
    head: &Head<'_>,
    peer: SocketAddr,
) -> Result<Relayed, Box<Refused>> {
    match proxy {
        FrontProxy::Nginx => at_check(head).and_then(|()| from_headers(&NGINX, head.headers, peer)),
        FrontProxy::Traefik | FrontProxy::Caddy => {
            at_check(head).and_then(|()| from_headers(&FORWARDED, head.headers, peer))
        }
        FrontProxy::Envoy => from_request_line(bodies, head, peer),
    }
}

fn at_check(head: &Head<'_>) -> Result<(), Box<Refused>> {
    if head.path() == CHECK_PATH {
        return Ok(());
    }
    let detail = format!("this door is asked at {CHECK_PATH}, and was asked at another path");
    Err(Refused::answered(Problem::NoRoute, "no_check", detail))
}

fn from_headers(sources: &Sources, headers: Headers<'_>, peer: SocketAddr) -> Result<Relayed, Box<Refused>> {
    let told = Told {
        method: said_once(headers, sources.method, Telling::Method).map_err(bad_request)?,
        target: said_once(headers, sources.target, Telling::Target).map_err(bad_request)?,
        scheme: said_once(headers, sources.scheme, Telling::Scheme).map_err(bad_request)?,
        host: said_once(headers, sources.host, Telling::Host).map_err(bad_request)?,
    };
    let of_the_proxy = [sources.method, sources.target, sources.scheme, sources.host].map(str::as_bytes);
    let of_the_client = headers.iter().filter(|header| !of_the_proxy.contains(&header.name));
    Relayed::new(told, of_the_client, peer).map_err(bad_request)
}

/// Envoy's check has the method, the target and the host of the request itself.
fn from_request_line(bodies: Bodies, head: &Head<'_>, peer: SocketAddr) -> Result<Relayed, Box<Refused>> {
    let headers = head.headers;
    let mut of_the_proxy = [FORWARDED_PROTO, ""];
    if bodies == Bodies::Forwarded {
        whole_body(headers)?;
        of_the_proxy = [FORWARDED_PROTO, PARTIAL_BODY];
    }
    let told = Told {
        method: head.method.as_str().as_bytes(),
        target: head.target.as_bytes(),
        scheme: said_once(headers, FORWARDED_PROTO, Telling::Scheme).map_err(bad_request)?,
        host: said_once(headers, "host", Telling::Host).map_err(bad_request)?,
    };
    let of_the_proxy = of_the_proxy.map(str::as_bytes);
    let of_the_client = headers.iter().filter(|header| !of_the_proxy.contains(&header.name));
    Relayed::new(told, of_the_client, peer).map_err(bad_request)
}

/// Refuses a body that was cut (`allow_partial_message`). Of a request without a body Envoy says nothing.
fn whole_body(headers: Headers<'_>) -> Result<(), Box<Refused>> {
    if !headers.contains(PARTIAL_BODY) {
        return Ok(());
    }
    if said_once(headers, PARTIAL_BODY, Telling::Body).map_err(bad_request)? == b"false" {
        return Ok(());
    }
    let why = BodyFailure::Partial;
    Err(Refused::answered(Problem::Body(why), "body", why.to_string()))
}

/// The one value of a header.
fn said_once<'a>(headers: Headers<'a>, name: &str, what: Telling) -> Result<&'a [u8], BadRequest> {
    headers.only(name).ok().flatten().ok_or(BadRequest::NotTold(what))
}

#[cfg(test)]
mod tests {
    use countersign_model::HeaderList;
    use http::Request;

    use super::*;

    /// What a check with these headers says, or why it says nothing.
    fn told(
        proxy: FrontProxy,
        bodies: Bodies,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<String, String> {
        let mut check = Request::builder().method("POST").uri(target);
        for (name, value) in headers {
            check = check.header(*name, *value);
        }
        let (head, ()) = check.body(()).unwrap().into_parts();
        let lines: HeaderList = head.headers.iter().collect();
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let relayed = relayed(proxy, bodies, &Head::of(&head, lines.view()), peer)
            .map_err(|refused| refused.note.reason.to_owned())?;
        let inbound = relayed.inbound().unwrap();
        let mut names: Vec<_> = inbound.headers.iter().map(|header| header.name_str()).collect();
        names.sort_unstable();
        Ok(format!(
            "{} {}://{}{} {}",
            inbound.method,
            inbound.scheme,
            inbound.host,
            inbound.target,
            names.join(",")
        ))
    }

    const ORIGINAL: [(&str, &str); 4] = [
        ("X-Original-Method", "GET"),
        ("X-Original-URI", "/a?b"),
        ("X-Original-Scheme", "https"),
        ("X-Original-Host", "api"),
    ];
    const FORWARDED: [(&str, &str); 4] = [
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Uri", "/a?b"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "api"),
    ];

    #[test]
    fn each_proxy_is_believed_in_its_own_place_alone() {
        let both = [ORIGINAL, FORWARDED].concat();
        let of_nginx = told(FrontProxy::Nginx, Bodies::Unseen, CHECK_PATH, &both).unwrap();
        assert!(of_nginx.starts_with("GET https://api/a?b host,x-forwarded-"), "{of_nginx}");
        for proxy in [FrontProxy::Traefik, FrontProxy::Caddy] {
            let told_of = told(proxy, Bodies::Unseen, "/check?b", &both).unwrap();
            assert!(told_of.starts_with("GET https://api/a?b host,x-original-"), "{told_of}");
            assert_eq!(told(proxy, Bodies::Unseen, CHECK_PATH, &ORIGINAL), Err("not_told".to_owned()));
        }
        assert_eq!(
            told(FrontProxy::Nginx, Bodies::Unseen, CHECK_PATH, &FORWARDED),
            Err("not_told".to_owned())
        );
        let envoy = [&both[..], &[("Host", "shop")]].concat();
        let of_envoy = told(FrontProxy::Envoy, Bodies::Unseen, "/c?d", &envoy).unwrap();
        assert!(of_envoy.starts_with("POST https://shop/c?d host,"), "{of_envoy}");
    }

    #[test]
    fn a_proxy_that_asks_elsewhere_is_not_set_up_as_it_should_be() {
        for proxy in [FrontProxy::Nginx, FrontProxy::Traefik, FrontProxy::Caddy] {
            let refused = told(proxy, Bodies::Unseen, "/v1/thing", &[ORIGINAL, FORWARDED].concat());
            assert_eq!(refused, Err("no_check".to_owned()));
        }
    }

    #[test]
    fn a_body_that_envoy_cut_or_does_not_speak_of_clearly_is_refused() {
        let with = |partial: &[&'static str]| {
            let mut headers = vec![("Host", "api"), ("X-Forwarded-Proto", "http")];
            headers.extend(partial.iter().map(|value| ("X-Envoy-Auth-Partial-Body", *value)));
            told(FrontProxy::Envoy, Bodies::Forwarded, "/", &headers)
        };
        assert!(with(&[]).is_ok() && with(&["false"]).is_ok());
        for partial in [&["true"][..], &["FALSE"], &[""], &["false", "false"]] {
            assert!(with(partial).is_err(), "{partial:?}");
        }
    }
}
