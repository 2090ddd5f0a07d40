//! A text that is read as a wallet's signature is written back as the same signature, and recovering from it does not panic.

#![no_main]

use countersign_wallet::{WalletSignature, recover};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(signature) = WalletSignature::parse(text) {
        let again = WalletSignature::parse(&signature.to_text()).expect("what is written can be read");
        assert_eq!(again.to_text(), signature.to_text());
        let _ = recover(b"text", &signature);
    }
});
