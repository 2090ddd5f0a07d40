//! What we call JSON, `serde_json` calls JSON too, and the other way round but for what nests deeper than either allows.

#![no_main]

/// Neither reader follows nesting beyond this for certain.
const DEEP: usize = 60;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let ours = countersign_dialect::fuzz::is_json(bytes);
    let nested = bytes.iter().filter(|byte| b"[{".contains(byte)).count();
    if nested < DEEP {
        // serde_json skips values without looking at their UTF-8.
        let theirs = std::str::from_utf8(bytes)
            .is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
        assert_eq!(ours, theirs);
    }
});
