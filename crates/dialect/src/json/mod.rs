//! JSON read strictly, once, for a few named members.
//!
//! The whole document must be what RFC 8259 allows: nothing after it, no byte order mark, UTF-8 throughout. Only the
//! members that were asked for are kept, as slices of the input.

mod entries;
mod text;
mod whole;

use std::borrow::Cow;
use std::ops::Range;

pub(crate) use self::entries::{Entries, entries};
pub(crate) use self::text::{quote, unescape};
pub(crate) use self::whole::{Order, Spacing, flat, tidy};

/// How deep a document may nest.
pub(crate) const MAX_DEPTH: usize = 64;
/// The most members that one recipe may ask for.
pub(crate) const MAX_WANTED: usize = 16;
/// How deep they may stand.
const MAX_WANTED_DEPTH: usize = 8;
/// The most names on the way to them.
const MAX_NODES: usize = 128;

/// The members to look for: a tree of names, compiled once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    nodes: Vec<Node>,
    leaves: usize,
}

#[derive(Clone, Debug)]
struct Node {
    parent: u16,
    name: Box<str>,
    /// The place in [`Found`], where the member itself is wanted and not only something inside it.
    leaf: Option<usize>,
}

/// The document itself: the parent of top-level members.
const ROOT: u16 = u16::MAX;
/// Where nothing below is wanted.
const NOWHERE: u16 = u16::MAX - 1;

impl Wanted {
    /// Asks for the member at a dotted path; a number names a place in an array. `None` where there are too many.
    pub(crate) fn add(&mut self, path: &str) -> Option<usize> {
        let mut parent = ROOT;
        if path.split('.').count() > MAX_WANTED_DEPTH {
            return None;
        }
        for name in path.split('.') {
            let known = self.nodes.iter().position(|node| node.parent == parent && *node.name == *name);
            let at = known.unwrap_or_else(|| {
                self.nodes.push(Node { parent, name: name.into(), leaf: None });
                self.nodes.len() - 1
            });
            parent = u16::try_from(at).ok().filter(|at| usize::from(*at) < MAX_NODES)?;
        }
        let leaves = self.leaves;
        let node = self.nodes.get_mut(usize::from(parent))?;
        if let Some(known) = node.leaf {
            return Some(known);
        }
        if leaves == MAX_WANTED {
            return None;
        }
        node.leaf = Some(leaves);
        self.leaves += 1;
        Some(leaves)
    }

    /// The name of a wanted member of the document itself; `None` where it stands deeper.
    pub(crate) fn name_of(&self, leaf: usize) -> Option<&str> {
        let node = self.nodes.iter().find(|node| node.leaf == Some(leaf) && node.parent == ROOT)?;
        Some(&node.name)
    }

    /// The dotted path of a member.
    pub(crate) fn path_of(&self, leaf: usize) -> String {
        let mut node = self.nodes.iter().find(|node| node.leaf == Some(leaf));
        let mut names = Vec::new();
        while let Some(Node { parent, name, .. }) = node {
            names.push(&**name);
            node = self.nodes.get(usize::from(*parent));
        }
        names.reverse();
        names.join(".")
    }

    fn child(&self, parent: u16, matches: impl Fn(&str) -> bool) -> Option<u16> {
        let at = self.nodes.iter().position(|node| node.parent == parent && matches(&node.name))?;
        u16::try_from(at).ok()
    }
}

/// What was found: one place for each member that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Found<'j> {
    values: [Option<Member<'j>>; MAX_WANTED],
}

impl<'j> Found<'j> {
    /// Nothing at all: what an empty document holds.
    pub(crate) const NOTHING: Self = Self { values: [None; MAX_WANTED] };

    pub(crate) fn get(&self, at: usize) -> Option<Member<'j>> {
        self.values.get(at).copied().flatten()
    }
}

/// A member's value, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member<'j> {
    pub(crate) kind: Kind,
    /// A string without its quotes, escapes as written; everything else as it stands.
    pub(crate) raw: &'j str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string in which nothing is escaped.
    Plain,
    /// A string with escapes.
    Escaped,
    Number,
    True,
    False,
    Null,
    Object,
    Array,
}

impl<'j> Member<'j> {
    /// Its text: a string unescaped, a number's digits, other values as written, nothing for `null`.
    /// `None` where an escape names half of a surrogate pair.
    pub(crate) fn text(&self) -> Option<Cow<'j, str>> {
        match self.kind {
            Kind::Escaped => unescape(self.raw).map(Cow::Owned),
            Kind::Null => Some(Cow::Borrowed("")),
            Kind::Plain | Kind::Number | Kind::True | Kind::False | Kind::Object | Kind::Array => {
                Some(Cow::Borrowed(self.raw))
            }
        }
    }
}

/// Why a document cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It is not JSON, or nests deeper than [`MAX_DEPTH`].
    NotJson,
    /// A member that was asked for, or one on the way to it, stands twice.
    Twice,
}

/// Reads `document` and keeps the members that `wanted` names.
pub(crate) fn scan<'j>(document: &'j [u8], wanted: &Wanted) -> Result<Found<'j>, Unreadable> {
    let text = std::str::from_utf8(document).map_err(|_| Unreadable::NotJson)?;
    let mut scanner = Scanner { text, bytes: document, at: 0, wanted, seen: 0, found: Found::NOTHING };
    scanner.document()?;
    Ok(scanner.found)
}

struct Scanner<'j, 'w> {
    text: &'j str,
    bytes: &'j [u8],
    at: usize,
    wanted: &'w Wanted,
    /// Which nodes of `wanted` were met, as bits: one met again is there twice.
    seen: u128,
    found: Found<'j>,
}

/// An object or array that is open and of which something is wanted.
#[derive(Clone, Copy)]
struct Open {
    /// The node of `wanted` that this value is: its members are the node's children.
    node: u16,
    start: usize,
    /// How many elements of an array came before.
    index: u32,
}

/// Which of the containers that are open are arrays, innermost last.
#[derive(Clone, Copy, Default)]
struct Kinds {
    arrays: u64,
    depth: u32,
}

impl Kinds {
    fn open(&mut self, array: bool) -> Result<(), Unreadable> {
        if self.depth as usize == MAX_DEPTH {
            return Err(Unreadable::NotJson);
        }
        self.arrays = self.arrays << 1 | u64::from(array);
        self.depth += 1;
        Ok(())
    }

    fn close(&mut self) {
        self.arrays >>= 1;
        self.depth -= 1;
    }

    fn in_array(self) -> bool {
        self.arrays & 1 == 1
    }
}

impl<'j> Scanner<'j, '_> {
    fn document(&mut self) -> Result<(), Unreadable> {
        let mut kinds = Kinds::default();
        // Of the containers that are open, the outermost ones, as far as something is wanted of them.
        let mut stack = [Open { node: NOWHERE, start: 0, index: 0 }; MAX_WANTED_DEPTH + 1];
        let mut tracked = 0_usize;
        // The node that the value to come is.
        let mut node = ROOT;
        'value: loop {
            self.blanks();
            let start = self.at;
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    let array = bracket == b'[';
                    self.at += 1;
                    kinds.open(array)?;
                    if node != NOWHERE {
                        *stack.get_mut(tracked).ok_or(Unreadable::NotJson)? = Open { node, start, index: 0 };
                        tracked += 1;
                    }
                    self.blanks();
                    if self.peek() != Some(if array { b']' } else { b'}' }) {
                        node = if array { self.element(node, 0)? } else { self.name(node)? };
                        continue 'value;
                    }
                }
                Some(b'"') => {
                    let (place, kind) = self.string_place()?;
                    self.keep(node, place, kind);
                }
                Some(b't') => self.word("true", Kind::True, node)?,
                Some(b'f') => self.word("false", Kind::False, node)?,
                Some(b'n') => self.word("null", Kind::Null, node)?,
                _ => {
                    self.number()?;
                    self.keep(node, start..self.at, Kind::Number);
                }
            }
            // A value has ended: close what ends with it, then go on to its sibling.
            loop {
                self.blanks();
                if kinds.depth == 0 {
                    return if self.at == self.bytes.len() { Ok(()) } else { Err(Unreadable::NotJson) };
                }
                // Every container that is tracked lies outside of every one that is not.
                let mut open = None;
                if kinds.depth as usize == tracked {
                    open = stack.get_mut(tracked - 1);
                }
                let next = self.peek();
                self.at += 1;
                match (next, kinds.in_array()) {
                    (Some(b','), false) => {
                        self.blanks();
                        node = self.name(open.map_or(NOWHERE, |open| open.node))?;
                        continue 'value;
                    }
                    (Some(b','), true) => {
                        node = match open {
                            Some(open) => {
                                open.index += 1;
                                let (node, index) = (open.node, open.index);
                                self.element(node, index)?
                            }
                            None => NOWHERE,
                        };
                        continue 'value;
                    }
                    (Some(b'}'), false) | (Some(b']'), true) => {
                        let kind = if kinds.in_array() { Kind::Array } else { Kind::Object };
                        kinds.close();
                        if let Some(Open { node, start, .. }) = open.copied() {
                            tracked -= 1;
                            self.keep(node, start..self.at, kind);
                        }
                    }
                    _ => return Err(Unreadable::NotJson),
                }
            }
        }
    }

    /// A member's name and the colon; the node that the value to come is.
    fn name(&mut self, inside: u16) -> Result<u16, Unreadable> {
        if self.peek() != Some(b'"') {
            return Err(Unreadable::NotJson);
        }
        let (place, kind) = self.string_place()?;
        self.blanks();
        if self.peek() != Some(b':') {
            return Err(Unreadable::NotJson);
        }
        self.at += 1;
        if inside == NOWHERE {
            return Ok(NOWHERE);
        }
        // Names are the same when they read the same, however they are escaped.
        let found = match kind {
            Kind::Escaped => match unescape(self.text.get(place).unwrap_or_default()) {
                Some(name) => self.wanted.child(inside, |wanted| wanted == name),
                None => None,
            },
            _plain => {
                let name = self.bytes.get(place).unwrap_or_default();
                self.wanted.child(inside, |wanted| wanted.as_bytes() == name)
            }
        };
        self.enter(found)
    }

    fn element(&mut self, inside: u16, index: u32) -> Result<u16, Unreadable> {
        let found = match inside {
            NOWHERE => None,
            inside => self.wanted.child(inside, |wanted| wanted.parse() == Ok(index)),
        };
        self.enter(found)
    }

    fn enter(&mut self, node: Option<u16>) -> Result<u16, Unreadable> {
        let Some(node) = node else { return Ok(NOWHERE) };
        let bit = 1_u128.checked_shl(u32::from(node)).unwrap_or(0);
        if self.seen & bit != 0 {
            return Err(Unreadable::Twice);
        }
        self.seen |= bit;
        Ok(node)
    }

    fn keep(&mut self, node: u16, place: Range<usize>, kind: Kind) {
        let leaf = self.wanted.nodes.get(usize::from(node)).and_then(|node| node.leaf);
        if let Some(slot) = leaf.and_then(|leaf| self.found.values.get_mut(leaf)) {
            *slot = Some(Member { kind, raw: self.text.get(place).unwrap_or_default() });
        }
    }

    fn word(&mut self, word: &str, kind: Kind, itself: u16) -> Result<(), Unreadable> {
        let start = self.at;
        self.at += word.len();
        if self.bytes.get(start..self.at) != Some(word.as_bytes()) {
            return Err(Unreadable::NotJson);
        }
        self.keep(itself, start..self.at, kind);
        Ok(())
    }

    /// `-`? (`0` | `1`-`9` digits) (`.` digits)? (`e` sign? digits)?
    fn number(&mut self) -> Result<(), Unreadable> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Unreadable> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(Unreadable::NotJson) } else { Ok(()) }
    }

    /// A string, quotes included; what stands between them.
    fn string(&mut self) -> Result<(&'j str, Kind), Unreadable> {
        let (place, kind) = self.string_place()?;
        Ok((self.text.get(place).unwrap_or_default(), kind))
    }

    /// The same, and only where it stands.
    fn string_place(&mut self) -> Result<(Range<usize>, Kind), Unreadable> {
        self.at += 1;
        let start = self.at;
        let mut kind = Kind::Plain;
        loop {
            self.at += plain_len(self.bytes.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    let place = start..self.at;
                    self.at += 1;
                    return Ok((place, kind));
                }
                Some(b'\\') => {
                    kind = Kind::Escaped;
                    self.escape()?;
                }
                _ => return Err(Unreadable::NotJson),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Unreadable> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6).ok_or(Unreadable::NotJson)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Unreadable::NotJson);
                }
                self.at += 6;
            }
            _ => return Err(Unreadable::NotJson),
        }
        Ok(())
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn slice(&self, start: usize) -> &'j str {
        self.text.get(start..self.at).unwrap_or_default()
    }
}

/// How many bytes of a string come before its next quote, backslash or control character.
fn plain_len(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    // Eight bytes at a time: which byte of a word is zero, or below a bound, shows in its high bit.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let (near, far) = bytes.split_at(bytes.len().min(NEAR));
    let (words, rest) = near.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let backslash = zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let stops = (quote | backslash | control) & HIGHS;
        if stops != 0 {
            // A borrow can raise the bits of later bytes, never that of an earlier one.
            return at + (stops.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    match rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        Some(stop) => at + stop,
        None => near.len() + plain_len_far(far),
    }
}

/// Up to here a string is looked at word by word; searching the rest of a long one takes a moment to begin and is four times as quick.
const NEAR: usize = 64;

fn plain_len_far(bytes: &[u8]) -> usize {
    let stop = memchr::memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len());
    let (blocks, rest) = bytes.get(..stop).unwrap_or_default().as_chunks::<NEAR>();
    let control = |byte: &u8| *byte < 0x20;
    // Without a way out in the middle of a block, many bytes are compared at once.
    let good = blocks.iter().take_while(|block| !block.iter().fold(false, |any, byte| any | control(byte)));
    let from = good.count() * NEAR;
    let found = bytes.get(from..stop).unwrap_or(rest).iter().position(control);
    found.map_or(stop, |at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &str, paths: &[&str]) -> Result<Vec<Option<String>>, Unreadable> {
        let mut wanted = Wanted::default();
        let leaves: Vec<_> = paths.iter().map(|path| wanted.add(path).unwrap()).collect();
        let found = scan(document.as_bytes(), &wanted)?;
        Ok(leaves.iter().map(|leaf| found.get(*leaf).and_then(|m| m.text()).map(Cow::into_owned)).collect())
    }

    #[test]
    fn the_plain_start_of_a_string_ends_where_each_byte_says() {
        let stops = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        for length in [0, 7, 63, 64, 65, 127, 128, 200] {
            for at in 0..=length {
                for stop in [b'"', b'\\', 0, 0x1f, b'\n', b' ', 0x7f, 0x80, 0xff] {
                    let mut text = vec![b'a'; length];
                    text.insert(at, stop);
                    text.push(b'"');
                    assert_eq!(
                        plain_len(&text),
                        text.iter().position(stops).unwrap(),
                        "{length} {at} {stop}"
                    );
                }
            }
        }
    }

    #[test]
    fn numbers_keep_their_digits_and_strings_lose_their_escapes() {
        let found = read(r#"{"a": 1795262400, "b":"\u00e9\ud83d\ude00\/", "c": 1.50e+3}"#, &["a", "b", "c"]);
        assert_eq!(found.unwrap(), [Some("1795262400".into()), Some("é😀/".into()), Some("1.50e+3".into())]);
    }

    #[test]
    fn only_the_member_itself_counts_and_not_its_look_alikes_inside() {
        let found = read(r#"{"x":{"a":1},"y":[{"a":2}],"s":"\"a\":3","a":4}"#, &["a"]);
        assert_eq!(found.unwrap(), [Some("4".into())]);
    }

    #[test]
    fn a_member_twice_is_refused_however_it_is_escaped() {
        assert_eq!(read(r#"{"a":1,"\u0061":2}"#, &["a"]), Err(Unreadable::Twice));
        assert_eq!(read(r#"{"x":{"a":1},"x":{}}"#, &["x.a"]), Err(Unreadable::Twice));
        assert!(read(r#"{"b":1,"b":2,"a":3}"#, &["a"]).is_ok());
    }

    #[test]
    fn paths_reach_into_objects_and_arrays() {
        let document = r#"{"items":[{"id":"x"},{"id":"y","amount":{"value":7}}]}"#;
        let found = read(document, &["items.1.id", "items.1.amount", "items.1.amount.value", "items.2.id"]);
        assert_eq!(found.unwrap(), [Some("y".into()), Some(r#"{"value":7}"#.into()), Some("7".into()), None]);
    }

    #[test]
    fn what_is_not_json_is_refused_to_the_last_byte() {
        for bad in [
            "",
            " ",
            "{",
            "{}x",
            "{\"a\":1,}",
            "[1,]",
            "{a:1}",
            "\u{feff}{}",
            "01",
            "1.",
            "+1",
            ".5",
            "1e",
            "nul",
            "\"\t\"",
            "\"\\x\"",
            "\"\\u12\"",
            "'a'",
            "{\"a\" 1}",
            "[1 2]",
            "{}}",
            "]",
            "NaN",
            "//x\n{}",
        ] {
            assert_eq!(read(bad, &["a"]), Err(Unreadable::NotJson), "{bad:?}");
        }
        assert!(scan(b"\"\xff\"", &Wanted::default()).is_err());
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&nested(MAX_DEPTH), &[]).is_ok());
        assert_eq!(read(&nested(MAX_DEPTH + 1), &[]), Err(Unreadable::NotJson));
    }
}
