//! Tables and lists for eyes.

/// Rows under headings, each column as wide as its widest cell. The last one is not padded.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(width);
    for row in rows {
        for (known, cell) in widths.iter_mut().zip(row) {
            *known = (*known).max(width(cell));
        }
    }
    let headings = headings.map(str::to_owned);
    let lines = std::iter::once(&headings).chain(rows).map(|row| line(row, &widths));
    lines.collect::<Vec<_>>().join("\n")
}

/// One `name  value` a line, the values under each other.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    let widest = fields.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let lines = fields.iter().map(|(name, value)| format!("{name:widest$}  {value}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn line(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, wide)| format!("{cell:wide$}"));
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [["a".to_owned(), "long".to_owned()], ["größer".to_owned(), String::new()]];
        assert_eq!(table(["NAME", "X"], &rows), "NAME    X\na       long\ngrößer");
        assert_eq!(fields(&[("a", "1".to_owned()), ("bb", "2".to_owned())]), "a   1\nbb  2");
    }
}
