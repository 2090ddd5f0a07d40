//! Where bytes go as they are made: a MAC, a hash or a buffer.

use crate::hash::{Digest, Hash, Hasher, Hmac, HmacKey};

/// Takes bytes, piece by piece.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// What digests bytes: a hash, or an HMAC under a key.
#[derive(Clone, Copy)]
pub(crate) enum Digester<'k> {
    Hash(Hash),
    Hmac(&'k HmacKey),
}

impl Digester<'_> {
    fn of(self, bytes: &[u8]) -> Digest {
        match self {
            Self::Hash(hash) => hash.of(bytes),
            Self::Hmac(key) => key.of(bytes),
        }
    }
}

#[expect(
    clippy::large_enum_variant,
    reason = "lives on the stack for one request; a box would be an allocation"
)]
pub(crate) enum Running {
    Hash(Hasher),
    Hmac(Hmac),
}

impl Running {
    pub(crate) fn finish(self) -> Digest {
        match self {
            Self::Hash(hasher) => hasher.finish(),
            Self::Hmac(hmac) => hmac.finish(),
        }
    }
}

/// How many bytes are gathered before they are passed on. Most strings to sign are shorter.
const GATHERED: usize = 512;

/// Digests bytes that come in small pieces. A few are gathered first: a short text is digested at once, and begins nothing.
pub(crate) struct Gather<'k> {
    digester: Digester<'k>,
    running: Option<Running>,
    buffer: [u8; GATHERED],
    len: usize,
}

impl<'k> Gather<'k> {
    pub(crate) fn new(digester: Digester<'k>) -> Self {
        Self { digester, running: None, buffer: [0; GATHERED], len: 0 }
    }

    fn pass_on(&mut self) -> &mut Running {
        let digester = self.digester;
        let running = self.running.get_or_insert_with(|| match digester {
            Digester::Hash(hash) => Running::Hash(hash.begin()),
            Digester::Hmac(key) => Running::Hmac(key.begin()),
        });
        running.put(self.buffer.get(..self.len).unwrap_or_default());
        self.len = 0;
        running
    }

    pub(crate) fn finish(&mut self) -> Digest {
        if self.running.is_none() {
            let bytes = self.buffer.get(..self.len).unwrap_or_default();
            return self.digester.of(bytes);
        }
        self.pass_on();
        match self.running.take() {
            Some(running) => running.finish(),
            None => self.digester.of(b""),
        }
    }
}

impl Sink for Running {
    fn put(&mut self, bytes: &[u8]) {
        match self {
            Self::Hash(hasher) => hasher.put(bytes),
            Self::Hmac(hmac) => hmac.put(bytes),
        }
    }
}

impl Sink for Gather<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if let Some(free) = self.buffer.get_mut(self.len..end) {
            free.copy_from_slice(bytes);
            self.len = end;
            return;
        }
        if bytes.len() < GATHERED / 2 {
            self.pass_on();
            self.put(bytes);
        } else {
            self.pass_on().put(bytes);
        }
    }
}
