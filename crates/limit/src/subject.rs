//! Whose requests are counted together.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};

use countersign_model::{Address, ConsumerId, KeyDigest};

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Those of one credential.
    Credential(KeyDigest),
    /// Those of one consumer, by whichever of its credentials.
    Consumer(ConsumerId),
    /// Those of one wallet.
    Wallet(Address),
    /// Those from one place in the network.
    Client(Client),
    /// Those of everybody together.
    Everybody,
}

/// A place in the network: an IPv4 address, or the first 64 bits of an IPv6 address. The other half of an IPv6 address is for
/// its holder to choose (RFC 4291 section 2.5.1), so it tells nobody apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// One IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 network of 64 bits.
    V6(u64),
    /// Not known. All that are not known are counted together.
    Unknown,
}

impl Client {
    /// The place of an address. An IPv4 address that is written as IPv6 (RFC 4291 section 2.5.5.2) counts as itself.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                // The upper half of 128 bits fits.
                Self::V6(u64::try_from(address.to_bits() >> 64).unwrap_or_default())
            }
        }
    }
}

/// In as few pieces as may be: each costs the hasher as much as the rest of a look-up. Of a digest and of an identity, which nobody
/// chooses, the first half tells enough apart; addresses, which somebody does choose, count whole.
impl Hash for Subject {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let half = |bytes: &[u8]| bytes.first_chunk().map_or(0, |first| u64::from_ne_bytes(*first));
        match self {
            Self::Credential(KeyDigest(digest)) => state.write_u64(half(digest)),
            Self::Consumer(ConsumerId(id)) => {
                let (first, second) = id.as_u64_pair();
                state.write_u64(first ^ second);
            }
            Self::Wallet(address) => state.write(address.as_bytes()),
            Self::Client(client) => client.hash(state),
            Self::Everybody => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Client {
        Client::of(text.parse().unwrap())
    }

    #[test]
    fn addresses_of_one_ipv6_network_of_64_bits_are_one_client() {
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }

    #[test]
    fn each_ipv4_address_is_a_client_however_it_is_written() {
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("::ffff:192.0.2.1"), of("::ffff:192.0.2.2"));
    }
}
