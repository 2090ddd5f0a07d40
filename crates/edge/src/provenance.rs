//! What a request says of where it came from and what it asked for there. Nothing that a client says of it is believed.

use http::HeaderMap;

use crate::field::Field;
use crate::identity::Names;

/// What proxies in front of us set themselves, in place of what a client sent.
const OF_THE_PROXY: [&str; 4] =
    ["x-envoy-external-address", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// Removes what tells where a request came from, in any spelling that servers take for it.
pub fn remove(headers: &mut HeaderMap) {
    for name in names(headers) {
        headers.remove(name);
    }
}

/// What of it a proxy in front passed on as the client sent it.
pub(crate) fn of_the_client(headers: &HeaderMap) -> Names {
    let mut names = names(headers);
    names.retain(|name| !OF_THE_PROXY.contains(&name.as_str()));
    names
}

fn names(headers: &HeaderMap) -> Names {
    let tells = |field| matches!(field, Field::Provenance | Field::OtherPath);
    headers.keys().filter(|name| tells(Field::of(name))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

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
        let all = headers(&["x-forwarded-for", "x_forwarded_for", "x-forwarded-proto", "x-forwarded-uri"]);
        let mut told = of_the_client(&all);
        told.sort_by_key(ToString::to_string);
        assert_eq!(told.as_slice(), ["x-forwarded-uri", "x_forwarded_for"]);
    }
}
