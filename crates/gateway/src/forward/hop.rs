//! What is between one hop and the next, and goes no further (RFC 9110, 7.6.1).

use countersign_model::Headers;
use smallvec::SmallVec;

/// What `Connection` names, in the case in which it does.
#[derive(Debug, Default)]
pub(super) struct Named<'a>(SmallVec<[&'a [u8]; 4]>);

impl Named<'_> {
    /// Whether a field of this name is among it.
    pub(super) fn has(&self, name: &[u8]) -> bool {
        self.0.iter().any(|named| named.eq_ignore_ascii_case(name))
    }
}

/// The fields that `Connection` names. Names of options that are no fields are among them; they remove
/// nothing.
pub(super) fn named(headers: Headers<'_>) -> Named<'_> {
    let options = headers
        .get_all("connection")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|option| {
            !option.eq_ignore_ascii_case(b"keep-alive") && !option.eq_ignore_ascii_case(b"close")
        });
    Named(options.collect())
}

#[cfg(test)]
pub(super) mod tests {
    use countersign_model::HeaderList;
    use http::header::{self, HeaderMap, HeaderName, HeaderValue};

    use super::*;

    /// Whether a field is never passed on, in either direction. What `Connection` names comes on top.
    fn is_hop_by_hop(name: &HeaderName) -> bool {
        matches!(
            name.as_str(),
            "connection"
                | "keep-alive"
                | "proxy-authenticate"
                | "proxy-authentication-info"
                | "proxy-authorization"
                | "proxy-connection"
                | "te"
                | "transfer-encoding"
                | "upgrade"
        )
    }

    /// Removes what `Connection` names, and the fields that are hop-by-hop by themselves.
    pub(in crate::forward) fn strip(headers: &mut HeaderMap) {
        // Most messages have one of them, or none: look through what is there rather than for what may be.
        let present: SmallVec<[HeaderName; 4]> =
            headers.keys().filter(|name| is_hop_by_hop(name)).cloned().collect();
        if present.contains(&header::CONNECTION) {
            let lines: HeaderList = headers.iter().collect();
            let options = named(lines.view());
            let ends_here = headers.keys().filter(|name| options.has(name.as_str().as_bytes()));
            for name in ends_here.cloned().collect::<Vec<_>>() {
                headers.remove(&name);
            }
        }
        for name in present {
            headers.remove(name);
        }
    }

    fn stripped(fields: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        strip(&mut headers);
        headers.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn what_connection_names_goes_in_any_case_and_from_every_line() {
        let left = stripped(&[
            ("connection", "close, X-One ,\tx-TWO,,@not a name"),
            ("x-one", "1"),
            ("connection", "x-three"),
            ("x-two", "2"),
            ("x-three", "3"),
            ("x-four", "4"),
        ]);
        assert_eq!(left, ["x-four"]);
    }

    #[test]
    fn fields_of_one_hop_go_without_being_named() {
        let left = stripped(&[
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("proxy-authorization", "Basic eA=="),
            ("te", "trailers, gzip"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("trailer", "x-sum"),
            ("accept", "*/*"),
        ]);
        assert_eq!(left, ["accept", "trailer"]);
    }
}
