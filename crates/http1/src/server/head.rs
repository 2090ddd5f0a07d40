//! The head of a request, out of its bytes.

use countersign_framing::{Outline, Refusal, Version};
use countersign_model::{HeaderLine, Headers};
use http::Method;

/// The head of a request: a view of its bytes, in which the names of headers are in lower case.
#[derive(Clone, Debug)]
pub struct Head<'a> {
    /// The method.
    pub method: Method,
    /// The path and query, byte for byte as sent, or `*`; a slash where an absolute URI has neither.
    pub target: &'a str,
    /// The authority, where the target was an absolute URI.
    pub authority: Option<&'a str>,
    /// The version.
    pub version: http::Version,
    /// The headers, in the order in which they were sent.
    pub headers: Headers<'a>,
}

impl<'a> Head<'a> {
    /// The head that `bytes` are, as `outline` and `lines` say where its parts are.
    ///
    /// # Errors
    ///
    /// What is refused that there is no type for. The framing refuses it before, so that this is a second look and not the first.
    pub(super) fn read(bytes: &'a [u8], outline: &Outline, lines: &'a [HeaderLine]) -> Result<Self, Refusal> {
        let method = bytes.get(outline.method.clone()).unwrap_or_default();
        let target = bytes.get(outline.target.clone()).unwrap_or_default();
        let target = str::from_utf8(target).map_err(|_| Refusal::Target)?;
        let (authority, target) = split(target).ok_or(Refusal::Target)?;
        Ok(Self {
            method: Method::from_bytes(method).map_err(|_| Refusal::Method)?,
            target,
            authority,
            version: match outline.version {
                Version::Http10 => http::Version::HTTP_10,
                Version::Http11 => http::Version::HTTP_11,
            },
            headers: Headers::new(bytes, lines),
        })
    }
}

/// The authority of a target, where it is an absolute URI, and its path and query (RFC 9112 section 3.2).
fn split(target: &str) -> Option<(Option<&str>, &str)> {
    if target.starts_with('/') || target == "*" {
        return Some((None, target));
    }
    let (_, rest) = target.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some((Some(authority), if path.is_empty() { "/" } else { path }))
}

#[cfg(test)]
mod tests {
    use countersign_framing::{BodyOfGet, Framing, Limits, Next};
    use http::Uri;
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { header_count: 8, header_bytes: 1024, body_of_get: BodyOfGet::Refused };

    /// What is read of a target, where it is not refused.
    fn seen(target: &[u8]) -> Option<(Option<String>, String)> {
        let bytes = [b"GET ", target, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        let mut framing = Framing::new(LIMITS);
        let Ok(Next::Head(outline)) = framing.next(&bytes) else { return None };
        let head = Head::read(&bytes, &outline, framing.fields()).unwrap();
        Some((head.authority.map(str::to_owned), head.target.to_owned()))
    }

    fn targets() -> impl Strategy<Value = Vec<u8>> {
        let start =
            prop::sample::select(vec!["/", "//", "*", "http://a", "HTTPS://a.b:80", "http://[::1]:1", ""]);
        let rest = prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(b"/?:@#%a*[]".to_vec())],
            0..6,
        );
        (start, rest).prop_map(|(start, rest)| [start.as_bytes(), &rest].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn a_target_is_what_a_parser_of_uris_makes_of_it(target in targets()) {
            if let Some((authority, path)) = seen(&target) {
                let uri = Uri::try_from(&*target).unwrap();
                prop_assert_eq!(authority.as_deref(), uri.authority().map(http::uri::Authority::as_str));
                prop_assert_eq!(path, uri.path_and_query().unwrap().as_str());
            }
        }
    }

    #[test]
    fn every_byte_that_may_stand_in_a_target_is_one_to_a_parser_of_uris() {
        for byte in 0..=u8::MAX {
            for target in [[b'/', byte, b'a'], [b'/', b'?', byte]] {
                if let Some(seen) = seen(&target) {
                    let uri = Uri::try_from(&target[..]).unwrap();
                    assert_eq!(seen, (None, uri.to_string()));
                }
            }
        }
    }
}
