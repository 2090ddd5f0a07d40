//! What a request says of where it came from and what it asked for there. Nothing that a client says of it is believed.

use http::HeaderMap;

use crate::field::Field;
use crate::identity::Names;
use crate::inbound::Inbound;

/// What tells of it.
const TELLING: [Field; 2] = [Field::Provenance, Field::OtherPath];

/// What proxies in front of us set themselves, in place of what a client sent.
const OF_THE_PROXY: [&str; 4] =
    ["x-envoy-external-address", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// Removes what tells where a request came from, in any spelling that servers take for it.
pub fn remove(headers: &mut HeaderMap) {
    let names: Names = headers
        .keys()
        .filter(|name| TELLING.contains(&Field::of(name.as_str().as_bytes())))
        .cloned()
        .collect();
    for name in names {
        headers.remove(name);
    }
}

/// What of it a proxy in front passed on as the client sent it.
pub(crate) fn of_the_client(inbound: &Inbound<'_>) -> Names {
    let mut names = inbound.named(&TELLING);
    names.retain(|name| !OF_THE_PROXY.contains(&name.as_str()));
    names
}

#[cfg(test)]
mod tests {
    use countersign_model::HeaderList;
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::Head;

    fn headers(names: &[&'static str]) -> HeaderMap {
        let value = HeaderValue::from_static("203.0.113.7");
        names.iter().map(|name| (HeaderName::from_static(name), value.clone())).collect()
    }

    #[test]
    fn what_a_client_says_of_itself_is_gone_in_any_spelling() {
        let mut all = headers(&[
            "forwarded",
            "x-forwarded-for",
            "x_forwarded_prefix",
            "x.original.url",
            "x_rewrite-url",
            "true-client-ip",
            "x-forward",
            "accept",
        ]);
        remove(&mut all);
        let mut left: Vec<_> = all.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "x-forward"]);
    }

    #[test]
    fn what_a_proxy_sets_itself_is_not_the_client_s() {
        let (parts, ()) = http::Request::get("/").body(()).unwrap().into_parts();
        let names = [
            "host",
            "x-forwarded-for",
            "x_forwarded_for",
            "x-forwarded-proto",
            "x-forwarded-uri",
            "x_forwarded_for",
        ];
        let headers: HeaderList = names.iter().map(|name| (name, "a")).collect();
        let head = Head::of(&parts, headers.view());
        let inbound = Inbound::read(&head, "http", ([127, 0, 0, 1], 1).into()).unwrap();
        let mut told = of_the_client(&inbound);
        told.sort_by_key(ToString::to_string);
        assert_eq!(told.as_slice(), ["x-forwarded-uri", "x_forwarded_for"]);
    }
}
