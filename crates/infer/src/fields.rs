//! The fields of a dialect beside its signature: key id, time, end, nonce.

use crate::layout::{Atom, Layout, Place};
use crate::roles;
use crate::signature::Target;
use crate::times::Format;

/// What a field says beside where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    /// How a template reads it, without the braces.
    pub(crate) expr: String,
    /// The step that it needs.
    pub(crate) step: Option<usize>,
    /// How it is written, where it is a time.
    pub(crate) format: Option<Format>,
    /// Whether it is a number in every sample.
    pub(crate) is_number: bool,
}

/// The fields of a group of samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Roles {
    pub(crate) key_id: Option<Role>,
    pub(crate) timestamp: Option<Role>,
    pub(crate) expires: Option<Role>,
    pub(crate) nonce: Option<Role>,
}

impl Roles {
    /// Finds them. `is_signed` says whether a value stands by itself in the string to sign.
    pub(crate) fn of(
        layout: &Layout,
        samples: &[usize],
        key_id: Option<&str>,
        target: &Target,
        is_signed: impl Fn(&Atom) -> bool,
    ) -> Self {
        let there = |atom: &&Atom| {
            atom.expr != target.expr && samples.iter().all(|sample| atom.text(*sample).is_some())
        };
        let best = |test: &dyn Fn(&Atom) -> bool| {
            let fits = layout.atoms.iter().filter(there).filter(|atom| test(atom));
            let best = fits.min_by_key(|atom| (!is_signed(atom), place_rank(&atom.place)));
            best.map(|atom| role(atom, samples))
        };
        let is_key = |atom: &Atom| samples.iter().all(|sample| atom.text(*sample) == key_id);
        let nonce = best(&|atom| roles::is_nonce(atom));
        let timestamp = best(&|atom| {
            let time = written(atom, samples).is_some();
            time && !roles::is_nonce(atom)
                && !roles::is_end(atom)
                && (is_signed(atom) || roles::is_called_time(atom))
        });
        let expires = best(&|atom| written(atom, samples).is_some() && roles::is_end(atom));
        Self { key_id: key_id.and_then(|_| best(&is_key)), timestamp, expires, nonce }
    }

    /// Leaves out what another group does not have: a variant cannot take a field away.
    pub(crate) fn within(mut self, other: &Self) -> Self {
        self.key_id = self.key_id.filter(|_| other.key_id.is_some());
        self.timestamp = self.timestamp.filter(|_| other.timestamp.is_some());
        self.expires = self.expires.filter(|_| other.expires.is_some());
        self.nonce = self.nonce.filter(|_| other.nonce.is_some());
        self
    }

    /// Each with its name.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, &Role)> {
        let all = [
            ("key_id", &self.key_id),
            ("timestamp", &self.timestamp),
            ("expires", &self.expires),
            ("nonce", &self.nonce),
        ];
        all.into_iter().filter_map(|(name, role)| Some((name, role.as_ref()?)))
    }

    /// The lines of a dialect file, each with its key.
    pub(crate) fn lines(&self) -> Vec<(String, String)> {
        let mut lines: Vec<(String, String)> = Vec::new();
        for (name, role) in self.named() {
            lines.push((name.to_owned(), format!("\"{{{}}}\"", role.expr)));
        }
        let format = self.timestamp.as_ref().or(self.expires.as_ref()).and_then(|role| role.format);
        if let Some(format) = format.filter(|format| *format != Format::Unix) {
            lines.push(("time".to_owned(), format!("\"{}\"", format.name())));
        }
        lines
    }

    /// How long it is good and what keeps it from being used again: what no request shows.
    pub(crate) fn guesses(&self) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        let window = match (&self.timestamp, &self.expires) {
            (Some(_), None) => Some("\"300s\""),
            (Some(_), Some(_)) => Some("{ past = \"300s\", future = \"300s\", most = \"1d\" }"),
            (None, Some(_)) => Some("{ most = \"1d\" }"),
            (None, None) => None,
        };
        lines.extend(window.map(|window| ("window".to_owned(), window.to_owned())));
        let timed = window.is_some();
        let replay = match &self.nonce {
            Some(nonce) if nonce.is_number && !timed => Some("increasing"),
            Some(_) => Some("nonce"),
            None if timed => Some("window"),
            None => None,
        };
        lines.extend(replay.map(|replay| ("replay".to_owned(), format!("\"{replay}\""))));
        lines
    }
}

fn place_rank(place: &Place) -> usize {
    match place {
        Place::Header(_) => 0,
        Place::Inside(_) => 1,
        Place::Query(_) => 2,
        Place::Form(_) => 3,
        Place::Json(_) => 4,
        Place::Path => 5,
    }
}

/// How a value is written in these samples, where it is written like a time in all.
fn written(atom: &Atom, samples: &[usize]) -> Option<Format> {
    let mut formats = samples.iter().map(|sample| Format::of(atom.text(*sample)?));
    let first = formats.next()??;
    formats.all(|format| format == Some(first)).then_some(first)
}

fn role(atom: &Atom, samples: &[usize]) -> Role {
    let digits = |sample: &usize| {
        atom.text(*sample).is_some_and(|text| {
            text.len() <= 38 && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    Role {
        expr: atom.expr.clone(),
        step: atom.step,
        format: written(atom, samples),
        is_number: samples.iter().all(digits),
    }
}
