//! The secrets of which one must have made a signature.

use countersign_dialect::{Mismatch, PreparedKey, SignatureValid};

use crate::usable::UsableSecret;

/// The secrets of which one must have made a signature: one, but where the request does not say whose it is and a secret is being
/// replaced.
pub(crate) struct Secrets {
    first: UsableSecret,
    others: Vec<UsableSecret>,
}

impl Secrets {
    /// The one that the request names.
    pub(crate) fn one(secret: UsableSecret) -> Self {
        Self { first: secret, others: Vec::new() }
    }

    /// The first and further ones.
    pub(crate) fn any(first: UsableSecret, others: Vec<UsableSecret>) -> Self {
        Self { first, others }
    }

    /// The one that made the signature, once [`Secrets::verify`] found it; before, the likeliest.
    pub(crate) fn first(&self) -> &UsableSecret {
        &self.first
    }

    /// The same.
    pub(crate) fn into_first(self) -> UsableSecret {
        self.first
    }

    /// Whether which one it is is not known before the signature was checked.
    pub(crate) fn are_several(&self) -> bool {
        !self.others.is_empty()
    }

    /// Tries them in turn, and puts the one that holds in front. Where none does, it says why the first does not.
    pub(crate) fn verify(
        &mut self,
        verify: impl Fn(&PreparedKey) -> Result<SignatureValid, Mismatch>,
    ) -> Result<SignatureValid, Mismatch> {
        let why = match verify(self.first.key()) {
            Ok(valid) => return Ok(valid),
            Err(why) => why,
        };
        for other in &mut self.others {
            if let Ok(valid) = verify(other.key()) {
                std::mem::swap(&mut self.first, other);
                return Ok(valid);
            }
        }
        Err(why)
    }
}
