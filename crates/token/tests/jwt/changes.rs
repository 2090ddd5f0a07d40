//! A token that is not as it was minted.

use proptest::prelude::*;

use crate::common::{HEADER, NOW, access_claims, access_key, base64url, forge, ring};

/// What may stand in a token, and what stands between and after its parts.
const CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n";

#[test]
fn every_single_character_changed_is_refused() {
    let ring = ring(&["k1"]);
    let token = ring.mint_access(&access_claims()).unwrap().into_bytes();
    for position in 0..token.len() {
        for other in CHARACTERS.iter().filter(|other| **other != token[position]) {
            let mut changed = token.clone();
            changed[position] = *other;
            let changed = String::from_utf8(changed).unwrap();
            assert!(ring.read_access(&changed, NOW).is_err(), "{changed}");
        }
    }
}

#[test]
fn every_single_character_lost_added_or_doubled_is_refused() {
    let ring = ring(&["k1"]);
    let token = ring.mint_access(&access_claims()).unwrap();
    for position in 0..token.len() {
        let (before, after) = token.split_at(position);
        let doubled = &after[..1];
        for changed in [
            format!("{before}{}", &after[1..]),
            format!("{before}{doubled}{after}"),
            format!("{before}A{after}"),
            format!("{before}={after}"),
            format!("{before} {after}"),
            before.to_owned(),
        ] {
            assert!(ring.read_access(&changed, NOW).is_err(), "{changed}");
        }
    }
    for end in ["A", "=", "==", ".", " ", "\n", "\0"] {
        assert!(ring.read_access(&format!("{token}{end}"), NOW).is_err(), "{end:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic_and_refused(text in "\\PC*|[A-Za-z0-9_.-]{0,300}|([A-Za-z0-9_-]{0,120}\\.){0,4}") {
        prop_assert!(ring(&["k1"]).read_access(&text, NOW).is_err());
    }

    #[test]
    fn any_header_is_read_without_a_panic_and_refused(
        header in r#"\{("(alg|typ|kid|crit|a)":"(HS512|JWT|k2|none)",?){0,5}\}|\PC{0,60}"#,
    ) {
        let token = forge(&header, crate::common::ACCESS, &access_key());
        prop_assert!(ring(&["k1"]).read_access(&token, NOW).is_err());
    }

    #[test]
    fn any_signed_claims_are_read_without_a_panic(
        claims in r#"\{("(address|exp|iat|iss|scopes|jti|sid|token_use|ctr|a)":("[a-z0-9,-]{0,40}"|-?[0-9]{1,21}|\[\]),?){0,10}\}|\PC{0,60}"#,
    ) {
        let token = forge(HEADER, claims, &access_key());
        prop_assert!(ring(&["k1"]).read_access(&token, NOW).is_err());
    }

    #[test]
    fn any_signed_bytes_are_read_without_a_panic(header in any::<Vec<u8>>(), claims in any::<Vec<u8>>()) {
        let signed = format!("{}.{}", base64url(header), base64url(claims));
        prop_assert!(ring(&["k1"]).read_access(&crate::common::sign(&signed, &access_key()), NOW).is_err());
    }
}
