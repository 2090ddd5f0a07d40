//! Values that nobody may see by accident.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

/// Something secret: it prints nothing and is wiped from memory when dropped.
///
/// There is no `Deref`, `Display` or `PartialEq` on purpose: reading it is a visible act
/// ([`Secret::expose`]), and comparing it is the business of constant-time code.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes `value` into keeping.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_nothing_of_itself() {
        let secret = Secret::new(String::from("hunter2"));
        assert_eq!(format!("{secret:?} {secret:#?}"), "[secret] [secret]");
    }
}
