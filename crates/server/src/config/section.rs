//! Reading the keys of one table: what is wrong is noted, and the reading goes on.

use super::document::{At, Node, Table, Value};
use super::notes::{Notes, proposal};

/// A table whose keys are being read. Every key that is asked for is known; [`Section::finish`] notes the others.
pub(super) struct Section<'a> {
    /// What it is called, as in `[listen]`.
    title: String,
    /// Where it begins; where it is missing, the file.
    pub(super) at: At,
    table: Option<&'a Table>,
    pub(super) notes: &'a Notes<'a>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn root(table: &'a Table, notes: &'a Notes<'a>) -> Self {
        Self { title: "the file".to_owned(), at: At::File, table: Some(table), notes, known: Vec::new() }
    }

    /// The table that `node` is; noted and empty where it is none.
    pub(super) fn of(title: String, node: &'a Node, notes: &'a Notes<'a>) -> Self {
        let table = match &node.value {
            Value::Table(table) => Some(table),
            Value::Raw(_)
            | Value::Text(_)
            | Value::Integer(_)
            | Value::Boolean(_)
            | Value::List(_)
            | Value::Other(_) => {
                notes.wrong(
                    &node.at,
                    format!("found {}", node.kind()),
                    format!("write it as the table {title}"),
                );
                None
            }
        };
        Self { title, at: node.at.clone(), table, notes, known: Vec::new() }
    }

    /// The table `[key]` of this; empty where there is none.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'a> {
        self.section_if_there(key).unwrap_or(Section {
            title: format!("[{key}]"),
            at: At::File,
            table: None,
            notes: self.notes,
            known: Vec::new(),
        })
    }

    /// The table `[key]` of this, where there is one.
    pub(super) fn section_if_there(&mut self, key: &'static str) -> Option<Section<'a>> {
        self.node(key).map(|node| Section::of(format!("[{key}]"), node, self.notes))
    }

    /// The tables `[[key]]` of this.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let Value::List(members) = &node.value else {
            self.notes.wrong(&node.at, format!("found {}", node.kind()), format!("write each as [[{key}]]"));
            return Vec::new();
        };
        members.iter().map(|member| Section::of(format!("[[{key}]]"), member, self.notes)).collect()
    }

    /// The value of `key`, where it is there.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        self.table.and_then(|table| table.get(key))
    }

    /// The value of `key` as `read` takes it, or `default` where it is not there.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&'a Node, &'a Notes<'a>) -> Option<T>,
    ) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// The value of `key` as `read` takes it, where it is there.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'a Node, &'a Notes<'a>) -> Option<T>,
    ) -> Option<T> {
        self.node(key).and_then(|node| read(node, self.notes))
    }

    /// The value of `key` as `read` takes it; noted where it is missing from a table that is there, with what it is for.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        purpose: &str,
        read: impl FnOnce(&'a Node, &'a Notes<'a>) -> Option<T>,
    ) -> Option<T> {
        if let Some(node) = self.node(key) {
            return read(node, self.notes);
        }
        self.table?;
        self.notes.wrong(
            &self.at,
            format!("{} has no `{key}`", self.title),
            format!("add `{key}`: {purpose}"),
        );
        None
    }

    /// Notes every key that was not asked for.
    pub(super) fn finish(self) {
        let entries = self.table.into_iter().flat_map(Table::entries);
        for entry in entries.filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let place =
                if matches!(self.at, At::File) { String::new() } else { format!(" in {}", self.title) };
            let mend = proposal(&entry.key, &self.known);
            self.notes.wrong(&entry.key_at, format!("unknown key `{}`{place}", entry.key), mend);
        }
    }
}
