//! Why a capture cannot be read.

/// A place in a capture that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {found}\n  = {would_do}")]
pub struct Unreadable {
    /// The line, from 1.
    pub line: usize,
    /// What was found there.
    pub found: String,
    /// What would do.
    pub would_do: String,
}

/// How much of what was found is repeated, in bytes.
const SHOWN_BYTES: usize = 60;

impl Unreadable {
    pub(crate) fn new(line: usize, found: impl Into<String>, would_do: impl Into<String>) -> Self {
        Self { line, found: found.into(), would_do: would_do.into() }
    }

    /// What a reader of JSON says.
    pub(crate) fn json(error: &serde_json::Error) -> Self {
        let told = error.to_string();
        let found = told.rsplit_once(" at line ").map_or(told.as_str(), |(found, _)| found).to_owned();
        Self::new(error.line().max(1), found, "a HAR file, an entry of one, or a list of cases")
    }
}

/// A line for a message: not all of a long one, and nothing that a terminal would obey.
pub(crate) fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let short = text.get(..text.floor_char_boundary(SHOWN_BYTES)).unwrap_or_default();
    let more = if short.len() < text.len() { ".." } else { "" };
    format!("`{}{more}`", short.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_shown_in_part_and_orders_a_terminal_nothing() {
        let told = shown(format!("\u{1b}[2J{}", "é".repeat(80)).as_bytes());
        assert!(told.len() < 100 && told.starts_with(r"`\u{1b}[2Jé") && told.ends_with("..`"), "{told}");
    }
}
