//! Where bytes go as they are made: a MAC, a hash or a buffer.

/// Takes bytes, piece by piece.
pub(crate) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// How many bytes of small pieces are gathered before they are passed on.
const GATHERED: usize = 128;

/// Gathers small pieces for a sink that takes few large ones faster than many small ones.
pub(crate) struct Gather<'s, S: Sink> {
    sink: &'s mut S,
    buffer: [u8; GATHERED],
    len: usize,
}

impl<'s, S: Sink> Gather<'s, S> {
    pub(crate) fn new(sink: &'s mut S) -> Self {
        Self { sink, buffer: [0; GATHERED], len: 0 }
    }

    /// Passes on what is left.
    pub(crate) fn finish(self) {
        let Self { sink, buffer, len } = self;
        sink.put(buffer.get(..len).unwrap_or_default());
    }
}

impl<S: Sink> Sink for Gather<'_, S> {
    fn put(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if let Some(free) = self.buffer.get_mut(self.len..end) {
            free.copy_from_slice(bytes);
            self.len = end;
            return;
        }
        self.sink.put(self.buffer.get(..self.len).unwrap_or_default());
        self.len = 0;
        match self.buffer.get_mut(..bytes.len()) {
            Some(free) => {
                free.copy_from_slice(bytes);
                self.len = bytes.len();
            }
            None => self.sink.put(bytes),
        }
    }
}
