//! How much of clients' bodies is in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

/// A body up to this long is not counted, in bytes: it is no more than the buffers that a connection has anyway.
pub(crate) const SMALL_BODY: u64 = 64 * 1024;

/// The room for bodies that are read whole, of all threads together. Strangers fill it before they are known, as some
/// credentials stand in the body; without it they could fill all memory.
#[derive(Clone, Debug)]
pub struct HeldBodies(Arc<AtomicU64>);

/// A piece of that room, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    all: HeldBodies,
    bytes: u64,
}

/// There is no room left.
pub(crate) struct Full;

/// A body with its room, for as long as anybody has a part of it.
struct Held {
    body: Bytes,
    _room: Room,
}

impl HeldBodies {
    /// Room for `bytes` bytes.
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    /// No room yet; it grows with [`Room::grow`].
    pub(crate) fn room(&self) -> Room {
        Room { all: self.clone(), bytes: 0 }
    }
}

impl Room {
    /// Takes as much as a body of `bytes` bytes needs.
    pub(crate) fn grow(&mut self, bytes: u64) -> Result<(), Full> {
        let more = bytes.saturating_sub(SMALL_BODY).saturating_sub(self.bytes);
        if more > 0 {
            let all = &self.all.0;
            all.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(more))
                .map_err(|_| Full)?;
            self.bytes = self.bytes.saturating_add(more);
        }
        Ok(())
    }

    /// `body`, which keeps this room until it is gone.
    pub(crate) fn hold(self, body: Bytes) -> Bytes {
        if self.bytes == 0 { body } else { Bytes::from_owner(Held { body, _room: self }) }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.all.0.fetch_add(self.bytes, Ordering::Relaxed);
        }
    }
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back_when_the_last_part_of_a_body_is_gone() {
        let all = HeldBodies::new(100);
        let left = || all.0.load(Ordering::Relaxed);
        let mut room = all.room();
        assert!(room.grow(SMALL_BODY).is_ok());
        assert_eq!(left(), 100);
        assert!(room.grow(SMALL_BODY + 60).is_ok() && room.grow(SMALL_BODY + 80).is_ok());
        assert_eq!(left(), 20);
        assert!(all.room().grow(SMALL_BODY + 21).is_err());
        assert_eq!(left(), 20);
        let body = room.hold(Bytes::from_static(b"body"));
        let part = body.slice(1..);
        drop(body);
        assert_eq!((left(), &*part), (20, &b"ody"[..]));
        drop(part);
        assert_eq!(left(), 100);
    }
}
