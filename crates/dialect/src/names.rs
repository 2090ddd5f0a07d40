//! Names put to people: which was meant, and which there are.

/// Longer texts are no misspelt names.
const MAX_LEN: usize = 64;

/// The name that was most likely meant: at most two slips of the finger away.
pub(crate) fn closest<'n>(name: &str, known: &'n [String]) -> Option<&'n str> {
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

/// The few names that are nearest: those that are a part of it or that it is a part of come first, then those with the fewest
/// letters to change.
pub(crate) fn nearest(name: &str, known: &[String]) -> Vec<String> {
    /// As many as can be taken in at a glance.
    const FEW: usize = 6;
    /// Shorter names are a part of many by chance.
    const MIN_PART: usize = 3;
    let start: String = name.chars().take(MAX_LEN).collect::<String>().to_lowercase();
    let is_part = |known: &str| {
        known.len() >= MIN_PART && start.contains(known) || start.len() >= MIN_PART && known.contains(&start)
    };
    let mut ranked: Vec<(bool, usize, &String)> =
        known.iter().map(|known| (!is_part(known), distance(&start, known), known)).collect();
    ranked.sort();
    ranked.into_iter().take(FEW).map(|(.., known)| known.clone()).collect()
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

    #[test]
    fn names_that_are_a_part_of_the_wrong_one_are_nearest() {
        let known = ["sort", "enc", "upper", "sha256", "dec", "trim", "at", "render"].map(str::to_owned);
        assert_eq!(nearest("urlencode", &known)[0], "enc");
        assert_eq!(nearest("UPPERCASE", &known)[0], "upper");
        assert_eq!(nearest("sha", &known)[0], "sha256");
        assert_eq!(nearest("strip", &known).len(), 6);
    }
}
