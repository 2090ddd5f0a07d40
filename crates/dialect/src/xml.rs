//! Flat XML, as payment services send it: one element, and in it one for each field.

use std::borrow::Cow;

use crate::claim::Flaw;
use crate::value::MAX_PAIRS;

/// The longest entity, with its ends: `&#x10FFFF;`.
const MAX_ENTITY: usize = 10;

/// The elements inside the outermost one, in their order: names as they stand, texts with their entities undone. An element with others
/// inside is its inside as it stands. A document type is refused: it could say anything.
pub(crate) fn fields(document: &[u8]) -> Result<Vec<(String, String)>, Flaw> {
    let text = std::str::from_utf8(document).map_err(|_| Flaw::NotText)?;
    read(text).ok_or(Flaw::NotEncoded)?
}

fn read(text: &str) -> Option<Result<Vec<(String, String)>, Flaw>> {
    let mut rest = text.trim_start().trim_start_matches('\u{feff}');
    if let Some(declared) = rest.strip_prefix("<?xml") {
        rest = declared.split_once("?>")?.1.trim_start();
    }
    let (root, empty, after) = open(rest)?;
    let mut list = Vec::new();
    rest = after;
    if empty {
        return rest.trim().is_empty().then_some(Ok(list));
    }
    loop {
        rest = rest.trim_start();
        if let Some(after) = close(rest, root) {
            return after.trim().is_empty().then_some(Ok(list));
        }
        let (name, empty, after) = open(rest)?;
        let (value, after) = if empty { (Cow::Borrowed(""), after) } else { value(after, name)? };
        if list.len() == MAX_PAIRS {
            return Some(Err(Flaw::TooMany));
        }
        list.push((name.to_owned(), value.into_owned()));
        rest = after;
    }
}

/// A start tag: its name, whether it is its own end, and what follows.
fn open(text: &str) -> Option<(&str, bool, &str)> {
    let (tag, after) = text.strip_prefix('<')?.split_once('>')?;
    let (tag, empty) = match tag.strip_suffix('/') {
        Some(tag) => (tag, true),
        None => (tag, false),
    };
    let name = tag.split_ascii_whitespace().next()?;
    let good = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    (tag.starts_with(name) && name.chars().all(good)).then_some((name, empty, after))
}

/// What follows the end tag of that name, where it is next.
fn close<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.strip_prefix("</")?.strip_prefix(name)?.trim_start().strip_prefix('>')
}

/// The inside of an element up to its end, and what follows.
fn value<'t>(text: &'t str, name: &str) -> Option<(Cow<'t, str>, &'t str)> {
    let mut depth = 0_usize;
    let mut nested = false;
    let mut plain = String::new();
    let mut rest = text;
    loop {
        let (before, tag) = rest.split_at_checked(rest.find('<')?)?;
        plain.push_str(&entities(before)?);
        if let Some(inside) = tag.strip_prefix("<![CDATA[") {
            let (kept, after) = inside.split_once("]]>")?;
            plain.push_str(kept);
            rest = after;
        } else if tag.starts_with("</") {
            if depth == 0 {
                let after = close(tag, name)?;
                let whole = text.get(..text.len() - tag.len())?;
                return Some((if nested { Cow::Borrowed(whole) } else { Cow::Owned(plain) }, after));
            }
            depth -= 1;
            rest = tag.split_once('>')?.1;
        } else {
            let (_, empty, after) = open(tag)?;
            depth += usize::from(!empty);
            nested = true;
            rest = after;
        }
    }
}

/// The five entities of XML, and characters by their number.
fn entities(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('&') {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, entity)) = rest.split_once('&') {
        plain.push_str(before);
        let end = entity.bytes().take(MAX_ENTITY).position(|byte| byte == b';')?;
        let (name, after) = (entity.get(..end)?, entity.get(end + 1..)?);
        plain.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => {
                let number = number.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        });
        rest = after;
    }
    plain.push_str(rest);
    Some(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> Option<String> {
        let list = fields(text.as_bytes()).ok()?;
        Some(list.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(";"))
    }

    #[test]
    fn the_elements_of_a_flat_document_are_its_fields() {
        let text = "<?xml version=\"1.0\"?>\n<xml>\n <a><![CDATA[1 & 2]]></a><b x=\"y\">&lt;&#20;&#x41;</b>\n<c/><d></d><a>2</a></xml>\n";
        assert_eq!(made(text).unwrap(), "a=1 & 2;b=<\u{14}A;c=;d=;a=2");
        assert_eq!(made("<xml><a><b>1</b><c/>&amp;</a></xml>").unwrap(), "a=<b>1</b><c/>&amp;");
        assert_eq!(made("<xml/>").unwrap(), "");
    }

    #[test]
    fn what_is_no_flat_document_is_refused() {
        for bad in [
            "",
            "xml",
            "<xml>",
            "<xml></xm>",
            "<xml><a></xml>",
            "<xml><a>1</b></xml>",
            "<xml>text</xml>",
            "<xml></xml><xml/>",
            "<xml><a>&b;</a></xml>",
            "<xml><a>&amp</a></xml>",
            "<xml><a><![CDATA[</a></xml>",
            "<!DOCTYPE x><xml/>",
            "<xml><!-- --></xml>",
        ] {
            assert_eq!(made(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 256, failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_text_is_read_or_refused(text in "[<>/!&;a-c\\[\\]=\"' ]{0,60}") {
            let _ = fields(text.as_bytes());
            let _ = fields(format!("<a>{text}</a>").as_bytes());
        }

        #[test]
        fn what_is_escaped_reads_as_it_was(value in "[ -~\u{e4}]{0,40}") {
            let escaped = value.replace('&', "&amp;").replace('<', "&lt;");
            let read = fields(format!("<x><v>{escaped}</v></x>").as_bytes()).unwrap();
            proptest::prop_assert_eq!(read, [("v".to_owned(), value)]);
        }
    }
}
