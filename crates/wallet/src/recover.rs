//! From a signature to its signer.

use countersign_model::Address;
use secp256k1::{Message, PublicKey};

use crate::hash::keccak256;
use crate::{WalletSignature, personal_hash};

/// Proof that the owner of an address signed a text. Only [`signed_by`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedBy(Address);

/// A signature from which no signer can be found: its `r` is the coordinate of no point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no account made this signature")]
pub struct NotRecovered;

/// Why a text is not signed by an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSignedBy {
    /// No account made the signature.
    #[error("no account made this signature")]
    Nobody,
    /// Another account made it, or it was made over another text: then this is an account that nobody has.
    #[error("the signature is by {recovered}")]
    Another {
        /// The address that the signature tells.
        recovered: Address,
    },
}

impl SignedBy {
    /// Who signed.
    pub fn address(&self) -> Address {
        self.0
    }
}

/// The address whose owner signed `text` with `personal_sign` (EIP-191), by recovery of the public key (SEC 1
/// section 4.1.6).
///
/// Every signature tells some address for nearly every text: compare it with the one that is claimed, as
/// [`signed_by`] does.
pub fn recover(text: &[u8], signature: &WalletSignature) -> Result<Address, NotRecovered> {
    let message = Message::from_digest(personal_hash(text));
    signature.inner().recover(message).map(|key| address_of(&key)).map_err(|_| NotRecovered)
}

/// Whether the owner of `address` signed `text` with `personal_sign` (EIP-191).
pub fn signed_by(
    address: Address,
    text: &[u8],
    signature: &WalletSignature,
) -> Result<SignedBy, NotSignedBy> {
    let recovered = recover(text, signature).map_err(|NotRecovered| NotSignedBy::Nobody)?;
    if recovered != address {
        return Err(NotSignedBy::Another { recovered });
    }
    Ok(SignedBy(address))
}

/// The last twenty bytes of the Keccak-256 of the key's two coordinates.
pub(crate) fn address_of(key: &PublicKey) -> Address {
    let [_form, coordinates @ ..] = key.serialize_uncompressed();
    let [_, _, _, _, _, _, _, _, _, _, _, _, last @ ..] = keccak256(&[&coordinates]);
    Address::from_bytes(last)
}
