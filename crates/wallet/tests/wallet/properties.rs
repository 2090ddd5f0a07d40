//! What holds for every text and every key.

use countersign_wallet::{BadSignature, PrivateKey, WalletSignature, recover, signed_by};
use proptest::prelude::*;

const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, //
    0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];

/// The other signature that the same key could have made: n - s, and the other parity.
pub(crate) fn twin(signature: &str) -> String {
    let (head, tail) = signature.split_at(2 + 64);
    let (s, v) = tail.split_at(64);
    let mut borrow = 0;
    let mut negated = String::new();
    for (index, order) in ORDER.iter().enumerate().rev() {
        let digit = i16::from_str_radix(&s[2 * index..2 * index + 2], 16).unwrap();
        let difference = i16::from(*order) - digit - borrow;
        borrow = i16::from(difference < 0);
        negated.insert_str(0, &format!("{:02x}", difference.rem_euclid(256)));
    }
    format!("{head}{negated}{}", if v == "1b" { "1c" } else { "1b" })
}

fn key() -> impl Strategy<Value = PrivateKey> {
    any::<[u8; 32]>().prop_filter_map("0 or beyond the order", |bytes| PrivateKey::from_bytes(&bytes).ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn who_signed_a_text_is_recovered_from_it(key in key(), text in any::<Vec<u8>>()) {
        let signature = WalletSignature::parse(&key.sign_personal(&text)).unwrap();
        prop_assert_eq!(recover(&text, &signature), Ok(key.address()));
        prop_assert!(signed_by(key.address(), &text, &signature).is_ok());
    }

    #[test]
    fn one_byte_of_the_text_changed_is_signed_by_another(
        key in key(),
        text in prop::collection::vec(any::<u8>(), 1..100),
        position in any::<prop::sample::Index>(),
        change in 1..=u8::MAX,
    ) {
        let signature = WalletSignature::parse(&key.sign_personal(&text)).unwrap();
        let mut changed = text.clone();
        changed[position.index(text.len())] ^= change;
        prop_assert!(signed_by(key.address(), &changed, &signature).is_err());
        let longer = [&text[..], b"\0"].concat();
        prop_assert!(signed_by(key.address(), &longer, &signature).is_err());
    }

    #[test]
    fn no_byte_of_a_signature_can_be_changed(
        key in key(),
        text in any::<Vec<u8>>(),
        position in 0..65_usize,
        change in 1..=u8::MAX,
    ) {
        let signature = key.sign_personal(&text);
        let at = 2 + 2 * position;
        let byte = u8::from_str_radix(&signature[at..at + 2], 16).unwrap() ^ change;
        let changed = format!("{}{byte:02x}{}", &signature[..at], &signature[at + 2..]);
        if let Ok(changed) = WalletSignature::parse(&changed) {
            // 27 and 0 are two ways to write one parity, as are 28 and 1: the signature is then the same.
            let same = changed == WalletSignature::parse(&signature).unwrap();
            prop_assert_eq!(signed_by(key.address(), &text, &changed).is_ok(), same);
            prop_assert!(!same || position == 64);
        }
    }

    #[test]
    fn every_signature_has_a_low_s_and_its_twin_is_refused(key in key(), text in any::<Vec<u8>>()) {
        let signature = key.sign_personal(&text);
        prop_assert!(WalletSignature::parse(&signature).is_ok());
        prop_assert_eq!(WalletSignature::parse(&twin(&signature)).unwrap_err(), BadSignature::HighS);
        prop_assert_eq!(twin(&twin(&signature)), signature);
    }

    #[test]
    fn any_text_is_read_as_a_signature_without_a_panic(text in "\\PC*|0x[0-9a-fA-F]{126,134}|0x[0-9a-f]{0,300}") {
        if let Ok(signature) = WalletSignature::parse(&text) {
            let _either_way = recover(b"text", &signature);
        }
    }

    #[test]
    fn any_65_bytes_are_read_as_a_signature_without_a_panic(bytes in any::<[u8; 32]>(), v in 26..30_u8) {
        let mut all = [0; 65];
        all[..32].copy_from_slice(&bytes);
        all[33..64].copy_from_slice(&bytes[1..]);
        all[64] = v;
        if let Ok(signature) = WalletSignature::from_bytes(&all) {
            let _either_way = recover(b"text", &signature);
        }
    }
}
