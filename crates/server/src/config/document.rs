//! The configuration as a tree of values, each with the place it came from: a TOML file, with environment
//! variables laid over it.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What every variable that overrides a key begins with.
const PREFIX: &str = "COUNTERSIGN__";

/// Environment variables by name. Those that do not begin with `COUNTERSIGN__` are ignored.
pub(crate) type Environment = BTreeMap<String, String>;

/// A value and where it came from.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: At,
}

/// Where a value came from.
#[derive(Clone, Debug)]
pub(super) enum At {
    /// These bytes of the file.
    Span(Range<usize>),
    /// This environment variable.
    Variable(String),
    /// Nowhere: it is missing.
    File,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    /// The text of an environment variable, which whoever reads it takes for what is wanted.
    Raw(String),
    Text(String),
    Integer(String),
    Boolean(bool),
    List(Vec<Node>),
    Table(Table),
    /// A kind of TOML value that no key takes, by its name.
    Other(&'static str),
}

/// A table's entries, in the order in which they stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Table(Vec<Entry>);

/// One entry of a table.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: At,
    pub(super) node: Node,
}

impl Table {
    /// Reads a TOML text. What cannot be read is left out and told to `wrong` (where, and why).
    pub(super) fn parse(text: &str, mut wrong: impl FnMut(At, String)) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            wrong(error.span().map_or(At::File, At::Span), error.message().to_owned());
        }
        table(root.get_ref())
    }

    /// Lays the variables of `environment` over this: `COUNTERSIGN__LISTEN__PUBLIC` is the key `public` of `[listen]`, and
    /// `COUNTERSIGN__ROUTE__0__PATH` that of the first `[[route]]`; the number after the last one adds one.
    pub(super) fn overlay(&mut self, environment: &Environment, mut wrong: impl FnMut(At, String)) {
        for (name, value) in environment {
            let Some(path) = name.strip_prefix(PREFIX) else { continue };
            let path = path.to_ascii_lowercase();
            let keys: Vec<&str> = path.split("__").collect();
            let at = At::Variable(name.clone());
            if let Err(why) = self.put(&keys, Node { value: Value::Raw(value.clone()), at: at.clone() }) {
                wrong(at, why);
            }
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.0.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    fn put(&mut self, keys: &[&str], node: Node) -> Result<(), String> {
        let Some((key, rest)) = keys.split_first() else { return Ok(()) };
        if key.is_empty() {
            return Err("a part of this name is empty".to_owned());
        }
        let index = self.0.iter().position(|entry| entry.key == *key);
        let held = if let Some(entry) = index.and_then(|index| self.0.get_mut(index)) {
            &mut entry.node
        } else {
            let empty = Node { value: Value::Table(Self::default()), at: node.at.clone() };
            let at = node.at.clone();
            &mut self.0.push_mut(Entry { key: (*key).to_owned(), key_at: at, node: empty }).node
        };
        held.put(rest, node)
    }
}

impl Node {
    fn put(&mut self, keys: &[&str], node: Node) -> Result<(), String> {
        let Some((key, rest)) = keys.split_first() else {
            *self = node;
            return Ok(());
        };
        // A list is begun by the number of its first member.
        if matches!(&self.value, Value::Table(table) if table.0.is_empty() && *key == "0") {
            self.value = Value::List(Vec::new());
        }
        match &mut self.value {
            Value::Table(table) => table.put(keys, node),
            Value::List(members) => {
                let index: usize = key
                    .parse()
                    .map_err(|_| format!("`{key}` should be the number of an entry, counted from 0"))?;
                if index == members.len() {
                    let empty = Value::Table(Table::default());
                    members.push(Node { value: empty, at: node.at.clone() });
                }
                let count = members.len();
                let member = members.get_mut(index).ok_or_else(|| {
                    format!("there is no entry {index}: the next is {count}, counted from 0")
                })?;
                member.put(rest, node)
            }
            Value::Raw(_) => Err("another variable gives the value of all of it".to_owned()),
            Value::Text(_) | Value::Integer(_) | Value::Boolean(_) | Value::Other(_) => {
                self.value = Value::Table(Table::default());
                self.at = node.at.clone();
                self.put(keys, node)
            }
        }
    }

    /// Whether it is a list without a member.
    pub(super) fn is_empty_list(&self) -> bool {
        matches!(&self.value, Value::List(members) if members.is_empty())
    }

    /// What kind of value this is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Raw(_) | Value::Text(_) => "a string",
            Value::Integer(_) => "a number",
            Value::Boolean(_) => "true or false",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Other(kind) => kind,
        }
    }
}

fn table(entries: &DeTable<'_>) -> Table {
    let mut list: Vec<Entry> = entries
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_at: At::Span(key.span()),
            node: node(value),
        })
        .collect();
    list.sort_by_key(|entry| match &entry.key_at {
        At::Span(span) => span.start,
        At::Variable(_) | At::File => usize::MAX,
    });
    Table(list)
}

fn node(value: &Spanned<DeValue<'_>>) -> Node {
    let at = At::Span(value.span());
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => match integer.radix() {
            10 => Value::Integer(integer.as_str().to_owned()),
            _ => Value::Other("a number that is not decimal"),
        },
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(members) => Value::List(members.iter().map(node).collect()),
        DeValue::Table(entries) => Value::Table(table(entries)),
    };
    Node { value, at }
}
