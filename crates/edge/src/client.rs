//! Where a request comes from, behind proxies that say so.

use std::net::{IpAddr, SocketAddr};

use countersign_verify::Client;
use http::{HeaderMap, HeaderName};

use crate::peers::TrustedPeers;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The most addresses of `X-Forwarded-For` that are looked at.
const HOPS: usize = 32;

/// The client's place in the network. Where `peer` is a proxy that is trusted, it is the last address in `X-Forwarded-For` that is
/// not one of them: each proxy adds the one it was called from at the end, and what stands before that a client can forge. Where
/// something there is no address, whoever passed it on is taken for the client.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedPeers) -> Client {
    let mut nearest = peer;
    if proxies.contains(peer) {
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for address in hops.take(HOPS).map(address) {
            let Some(address) = address else { break };
            nearest = address;
            if !proxies.contains(address) {
                break;
            }
        }
    }
    Client::of(nearest)
}

/// An address, perhaps with a port, as some proxies write it.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text.trim_ascii()).ok()?;
    let with_port = || text.parse::<SocketAddr>().map(|socket| socket.ip());
    text.parse().or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(peer: &str, forwarded: &[&str]) -> Client {
        let proxies = TrustedPeers::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        client(peer.parse().unwrap(), &headers, &proxies)
    }

    fn is(address: &str) -> Client {
        Client::of(address.parse().unwrap())
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
            assert_eq!(of(peer, forwarded), is(expected), "{peer} {forwarded:?}");
        }
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
            assert_eq!(of(peer, forwarded), is(expected), "{peer} {forwarded:?}");
        }
    }
}
