//! `[spool]`: where bodies are put aside until their signatures are checked.

use std::path::PathBuf;

use super::read::text;
use super::section::Section;

/// Where bodies are put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SpoolConfig {
    /// The directory; the system's own for temporary files where none is named.
    pub(crate) directory: Option<PathBuf>,
}

impl SpoolConfig {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let directory = section.optional("directory", |node, notes| {
            let directory = notes.path(text(node, notes)?);
            if !directory.is_dir() {
                notes.wrong(
                    &node.at,
                    format!("`{}` is no directory", directory.display()),
                    "name one that is there and that the server may write to",
                );
                return None;
            }
            Some(directory)
        });
        section.finish();
        Self { directory }
    }
}
