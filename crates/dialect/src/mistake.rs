//! What is wrong in a dialect file, said so that it can be mended.

use std::fmt;
use std::ops::Range;

use crate::lint::Location;

/// One mistake in a dialect file.
///
/// `Display` prints the place, what was found and what would do, and the line with a caret under the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file, as [`crate::Source::origin`] names it.
    pub origin: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What was found there.
    pub found: String,
    /// What would do instead.
    pub would_do: String,
    /// The line itself.
    text: String,
}

/// The longest line that is printed with a caret, in characters; of a longer one the start is shown.
const MAX_SHOWN_LINE: usize = 160;

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}:{}: {}", self.origin, self.line, self.column, self.found)?;
        let margin = self.line.to_string().len();
        let shown: String =
            self.text.chars().take(MAX_SHOWN_LINE).map(|c| if c.is_control() { ' ' } else { c }).collect();
        writeln!(f, "{} | {shown}", self.line)?;
        if self.column <= MAX_SHOWN_LINE + 1 {
            writeln!(f, "{:margin$} | {:indent$}^", "", "", indent = self.column.saturating_sub(1))?;
        }
        write!(f, "{:margin$} = {}", "", self.would_do)
    }
}

/// One file of dialects, as it was read by somebody who may read files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where the text came from, for messages: usually a path.
    pub origin: String,
    /// The text: TOML.
    pub text: String,
}

/// A place in one of the files being loaded, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Where mistakes are gathered, so that all are told at once.
pub(crate) struct Mistakes<'s> {
    sources: &'s [Source],
    found: Vec<(Place, Mistake)>,
}

impl<'s> Mistakes<'s> {
    pub(crate) fn new(sources: &'s [Source]) -> Self {
        Self { sources, found: Vec::new() }
    }

    /// Notes a mistake at `place`. The same mistake at the same place is noted once: two dialects that inherit it
    /// would otherwise repeat it.
    pub(crate) fn add(&mut self, place: Place, found: impl Into<String>, would_do: impl Into<String>) {
        let (origin, text) = self.file(place.file);
        let (line, column, shown) = position(text, place.start);
        let mistake = Mistake {
            origin: origin.to_owned(),
            line,
            column,
            found: found.into(),
            would_do: would_do.into(),
            text: shown.to_owned(),
        };
        if !self.found.iter().any(|(_, known)| *known == mistake) {
            self.found.push((place, mistake));
        }
    }

    /// Notes a mistake at `offset` bytes into the decoded text of the TOML string that stands at `place`.
    pub(crate) fn add_within(
        &mut self,
        place: Place,
        offset: usize,
        found: impl Into<String>,
        would_do: impl Into<String>,
    ) {
        let (_, text) = self.file(place.file);
        let raw = text.get(place.start..place.end).unwrap_or_default();
        let start = place.start + raw_offset(raw, offset);
        self.add(Place { start, ..place }, found, would_do);
    }

    /// `file:line` of a place, to point from one mistake to another place.
    pub(crate) fn name_of(&self, place: Place) -> String {
        let (origin, text) = self.file(place.file);
        format!("{origin}:{}", position(text, place.start).0)
    }

    /// A place, for people.
    pub(crate) fn location(&self, place: Place) -> Location {
        let (origin, text) = self.file(place.file);
        Location { origin: origin.to_owned(), line: position(text, place.start).0 }
    }

    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    pub(crate) fn into_vec(mut self) -> Vec<Mistake> {
        self.found.sort_by_key(|(place, _)| *place);
        self.found.into_iter().map(|(_, mistake)| mistake).collect()
    }

    fn file(&self, file: usize) -> (&'s str, &'s str) {
        self.sources.get(file).map_or(("", ""), |source| (source.origin.as_str(), source.text.as_str()))
    }
}

/// Line, column (both from 1) and the line's text at a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize, &str) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let (before, after) = text.split_at(offset);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.matches('\n').count() + 1;
    let column = before.get(start..).unwrap_or_default().chars().count() + 1;
    let end = after.find('\n').map_or(text.len(), |at| offset + at);
    (line, column, text.get(start..end).unwrap_or_default().trim_end_matches('\r'))
}

/// Where in a TOML string literal (quotes included) the decoded byte `offset` was written.
fn raw_offset(raw: &str, offset: usize) -> usize {
    let (quote, escapes) = if raw.starts_with("\"\"\"") {
        ("\"\"\"", true)
    } else if raw.starts_with("'''") {
        ("'''", false)
    } else if raw.starts_with('"') {
        ("\"", true)
    } else if raw.starts_with('\'') {
        ("'", false)
    } else {
        return 0;
    };
    let mut at = quote.len();
    if quote.len() == 3 {
        let rest = raw.get(at..).unwrap_or_default();
        at += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
    }
    let mut decoded = 0;
    while decoded < offset {
        let Some(c) = raw.get(at..).and_then(|rest| rest.chars().next()) else { break };
        if c == '\\' && escapes {
            let (written, made) = escape(raw.get(at..).unwrap_or_default());
            at += written;
            decoded += made;
        } else {
            at += c.len_utf8();
            decoded += c.len_utf8();
        }
    }
    at
}

/// Of an escape at the start of `rest`: how many bytes it is written with, and how many it stands for.
fn escape(rest: &str) -> (usize, usize) {
    let hex = |range: Range<usize>| {
        let digits = rest.get(range.clone()).unwrap_or_default();
        let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).unwrap_or('?');
        (range.end, c.len_utf8())
    };
    match rest.as_bytes().get(1) {
        Some(b'u') => hex(2..6),
        Some(b'U') => hex(2..10),
        Some(b'x') => hex(2..4),
        Some(c) if c.is_ascii_whitespace() => {
            let blank = rest.get(1..).unwrap_or_default();
            (1 + blank.len() - blank.trim_start().len(), 0)
        }
        _ => (2, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_shows_its_line_with_a_caret() {
        let sources =
            [Source { origin: "my.toml".into(), text: "[dialect.x]\nkey = \"\\n{zecret}\"\n".into() }];
        let mut mistakes = Mistakes::new(&sources);
        mistakes.add_within(
            Place { file: 0, start: 18, end: 30 },
            2,
            "there is no `zecret`",
            "did you mean `secret`?",
        );
        assert_eq!(
            mistakes.into_vec().first().unwrap().to_string(),
            "my.toml:2:11: there is no `zecret`\n2 | key = \"\\n{zecret}\"\n  |           ^\n  = did you mean `secret`?"
        );
    }

    #[test]
    fn places_within_strings_count_escapes_as_they_are_written() {
        assert_eq!(raw_offset("\"ab\"", 1), 2);
        assert_eq!(raw_offset("\"\\u00e9b\"", 2), 7);
        assert_eq!(raw_offset("'''\nab'''", 1), 5);
        assert_eq!(raw_offset("'a\\nb'", 3), 4);
    }
}
