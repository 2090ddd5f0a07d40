//! By which a wrong master key is noticed.

use std::fmt;

/// What a master key is told by: derived from it, and of no use for finding it. It is kept beside what the key has encrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyCheck(pub [u8; KeyCheck::LEN]);

impl KeyCheck {
    /// How long it is, in bytes.
    pub const LEN: usize = 8;
}

/// The 16 hex digits of it, by which people tell two keys apart.
impl fmt::Display for KeyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyCheck({self})")
    }
}
