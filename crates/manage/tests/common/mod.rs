//! What the tests share: a seeded source of randomness and a place to run what is async.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, of which each takes some"
)]

use std::future::Future;
use std::sync::Mutex;

use countersign_model::{ConsumerName, Entropy, Rates, Scopes, UnixTime};

pub(crate) const NOON: UnixTime = UnixTime::from_secs(1_795_262_400);

/// `SplitMix64`: the same seed gives the same bytes.
pub(crate) struct Seeded(Mutex<u64>);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.0.lock().unwrap();
        for chunk in buffer.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(crate) fn name(text: &str) -> ConsumerName {
    ConsumerName::parse(text).unwrap()
}

pub(crate) fn rates(list: &str) -> Rates {
    Rates::parse_list(list).unwrap()
}

pub(crate) fn scopes(list: &str) -> Scopes {
    Scopes::parse_list(list).unwrap()
}
