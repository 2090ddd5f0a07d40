//! Signatures of Ethereum accounts: the key is not sent, it follows from the signature.

use countersign_model::Address;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, PublicKey};

use crate::hash::Hash;

/// The length of a signature in bytes: two numbers, and which of the points it is.
const SIGNATURE_BYTES: usize = 65;

/// Whether the owner of an address signed a digest: by recovery of the public key (SEC 1 section 4.1.6), whose last byte is 27 or 28 as
/// wallets write it, or 0 or 1. Of the two numbers that would do for `s`, the small one alone is taken (EIP-2).
pub(crate) fn signed_by(address: Address, digest: &[u8], signature: &[u8]) -> bool {
    recovered(digest, signature) == Some(address)
}

fn recovered(digest: &[u8], signature: &[u8]) -> Option<Address> {
    let digest = Message::from_digest(digest.try_into().ok()?);
    if signature.len() != SIGNATURE_BYTES {
        return None;
    }
    let (last, numbers) = signature.split_last()?;
    let id = match last {
        0 | 27 => RecoveryId::Zero,
        1 | 28 => RecoveryId::One,
        _ => return None,
    };
    let signature = RecoverableSignature::from_compact(numbers, id).ok()?;
    let plain = signature.to_standard();
    let mut low = plain;
    low.normalize_s();
    if low != plain {
        return None;
    }
    signature.recover(digest).ok().and_then(|key| address_of(&key))
}

/// The last twenty bytes of the Keccak-256 of the key's two coordinates.
fn address_of(key: &PublicKey) -> Option<Address> {
    let [_form, coordinates @ ..] = key.serialize_uncompressed();
    let digest = Hash::Keccak256.of(&coordinates);
    let last: [u8; 20] = digest.bytes().get(12..)?.try_into().ok()?;
    Some(Address::from_bytes(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of EIP-712: its digest, what Cow signed, and Cow's address.
    const DIGEST: &str = "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2";
    const R: &str = "4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d";
    const S: &str = "07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b91562";
    const COW: &str = "0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826";

    fn bytes(hex: &str) -> Vec<u8> {
        crate::codec::Codec::Hex.decode_vec(hex.as_bytes()).unwrap()
    }

    #[test]
    fn the_example_of_eip_712_is_signed_by_its_signer_and_by_nobody_else() {
        let cow = Address::parse(COW).unwrap();
        let good = bytes(&format!("{R}{S}1c"));
        assert!(signed_by(cow, &bytes(DIGEST), &good));
        assert!(signed_by(cow, &bytes(DIGEST), &bytes(&format!("{R}{S}01"))));
        for bad in [
            format!("{R}{S}1b"),
            format!("{R}{S}02"),
            format!("{R}{S}"),
            format!("{S}{R}1c"),
            "00".repeat(65),
        ] {
            assert!(!signed_by(cow, &bytes(DIGEST), &bytes(&bad)), "{bad}");
        }
        assert!(!signed_by(cow, &bytes(&DIGEST.replace("be", "bf")), &good));
        assert!(!signed_by(Address::from_bytes([0; 20]), &bytes(DIGEST), &good));
    }

    #[test]
    fn the_twin_of_a_signature_is_none() {
        // The order of the group, less `s`; and the other point.
        let twin = "f8d666c92cfb3eac09bbc205fa0bf00eb2d7b3d4f8517d33c63c3b76ca7d2bdf";
        let cow = Address::parse(COW).unwrap();
        assert!(!signed_by(cow, &bytes(DIGEST), &bytes(&format!("{R}{twin}1b"))));
    }
}
