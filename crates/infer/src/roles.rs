//! What values mean: key id, time, end, nonce. By what they look like first, by their names where that leaves a choice.

use crate::layout::Atom;
use crate::times::Format;

const NONCES: [&str; 6] = ["nonce", "tonce", "uuid", "request-id", "jti", "idempotency"];
const ENDS: [&str; 3] = ["expire", "expir", "deadline"];
const TIMES: [&str; 6] = ["time", "date", "tonce", "created", "iat", "stamp"];

/// Whether a value is this one wherever it stands.
pub(crate) fn is(atom: &Atom, text: &str) -> bool {
    let mut there = atom.values.iter().flatten().filter(|value| !value.is_empty()).peekable();
    there.peek().is_some() && there.all(|value| value == text.as_bytes())
}

/// How a value is written, where it is written like a time wherever it stands.
pub(crate) fn time_format(atom: &Atom) -> Option<Format> {
    let mut format = None;
    for value in atom.values.iter().flatten().filter(|value| !value.is_empty()) {
        let one = Format::of(std::str::from_utf8(value).ok()?)?;
        if *format.get_or_insert(one) != one {
            return None;
        }
    }
    format
}

pub(crate) fn is_time(atom: &Atom) -> bool {
    time_format(atom).is_some()
}

pub(crate) fn is_nonce(atom: &Atom) -> bool {
    NONCES.iter().any(|word| atom.hint.contains(word))
}

pub(crate) fn is_end(atom: &Atom) -> bool {
    is_time(atom) && (atom.hint == "exp" || ENDS.iter().any(|word| atom.hint.contains(word)))
}

/// Whether a time is called one.
pub(crate) fn is_called_time(atom: &Atom) -> bool {
    is_time(atom)
        && !is_end(atom)
        && (TIMES.iter().any(|word| atom.hint.contains(word))
            || matches!(atom.hint.as_str(), "t" | "ts" | "at"))
}
