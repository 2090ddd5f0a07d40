//! Another wallet agrees: the cases of `tests/vectors/signed_by_eth_account.json`, which `sign.py` beside it made.

use countersign_model::Address;
use countersign_wallet::{
    NotSignedBy, PrivateKey, WalletSignature, eip55, personal_hash, recover, signed_by,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    private_key: String,
    address: String,
    text_hex: String,
    hash_hex: String,
    signature: String,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../vectors/signed_by_eth_account.json")).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

#[test]
fn the_cases_cover_both_parities() {
    for parity in ["1b", "1c"] {
        assert!(cases().iter().filter(|case| case.signature.ends_with(parity)).count() > 10, "{parity}");
    }
}

#[test]
fn it_hashes_the_same() {
    for case in cases() {
        assert_eq!(personal_hash(&bytes(&case.text_hex)).to_vec(), bytes(&case.hash_hex), "{}", case.name);
    }
}

#[test]
fn what_it_signed_is_by_its_account() {
    for case in cases() {
        let (text, address) = (bytes(&case.text_hex), Address::parse(&case.address).unwrap());
        let signature = WalletSignature::parse(&case.signature).unwrap();
        assert_eq!(recover(&text, &signature), Ok(address), "{}", case.name);
        assert_eq!(signed_by(address, &text, &signature).unwrap().address(), address, "{}", case.name);
    }
}

#[test]
fn what_it_signed_is_by_nobody_else() {
    let cases = cases();
    for (case, other) in cases.iter().zip(cases.iter().rev()).filter(|(a, b)| a.address != b.address) {
        let (text, other) = (bytes(&case.text_hex), Address::parse(&other.address).unwrap());
        let signature = WalletSignature::parse(&case.signature).unwrap();
        let recovered = Address::parse(&case.address).unwrap();
        assert_eq!(
            signed_by(other, &text, &signature),
            Err(NotSignedBy::Another { recovered }),
            "{}",
            case.name
        );
    }
}

#[test]
fn a_parity_of_0_or_1_means_the_same_as_27_or_28() {
    for case in cases() {
        let (compact, parity) = case.signature.split_at(2 + 128);
        let short = format!("{compact}{}", if parity == "1b" { "00" } else { "01" });
        assert!(
            WalletSignature::parse(&short).unwrap() == WalletSignature::parse(&case.signature).unwrap(),
            "{}",
            case.name
        );
    }
}

#[test]
fn the_same_key_and_text_give_the_same_signature() {
    for case in cases() {
        let key = PrivateKey::parse(&case.private_key).unwrap();
        assert_eq!(eip55(&key.address()), case.address);
        assert_eq!(key.sign_personal(&bytes(&case.text_hex)), case.signature, "{}", case.name);
    }
}
