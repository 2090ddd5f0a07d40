//! Nonces that are derived and not stored.
//!
//! A nonce is a MAC over network, address, time bucket and the address's generation. So asking for one writes nothing and
//! can be done by anybody for anybody without harm; it survives a restart; and it is spent by the login that moves the
//! generation on.

use std::time::Duration;

use aws_lc_rs::hmac;
use countersign_model::{Address, Generation, Network, NotAnAddress, UnixTime};
use countersign_store::StoreError;
use countersign_token::MasterKey;
use uuid::Uuid;

use crate::Wallets;

/// The width of a time bucket. A nonce is accepted in its own bucket and the next, so it is good for at least this
/// long and less than twice as long.
pub const BUCKET: Duration = Duration::from_mins(5);

/// The label under which the nonce key is derived.
const KEY_LABEL: &str = "wallet nonce";

/// Why no nonce was given.
#[derive(Debug, thiserror::Error)]
pub enum NonceError {
    /// The address cannot be read.
    #[error("{0}")]
    Address(NotAnAddress),
    /// The network is not one that is configured; these are.
    #[error("unknown network; this service knows {}", known(.0))]
    Network(Vec<Network>),
    /// Storage failed.
    #[error("storage failed")]
    Store(#[from] StoreError),
}

fn known(networks: &[Network]) -> String {
    networks.iter().map(Network::as_str).collect::<Vec<_>>().join(", ")
}

pub(crate) struct NonceKey(hmac::Key);

/// A stretch of time in which nonces stay the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket(i64);

impl Bucket {
    fn at(now: UnixTime) -> Self {
        Self(now.secs().div_euclid(BUCKET.as_secs().cast_signed()))
    }

    /// The buckets whose nonces are good at `now`, the likeliest first.
    pub(crate) fn good_at(now: UnixTime) -> [Self; 2] {
        let current = Self::at(now);
        [current, Self(current.0.wrapping_sub(1))]
    }
}

impl NonceKey {
    pub(crate) fn derive(master: &MasterKey) -> Self {
        let key = master.derive::<32>(KEY_LABEL, b"");
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
    }

    /// The nonce of these four. A network's name is of limited length, so one byte tells how long it is and no two
    /// different inputs are the same bytes.
    pub(crate) fn nonce(
        &self,
        network: &Network,
        address: Address,
        bucket: Bucket,
        generation: Generation,
    ) -> Uuid {
        let mut mac = hmac::Context::with_key(&self.0);
        let name = network.as_str().as_bytes();
        mac.update(&[u8::try_from(name.len()).unwrap_or(u8::MAX)]);
        mac.update(name);
        mac.update(address.as_bytes());
        mac.update(&bucket.0.to_be_bytes());
        mac.update(&generation.0.to_be_bytes());
        let tag = mac.sign();
        let first = tag.as_ref().first_chunk().copied().unwrap_or_default();
        // It is as random to others as a version 4 UUID (RFC 9562 section 5.4), and clients may look for one.
        uuid::Builder::from_random_bytes(first).into_uuid()
    }
}

impl Wallets {
    /// The nonce that the owner of `address` is to sign: a UUID, good once and for at least [`BUCKET`]. Reads one record
    /// and writes none.
    pub async fn nonce(
        &self,
        address: &str,
        network: Option<&str>,
        now: UnixTime,
    ) -> Result<Uuid, NonceError> {
        let address = Address::parse(address).map_err(NonceError::Address)?;
        let networks = &self.settings.networks;
        let network = match network {
            None => networks.first(),
            Some(name) => networks.iter().find(|known| known.as_str() == name),
        };
        let network = network.ok_or_else(|| NonceError::Network(networks.clone()))?;
        let generation = self.store.generation(address).await?;
        let [current, _] = Bucket::good_at(now);
        Ok(self.nonce_key.nonce(network, address, current, generation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_in_its_bucket_and_the_next() {
        let made = UnixTime::from_secs(1_000_000_200);
        let bucket = Bucket::at(made);
        let good = |after: u64| Bucket::good_at(made.plus(Duration::from_secs(after))).contains(&bucket);
        let to_end = BUCKET.as_secs() - u64::try_from(made.secs()).unwrap() % BUCKET.as_secs();
        assert!(good(0) && good(BUCKET.as_secs()) && good(to_end + BUCKET.as_secs() - 1));
        assert!(!good(to_end + BUCKET.as_secs()));
    }

    #[test]
    fn every_part_of_a_nonce_changes_it() {
        let key = NonceKey::derive(&MasterKey::parse(&"0123456789abcdef".repeat(4)).unwrap());
        let eth = Network::parse("eth").unwrap();
        let one = Address::from_bytes([1; 20]);
        let base = key.nonce(&eth, one, Bucket(5), Generation(0));
        assert_eq!(base, key.nonce(&eth, one, Bucket(5), Generation(0)));
        assert_eq!(base.get_version_num(), 4);
        let others = [
            key.nonce(&Network::parse("polygon").unwrap(), one, Bucket(5), Generation(0)),
            key.nonce(&eth, Address::from_bytes([2; 20]), Bucket(5), Generation(0)),
            key.nonce(&eth, one, Bucket(6), Generation(0)),
            key.nonce(&eth, one, Bucket(5), Generation(1)),
        ];
        assert!(!others.contains(&base));
    }
}
