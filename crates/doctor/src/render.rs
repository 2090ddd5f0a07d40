//! A report for eyes.

use std::fmt::{self, Write as _};

use countersign_dialect::{Place, Shown, TracedPiece};

use crate::report::{Report, SignedText, Verdict};
use crate::shown::visible;
use crate::times;

/// How much of one piece is shown on its line, in signs.
const MAX_LINE: usize = 96;
/// How many rows of hex are shown.
const MAX_ROWS: usize = 64;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.headline())?;
        writeln!(f)?;
        writeln!(f, "  {} {}", self.method, visible(&self.path))?;
        writeln!(f, "  dialect {}, judged at {}", self.dialect, times::shown(self.now))?;
        if !self.read.is_empty() {
            heading(f, "What was read")?;
            let rows: Vec<[String; 3]> = self
                .read
                .iter()
                .map(|field| {
                    let meaning =
                        field.meaning.as_ref().map(|meaning| format!("  ({meaning})")).unwrap_or_default();
                    [field.name.to_owned(), field.text.clone() + &meaning, visible(&field.from)]
                })
                .collect();
            table(f, &rows, ["", "", "from "])?;
        }
        if let Some(signed) = &self.signed {
            signed_text(f, signed)?;
        }
        if !self.findings.is_empty() {
            heading(f, "What is wrong")?;
            for finding in &self.findings {
                paragraph(f, "  ", &finding.said)?;
            }
            heading(f, "What to change")?;
            for finding in &self.findings {
                paragraph(f, "  ", &finding.remedy)?;
            }
        }
        for note in &self.notes {
            writeln!(f)?;
            paragraph(f, "  ", note)?;
        }
        if let Some(tried) = self.tried
            && self.findings.iter().any(|finding| finding.kind == crate::Kind::NotFound)
        {
            writeln!(f)?;
            let end =
                if tried.complete { "" } else { " The search ended at its limit: the request is large." };
            let told = format!(
                "Tried: {} strings to sign, {} other keys and algorithms, {} readings of the signature; {} signatures in all.{end}",
                tried.texts, tried.ways, tried.signatures, tried.attempts
            );
            paragraph(f, "  ", &told)?;
        }
        Ok(())
    }
}

impl Report {
    /// The verdict in a line.
    pub fn headline(&self) -> String {
        match (self.verdict, self.findings.as_slice()) {
            (Verdict::Accepted, _) => "accepted: the signature is right, and so is its time".to_owned(),
            (Verdict::Undecided, []) => "undecided: the secret is not known".to_owned(),
            (Verdict::Undecided, [first, ..]) => {
                format!("undecided: {}", first.kind.as_str().replace('-', " "))
            }
            (Verdict::Refused, []) => "refused".to_owned(),
            (Verdict::Refused, [first, ..]) => format!("refused: {}", first.kind.as_str().replace('-', " ")),
        }
    }
}

fn heading(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    writeln!(f, "\n{text}")
}

fn table(f: &mut fmt::Formatter<'_>, rows: &[[String; 3]], fronts: [&str; 3]) -> fmt::Result {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let (first, second) = (width(0), width(1).min(MAX_LINE));
    for [name, text, from] in rows {
        let line = format!("  {}{name:first$}  {}{text:second$}  {}{from}", fronts[0], fronts[1], fronts[2]);
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

fn signed_text(f: &mut fmt::Formatter<'_>, signed: &SignedText) -> fmt::Result {
    heading(f, &format!("What is to be signed ({} bytes)", signed.len))?;
    let mut rows = Vec::new();
    rows_of(&signed.pieces, 0, &mut rows);
    table(f, &rows, ["", "", ""])?;
    let Some(bytes) = &signed.bytes else {
        writeln!(f, "  (a secret is in it: it is not shown whole)")?;
        return Ok(());
    };
    writeln!(f)?;
    for (number, row) in bytes.chunks(16).take(MAX_ROWS).enumerate() {
        let mut hex = String::new();
        for byte in row {
            write!(hex, "{byte:02x} ")?;
        }
        let plain = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
        let text: String = row.iter().map(plain).collect();
        writeln!(f, "  {:04x}  {hex:48} {text}", number * 16)?;
    }
    if bytes.len() > MAX_ROWS * 16 {
        writeln!(f, "  .. and {} bytes more; `--json` has more of them", bytes.len() - MAX_ROWS * 16)?;
    }
    Ok(())
}

fn rows_of(pieces: &[TracedPiece], depth: usize, rows: &mut Vec<[String; 3]>) {
    let indent = "  ".repeat(depth);
    for piece in pieces {
        let name = piece.expression.as_deref().map_or_else(|| "-".to_owned(), visible);
        let mut from = piece.read_from.as_ref().map(|from| visible(from)).unwrap_or_default();
        if let Some(place) = &piece.place {
            from = if from.is_empty() { told(place) } else { format!("{from}: {}", told(place)) };
        }
        rows.push([format!("{indent}{name}"), text(&piece.shown), from]);
        rows_of(&piece.made_of, depth + 1, rows);
    }
}

pub(crate) fn told(place: &Place) -> String {
    match place {
        Place::Target(range) => format!("target, bytes {} to {}", range.start, range.end),
        Place::Body(range) => format!("body, bytes {} to {}", range.start, range.end),
    }
}

fn text(shown: &Shown) -> String {
    let (bytes, len) = match shown {
        Shown::Withheld => return "[not shown: it holds a secret]".to_owned(),
        Shown::Bytes(bytes) => (bytes, bytes.len()),
        Shown::Front(bytes, len) => (bytes, *len),
    };
    if bytes.is_empty() {
        return "(empty)".to_owned();
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return format!("({len} bytes that are no text)") };
    let short: String = text.chars().take(MAX_LINE).collect();
    let more = if short.len() < len { format!(".. ({len} bytes)") } else { String::new() };
    format!("{}{more}", visible(&short))
}

/// A paragraph in lines of a readable length.
fn paragraph(f: &mut fmt::Formatter<'_>, indent: &str, text: &str) -> fmt::Result {
    const WIDTH: usize = 100;
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + word.chars().count() >= WIDTH {
            writeln!(f, "{indent}{line}")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(f, "{indent}{line}")
}
