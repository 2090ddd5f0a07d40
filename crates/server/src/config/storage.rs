//! `[store]` and `[master_key]`: where credentials are kept, and what their secrets are encrypted with.

use std::path::PathBuf;

use countersign_model::Secret;

use super::document::{Node, Value};
use super::notes::Notes;
use super::read::text;
use super::section::Section;

/// Where credentials are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreLocation {
    /// In an SQLite database, in this file.
    Sqlite(PathBuf),
}

/// Where the master key comes from.
#[derive(Clone, Debug)]
pub(crate) enum MasterKeySource {
    /// From this file, which is made on first use.
    File(PathBuf),
    /// From the environment: this is its text.
    Given(Secret<String>),
}

const DEFAULT_DATABASE: &str = "countersign-data/countersign.db";
const KEY_BESIDE_DATABASE: &str = "master.key";
const URL_FORM: &str =
    "write \"sqlite:\" and the path of a file, as in \"sqlite:countersign-data/countersign.db\"";

impl StoreLocation {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let default = section.notes.path(DEFAULT_DATABASE);
        let path = section.or("url", default, database);
        section.finish();
        Self::Sqlite(path)
    }
}

fn database(node: &Node, notes: &Notes<'_>) -> Option<PathBuf> {
    let url = text(node, notes)?;
    let wrong = |found: &str, mend: &str| {
        // The URL of another kind of store may hold a password.
        if url.contains('@') {
            notes.wrong_hidden(&node.at, "url", found, mend);
        } else {
            notes.wrong(&node.at, found, mend);
        }
        None
    };
    let Some((scheme, rest)) = url.split_once(':') else {
        return wrong("this is no URL", URL_FORM);
    };
    match scheme {
        "sqlite" => {}
        "postgres" | "postgresql" => return wrong("PostgreSQL is not there in this version", URL_FORM),
        _ => return wrong("this is no kind of store", URL_FORM),
    }
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.contains('?') {
        return wrong("the URL has parameters", "leave out the `?` and what follows it: there are none");
    }
    match path {
        "" => wrong("the path of the database is missing", URL_FORM),
        ":memory:" => wrong("a database in memory forgets every key at the end of the process", URL_FORM),
        path => Some(notes.path(path)),
    }
}

impl MasterKeySource {
    /// `store` says where the key file is when nothing else does: beside the database.
    pub(super) fn read(mut section: Section<'_>, store: &StoreLocation) -> Self {
        let StoreLocation::Sqlite(database) = store;
        let default = database.with_file_name(KEY_BESIDE_DATABASE);
        let file_at = section.node("file").map(|node| node.at.clone());
        let file = section.or("file", default, |node, notes| text(node, notes).map(|path| notes.path(path)));
        let given = secret(&mut section, "value", "value_file");
        if let (Some(at), Some(_)) = (&file_at, &given) {
            section.notes.wrong(at, "the master key is given twice", "leave out `file`, or the value");
        }
        section.finish();
        given.map_or(Self::File(file), Self::Given)
    }
}

/// A secret: from the environment variable of `key`, or from the file that `key_file` names. It cannot stand in
/// the configuration itself, which people copy, print and check in.
fn secret(section: &mut Section<'_>, key: &'static str, key_file: &'static str) -> Option<Secret<String>> {
    let inline = section.node(key);
    let in_file = section.node(key_file);
    if let Some(Node { value: Value::Raw(value), .. }) = inline {
        if let Some(node) = in_file {
            section.notes.wrong(
                &node.at,
                format!("both `{key}` and `{key_file}` are given"),
                "leave one out",
            );
        }
        return Some(Secret::new(value.trim().to_owned()));
    }
    if let Some(node) = inline {
        section.notes.wrong_hidden(&node.at, key, format!("`{key}` is a secret"), format!("it does not stand in this file: write `{key_file}` with the path of a file that holds it, or set it in the environment"),
        );
    }
    let node = in_file?;
    let path = section.notes.path(text(node, section.notes)?);
    match std::fs::read_to_string(&path) {
        Ok(value) => Some(Secret::new(value.trim().to_owned())),
        Err(error) => {
            section.notes.wrong(
                &node.at,
                format!("`{}` cannot be read: {error}", path.display()),
                "name a file that can",
            );
            None
        }
    }
}
