//! Addresses with a checksum in the case of their letters.

use countersign_model::Address;

use crate::hash::keccak256;
use crate::hex;

/// The address with the mixed case of EIP-55: `0x` and forty hex digits, each letter upper case where
/// the hash of the lower-case digits has a nibble of 8 or more in its place.
pub fn eip55(address: &Address) -> String {
    let mut digits = String::with_capacity(40);
    hex::encode_to(address.as_bytes(), &mut digits);
    let hash = keccak256(&[digits.as_bytes()]);
    let nibbles = hash.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    let mixed = digits.chars().zip(nibbles).map(|(digit, nibble)| match nibble {
        8.. => digit.to_ascii_uppercase(),
        _ => digit,
    });
    "0x".chars().chain(mixed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test cases of EIP-55: all upper, all lower, normal.
    const OF_THE_EIP: [&str; 8] = [
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x27b1fdb04752bbc536007a920d24acb045561c26",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ];

    #[test]
    fn addresses_come_out_as_the_eip_writes_them() {
        for text in OF_THE_EIP {
            assert_eq!(eip55(&Address::parse(text).unwrap()), text);
        }
    }
}
