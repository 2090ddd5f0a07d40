//! Where an upstream is, as configured.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::header::HeaderValue;
use http::uri::{PathAndQuery, Uri};

use super::standing::Standing;
use crate::UpstreamLimits;

const HTTP_PORT: u16 = 80;

/// The longest target, in bytes.
const MAX_TARGET: usize = 65_534;

/// The most addresses of one upstream.
pub const MAX_SERVERS: usize = 64;

/// An upstream: its name, the servers that it consists of, what goes before every path, and its limits.
#[derive(Debug)]
pub struct Upstream {
    name: Box<str>,
    servers: Box<[Server]>,
    base_path: Box<str>,
    limits: UpstreamLimits,
    health: Option<HealthCheck>,
}

/// How the servers of an upstream are asked for their health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is asked for with `GET`, after the base path; an answer of 2xx is well.
    pub target: PathAndQuery,
    /// How often.
    pub every: Duration,
}

/// One server of an upstream, and how it has done lately as far as all threads of this process know.
#[derive(Debug)]
pub struct Server {
    host: HeaderValue,
    endpoint: Endpoint,
    standing: Standing,
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
    /// Reads the URL of an upstream with one server, such as `http://127.0.0.1:9000` or `http://api.internal/base`.
    pub fn parse(name: &str, url: &str, limits: UpstreamLimits) -> Result<Self, InvalidUpstream> {
        Self::of(name, &[url], limits)
    }

    /// Reads the URLs of an upstream's servers: from one to [`MAX_SERVERS`], which differ in host or port alone.
    pub fn of(name: &str, urls: &[&str], limits: UpstreamLimits) -> Result<Self, InvalidUpstream> {
        let mut servers: Vec<Server> = Vec::new();
        let mut base_path: Option<Box<str>> = None;
        for url in urls {
            let invalid = |why| InvalidUpstream { url: without_password(url), why };
            let (server, base) = Server::parse(url)?;
            if base_path.as_ref().is_some_and(|first| *first != base) {
                return Err(invalid("its path differs from that of the upstream's other servers"));
            }
            if servers.iter().any(|other| other.endpoint == server.endpoint) {
                return Err(invalid("it is there twice"));
            }
            if servers.len() == MAX_SERVERS {
                return Err(invalid("an upstream has at most 64 servers"));
            }
            base_path = Some(base);
            servers.push(server);
        }
        let nothing = || InvalidUpstream { url: String::new(), why: "there has to be one" };
        Ok(Self {
            name: name.into(),
            servers: servers.into(),
            base_path: base_path.ok_or_else(nothing)?,
            limits,
            health: None,
        })
    }

    /// The same, with its servers asked for their health.
    #[must_use]
    pub fn with_health(self, check: HealthCheck) -> Self {
        Self { health: Some(check), ..self }
    }

    /// What the configuration calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its servers, in the order of the configuration; there is at least one.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// How its servers are asked for their health, if they are.
    pub fn health(&self) -> Option<&HealthCheck> {
        self.health.as_ref()
    }

    /// Its limits.
    pub fn limits(&self) -> &UpstreamLimits {
        &self.limits
    }

    /// The target to ask it for: `sent`, byte for byte, after the base path. `None` where the two together
    /// are longer than a target can be.
    pub(crate) fn target<'a>(&self, sent: &'a str) -> Option<Cow<'a, str>> {
        if self.base_path.is_empty() || sent == "*" {
            return Some(Cow::Borrowed(sent));
        }
        let joined = format!("{}{sent}", self.base_path);
        (joined.len() <= MAX_TARGET).then_some(Cow::Owned(joined))
    }
}

impl Server {
    /// The server that a URL names, and the path in it.
    fn parse(url: &str) -> Result<(Self, Box<str>), InvalidUpstream> {
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
        let host =
            HeaderValue::from_str(authority.as_str()).map_err(|_| invalid("its host is not a name"))?;
        Ok((Self { host, endpoint, standing: Standing::default() }, uri.path().trim_end_matches('/').into()))
    }

    /// The `Host` of every request to it: the authority of its URL. What the client called us goes along as
    /// `X-Forwarded-Host`; it chooses nothing, neither an address nor a virtual host behind us.
    pub fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// How it has done lately.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// What to connect to.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
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
        let endpoint = |url| parse(url).unwrap().servers()[0].endpoint.clone();
        assert_eq!(endpoint("http://127.0.0.1:9000"), Endpoint::Address("127.0.0.1:9000".parse().unwrap()));
        assert_eq!(endpoint("http://[::1]"), Endpoint::Address("[::1]:80".parse().unwrap()));
        assert_eq!(endpoint("http://api.internal:81"), Endpoint::Name("api.internal".into(), 81));
        assert_eq!(parse("http://api.internal:81").unwrap().servers()[0].host(), "api.internal:81");
    }

    #[test]
    fn the_target_follows_the_base_path_byte_for_byte() {
        let sent = "/a//b/../%2f;x?y=%zz&&z";
        for (url, target) in [
            ("http://a", "/a//b/../%2f;x?y=%zz&&z"),
            ("http://a/", "/a//b/../%2f;x?y=%zz&&z"),
            ("http://a/base", "/base/a//b/../%2f;x?y=%zz&&z"),
            ("http://a/base/", "/base/a//b/../%2f;x?y=%zz&&z"),
        ] {
            assert_eq!(parse(url).unwrap().target(sent).unwrap(), target, "{url}");
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

    #[test]
    fn the_servers_of_an_upstream_differ_in_host_or_port_and_in_nothing_else() {
        let of = |urls: &[&str]| Upstream::of("api", urls, UpstreamLimits::default());
        let two = of(&["http://a:1/base", "http://a:2/base/"]).unwrap();
        assert_eq!(two.servers().iter().map(Server::host).collect::<Vec<_>>(), ["a:1", "a:2"]);
        let why = |urls: &[&str]| of(urls).unwrap_err().why;
        assert_eq!(
            why(&["http://a", "http://b/x"]),
            "its path differs from that of the upstream's other servers"
        );
        assert_eq!(why(&["http://a", "http://a:80"]), "it is there twice");
        assert_eq!(why(&[]), "there has to be one");
        let many: Vec<_> = (1..=MAX_SERVERS + 1).map(|port| format!("http://a:{port}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(why(&many), "an upstream has at most 64 servers");
    }
}
