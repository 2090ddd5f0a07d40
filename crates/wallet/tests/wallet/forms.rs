//! What is taken for a signature or a private key, and what is not.

use countersign_wallet::BadSignature::{
    BadParity, HighS, NoPrefix, NotFromAnOwnedAccount, NotHex, OddDigits, OutOfRange, TooLong,
};
use countersign_wallet::{
    BadSignature, MAX_SIGNATURE_TEXT_LEN, NotAPrivateKey, NotSignedBy, PrivateKey, WalletSignature, signed_by,
};

use crate::properties::twin;

const KEY: &str = "4646464646464646464646464646464646464646464646464646464646464646";
const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
const HALF_ORDER: &str = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";
const ONE: &str = "0000000000000000000000000000000000000000000000000000000000000001";
const ZERO: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn good() -> String {
    PrivateKey::parse(KEY).unwrap().sign_personal(b"hello")
}

fn refusal(text: &str) -> BadSignature {
    WalletSignature::parse(text).unwrap_err()
}

fn made_of(r: &str, s: &str, v: &str) -> Result<(), BadSignature> {
    WalletSignature::parse(&format!("0x{r}{s}{v}")).map(drop)
}

#[test]
fn hex_digits_are_taken_in_either_case() {
    let upper = format!("0x{}", good()[2..].to_uppercase());
    assert!(WalletSignature::parse(&upper) == WalletSignature::parse(&good()));
    assert_eq!(WalletSignature::parse(&upper).unwrap().to_text(), good());
}

#[test]
fn another_form_is_refused_with_its_reason() {
    let good = good();
    let digits = &good[2..];
    assert_eq!(refusal(""), NoPrefix);
    assert_eq!(refusal(digits), NoPrefix);
    assert_eq!(refusal(&format!("0X{digits}")), NoPrefix);
    assert_eq!(refusal(&format!(" {good}")), NoPrefix);
    assert_eq!(refusal(&good[..good.len() - 1]), OddDigits { found: 129 });
    assert_eq!(refusal(&format!("{good}\n")), NotHex);
    assert_eq!(refusal(&format!("0x{}", digits.replacen(&digits[..1], "g", 1))), NotHex);
    assert_eq!(refusal(&format!("0x{}", "é".repeat(65))), NotHex);
    let long = format!("0x{}", "0".repeat(MAX_SIGNATURE_TEXT_LEN));
    assert_eq!(refusal(&long), TooLong { found: long.len() });
}

#[test]
fn what_a_contract_account_sends_is_told_from_a_mistake() {
    let good = good();
    for (bytes, text) in [
        (0, "0x".to_owned()),
        (64, good[..good.len() - 2].to_owned()),
        (66, format!("{good}00")),
        (130, format!("{good}{}", &good[2..])),
        (1000, format!("0x{}", "ab".repeat(1000))),
    ] {
        assert_eq!(refusal(&text), NotFromAnOwnedAccount { found: bytes });
    }
}

#[test]
fn the_last_byte_is_0_1_27_or_28_and_nothing_else() {
    let compact = &good()[..2 + 128];
    for v in 0..=u8::MAX {
        let parsed = WalletSignature::parse(&format!("{compact}{v:02x}"));
        match v {
            0 | 1 | 27 | 28 => assert!(parsed.is_ok(), "{v}"),
            found => assert_eq!(parsed.unwrap_err(), BadParity { found }),
        }
    }
}

#[test]
fn r_and_s_are_within_the_order_of_the_curve_and_s_in_its_lower_half() {
    let more = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364142";
    let less = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140";
    let above_half = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1";
    let greatest = "f".repeat(64);
    assert_eq!(made_of(ONE, ONE, "1b"), Ok(()));
    assert_eq!(made_of(less, HALF_ORDER, "1b"), Ok(()));
    for bad in [ZERO, ORDER, more, &greatest] {
        assert_eq!(made_of(bad, ONE, "1b"), Err(OutOfRange), "r {bad}");
        assert_eq!(made_of(ONE, bad, "1b"), Err(OutOfRange), "s {bad}");
    }
    for high in [above_half, less] {
        assert_eq!(made_of(ONE, high, "1b"), Err(HighS), "{high}");
    }
}

#[test]
fn the_twin_that_anybody_can_make_of_a_signature_is_refused() {
    let twin = twin(&good());
    assert_eq!(refusal(&twin), HighS);
}

#[test]
fn a_signature_whose_r_is_on_no_point_is_by_nobody() {
    // x = 5 is on no point of y² = x³ + 7 over the field of secp256k1.
    let r = format!("{:0>64}", "5");
    let signature = WalletSignature::parse(&format!("0x{r}{ONE}1b")).unwrap();
    let address = PrivateKey::parse(KEY).unwrap().address();
    assert_eq!(signed_by(address, b"hello", &signature), Err(NotSignedBy::Nobody));
}

#[test]
fn a_signature_and_a_private_key_print_nothing_of_themselves() {
    let signature = WalletSignature::parse(&good()).unwrap();
    assert_eq!(format!("{signature:?}"), "WalletSignature(..)");
    assert_eq!(format!("{:?}", PrivateKey::parse(KEY).unwrap()), "PrivateKey([secret])");
}

#[test]
fn a_private_key_is_64_hex_digits() {
    for good in [KEY.to_owned(), format!("0x{KEY}"), format!("0x{KEY}\n"), format!(" {KEY}\r\n")] {
        let address = PrivateKey::parse(&good).unwrap().address();
        assert_eq!(address.to_string(), "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f");
    }
    let refusal = |text: &str| PrivateKey::parse(text).unwrap_err();
    assert_eq!(refusal(""), NotAPrivateKey::Length { found: 0 });
    assert_eq!(refusal(&KEY[1..]), NotAPrivateKey::Length { found: 63 });
    assert_eq!(refusal(&format!("0x0x{KEY}")), NotAPrivateKey::Length { found: 66 });
    assert_eq!(refusal(&KEY.replace('6', "g")), NotAPrivateKey::NotHex);
    assert_eq!(refusal(&"é".repeat(32)), NotAPrivateKey::NotHex);
    for number in [ZERO, ORDER] {
        assert_eq!(refusal(number), NotAPrivateKey::OutOfRange);
    }
}
