//! Where an upstream is, as configured.

use std::net::{IpAddr, SocketAddr};

use http::header::HeaderValue;
use http::uri::{PathAndQuery, Uri};

use crate::UpstreamLimits;

const HTTP_PORT: u16 = 80;

/// An upstream: its name, where it listens, what goes before every path, and its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    name: Box<str>,
    endpoint: Endpoint,
    host: HeaderValue,
    base_path: Box<str>,
    limits: UpstreamLimits,
}

/// What to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// An address, which needs no look-up.
    Address(SocketAddr),
    /// A name, looked up for every connection.
    Name(Box<str>, u16),
}

/// Why a URL cannot be an upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` cannot be an upstream's URL: {why}; use http://HOST[:PORT][/BASE]")]
pub struct InvalidUpstream {
    /// The URL as it was given, but for a password in it.
    pub url: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Upstream {
    /// Reads an upstream's URL, such as `http://127.0.0.1:9000` or `http://api.internal/base`.
    pub fn parse(name: &str, url: &str, limits: UpstreamLimits) -> Result<Self, InvalidUpstream> {
        let invalid = |why| InvalidUpstream { url: without_password(url), why };
        if url.contains(['?', '#']) {
            return Err(invalid("a query or a fragment has no meaning there"));
        }
        let uri: Uri = url.parse().map_err(|_| invalid("it is not a URL"))?;
        if uri.scheme_str() != Some("http") {
            return Err(invalid("the scheme has to be http"));
        }
        let authority = uri.authority().ok_or_else(|| invalid("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(invalid("a user name or password has no meaning there"));
        }
        let port = match (authority.port_u16(), authority.as_str().strip_prefix(authority.host())) {
            (Some(0), _) => return Err(invalid("port 0 cannot be connected to")),
            (Some(port), _) => port,
            (None, Some("")) => HTTP_PORT,
            (None, _) => return Err(invalid("its port is not a number from 1 to 65535")),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let endpoint = match host.parse::<IpAddr>() {
            Ok(ip) => Endpoint::Address(SocketAddr::new(ip, port)),
            Err(_) => Endpoint::Name(host.into(), port),
        };
        Ok(Self {
            name: name.into(),
            endpoint,
            host: HeaderValue::from_str(authority.as_str()).map_err(|_| invalid("its host is not a name"))?,
            base_path: uri.path().trim_end_matches('/').into(),
            limits,
        })
    }

    /// What the configuration calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its limits.
    pub fn limits(&self) -> &UpstreamLimits {
        &self.limits
    }

    /// What to connect to.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The `Host` of every request to it: the authority of its URL. What the client called us goes along as
    /// `X-Forwarded-Host`; it chooses nothing, neither an address nor a virtual host behind us.
    pub(crate) fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// The target to ask it for: `sent`, byte for byte, after the base path. `None` where the two together
    /// are longer than a target can be.
    pub(crate) fn target(&self, sent: &PathAndQuery) -> Option<Uri> {
        if self.base_path.is_empty() || sent.as_str() == "*" {
            return Some(Uri::from(sent.clone()));
        }
        let joined = format!("{}{}", self.base_path, sent.as_str());
        Uri::from_maybe_shared(bytes::Bytes::from(joined)).ok()
    }
}

/// The URL as it can be shown to whoever reads an error.
fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            let (start, rest) = (url.get(..scheme), url.get(at..));
            format!("{}://...{}", start.unwrap_or_default(), rest.unwrap_or_default())
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Upstream, InvalidUpstream> {
        Upstream::parse("api", url, UpstreamLimits::default())
    }

    #[test]
    fn an_address_needs_no_lookup_and_a_name_does() {
        assert_eq!(
            parse("http://127.0.0.1:9000").unwrap().endpoint,
            Endpoint::Address("127.0.0.1:9000".parse().unwrap())
        );
        assert_eq!(parse("http://[::1]").unwrap().endpoint, Endpoint::Address("[::1]:80".parse().unwrap()));
        let named = parse("http://api.internal:81").unwrap();
        assert_eq!(named.endpoint, Endpoint::Name("api.internal".into(), 81));
        assert_eq!(named.host(), "api.internal:81");
    }

    #[test]
    fn the_target_follows_the_base_path_byte_for_byte() {
        let sent = PathAndQuery::from_static("/a//b/../%2f;x?y=%zz&&z");
        for (url, target) in [
            ("http://a", "/a//b/../%2f;x?y=%zz&&z"),
            ("http://a/", "/a//b/../%2f;x?y=%zz&&z"),
            ("http://a/base", "/base/a//b/../%2f;x?y=%zz&&z"),
            ("http://a/base/", "/base/a//b/../%2f;x?y=%zz&&z"),
        ] {
            assert_eq!(parse(url).unwrap().target(&sent).unwrap().to_string(), target, "{url}");
        }
    }

    #[test]
    fn what_cannot_be_an_upstream_is_refused_with_what_would_do() {
        for url in [
            "127.0.0.1:9000",
            "https://a",
            "http://user:pw@a",
            "http://a/?q",
            "http://a/#f",
            "http://a:0",
            "http://a:99999",
            "http://",
            "/path",
            "",
        ] {
            let refusal = parse(url).expect_err(url).to_string();
            assert!(refusal.ends_with("use http://HOST[:PORT][/BASE]"), "{refusal}");
            assert!(!refusal.contains("pw"), "{refusal}");
        }
    }
}
