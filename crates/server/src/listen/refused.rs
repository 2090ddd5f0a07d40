//! Heads and bodies that were refused for their bytes.

use std::cell::Cell;

use countersign_framing::Refusal;

/// How much of a request line that was refused is kept for the log, in bytes.
const SHOWN_BYTES: usize = 2048;

/// The longest word that is taken for a method there.
const SHOWN_METHOD_BYTES: usize = 32;

/// What is known of the requests of a connection besides what they say. Shared by the connection and its requests.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    body: Cell<Option<Refusal>>,
}

impl Watch {
    /// The body of the last request is cut off.
    pub(super) fn body_refused(&self, why: Refusal) {
        self.body.set(Some(why));
    }

    /// Why the body of the last request was cut off, where it was for its framing.
    pub(crate) fn refused_body(&self) -> Option<Refusal> {
        self.body.get()
    }
}

/// A head that was refused.
#[derive(Clone, Debug)]
pub(crate) struct RefusedHead {
    /// Why.
    pub(crate) why: Refusal,
    /// What stood first in it, where it is a plain word; `-` where it is not.
    pub(crate) method: String,
    /// What stood second, without the query.
    pub(crate) path: String,
}

impl RefusedHead {
    /// What is shown of a head that begins with `head`.
    pub(super) fn new(why: Refusal, head: &[u8]) -> Self {
        let line = head.get(..SHOWN_BYTES).unwrap_or(head);
        let line = line.split(|byte| matches!(byte, b'\r' | b'\n')).find(|line| !line.is_empty());
        let line = String::from_utf8_lossy(line.unwrap_or_default());
        let mut words = line.split(' ');
        let is_plain = |word: &&str| {
            word.len() <= SHOWN_METHOD_BYTES && word.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let method = words.next().filter(is_plain).filter(|word| !word.is_empty()).unwrap_or("-").to_owned();
        let target = words.next().unwrap_or_default();
        Self { why, method, path: target.split('?').next().unwrap_or_default().to_owned() }
    }
}
