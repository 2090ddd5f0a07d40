//! JSON read and written again, as the libraries of many languages do it.

/// A document; scalars as they are written.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Object(Vec<(String, Node)>),
    Array(Vec<Node>),
    /// A string without its quotes, escapes undone.
    Text(String),
    /// A number, or one of the three words.
    Word(String),
}

/// How a document is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) blanks: Blanks,
    pub(super) order: Order,
    pub(super) signs: Signs,
    pub(super) slashes: Slashes,
    pub(super) numbers: Numbers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blanks {
    /// `{"a":1,"b":2}`.
    None,
    /// `{"a": 1, "b": 2}`, as Python writes it.
    After,
    /// Lines, indented by so much.
    Lines(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    AsSent,
    ByName,
}

/// Signs outside ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signs {
    Plain,
    /// `\u00e9`.
    Escaped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slashes {
    Plain,
    /// `\/`, as PHP writes them.
    Escaped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    AsSent,
    /// `1.0` as `1`, `1.50` as `1.5`.
    Short,
    /// Whole numbers with `.0`.
    Fractions,
    /// As strings.
    Texts,
}

/// How deep a document may nest.
const MAX_DEPTH: usize = 64;

impl Node {
    /// Reads a document. `None` where it is none; this is for trying, and stricter readers come first.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let node = reader.node(0)?;
        reader.blanks();
        reader.rest.is_empty().then_some(node)
    }

    pub(super) fn write(&self, style: Style) -> String {
        let mut out = String::new();
        self.put(style, 0, &mut out);
        out
    }

    fn put(&self, style: Style, depth: usize, out: &mut String) {
        let line = |depth: usize, out: &mut String| {
            if let Blanks::Lines(by) = style.blanks {
                out.push('\n');
                out.push_str(&" ".repeat(by * depth));
            }
        };
        let between = if style.blanks == Blanks::After { ", " } else { "," };
        match self {
            Self::Word(word) => out.push_str(&style.word(word)),
            Self::Text(text) => style.text(text, out),
            Self::Array(all) if all.is_empty() => out.push_str("[]"),
            Self::Object(all) if all.is_empty() => out.push_str("{}"),
            Self::Array(all) => {
                out.push('[');
                for (at, node) in all.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { between });
                    line(depth + 1, out);
                    node.put(style, depth + 1, out);
                }
                line(depth, out);
                out.push(']');
            }
            Self::Object(all) => {
                let mut members: Vec<&(String, Self)> = all.iter().collect();
                if style.order == Order::ByName {
                    members.sort_by(|one, other| one.0.cmp(&other.0));
                }
                out.push('{');
                for (at, (name, node)) in members.into_iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { between });
                    line(depth + 1, out);
                    style.text(name, out);
                    out.push_str(if style.blanks == Blanks::None { ":" } else { ": " });
                    node.put(style, depth + 1, out);
                }
                line(depth, out);
                out.push('}');
            }
        }
    }

    /// Names and values of an object of scalars.
    pub(super) fn pairs(&self) -> Option<Vec<(String, String)>> {
        let Self::Object(members) = self else { return None };
        let scalar = |(name, node): &(String, Self)| match node {
            Self::Text(text) | Self::Word(text) => Some((name.clone(), text.clone())),
            Self::Object(_) | Self::Array(_) => None,
        };
        members.iter().map(scalar).collect()
    }
}

impl Style {
    fn word(self, word: &str) -> String {
        let is_number = word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        let is_whole = is_number && !word.contains(['.', 'e', 'E']);
        match self.numbers {
            Numbers::Short if is_number && word.contains('.') && !word.contains(['e', 'E']) => {
                word.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            Numbers::Fractions if is_whole => format!("{word}.0"),
            Numbers::Texts if is_number => format!("\"{word}\""),
            Numbers::AsSent | Numbers::Short | Numbers::Fractions | Numbers::Texts => word.to_owned(),
        }
    }

    fn text(self, text: &str, out: &mut String) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '/' if self.slashes == Slashes::Escaped => out.push_str("\\/"),
                c if u32::from(c) < 0x20 || (!c.is_ascii() && self.signs == Signs::Escaped) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.push_str("\\u");
                        out.push_str(&hex::encode(unit.to_be_bytes()));
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, sign: char) -> bool {
        self.blanks();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn node(&mut self, depth: usize) -> Option<Node> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.blanks();
        if self.take('{') {
            let mut members = Vec::new();
            if self.take('}') {
                return Some(Node::Object(members));
            }
            loop {
                self.take('"').then_some(())?;
                let name = self.text()?;
                self.take(':').then_some(())?;
                members.push((name, self.node(depth + 1)?));
                if self.take('}') {
                    return Some(Node::Object(members));
                }
                self.take(',').then_some(())?;
            }
        }
        if self.take('[') {
            let mut all = Vec::new();
            if self.take(']') {
                return Some(Node::Array(all));
            }
            loop {
                all.push(self.node(depth + 1)?);
                if self.take(']') {
                    return Some(Node::Array(all));
                }
                self.take(',').then_some(())?;
            }
        }
        if self.take('"') {
            return self.text().map(Node::Text);
        }
        let end = self.rest.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let good = matches!(word, "true" | "false" | "null") || word.parse::<f64>().is_ok_and(f64::is_finite);
        self.rest = rest;
        good.then(|| Node::Word(word.to_owned()))
    }

    /// The rest of a string behind its first quote.
    fn text(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut units: Vec<u16> = Vec::new();
        let mut signs = self.rest.char_indices();
        loop {
            let (at, c) = signs.next()?;
            let escaped = if c == '\\' { Some(signs.next()?.1) } else { None };
            if escaped == Some('u') {
                let digits: Option<String> = (0..4).map(|_| signs.next().map(|(_, c)| c)).collect();
                units.push(u16::from_str_radix(&digits?, 16).ok()?);
                continue;
            }
            text.push_str(&String::from_utf16(&units).ok()?);
            units.clear();
            match (c, escaped) {
                ('"', None) => {
                    self.rest = self.rest.get(at + 1..)?;
                    return Some(text);
                }
                (c, None) => text.push(c),
                (_, Some('n')) => text.push('\n'),
                (_, Some('r')) => text.push('\r'),
                (_, Some('t')) => text.push('\t'),
                (_, Some('b')) => text.push('\u{8}'),
                (_, Some('f')) => text.push('\u{c}'),
                (_, Some(sign)) => text.push(sign),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style {
        blanks: Blanks::None,
        order: Order::AsSent,
        signs: Signs::Plain,
        slashes: Slashes::Plain,
        numbers: Numbers::AsSent,
    };

    fn written(text: &str, style: Style) -> String {
        Node::read(text).unwrap().write(style)
    }

    #[test]
    fn json_is_written_as_other_libraries_write_it() {
        let text = r#"{ "b" : [1.0, 2, {}], "a" : "é\u00e9/\ud83d\ude00\n", "c":null }"#;
        assert_eq!(written(text, PLAIN), "{\"b\":[1.0,2,{}],\"a\":\"éé/😀\\n\",\"c\":null}");
        let python = Style { blanks: Blanks::After, order: Order::ByName, signs: Signs::Escaped, ..PLAIN };
        assert_eq!(
            written(text, python),
            r#"{"a": "\u00e9\u00e9/\ud83d\ude00\n", "b": [1.0, 2, {}], "c": null}"#
        );
        let lines = Style { blanks: Blanks::Lines(2), numbers: Numbers::Short, ..PLAIN };
        assert_eq!(
            written(r#"{"a":[1.50,{}],"b":2.0}"#, lines),
            "{\n  \"a\": [\n    1.5,\n    {}\n  ],\n  \"b\": 2\n}"
        );
    }

    #[test]
    fn what_is_no_json_is_not_read() {
        for text in ["", "{", "{\"a\"}", "[1,]", "nul", "\"a", "{}x", "\"\\ud800\"", "a=1"] {
            assert!(Node::read(text).is_none(), "{text}");
        }
        assert!(Node::read(&"[".repeat(100_000)).is_none());
    }
}
