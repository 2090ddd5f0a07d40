//! Names put to people: which was meant, and which there are.

/// The name that was most likely meant: at most two slips of the finger away.
pub(crate) fn closest<'n>(name: &str, known: &'n [String]) -> Option<&'n str> {
    /// Longer texts are no misspelt names.
    const MAX_LEN: usize = 64;
    if name.len() > MAX_LEN {
        return None;
    }
    known
        .iter()
        .map(|known| (distance(name, known), known.as_str()))
        .filter(|(distance, known)| *distance <= 2 && *distance < known.len())
        .min()
        .map(|(_, known)| known)
}

/// `a`, `b` or `c`.
pub(crate) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|name| format!("`{name}`")).collect();
            format!("{} or `{last}`", first.join(", "))
        }
    }
}

/// How many letters must be put in, left out, changed or swapped with the next (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, from) in a.iter().enumerate() {
        let at = |row: usize, column: usize| -> usize {
            rows.get(row).and_then(|row| row.get(column)).copied().unwrap_or(usize::MAX / 2)
        };
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let left = row.last().copied().unwrap_or_default() + 1;
            let mut least = left.min(at(i, j + 1) + 1).min(at(i, j) + usize::from(from != to));
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(to) && b.get(j - 1) == Some(from);
            if swapped {
                least = least.min(at(i - 1, j - 1) + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        let known = ["sha256".to_owned(), "sha512".to_owned(), "base64".to_owned()];
        assert_eq!(closest("sha265", &known), Some("sha256"));
        assert_eq!(closest("bas64", &known), Some("base64"));
        assert_eq!(closest("rot13", &known), None);
        assert_eq!(listed(&known), "`sha256`, `sha512` or `base64`");
    }
}
