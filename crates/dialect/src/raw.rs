//! A dialect file as TOML values that know where they stand.

use toml::de::{DeTable, DeValue};

use crate::mistake::{Mistakes, Place, Source};

/// The largest dialect file, in bytes.
pub(crate) const MAX_FILE_BYTES: usize = 256 * 1024;
/// The most dots in one dotted key.
const MAX_DOTS: usize = 32;
/// How deep tables and lists may nest.
const MAX_DEPTH: usize = 16;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) place: Place,
    pub(crate) data: Data,
}

#[derive(Clone, Debug)]
pub(crate) enum Data {
    Text(String),
    Number(i64),
    Truth(bool),
    List(Vec<Raw>),
    Table(Table),
    /// A float or a date: of no use in a dialect.
    Other(&'static str),
}

impl Data {
    /// What it is, for messages.
    pub(crate) fn what(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Number(_) => "a number",
            Self::Truth(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(what) => what,
        }
    }
}

/// A table, in the order in which it is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table(pub(crate) Vec<Entry>);

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_place: Place,
    pub(crate) value: Raw,
}

impl Table {
    /// Takes an entry out; what is left at the end is what nobody knows.
    pub(crate) fn take(&mut self, key: &str) -> Option<Entry> {
        let at = self.0.iter().position(|entry| entry.key == key)?;
        Some(self.0.remove(at))
    }

    /// Lays `over` over this table: its values win, tables of the same name are laid over each other.
    pub(crate) fn overlay(&mut self, over: Self) {
        for entry in over.0 {
            match self.0.iter_mut().find(|known| known.key == entry.key) {
                None => self.0.push(entry),
                Some(known) => match (&mut known.value.data, entry.value.data) {
                    (Data::Table(under), Data::Table(over)) => under.overlay(over),
                    (slot, data) => {
                        *slot = data;
                        known.key_place = entry.key_place;
                        known.value.place = entry.value.place;
                    }
                },
            }
        }
    }
}

/// Parses one file. Syntax errors are noted; what could be read is returned all the same.
pub(crate) fn parse(sources: &[Source], file: usize, mistakes: &mut Mistakes<'_>) -> Table {
    let Some(source) = sources.get(file) else { return Table::default() };
    let at = |start| Place { file, start, end: start };
    if source.text.len() > MAX_FILE_BYTES {
        mistakes.add(at(0), "this file is too large", format!("at most {MAX_FILE_BYTES} bytes"));
        return Table::default();
    }
    // The parser nests one table per dot and drops them by recursion: what is too deep must not reach it.
    if let Some(start) = too_many_dots(&source.text) {
        mistakes.add(at(start), "a key with too many dots", format!("at most {MAX_DOTS} in one key"));
        return Table::default();
    }
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    for error in &errors {
        let span = error.span().unwrap_or_default();
        mistakes.add(
            Place { file, start: span.start, end: span.end },
            error.message(),
            "this must be TOML 1.0",
        );
    }
    table(file, document.into_inner(), 0, mistakes)
}

fn table(file: usize, from: DeTable<'_>, depth: usize, mistakes: &mut Mistakes<'_>) -> Table {
    let mut entries: Vec<Entry> = from
        .into_iter()
        .map(|(key, value)| {
            let (key_span, span) = (key.span(), value.span());
            let place = Place { file, start: span.start, end: span.end };
            Entry {
                key: key.into_inner().into_owned(),
                key_place: Place { file, start: key_span.start, end: key_span.end },
                value: Raw { place, data: data(file, value.into_inner(), place, depth + 1, mistakes) },
            }
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_place.start);
    Table(entries)
}

fn data(file: usize, from: DeValue<'_>, place: Place, depth: usize, mistakes: &mut Mistakes<'_>) -> Data {
    if depth > MAX_DEPTH {
        mistakes.add(place, "tables nested too deep", format!("at most {MAX_DEPTH} levels"));
        return Data::Other("something nested too deep");
    }
    match from {
        DeValue::String(text) => Data::Text(text.into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Data::Number(number),
            Err(_) => Data::Other("a number out of range"),
        },
        DeValue::Boolean(truth) => Data::Truth(truth),
        DeValue::Float(_) => Data::Other("a fraction"),
        DeValue::Datetime(_) => Data::Other("a date"),
        DeValue::Array(list) => Data::List(
            list.into_iter()
                .map(|value| {
                    let span = value.span();
                    let place = Place { file, start: span.start, end: span.end };
                    Raw { place, data: data(file, value.into_inner(), place, depth + 1, mistakes) }
                })
                .collect(),
        ),
        DeValue::Table(from) => Data::Table(table(file, from, depth, mistakes)),
    }
}

/// The start of a line or inline table whose dots outside quotes and values could nest too deep.
fn too_many_dots(text: &str) -> Option<usize> {
    let mut dots = 0;
    let mut start = 0;
    let mut quoted: Option<u8> = None;
    let mut escaped = false;
    let mut comment = false;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(quote) = quoted {
            if escaped {
                escaped = false;
            } else if byte == b'\\' && quote == b'"' {
                escaped = true;
            } else if byte == quote || byte == b'\n' {
                quoted = None;
            }
            continue;
        }
        if comment {
            comment = byte != b'\n';
            continue;
        }
        match byte {
            b'#' => comment = true,
            b'"' | b'\'' => quoted = Some(byte),
            b'.' => {
                dots += 1;
                if dots > MAX_DOTS {
                    return Some(start);
                }
            }
            b'\n' | b'=' | b',' => {
                dots = 0;
                start = at + 1;
            }
            _ => {}
        }
    }
    None
}
