//! `[[dialect]]`: the user's own dialects, beside those that come with the program.

use std::path::PathBuf;
use std::sync::Arc;

use countersign_dialect::{self as dialect, Dialects, Recipe, Source};

use super::mistake::{Line, Mistake, Place, Severity};
use super::read::text;
use super::section::Section;

/// A file of dialects that the configuration names.
#[derive(Clone, Debug)]
pub(crate) struct DialectFile {
    path: PathBuf,
    named_at: Place,
}

impl DialectFile {
    pub(super) fn read_all(sections: Vec<Section<'_>>) -> Vec<Self> {
        sections.into_iter().filter_map(Self::read).collect()
    }

    fn read(mut section: Section<'_>) -> Option<Self> {
        let file = section.required("file", "the path of a dialect file", |node, notes| {
            Some(Self { path: notes.path(text(node, notes)?), named_at: notes.place(&node.at) })
        });
        section.finish();
        file
    }

    fn source(&self) -> Result<Source, Box<Mistake>> {
        let origin = self.path.display().to_string();
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(Source { origin, text }),
            Err(error) => Err(Box::new(Mistake {
                severity: Severity::Mistake,
                place: self.named_at.clone(),
                found: format!("`{origin}` cannot be read: {error}"),
                mend: "name a dialect file; its path is relative to the configuration file".to_owned(),
            })),
        }
    }
}

/// Loads the dialects that come with the program and those of `files`.
pub(super) fn load(files: &[DialectFile]) -> Result<Dialects, Vec<Mistake>> {
    let mut sources = Vec::new();
    let mut mistakes = Vec::new();
    for file in files {
        match file.source() {
            Ok(source) => sources.push(source),
            Err(mistake) => mistakes.push(*mistake),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    Dialects::builtin_and(&sources)
        .map_err(|mistakes| mistakes.into_iter().map(|mistake| told(mistake, &sources)).collect())
}

/// What somebody should know about dialects that stand in the place of one that comes with the program.
pub(super) fn replaced(files: &[DialectFile], dialects: &Dialects) -> Vec<Mistake> {
    let own = dialects.replaced().filter_map(|name| dialects.get(name));
    let warning = |recipe: &Arc<Recipe>| {
        let holds = |file: &&DialectFile| file.source().is_ok_and(|source| source.text == recipe.source());
        let name = recipe.name();
        Some(Mistake {
            severity: Severity::Warning,
            place: files.iter().find(holds)?.named_at.clone(),
            found: format!("your `{name}` stands in the place of the one that comes with the program"),
            mend: "give it another name, unless that is meant".to_owned(),
        })
    };
    own.filter_map(warning).collect()
}

/// A dialect's mistake as one of the configuration.
fn told(mistake: dialect::Mistake, sources: &[Source]) -> Mistake {
    let source = sources.iter().find(|source| source.origin == mistake.origin);
    let line = source.and_then(|source| source.text.lines().nth(mistake.line.saturating_sub(1)));
    let place = Line {
        file: PathBuf::from(mistake.origin),
        number: mistake.line,
        column: mistake.column.max(1),
        width: 1,
        text: line.unwrap_or_default().to_owned(),
    };
    Mistake {
        severity: Severity::Mistake,
        place: Place::Line(place),
        found: mistake.found,
        mend: mistake.would_do,
    }
}
