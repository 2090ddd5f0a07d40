//! Where a request came from, as far as it is believed.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use smallvec::{SmallVec, smallvec};

use crate::TrustedPeers;
use crate::inbound::is_host;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// How many proxies one behind the other are believed.
const HOPS: usize = 16;

/// Where a request came from: from the other end of the connection, or from where a trusted proxy there says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Who sent it.
    pub client: SocketAddr,
    /// Through whom it came: its sender, and the trusted proxies up to the one at the other end of the connection.
    pub way: SmallVec<[IpAddr; 2]>,
    /// How the sender reached the first of them: `http` or `https`.
    pub scheme: &'static str,
    /// The authority that the sender asked for, where a proxy says.
    pub host: Option<String>,
}

impl TrustedPeers {
    /// Where a request with these headers came from, which came to us from `peer` over `scheme`.
    ///
    /// `X-Forwarded-For` is read from its end, where the nearest proxy wrote, up to the first address that is not trusted:
    /// whatever stands before that, its sender made up. `X-Forwarded-Proto` and `X-Forwarded-Host` are believed where they stand
    /// once. `Forwarded` (RFC 7239) is not read: two sources would be one too many.
    pub fn provenance(&self, peer: SocketAddr, scheme: &'static str, headers: &HeaderMap) -> Provenance {
        let direct = Provenance { client: peer, way: smallvec![peer.ip()], scheme, host: None };
        if self.is_empty() || !self.contains(peer.ip()) {
            return direct;
        }
        let Provenance { client: mut sender, mut way, .. } = direct;
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let told = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for told in told.take(HOPS) {
            let Some(address) = std::str::from_utf8(told).ok().and_then(|text| address(text.trim())) else {
                break;
            };
            way.insert(0, address);
            sender = SocketAddr::new(address, 0);
            if !self.contains(address) {
                break;
            }
        }
        let scheme = match once(headers, &FORWARDED_PROTO) {
            Some("http") => "http",
            Some("https") => "https",
            Some(_) | None => scheme,
        };
        let host = once(headers, &FORWARDED_HOST).filter(|host| is_host(host)).map(str::to_owned);
        Provenance { client: sender, way, scheme, host }
    }
}

impl Provenance {
    /// A request of whoever is at the other end of the connection.
    pub fn direct(peer: SocketAddr, scheme: &'static str) -> Self {
        TrustedPeers::default().provenance(peer, scheme, &HeaderMap::new())
    }
}

/// An address, perhaps with a port, as proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse().map(|address: SocketAddr| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

fn once<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(one), None) => one.to_str().ok(),
        (Some(_) | None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance(peer: &str, headers: &[(HeaderName, &str)]) -> Provenance {
        let trusted = TrustedPeers::new(vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        trusted.provenance(SocketAddr::new(peer.parse().unwrap(), 5000), "http", &map)
    }

    fn way(peer: &str, forwarded_for: &[&str]) -> Vec<String> {
        let headers: Vec<_> = forwarded_for.iter().map(|value| (FORWARDED_FOR, *value)).collect();
        let provenance = provenance(peer, &headers);
        assert_eq!(provenance.client.ip(), provenance.way[0]);
        provenance.way.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let told = [(FORWARDED_FOR, "192.0.2.9"), (FORWARDED_PROTO, "https"), (FORWARDED_HOST, "evil")];
        let seen = provenance("203.0.113.1", &told);
        assert_eq!(seen, Provenance::direct(SocketAddr::new("203.0.113.1".parse().unwrap(), 5000), "http"));
    }

    #[test]
    fn a_trusted_proxy_is_believed_up_to_the_first_that_nobody_trusts() {
        assert_eq!(way("10.0.0.1", &["192.0.2.9"]), ["192.0.2.9", "10.0.0.1"]);
        assert_eq!(way("10.0.0.1", &["6.6.6.6, 192.0.2.9"]), ["192.0.2.9", "10.0.0.1"]);
        assert_eq!(
            way("10.0.0.1", &["6.6.6.6", "192.0.2.9,10.0.0.2"]),
            ["192.0.2.9", "10.0.0.2", "10.0.0.1"]
        );
        assert_eq!(way("::1", &["192.0.2.9:1234"]), ["192.0.2.9", "::1"]);
        assert_eq!(way("::1", &["[2001:db8::1]:1234"]), ["2001:db8::1", "::1"]);
        assert_eq!(way("::1", &["[2001:db8::1]"]), ["2001:db8::1", "::1"]);
        assert_eq!(way("10.0.0.1", &[]), ["10.0.0.1"]);
        assert_eq!(way("10.0.0.1", &["192.0.2.9, unknown"]), ["10.0.0.1"]);
        assert_eq!(way("10.0.0.1", &["192.0.2.9, unknown, 10.0.0.2"]), ["10.0.0.2", "10.0.0.1"]);
    }

    #[test]
    fn the_scheme_and_the_host_are_believed_where_they_are_said_once() {
        let seen = provenance("10.0.0.1", &[(FORWARDED_PROTO, "https"), (FORWARDED_HOST, "api.example")]);
        assert_eq!((seen.scheme, seen.host.as_deref()), ("https", Some("api.example")));
        let twice = provenance("10.0.0.1", &[(FORWARDED_PROTO, "https"), (FORWARDED_PROTO, "https")]);
        assert_eq!(twice.scheme, "http");
        let odd = provenance("10.0.0.1", &[(FORWARDED_PROTO, "https, http"), (FORWARDED_HOST, "a, b")]);
        assert_eq!((odd.scheme, odd.host), ("http", None));
    }
}
