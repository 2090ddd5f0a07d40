//! Room for connections: of all together, and of each address, so that no stranger takes everybody's.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

/// How many bits of an IPv6 address are one customer's network (RFC 6177).
const NETWORK_BITS: u32 = 64;

/// Room for the connections of some listening sockets.
#[derive(Clone)]
pub(crate) struct Room {
    /// One for each connection.
    pub(super) slots: Arc<Semaphore>,
    /// How many each address may have, where that is limited.
    pub(super) addresses: Option<Arc<Addresses>>,
}

impl Room {
    /// Room for so many connections.
    pub(crate) fn new(connections: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(connections)), addresses: None }
    }

    /// The same, of which each address has so many at most. `exempt` are those who speak for others.
    pub(crate) fn shared_by_addresses(
        self,
        most: usize,
        exempt: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
    ) -> Self {
        let addresses = Addresses { most, exempt: Box::new(exempt), counts: Mutex::default() };
        Self { addresses: Some(Arc::new(addresses)), ..self }
    }
}

/// How many connections each address has. It is asked once for each connection, and never for a request.
pub(super) struct Addresses {
    most: usize,
    exempt: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    counts: Mutex<HashMap<IpAddr, Count>>,
}

#[derive(Default)]
struct Count {
    connections: usize,
    told: Told,
}

/// Whether it was told that an address has too many.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Told {
    #[default]
    No,
    Yes,
}

/// The place of one connection among those of its address, for as long as it is held.
pub(super) struct Place {
    counted: Option<(Arc<Addresses>, IpAddr)>,
}

impl Addresses {
    /// A place for one more connection of `address`; none where it has as many as it may.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        if (self.exempt)(address) {
            return Some(Place { counted: None });
        }
        let address = counted_as(address);
        let mut counts = self.counts();
        let count = counts.entry(address).or_default();
        if count.connections < self.most {
            count.connections += 1;
            return Some(Place { counted: Some((Arc::clone(self), address)) });
        }
        if count.told == Told::No {
            count.told = Told::Yes;
            tracing::warn!(%address, connections = self.most, "an address has as many connections as it may");
        }
        None
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, Count>> {
        // Whatever panicked left a number behind, which is no reason to let nobody in.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((addresses, address)) = &self.counted else { return };
        if let Entry::Occupied(mut count) = addresses.counts().entry(*address) {
            count.get_mut().connections -= 1;
            if count.get().connections == 0 {
                count.remove();
            }
        }
    }
}

/// The address as which `address` is counted: of IPv6, the network.
fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (u128::BITS - NETWORK_BITS))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_connections_and_no_more_until_one_ends() {
        let trusted: IpAddr = "10.0.0.1".parse().unwrap();
        let room = Room::new(10).shared_by_addresses(2, move |address| address == trusted);
        let addresses = room.addresses.unwrap();
        let enter = |address: &str| addresses.enter(address.parse().unwrap());
        let first = enter("192.0.2.1");
        let second = enter("::ffff:192.0.2.1");
        assert!(first.is_some() && second.is_some());
        assert!(enter("192.0.2.1").is_none());
        assert!(enter("192.0.2.2").is_some());
        drop(first);
        assert!(enter("192.0.2.1").is_some());
        let places: Vec<_> = (0..5).map(|_| enter("10.0.0.1")).collect();
        assert!(places.iter().all(Option::is_some), "a trusted proxy speaks for many");
        drop((places, second));
        assert!(addresses.counts().is_empty(), "nothing is kept of who is gone");
    }

    #[test]
    fn one_ipv6_network_counts_as_one_address() {
        let addresses = Room::new(10).shared_by_addresses(1, |_| false).addresses.unwrap();
        let _one = addresses.enter("2001:db8::1".parse().unwrap()).unwrap();
        assert!(addresses.enter("2001:db8::ffff:1".parse().unwrap()).is_none());
        assert!(addresses.enter("2001:db8:0:1::1".parse().unwrap()).is_some());
    }
}
