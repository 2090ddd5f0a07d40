//! Where mistakes are noted while a file is read, so that the reading can go on.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::document::At;
use super::mistake::{Line, Mistake, Place, Severity};

/// The least likeness at which one name is proposed in place of another (2.0: the same).
const NEAR: f64 = 1.2;

/// The most names that are listed where none is near.
const NAMED: usize = 16;

/// Where mistakes are noted while a file is read.
pub(super) struct Notes<'f> {
    file: &'f Path,
    text: &'f str,
    list: RefCell<Vec<(usize, Mistake)>>,
}

impl<'f> Notes<'f> {
    pub(super) fn new(file: &'f Path, text: &'f str) -> Self {
        Self { file, text, list: RefCell::new(Vec::new()) }
    }

    /// Notes what makes the configuration unusable.
    pub(super) fn wrong(&self, at: &At, found: impl Into<String>, mend: impl Into<String>) {
        self.note(Severity::Mistake, at, found.into(), mend.into());
    }

    /// Notes what somebody should know.
    pub(super) fn warn(&self, at: &At, found: impl Into<String>, mend: impl Into<String>) {
        self.note(Severity::Warning, at, found.into(), mend.into());
    }

    /// Notes what makes the configuration unusable at the value of `key`, which holds a secret that nobody may see: the
    /// line is shown without it.
    pub(super) fn wrong_hidden(&self, at: &At, key: &str, found: impl Into<String>, mend: impl Into<String>) {
        let place = match self.place(at) {
            Place::Line(line) => {
                let text = format!("{key} = ...");
                Place::Line(Line { column: text.len() - 2, width: 3, text, ..line })
            }
            place @ (Place::File(_) | Place::Variable(_)) => place,
        };
        let mistake = Mistake { severity: Severity::Mistake, place, found: found.into(), mend: mend.into() };
        self.list.borrow_mut().push((Self::offset(at), mistake));
    }

    /// The line of the file at which `at` points, from 1.
    pub(super) fn line(&self, at: &At) -> Option<usize> {
        match self.place(at) {
            Place::Line(line) => Some(line.number),
            Place::File(_) | Place::Variable(_) => None,
        }
    }

    /// Adds what was found in another file that this one names.
    pub(super) fn append(&self, mistakes: Vec<Mistake>) {
        self.list.borrow_mut().extend(mistakes.into_iter().map(|mistake| (usize::MAX, mistake)));
    }

    /// The path that `text`, found in the configuration, means: relative to the configuration file's folder.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(text)
    }

    /// Everything noted, in the order of the file, and what stands in no line of it last.
    pub(super) fn into_list(self) -> Vec<Mistake> {
        let mut list = self.list.into_inner();
        list.sort_by_key(|(offset, _)| *offset);
        list.into_iter().map(|(_, mistake)| mistake).collect()
    }

    fn note(&self, severity: Severity, at: &At, found: String, mend: String) {
        let mistake = Mistake { severity, place: self.place(at), found, mend };
        self.list.borrow_mut().push((Self::offset(at), mistake));
    }

    /// The place to which `at` points.
    pub(super) fn place(&self, at: &At) -> Place {
        match at {
            At::Span(span) => Place::in_file(self.file, self.text, span.clone()),
            At::Variable(name) => Place::Variable(name.clone()),
            At::File => Place::File(self.file.to_owned()),
        }
    }

    fn offset(at: &At) -> usize {
        match at {
            At::Span(span) => span.start,
            At::File => usize::MAX - 2,
            At::Variable(_) => usize::MAX - 1,
        }
    }
}

/// What to write in place of `found`: the nearest of `known`, or all of them.
pub(crate) fn proposal(found: &str, known: &[&str]) -> String {
    let scored = known.iter().map(|name| (likeness(found, name), name));
    let nearest = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    match nearest {
        Some((score, name)) if score >= NEAR => format!("did you mean `{name}`?"),
        Some(_) | None if known.is_empty() => String::new(),
        Some(_) | None => {
            let names: Vec<String> = known.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
            let more = known.len().checked_sub(NAMED).filter(|more| *more > 0);
            let more = more.map_or_else(String::new, |more| format!(" and {more} more"));
            format!("known here: {}{more}", names.join(", "))
        }
    }
}

/// Two measures together: one that forgives a different end, one that counts what must be typed again.
fn likeness(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a, b) + strsim::normalized_damerau_levenshtein(a, b)
}
