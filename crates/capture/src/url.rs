//! URLs, taken apart as they are written.

use crate::Scheme;

/// The parts of a URL that a request is made of.
pub(crate) struct Url<'a> {
    pub(crate) scheme: Scheme,
    /// Without user and password: those never go out in a target or `Host`.
    pub(crate) authority: &'a str,
    /// The path and the query; `/` where there is neither.
    pub(crate) target: String,
}

/// Takes a URL with `http` or `https` apart. What follows a `#` never goes out (RFC 9110 section 7.1).
pub(crate) fn split(url: &str) -> Option<Url<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = match scheme {
        _ if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
        _ if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
        _ => return None,
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let slash = if target.starts_with('/') { "" } else { "/" };
    is_target(target).then(|| Url { scheme, authority, target: format!("{slash}{target}") })
}

/// Whether a request line could hold it: no blank, no control sign.
pub(crate) fn is_target(target: &str) -> bool {
    !target.chars().any(|c| c.is_control() || c == ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_without_changing_a_byte() {
        let url = split("HTTPS://user:pw@API.example:8443/v1//a%20b/../?b=2&&a=1#part").unwrap();
        assert_eq!(url.scheme, Scheme::Https);
        assert_eq!(url.authority, "API.example:8443");
        assert_eq!(url.target, "/v1//a%20b/../?b=2&&a=1");
    }

    #[test]
    fn a_url_without_a_path_asks_for_the_root() {
        assert_eq!(split("http://a").unwrap().target, "/");
        assert_eq!(split("http://a?b").unwrap().target, "/?b");
    }

    #[test]
    fn what_is_no_url_of_a_request_is_refused() {
        for bad in ["", "/v1", "ftp://a/", "http:/a", "http://a/b c", "http://a/\n"] {
            assert!(split(bad).is_none(), "{bad:?}");
        }
    }
}
