//! Where a request came from, as far as it is believed.

use std::net::{IpAddr, SocketAddr};

use countersign_model::{Headers, visible};
use smallvec::{SmallVec, smallvec};

use crate::TrustedPeers;
use crate::inbound::is_host;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// How many proxies one behind the other are believed.
const HOPS: usize = 32;

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
    pub fn provenance(&self, peer: SocketAddr, scheme: &'static str, headers: Headers<'_>) -> Provenance {
        let mut way = smallvec![peer.ip()];
        if !self.contains(peer.ip()) {
            return Provenance { client: peer, way, scheme, host: None };
        }
        let mut client = peer;
        for address in self.hops(headers) {
            way.insert(0, address);
            client = SocketAddr::new(address, 0);
        }
        let scheme = match once(headers, FORWARDED_PROTO) {
            Some("http") => "http",
            Some("https") => "https",
            Some(_) | None => scheme,
        };
        let host = once(headers, FORWARDED_HOST).filter(|host| is_host(host)).map(str::to_owned);
        Provenance { client, way, scheme, host }
    }

    /// The address of the client of a request that came from `peer` with these headers, as [`TrustedPeers::provenance`] gives it.
    pub(crate) fn client(&self, peer: IpAddr, headers: Headers<'_>) -> IpAddr {
        if !self.contains(peer) {
            return peer;
        }
        self.hops(headers).last().unwrap_or(peer)
    }

    /// The addresses from which a trusted proxy and those before it say that they were called, the nearest first, to the first
    /// that is not trusted. Where something there is no address, whoever passed it on is taken for the client.
    fn hops(&self, headers: Headers<'_>) -> impl Iterator<Item = IpAddr> {
        let lines = headers.get_all(FORWARDED_FOR).rev();
        let told = lines.flat_map(|line| line.rsplit(|byte| *byte == b','));
        let mut believed = true;
        told.take(HOPS).map_while(move |told| {
            let address = if believed { address(told)? } else { return None };
            believed = self.contains(address);
            Some(address)
        })
    }
}

impl Provenance {
    /// A request of whoever is at the other end of the connection.
    pub fn direct(peer: SocketAddr, scheme: &'static str) -> Self {
        TrustedPeers::default().provenance(peer, scheme, Headers::default())
    }
}

/// An address, perhaps with a port, as proxies write it.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse().map(|address: SocketAddr| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

fn once<'a>(headers: Headers<'a>, name: &str) -> Option<&'a str> {
    headers.only(name).ok().flatten().and_then(visible)
}

#[cfg(test)]
mod tests {
    use countersign_model::HeaderList;

    use super::*;

    fn provenance(peer: &str, headers: &[(&str, &str)]) -> Provenance {
        let trusted = TrustedPeers::new(vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
        let list: HeaderList = headers.iter().copied().collect();
        trusted.provenance(SocketAddr::new(peer.parse().unwrap(), 5000), "http", list.view())
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

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let trusted = TrustedPeers::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let headers: HeaderList = forwarded.iter().map(|line| (FORWARDED_FOR, line)).collect();
        let client = trusted.client(peer.parse().unwrap(), headers.view());
        let peer = SocketAddr::new(peer.parse().unwrap(), 5000);
        assert_eq!(trusted.provenance(peer, "http", headers.view()).client.ip(), client);
        client.to_string()
    }

    #[test]
    fn a_client_is_who_called_the_outermost_proxy_that_is_trusted() {
        for (peer, forwarded, expected) in [
            ("192.0.2.1", &[][..], "192.0.2.1"),
            ("10.0.0.1", &["192.0.2.7"], "192.0.2.7"),
            ("10.0.0.1", &["192.0.2.7, 10.0.0.2"], "192.0.2.7"),
            ("10.0.0.1", &["192.0.2.7", "10.0.0.2"], "192.0.2.7"),
            ("10.0.0.1", &["192.0.2.7:4711"], "192.0.2.7"),
            ("fd00::1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.1", &["10.0.0.3,10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            assert_eq!(client(peer, forwarded), expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn no_more_than_thirty_two_addresses_are_read() {
        let hops: Vec<String> = (0..40).map(|hop| format!("10.0.1.{hop}")).collect();
        assert_eq!(client("10.0.0.1", &[&hops.join(", ")]), "10.0.1.8");
    }

    #[test]
    fn nobody_else_chooses_the_address_that_is_counted() {
        for (peer, forwarded, expected) in [
            // Who is no proxy says what he likes.
            ("192.0.2.1", &["198.51.100.1"][..], "192.0.2.1"),
            // What stands before the address that the proxy added is the client's own.
            ("10.0.0.1", &["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
            ("10.0.0.1", &["198.51.100.1, 10.9.9.9, 192.0.2.7"], "192.0.2.7"),
            ("10.0.0.1", &["198.51.100.1", "192.0.2.7"], "192.0.2.7"),
            // No address: whoever passed it on is who is counted.
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, , 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &["é"], "10.0.0.1"),
        ] {
            assert_eq!(client(peer, forwarded), expected, "{peer} {forwarded:?}");
        }
    }
}
