//! A reader for the JSON of tokens: one flat object of strings and integers (RFC 8259).
//!
//! Narrower than JSON where that leaves less to go wrong: integers have no sign, fraction or exponent,
//! nothing nests, and a string ends at the next quotation mark, because escapes are not read. Whoever takes a
//! string checks it for what it should be, and nothing that a token holds has a backslash or a control
//! character in it. White space and order are as free as JSON has them.

/// The text is not such an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotFlat;

/// A JSON object that is read member by member: a [`name`](Self::name), then its [`text`](Self::text) or
/// [`integer`](Self::integer), and again until there is no name left.
pub(super) struct FlatObject<'a> {
    rest: &'a [u8],
    place: Place,
}

enum Place {
    BeforeFirst,
    AfterValue,
}

impl<'a> FlatObject<'a> {
    pub(super) fn open(json: &'a [u8]) -> Result<Self, NotFlat> {
        let mut object = Self { rest: json, place: Place::BeforeFirst };
        object.skip_space();
        object.take(b'{')?;
        Ok(object)
    }

    /// The next member's name, or nothing at the end of the object, which must be the end of the text.
    pub(super) fn name(&mut self) -> Result<Option<&'a [u8]>, NotFlat> {
        self.skip_space();
        if let [b'}', after @ ..] = self.rest {
            self.rest = after;
            self.skip_space();
            return if self.rest.is_empty() { Ok(None) } else { Err(NotFlat) };
        }
        match self.place {
            Place::BeforeFirst => self.place = Place::AfterValue,
            Place::AfterValue => self.take(b',')?,
        }
        self.skip_space();
        let name = self.text()?;
        self.skip_space();
        self.take(b':')?;
        self.skip_space();
        Ok(Some(name))
    }

    /// The value of the member whose name was read last, which must be a string.
    pub(super) fn text(&mut self) -> Result<&'a [u8], NotFlat> {
        let (text, after) = string(self.rest).ok_or(NotFlat)?;
        self.rest = after;
        Ok(text)
    }

    /// The value of the member whose name was read last, which must be an integer from 0 to 2^64 - 1.
    pub(super) fn integer(&mut self) -> Result<u64, NotFlat> {
        let (value, after) = integer(self.rest).ok_or(NotFlat)?;
        self.rest = after;
        Ok(value)
    }

    fn take(&mut self, wanted: u8) -> Result<(), NotFlat> {
        match self.rest {
            [found, after @ ..] if *found == wanted => {
                self.rest = after;
                Ok(())
            }
            _ => Err(NotFlat),
        }
    }

    /// RFC 8259 section 2.
    fn skip_space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', after @ ..] = self.rest {
            self.rest = after;
        }
    }
}

/// Takes a string off the start: what is between the quotation marks, and what comes after them.
pub(super) fn string(json: &[u8]) -> Option<(&[u8], &[u8])> {
    let (b'"', inside) = json.split_first()? else { return None };
    let (text, after) = inside.split_at_checked(position_of_quote(inside)?)?;
    Some((text, after.get(1..)?))
}

/// Takes an integer from 0 to 2^64 - 1 off the start: its value, and what comes after it, where a member may
/// end.
pub(super) fn integer(json: &[u8]) -> Option<(u64, &[u8])> {
    let (digits, after) = json.split_at_checked(json.iter().position(|byte| !byte.is_ascii_digit())?)?;
    let leading_zero = digits.len() > 1 && digits.starts_with(b"0");
    let ends = matches!(after, [b',' | b'}' | b' ' | b'\t' | b'\n' | b'\r', ..]);
    if leading_zero || !ends {
        return None;
    }
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, after))
}

/// Eight bytes at a time: most of a token is inside of strings.
fn position_of_quote(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        // A quotation mark becomes a zero byte, and the lowest zero byte gets the lowest high bit (Hacker's
        // Delight, section 6-1).
        let other = u64::from_le_bytes(*word) ^ (ONES * u64::from(b'"'));
        let found = other.wrapping_sub(ONES) & !other & (ONES << 7);
        if found != 0 {
            return Some(8 * index + found.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|byte| *byte == b'"').map(|position| text.len() - rest.len() + position)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, PartialEq)]
    enum Found {
        Text(String),
        Integer(u64),
    }

    fn read(json: &str) -> Result<Vec<(String, Found)>, NotFlat> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut object = FlatObject::open(json.as_bytes())?;
        let mut members = Vec::new();
        while let Some(name) = object.name()? {
            let value = match object.rest {
                [b'"', ..] => Found::Text(text(object.text()?)),
                _ => Found::Integer(object.integer()?),
            };
            members.push((text(name), value));
        }
        Ok(members)
    }

    /// Soup of what JSON is made of, and objects with something missing here and there.
    const ANYTHING: &str = concat!(
        r#"[{}\[\]:, \n0-9a-c".e-]{0,24}|"#,
        r#"\{("[ab]{1,10}" ?: ?("[c-f ]{0,20}"|[0-9]{1,21}),? ?){0,4}\}"#
    );

    /// What a general reader of JSON makes of it, where that is a flat object without escapes.
    fn oracle(json: &str) -> Option<Vec<(String, Found)>> {
        let Ok(Value::Object(map)) = serde_json::from_str(json) else { return None };
        let mut members = Vec::new();
        for (name, value) in map {
            let value = match value {
                Value::String(text) => Found::Text(text),
                Value::Number(number) => Found::Integer(number.as_u64()?),
                _ => return None,
            };
            members.push((name, value));
        }
        Some(members)
    }

    #[test]
    fn order_and_white_space_are_free() {
        let wanted =
            vec![("b".to_owned(), Found::Integer(2)), ("a".to_owned(), Found::Text("x y".to_owned()))];
        assert_eq!(read(r#"{"b":2,"a":"x y"}"#), Ok(wanted));
        assert_eq!(read(" {\r\n\t\"b\" :\n2 ,\t\"a\":  \"x y\" }\n"), read(r#"{"b":2,"a":"x y"}"#));
        assert_eq!(read("{ }"), Ok(vec![]));
    }

    #[test]
    fn the_ends_of_the_range_are_integers_and_nothing_beyond_is() {
        let integer = |text: &str| read(&format!(r#"{{"n":{text}}}"#)).map(|mut members| members.remove(0).1);
        for good in [0, 1, 1_795_262_400, u64::MAX] {
            assert_eq!(integer(&good.to_string()), Ok(Found::Integer(good)));
        }
        for bad in [
            "",
            "-1",
            "-0",
            "+1",
            "00",
            "01",
            "1.0",
            "1.",
            ".5",
            "1e3",
            "1E3",
            "0x1",
            "1_0",
            "18446744073709551616",
            "99999999999999999999",
            "1 0",
        ] {
            assert_eq!(integer(bad), Err(NotFlat), "{bad}");
        }
    }

    #[test]
    fn what_is_not_one_flat_object_is_refused() {
        for bad in [
            "",
            " ",
            "{",
            "}",
            "[]",
            "null",
            "1",
            "\"a\"",
            "{,}",
            "{\"a\":1,}",
            "{\"a\":1 \"b\":2}",
            "{\"a\" 1}",
            "{\"a\"}",
            "{a:1}",
            "{'a':1}",
            "{\"a\":{}}",
            "{\"a\":[]}",
            "{\"a\":true}",
            "{\"a\":null}",
            "{\"a\":1}}",
            "{\"a\":1}{}",
            "{\"a\":1} x",
            "{\"a\":\"x}",
            "{\"a\":\"x\\\"y\"}",
            "\u{feff}{}",
            "{\"a\":1\u{a0}}",
            "{\u{c}\"a\":1}",
            "{\"a\":1}\0",
            "/**/{}",
        ] {
            assert_eq!(read(bad), Err(NotFlat), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_general_reader_of_json_finds_the_same_members(json in ANYTHING) {
            let sorted = |members: Option<Vec<(String, Found)>>| members.map(|mut members| {
                members.sort_by(|a, b| a.0.cmp(&b.0));
                members
            });
            let (found, wanted) = (sorted(read(&json).ok()), sorted(oracle(&json)));
            // Of a repeated name the oracle keeps one; here they are refused one floor up.
            let names = json.matches("\":").count() + json.matches("\" :").count();
            if wanted.as_ref().is_none_or(|wanted| wanted.len() == names) {
                prop_assert_eq!(found, wanted);
            }
        }
    }
}
