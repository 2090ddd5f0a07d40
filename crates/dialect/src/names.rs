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

/// How many letters must be put in, left out or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (slot, b) in row.iter_mut().skip(1).zip(&b) {
            let changed = diagonal + usize::from(a != *b);
            diagonal = *slot;
            left = changed.min(diagonal + 1).min(left + 1);
            *slot = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
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
