//! What must be so for a variant to be meant.

use regex::bytes::Regex;

use crate::program::Slot;
use crate::scope::Scope;
use crate::value::Value;

/// A value and the expression that it must match.
pub(crate) struct Condition {
    pub(crate) subject: Slot,
    pub(crate) test: Test,
    /// The expression as it is written.
    pub(crate) written: Box<str>,
}

impl Condition {
    /// Whether it holds for a request. What cannot be read does not match.
    pub(crate) fn holds(&self, scope: &Scope<'_, '_>) -> bool {
        match scope.part_of(&self.subject) {
            Some(part) => part.is_ok_and(|part| self.test.holds(part)),
            None => {
                matches!(scope.value(&self.subject), Ok(Value::Text(text)) if self.test.holds(text.as_slice()))
            }
        }
    }
}

/// An expression. Simple ones are compared as bytes: that costs a tenth of running them.
pub(crate) enum Test {
    /// `^text$`.
    Whole(Box<[u8]>),
    /// `^text`.
    Front(Box<[u8]>),
    /// `^[class]`: which first bytes are good.
    First(Box<[bool; 256]>),
    Any(Regex),
}

impl Test {
    /// Takes an expression without Unicode classes and without flags from outside.
    pub(crate) fn new(regex: Regex) -> Self {
        let plain = |text: &str| !text.contains(|c: char| !c.is_ascii() || r"\.+*?()|[]{}^$".contains(c));
        let Some(text) = regex.as_str().strip_prefix('^') else { return Self::Any(regex) };
        if plain(text) {
            return Self::Front(text.as_bytes().into());
        }
        if let Some(text) = text.strip_suffix('$')
            && plain(text)
        {
            return Self::Whole(text.as_bytes().into());
        }
        let class = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        if class.is_some_and(|class| class.is_ascii() && !class.contains(['[', ']'])) {
            let mut first = Box::new([false; 256]);
            for (byte, good) in (0..=u8::MAX).zip(first.iter_mut()) {
                *good = regex.is_match(&[byte]);
            }
            return Self::First(first);
        }
        Self::Any(regex)
    }

    /// Whether it matches.
    pub(crate) fn holds(&self, text: &[u8]) -> bool {
        match self {
            Self::Whole(whole) => **whole == *text,
            Self::Front(front) => text.starts_with(front),
            Self::First(good) => {
                text.first().is_some_and(|byte| good.get(usize::from(*byte)).copied().unwrap_or(false))
            }
            Self::Any(regex) => regex.is_match(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compared_as_bytes_answers_as_the_expression_does() {
        let expressions = [
            "^GET$",
            "^",
            "^$",
            "$",
            "",
            ".",
            "^3",
            "^application/json",
            r"^[\w%]",
            "^[^a-f]",
            "^[]a]",
            r"^[\]]",
            "^[a]b]",
            "^[a-]",
            "^[&&a]",
            "^(GET|PUT)$",
            "^a.c",
            "^a$b",
            "^a|b",
            "^a?",
            r"^\d",
            "^a{0}",
            "^[a][b]",
            "GET",
            r"^[\x80]",
        ];
        for expression in expressions {
            let regex = crate::filter::regex(expression).unwrap();
            let test = Test::new(regex.clone());
            let mut texts: Vec<Vec<u8>> = [
                "",
                "GET",
                "GETS",
                "XGET",
                "GET\n",
                "3",
                "33",
                "application/json; x",
                "abc",
                "b]",
                "a",
                "a$b",
                "\n",
            ]
            .map(|text| text.as_bytes().to_vec())
            .into();
            texts.extend((0..=255).map(|byte| vec![byte, b'b']));
            for text in texts {
                assert_eq!(test.holds(&text), regex.is_match(&text), "{expression} {text:?}");
            }
        }
    }
}
