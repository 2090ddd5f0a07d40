//! A whole document, however deep: written anew, or as a list of what stands at its ends.

use crate::claim::Flaw;
use crate::json::entries::{checked, parts};
use crate::json::{Kind, Member};
use crate::value::MAX_PAIRS;

/// How many times as long as the document all names of a flat list may be: a deep one repeats the names above it.
const MAX_NAMES_GROWTH: usize = 8;

/// In which order members are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As they stand.
    AsSent,
    /// By name, in every object.
    Sorted,
}

/// What stands behind a colon and a comma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spacing {
    /// Nothing.
    Compact,
    /// A blank.
    Spaced,
}

/// Writes a document anew: strings and numbers as they stand, blanks between them as told. A name twice in one object is refused
/// where they are sorted.
pub(crate) fn tidy(document: &[u8], order: Order, spacing: Spacing) -> Result<String, Flaw> {
    let mut written = String::with_capacity(document.len());
    write(checked(document)?.trim(), (order, spacing), &mut written)?;
    Ok(written)
}

fn write(value: &str, how: (Order, Spacing), written: &mut String) -> Result<(), Flaw> {
    let (close, mut parts) = match value.as_bytes().first() {
        Some(b'{') => ('}', parts(value)?),
        Some(b'[') => (']', parts(value)?),
        _ => {
            written.push_str(value);
            return Ok(());
        }
    };
    let (order, spacing) = how;
    if order == Order::Sorted && close == '}' {
        let name = |member: &Option<Member<'_>>| {
            member.as_ref().and_then(Member::text).map(std::borrow::Cow::into_owned)
        };
        parts.sort_by_cached_key(|(member, _)| name(member));
        if parts.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if name(a) == name(b))) {
            return Err(Flaw::Twice);
        }
    }
    let blank = match spacing {
        Spacing::Compact => "",
        Spacing::Spaced => " ",
    };
    written.push(if close == '}' { '{' } else { '[' });
    for (at, (name, member)) in parts.iter().enumerate() {
        if at > 0 {
            written.push(',');
            written.push_str(blank);
        }
        if let Some(name) = name {
            written.extend(["\"", name.raw, "\":", blank]);
        }
        match member.kind {
            Kind::Plain | Kind::Escaped => written.extend(["\"", member.raw, "\""]),
            Kind::Number | Kind::True | Kind::False | Kind::Null => written.push_str(member.raw),
            Kind::Object | Kind::Array => write(member.raw, how, written)?,
        }
    }
    written.push(close);
    Ok(())
}

/// What stands at the ends of a document, each under the names on the way to it: the first as it is, the others between `front` and
/// `end`. An empty object or array is an end without a value.
pub(crate) fn flat(document: &[u8], front: &str, end: &str) -> Result<Vec<(String, String)>, Flaw> {
    let mut flat =
        Flat { front, end, list: Vec::new(), left: document.len().saturating_mul(MAX_NAMES_GROWTH) };
    flat.add(None, checked(document)?.trim())?;
    Ok(flat.list)
}

struct Flat<'t> {
    front: &'t str,
    end: &'t str,
    list: Vec<(String, String)>,
    /// How long further names may be, together.
    left: usize,
}

impl Flat<'_> {
    fn add(&mut self, above: Option<&str>, value: &str) -> Result<(), Flaw> {
        for (at, (name, member)) in parts(value)?.into_iter().enumerate() {
            let name = match name {
                Some(name) => name.text().ok_or(Flaw::NotText)?.into_owned(),
                None => at.to_string(),
            };
            let name = match above {
                None => name,
                Some(above) => [above, self.front, &name, self.end].concat(),
            };
            self.left = self.left.checked_sub(name.len()).ok_or(Flaw::TooMany)?;
            let nested = matches!(member.kind, Kind::Object | Kind::Array) && !is_empty(member.raw);
            if nested {
                self.add(Some(&name), member.raw)?;
                continue;
            }
            if self.list.len() == MAX_PAIRS {
                return Err(Flaw::TooMany);
            }
            let value = match member.kind {
                Kind::Object | Kind::Array => String::new(),
                Kind::Plain | Kind::Escaped | Kind::Number | Kind::True | Kind::False | Kind::Null => {
                    member.text().ok_or(Flaw::NotText)?.into_owned()
                }
            };
            self.list.push((name, value));
        }
        Ok(())
    }
}

/// Whether there is nothing between the brackets.
fn is_empty(raw: &str) -> bool {
    raw.get(1..raw.len().saturating_sub(1)).is_some_and(|inside| inside.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &[u8] =
        br#" {"b": [1, {"d": "x\"", "c": null}], "a": {"z": {}, "y": 1.50, "\u0061": true}} "#;

    #[test]
    fn a_document_is_written_anew_with_its_strings_and_numbers_as_they_stand() {
        let written = |order, spacing| tidy(DOCUMENT, order, spacing).unwrap();
        assert_eq!(
            written(Order::AsSent, Spacing::Compact),
            r#"{"b":[1,{"d":"x\"","c":null}],"a":{"z":{},"y":1.50,"\u0061":true}}"#
        );
        assert_eq!(
            written(Order::Sorted, Spacing::Spaced),
            r#"{"a": {"\u0061": true, "y": 1.50, "z": {}}, "b": [1, {"c": null, "d": "x\""}]}"#
        );
        assert_eq!(tidy(b" \"a\" ", Order::Sorted, Spacing::Compact).unwrap(), "\"a\"");
    }

    #[test]
    fn what_could_be_read_in_two_ways_or_is_no_json_is_refused() {
        assert_eq!(tidy(br#"{"a":1,"\u0061":2}"#, Order::Sorted, Spacing::Compact), Err(Flaw::Twice));
        for bad in ["", "{", "{\"a\":1}}", "nul", "{\"a\":1,}"] {
            assert_eq!(tidy(bad.as_bytes(), Order::Sorted, Spacing::Compact), Err(Flaw::NotJson), "{bad}");
            assert!(flat(bad.as_bytes(), ".", "").is_err(), "{bad}");
        }
    }

    #[test]
    fn the_ends_of_a_document_are_named_by_the_way_to_them() {
        let made = |front, end| -> Vec<String> {
            let list = flat(DOCUMENT, front, end).unwrap();
            list.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        assert_eq!(made(".", ""), ["b.0=1", "b.1.d=x\"", "b.1.c=", "a.z=", "a.y=1.50", "a.a=true"]);
        assert_eq!(made("[", "]")[..3], ["b[0]=1", "b[1][d]=x\"", "b[1][c]="]);
        assert_eq!(flat(b"[]", ".", "").unwrap(), []);
    }

    #[test]
    fn names_that_are_repeated_over_and_over_are_too_many() {
        let long = format!("{{\"{}\":[{}1]}}", "n".repeat(1000), "1,".repeat(1000));
        assert_eq!(flat(long.as_bytes(), ".", ""), Err(Flaw::TooMany));
    }

    fn value() -> impl proptest::strategy::Strategy<Value = serde_json::Value> {
        use proptest::prelude::*;
        use serde_json::Value;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[ -~\u{e4}\n]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-d\u{e4}\"]{0,3}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 256, failure_persistence: None, ..Default::default() })]

        #[test]
        fn a_document_that_is_written_anew_says_the_same(value in value()) {
            let pretty = serde_json::to_vec_pretty(&value).unwrap();
            let sorted = tidy(&pretty, Order::Sorted, Spacing::Compact).unwrap();
            // Another library sorts members by name too, and writes nothing between them.
            proptest::prop_assert_eq!(&sorted, &serde_json::to_string(&value).unwrap());
            for (order, spacing) in [(Order::AsSent, Spacing::Compact), (Order::AsSent, Spacing::Spaced), (Order::Sorted, Spacing::Spaced)] {
                let written = tidy(&pretty, order, spacing).unwrap();
                proptest::prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), value.clone());
            }
        }

        #[test]
        fn any_text_is_flattened_or_refused(text in "[{}\\[\\],:\"a0 ]{0,40}") {
            let _ = flat(text.as_bytes(), ".", "");
            let _ = tidy(text.as_bytes(), Order::Sorted, Spacing::Compact);
        }
    }
}
