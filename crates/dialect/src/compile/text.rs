//! Texts taken out of a dialect's tables.

use crate::mistake::{Mistakes, Place};
use crate::names::closest;
use crate::raw::{Data, Entry, Raw, Table};

/// A text and where it stands.
#[derive(Clone)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// A named text: an entry of `let` or `match`.
#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) name_place: Place,
    pub(crate) text: Text,
}

pub(crate) fn text(entry: Entry, mistakes: &mut Mistakes<'_>) -> Option<Text> {
    raw_text(&entry.key, entry.value, mistakes)
}

pub(crate) fn raw_text(key: &str, value: Raw, mistakes: &mut Mistakes<'_>) -> Option<Text> {
    match value.data {
        Data::Text(text) => Some(Text { text, place: value.place }),
        other => {
            mistakes.add(value.place, format!("`{key}` is {}", other.what()), "a text in quotes");
            None
        }
    }
}

/// The entries of a table of texts.
pub(crate) fn entries(entry: Option<Entry>, mistakes: &mut Mistakes<'_>) -> Vec<Named> {
    let Some(entry) = entry else { return Vec::new() };
    match entry.value.data {
        Data::Table(table) => table
            .0
            .into_iter()
            .filter_map(|entry| {
                let (name, name_place) = (entry.key.clone(), entry.key_place);
                text(entry, mistakes).map(|text| Named { name, name_place, text })
            })
            .collect(),
        other => {
            let would_do = format!("a table: `{}.name = \"...\"`", entry.key);
            mistakes.add(entry.value.place, format!("`{}` is {}", entry.key, other.what()), would_do);
            Vec::new()
        }
    }
}

/// The entries of a table of pairs of texts.
pub(crate) fn pairs(entry: Option<Entry>, mistakes: &mut Mistakes<'_>) -> Vec<(String, Text, Text)> {
    const WOULD_DO: &str = "two texts that must be the same: `checks.body = [\"{header.Digest}\", \"{body | sha256 | base64}\"]`";
    let Some(entry) = entry else { return Vec::new() };
    let Data::Table(table) = entry.value.data else {
        mistakes.add(entry.value.place, format!("`{}` is {}", entry.key, entry.value.data.what()), WOULD_DO);
        return Vec::new();
    };
    let mut found = Vec::new();
    for Entry { key, value, .. } in table.0 {
        let place = value.place;
        let list = if let Data::List(list) = value.data { list } else { Vec::new() };
        let texts: Vec<Text> = list.into_iter().filter_map(|raw| raw_text(&key, raw, mistakes)).collect();
        match <[Text; 2]>::try_from(texts) {
            Ok([left, right]) => found.push((key, left, right)),
            Err(_) => mistakes.add(place, format!("`{key}` is no pair of texts"), WOULD_DO),
        }
    }
    found
}

pub(crate) fn signatures(entry: Option<Entry>, place: Place, mistakes: &mut Mistakes<'_>) -> Vec<Text> {
    let Some(entry) = entry else {
        mistakes.add(
            place,
            "`signature` is missing",
            "say where it stands: `signature = \"{header.X-Signature}\"`",
        );
        return Vec::new();
    };
    let many = if let Data::List(list) = &entry.value.data { list.clone() } else { Vec::new() };
    if many.is_empty() {
        return text(entry, mistakes).into_iter().collect();
    }
    many.into_iter().filter_map(|raw| raw_text("signature", raw, mistakes)).collect()
}

/// Notes what nobody took out of a table.
pub(crate) fn unknown(table: &Table, mistakes: &mut Mistakes<'_>) {
    const KNOWN: [&str; 27] = [
        "key_id",
        "timestamp",
        "nonce",
        "expires",
        "signature",
        "encoding",
        "key",
        "string_to_sign",
        "algorithm",
        "match",
        "let",
        "time",
        "window",
        "replay",
        "status",
        "key_alone",
        "variants",
        "like",
        "past",
        "future",
        "most",
        "when",
        "checks",
        "sign",
        "from",
        "default",
        "allow",
    ];
    let known = KNOWN.map(str::to_owned);
    for entry in &table.0 {
        let would_do = closest(&entry.key, &known).map_or_else(
            || "take it out; see the reference for what may stand here".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        mistakes.add(entry.key_place, format!("nothing is called `{}` here", entry.key), would_do);
    }
}
