//! What is wrong with a configuration, said so that it can be mended.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One thing that is wrong, or that somebody should know about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Whether the configuration can be used as it is.
    pub(crate) severity: Severity,
    /// Where it stands.
    pub(crate) place: Place,
    /// What was found there.
    pub(crate) found: String,
    /// What would do instead; empty where `found` says it all.
    pub(crate) mend: String,
}

/// Whether a configuration with this in it can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// It cannot.
    Mistake,
    /// It can, and there is something to know about it.
    Warning,
}

/// Where a mistake stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a file.
    Line(Line),
    /// In a file as a whole: it cannot be read, or something is missing from it.
    File(PathBuf),
    /// In an environment variable.
    Variable(String),
}

/// A stretch of one line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The file.
    pub(crate) file: PathBuf,
    /// The line's number, from 1.
    pub(crate) number: usize,
    /// Where the stretch begins, in characters from 1.
    pub(crate) column: usize,
    /// How many characters it has; at least 1.
    pub(crate) width: usize,
    /// The whole line.
    pub(crate) text: String,
}

/// Everything that is wrong with a configuration, in the order in which it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistakes(pub(crate) Vec<Mistake>);

impl Place {
    /// The place of the bytes `span` of `text`, which is what `file` holds. A span that goes over the end of
    /// its first line is cut there.
    pub(crate) fn in_file(file: &Path, text: &str, span: Range<usize>) -> Self {
        let start = floor_char_boundary(text, span.start);
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = text.get(line_start..).unwrap_or_default();
        let line_text = rest.lines().next().unwrap_or_default();
        let line_end = line_start + line_text.len();
        let end = floor_char_boundary(text, span.end).min(line_end);
        let width = text.get(start..end).map_or(0, |marked| marked.chars().count());
        Self::Line(Line {
            file: file.to_owned(),
            number: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            width: width.max(1),
            text: line_text.to_owned(),
        })
    }
}

fn floor_char_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Line(Line { file, number, column, .. }) => {
                write!(f, "{}:{number}:{column}: ", file.display())?;
            }
            Place::File(file) => write!(f, "{}: ", file.display())?,
            Place::Variable(name) => write!(f, "{name}: ")?,
        }
        match self.severity {
            Severity::Mistake => {}
            Severity::Warning => f.write_str("warning: ")?,
        }
        f.write_str(&self.found)?;
        let mut gutter = 0;
        if let Place::Line(Line { number, column, width, text, .. }) = &self.place {
            gutter = number.to_string().len();
            // A tab in the source is a tab above the caret too, so that they line up however wide it is shown.
            let pad: String =
                text.chars().take(column - 1).map(|c| if c == '\t' { c } else { ' ' }).collect();
            let text: String =
                text.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
            write!(f, "\n{:gutter$} |\n{number} | {text}\n{:gutter$} | {pad}{}", "", "", "^".repeat(*width))?;
        }
        if !self.mend.is_empty() {
            write!(f, "\n{:gutter$} = {}", "", self.mend)?;
        }
        Ok(())
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: Range<usize>) -> String {
        Mistake {
            severity: Severity::Mistake,
            place: Place::in_file(Path::new("a.toml"), text, span),
            found: "found".to_owned(),
            mend: "mend".to_owned(),
        }
        .to_string()
    }

    #[test]
    fn the_caret_stands_under_what_is_meant_whatever_stands_before_it() {
        assert_eq!(
            shown("a = 1\n\té = 22\n", 12..14),
            "a.toml:2:6: found\n  |\n2 | \té = 22\n  | \t    ^^\n  = mend"
        );
    }

    #[test]
    fn a_span_over_several_lines_is_marked_on_its_first() {
        assert_eq!(shown("x = [\n1]", 4..8), "a.toml:1:5: found\n  |\n1 | x = [\n  |     ^\n  = mend");
    }

    #[test]
    fn the_end_of_a_file_can_be_pointed_at() {
        assert_eq!(shown("x", 1..1), "a.toml:1:2: found\n  |\n1 | x\n  |  ^\n  = mend");
        assert_eq!(shown("", 9..12), "a.toml:1:1: found\n  |\n1 | \n  | ^\n  = mend");
    }
}
