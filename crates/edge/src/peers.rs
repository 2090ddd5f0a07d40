//! Whose word about somebody else is believed.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The addresses of proxies in front of us: what they say of a request's origin is believed, and nobody else's word is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedPeers(Vec<Network>);

impl TrustedPeers {
    /// The addresses of all `networks`.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether `address` is one of them. An IPv4 address is the same in its IPv6 form (RFC 4291 section 2.5.5.2): a socket that
    /// listens on `[::]` sees it so.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A block of addresses, as `10.0.0.0/8`; one address alone is a block too (RFC 4632 section 3.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

/// A text that is no block of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotANetwork {
    /// The part before the `/` is no address.
    #[error(
        "`{0}` is no network: write an address, or one with the length of its prefix, as in \"10.0.0.0/8\""
    )]
    Address(String),
    /// The part after it is no length.
    #[error("`{text}` has no valid prefix: write 0 to {most} after the `/`")]
    Prefix {
        /// What was found.
        text: String,
        /// The longest prefix there is.
        most: u8,
    },
    /// The address goes on after the prefix: either of the two is not what was meant.
    #[error(
        "`{text}` goes on after its prefix: write \"{meant}\" for the whole block, or \"{address}\" for the one address"
    )]
    HostBits {
        /// What was found.
        text: String,
        /// The block.
        meant: Network,
        /// The address.
        address: IpAddr,
    },
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(u32::from(32 - self.prefix)).unwrap_or(0);
                first.to_bits() == other.to_bits() & mask
            }
            (IpAddr::V6(first), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(u32::from(128 - self.prefix)).unwrap_or(0);
                first.to_bits() == other.to_bits() & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// The block of `prefix` bits, at most as many as there are, around `address`.
    fn around(address: IpAddr, prefix: u8) -> Self {
        let first = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(u32::from(32 - prefix)).unwrap_or(0);
                IpAddr::V4((address.to_bits() & mask).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(u32::from(128 - prefix)).unwrap_or(0);
                IpAddr::V6((address.to_bits() & mask).into())
            }
        };
        Self { first, prefix }
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(one, two)| (one, Some(two)));
        // What is compared with it later is in its IPv4 form too.
        let address: IpAddr = address
            .parse()
            .map(|address: IpAddr| address.to_canonical())
            .map_err(|_| NotANetwork::Address(text.to_owned()))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let digits = |prefix: &str| {
            let plain = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| prefix.parse::<u8>().ok()).flatten().filter(|prefix| *prefix <= most)
        };
        let prefix = match prefix {
            None => most,
            Some(prefix) => {
                digits(prefix).ok_or_else(|| NotANetwork::Prefix { text: text.to_owned(), most })?
            }
        };
        let meant = Self::around(address, prefix);
        if meant.first == address {
            Ok(meant)
        } else {
            Err(NotANetwork::HostBits { text: text.to_owned(), meant, address })
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, prefix } = self;
        write!(f, "{first}/{prefix}")
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusts(network: &str, address: &str) -> bool {
        TrustedPeers::new(vec![network.parse().unwrap()]).contains(address.parse().unwrap())
    }

    #[test]
    fn an_address_is_trusted_where_a_network_that_is_named_holds_it() {
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "9.255.255.255", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("::/0", "::1", true),
            ("::/0", "192.0.2.1", false),
            ("::1", "::1", true),
        ] {
            assert_eq!(trusts(network, address), expected, "{address} in {network}");
        }
        assert!(!TrustedPeers::default().contains("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_form_is_the_same_address() {
        assert!(trusts("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(trusts("::ffff:10.1.2.3", "10.1.2.3"));
        assert!(!trusts("10.0.0.0/8", "::10.1.2.3"));
    }

    #[test]
    fn what_is_no_network_is_refused_with_what_would_do() {
        for (text, told) in [
            ("localhost", "is no network"),
            ("10.0.0", "is no network"),
            ("010.0.0.0/8", "is no network"),
            ("10.0.0.0/33", "write 0 to 32"),
            ("10.0.0.0/", "write 0 to 32"),
            ("10.0.0.0/+8", "write 0 to 32"),
            ("::/129", "write 0 to 128"),
            ("10.0.0.0/8/8", "write 0 to 32"),
            ("10.1.2.3/8", "write \"10.0.0.0/8\" for the whole block, or \"10.1.2.3\""),
            ("2001:db8::1/32", "write \"2001:db8::/32\""),
        ] {
            let refusal = text.parse::<Network>().unwrap_err().to_string();
            assert!(refusal.contains(told), "{refusal}");
        }
    }
}
