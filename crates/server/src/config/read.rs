//! Reading one value: a string, a list, one of a few words, an amount.

use super::document::{At, Node, Value};
use super::notes::Notes;
use super::units::{ByteSize, Count, Period};

/// A string.
pub(super) fn text<'a>(node: &'a Node, notes: &Notes<'_>) -> Option<&'a str> {
    match &node.value {
        Value::Raw(text) | Value::Text(text) => Some(text),
        Value::Integer(_) | Value::Boolean(_) | Value::List(_) | Value::Table(_) | Value::Other(_) => {
            notes.wrong(&node.at, format!("found {}", node.kind()), "write a string, in quotes");
            None
        }
    }
}

/// A string that `parse` takes; its refusal is noted.
pub(super) fn parsed<T, E: ToString>(
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> impl FnOnce(&Node, &Notes<'_>) -> Option<T> {
    move |node, notes| {
        let text = text(node, notes)?;
        parse(text).map_err(|refusal| note_refusal(notes, &node.at, text, &refusal.to_string())).ok()
    }
}

/// Notes a refusal of the form `what was found: what would do` as those two. The refusal may repeat `text`, in which
/// there may be a colon too.
fn note_refusal(notes: &Notes<'_>, at: &At, text: &str, refusal: &str) {
    let repeated = format!("`{text}`");
    let begin = if refusal.starts_with(&repeated) { repeated.len() } else { 0 };
    let colon = refusal.get(begin..).and_then(|rest| rest.find(": ")).map(|colon| begin + colon);
    let (found, mend) = colon.and_then(|colon| refusal.split_at_checked(colon)).unwrap_or((refusal, ""));
    notes.wrong(at, found, mend.trim_start_matches(": "));
}

/// A list of strings; in the environment, one string with commas between them.
pub(super) fn texts<'a>(node: &'a Node, notes: &Notes<'_>) -> Option<Vec<(&'a str, &'a At)>> {
    match &node.value {
        Value::Raw(list) => Some(list.split(',').map(|member| (member.trim(), &node.at)).collect()),
        Value::List(members) => {
            members.iter().map(|member| Some((text(member, notes)?, &member.at))).collect()
        }
        Value::Text(_) | Value::Integer(_) | Value::Boolean(_) | Value::Table(_) | Value::Other(_) => {
            notes.wrong(
                &node.at,
                format!("found {}", node.kind()),
                "write a list of strings, as in [\"a\", \"b\"]",
            );
            None
        }
    }
}

/// A list of strings, each as `parse` takes it. Every refusal and every member that stands there twice is noted.
pub(super) fn list<T: PartialEq, E: ToString>(
    parse: impl Fn(&str) -> Result<T, E>,
) -> impl FnOnce(&Node, &Notes<'_>) -> Option<Vec<T>> {
    move |node, notes| {
        let mut members = Vec::new();
        for (text, at) in texts(node, notes)? {
            match parse(text) {
                Ok(member) if members.contains(&member) => {
                    notes.wrong(at, format!("`{text}` stands here twice"), "write it once");
                }
                Ok(member) => members.push(member),
                Err(refusal) => note_refusal(notes, at, text, &refusal.to_string()),
            }
        }
        Some(members)
    }
}

/// One of a few words, each with what it means.
pub(super) fn word<T: Copy>(words: &[(&'static str, T)]) -> impl FnOnce(&Node, &Notes<'_>) -> Option<T> {
    move |node, notes| {
        let text = text(node, notes)?;
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let meant = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if meant.is_none() {
            let all: Vec<String> = known.iter().map(|word| format!("\"{word}\"")).collect();
            notes.wrong(&node.at, format!("found \"{text}\""), format!("use {}", all.join(" or ")));
        }
        meant
    }
}

/// An amount that has a least and a most.
pub(super) trait Amount: Copy + PartialOrd + std::fmt::Display {
    fn read(node: &Node, notes: &Notes<'_>) -> Option<Self>;
}

impl Amount for Period {
    fn read(node: &Node, notes: &Notes<'_>) -> Option<Self> {
        with_unit(node, notes, Self::RULE)?;
        parsed(Self::parse)(node, notes)
    }
}

impl Amount for ByteSize {
    fn read(node: &Node, notes: &Notes<'_>) -> Option<Self> {
        with_unit(node, notes, Self::RULE)?;
        parsed(Self::parse)(node, notes)
    }
}

impl Amount for Count {
    fn read(node: &Node, notes: &Notes<'_>) -> Option<Self> {
        let digits = match &node.value {
            Value::Raw(digits) | Value::Integer(digits) => digits.parse().ok(),
            Value::Text(_) | Value::Boolean(_) | Value::List(_) | Value::Table(_) | Value::Other(_) => None,
        };
        if digits.is_none() {
            notes.wrong(&node.at, format!("found {}", node.kind()), "write a whole number, without quotes");
        }
        digits.map(Self)
    }
}

fn with_unit(node: &Node, notes: &Notes<'_>, rule: &str) -> Option<()> {
    if let Value::Integer(digits) = &node.value {
        notes.wrong(&node.at, format!("{digits} has no unit"), format!("use {rule}"));
        return None;
    }
    Some(())
}

/// An amount between `least` and `most`.
pub(super) fn amount<A: Amount>(least: A, most: A) -> impl FnOnce(&Node, &Notes<'_>) -> Option<A> {
    move |node, notes| {
        let amount = A::read(node, notes)?;
        if amount < least || most < amount {
            notes.wrong(&node.at, format!("{amount} is out of range"), format!("use {least} to {most}"));
            return None;
        }
        Some(amount)
    }
}
