//! Targets for a fuzzer, and for the tests below: each takes any bytes and must neither panic nor take long.

use countersign_model::HeaderList;
use http::{HeaderName, HeaderValue};

use crate::json::{self, Wanted};
use crate::{Dialects, Reading, Recipe, Request, Source};

/// A dialect file of any bytes; a recipe that comes of it reads a request.
pub fn dialect_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    match Dialects::load(&[Source { origin: "fuzz".to_owned(), text }]) {
        Ok(dialects) => {
            for recipe in dialects.iter() {
                request(recipe, bytes);
            }
        }
        Err(mistakes) => {
            for mistake in mistakes {
                let _ = mistake.to_string();
            }
        }
    }
}

/// Whether any bytes are JSON.
///
/// # Panics
///
/// Where what is looked for in them makes a difference, which is a bug.
pub fn is_json(bytes: &[u8]) -> bool {
    let valid = json::scan(bytes, &Wanted::default()).is_ok();
    let mut wanted = Wanted::default();
    for path in ["apiKey", "a.b", "a.0", "0.a", ""] {
        let _ = wanted.add(path);
    }
    match json::scan(bytes, &wanted) {
        Ok(found) => {
            assert!(valid, "members were found in what is no JSON");
            for leaf in 0..json::MAX_WANTED {
                let _ = found.get(leaf).map(|member| member.text().map(std::borrow::Cow::into_owned));
            }
        }
        Err(json::Unreadable::NotJson) => assert!(!valid, "JSON was refused for what was looked for in it"),
        Err(json::Unreadable::Twice) => {}
    }
    valid
}

/// A request made of any bytes: the first lines are its target and its headers, the rest its body.
pub fn request(recipe: &Recipe, bytes: &[u8]) {
    let mut lines = bytes.splitn(8, |byte| *byte == b'\n');
    let target = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let mut headers = HeaderList::new();
    let mut body: &[u8] = b"";
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or_default();
        let (name, value) = (line.get(..colon), line.get(colon + 1..));
        let name = HeaderName::from_bytes(name.unwrap_or_default());
        let value = HeaderValue::from_bytes(value.unwrap_or_default());
        match (name, value) {
            (Ok(name), Ok(value)) => {
                headers.push(name, value);
            }
            (Err(_), _) | (_, Err(_)) => body = line,
        }
    }
    for method in ["GET", "POST"] {
        let request = Request {
            method,
            scheme: "https",
            host: "a.example",
            target: &target,
            headers: headers.view(),
            body: Some(body),
        };
        if let Reading::Presented(claim) = recipe.read(&request) {
            let key = recipe.prepare(b"secret");
            let _ = recipe.fresh(&claim, countersign_model::UnixTime::from_secs(1_795_262_400));
            let _ = recipe.verify(&claim, &request, &key);
            let _ = recipe.string_to_sign(&claim, &request, &key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    /// What a strict reader of the standard library of Rust's ecosystem says. It skips values without looking at their
    /// UTF-8, and nests deeper than we do.
    fn oracle(bytes: &[u8]) -> bool {
        std::str::from_utf8(bytes)
            .is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
    }

    /// Bytes that look like JSON more often than not.
    fn nearly_json() -> impl Strategy<Value = String> {
        let tokens = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\"a\"",
            "\"apiKey\"",
            "\"b\"",
            "\\u00e9",
            "\\ud800",
            "\\",
            "0",
            "1",
            "-",
            "1.5",
            "e",
            "E+3",
            "true",
            "false",
            "null",
            " ",
            "\n",
            "\u{feff}",
            "é",
            "nul",
            "\t",
            "/",
        ]);
        prop::collection::vec(tokens, 0..24).prop_map(|tokens| tokens.concat())
    }

    /// JSON for certain, before a byte of it is changed.
    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|truth| truth.to_string()),
            any::<f64>().prop_map(|number| serde_json::to_string(&number).unwrap()),
            any::<i64>().prop_map(|number| number.to_string()),
            any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let name = prop_oneof![Just("a".to_owned()), Just("apiKey".to_owned()), any::<String>()];
            let member = (name, inner.clone())
                .prop_map(|(name, value)| format!("{}:{value}", serde_json::to_string(&name).unwrap()));
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(|list| format!("[{}]", list.join(" , "))),
                prop::collection::vec(member, 0..4).prop_map(|list| format!("{{{}}}", list.join(","))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn bytes_are_json_exactly_when_another_reader_says_so(text in nearly_json()) {
            prop_assert_eq!(is_json(text.as_bytes()), oracle(text.as_bytes()), "{:?}", text);
        }

        #[test]
        fn json_with_one_byte_changed_is_json_exactly_when_another_reader_says_so(
            text in json(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            prop_assert!(is_json(text.as_bytes()), "{:?}", text);
            let mut bytes = text.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            prop_assert_eq!(is_json(&bytes), oracle(&bytes), "{:?}", String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn a_dialect_file_of_any_bytes_is_answered(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            dialect_file(&bytes);
        }

        #[test]
        fn a_built_in_dialect_with_bytes_changed_is_answered(
            which in any::<prop::sample::Index>(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let dialects = Dialects::builtin();
            let recipes: Vec<_> = dialects.iter().collect();
            let mut bytes = which.get(&recipes).source().as_bytes().to_vec();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            dialect_file(&bytes);
        }

        #[test]
        fn a_request_of_any_bytes_is_answered(
            lines in prop::collection::vec(prop_oneof![
                Just(b"x-api-key:k".to_vec()),
                Just(b"X-Timestamp:1795262400".to_vec()),
                Just(b"X-Signature:AAAA".to_vec()),
                Just(br#"{"apiKey":"k","timestamp":1795262400,"signature":"00"}"#.to_vec()),
                Just(b"/a?apiKey=k&timestamp=1&signature=%30".to_vec()),
                prop::collection::vec(any::<u8>(), 0..48),
            ], 0..8),
        ) {
            for recipe in Dialects::builtin().iter() {
                request(recipe, &lines.join(&b'\n'));
            }
        }
    }

    #[test]
    fn what_nests_without_end_is_answered() {
        for open in ["[", "{\"a\":", "a.", "[a.", "{a=", "a=[", "a={b=", "[dialect.x]\nkey=\"{a|or(", "'"] {
            let deep = open.repeat(20_000);
            dialect_file(deep.as_bytes());
            dialect_file(format!("x = {deep}").as_bytes());
            assert!(!is_json(deep.as_bytes()), "{open}");
        }
        let template = format!("[dialect.x]\nkey = \"{}\"", "{a|or(".repeat(20_000));
        dialect_file(template.as_bytes());
        let braces = format!("[dialect.x]\nkey = '{}'", "{'a'|or(".repeat(20_000));
        dialect_file(braces.as_bytes());
    }

    #[test]
    fn steps_that_double_each_other_are_refused_at_once() {
        let mut text = String::from("[dialect.x.let]\na0 = \"{body}{body}\"\n");
        for step in 1..60 {
            let _ = writeln!(text, "a{step} = \"{{a{0}}}{{a{0}}}\"", step - 1);
        }
        dialect_file(text.as_bytes());
        assert!(Dialects::load(&[Source { origin: "x".into(), text }]).is_err());
    }
}
