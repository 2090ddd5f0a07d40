//! The settings of a dialect that are no templates.

use std::time::Duration;

use crate::codec::Codec;
use crate::compile::text::{Text, text, unknown};
use crate::hash::Hash;
use crate::mistake::{Mistakes, Place};
use crate::names::listed;
use crate::program::Algorithm;
use crate::raw::{Data, Entry};
use crate::syntax;
use crate::time::{self, Format, Window};

pub(super) fn algorithm(
    entry: Option<Entry>,
    place: Place,
    mistakes: &mut Mistakes<'_>,
) -> Option<Algorithm> {
    let Some(entry) = entry else {
        mistakes.add(place, "`algorithm` is missing", "add one, such as `algorithm = \"hmac-sha256\"`");
        return None;
    };
    let Text { text, place } = text(entry, mistakes)?;
    let found = match text.strip_prefix("hmac-") {
        Some(hash) => Hash::named(hash).map(Algorithm::Hmac),
        None => Hash::named(&text).map(Algorithm::Hash),
    };
    if found.is_none() {
        let known: Vec<String> = Hash::NAMES
            .iter()
            .map(|(name, _)| format!("hmac-{name}"))
            .chain(Hash::NAMES.iter().map(|(name, _)| (*name).to_owned()))
            .collect();
        mistakes.add(place, format!("there is no algorithm `{text}`"), format!("one of {}", listed(&known)));
    }
    found
}

pub(super) fn encoding(entry: Option<Entry>, place: Place, mistakes: &mut Mistakes<'_>) -> Box<[Codec]> {
    let known = || listed(&Codec::NAMES.map(|(name, _)| name.to_owned()));
    let Some(entry) = entry else {
        mistakes.add(place, "`encoding` is missing", format!("how the signature is written: {}", known()));
        return Box::default();
    };
    let Some(Text { text, place }) = text(entry, mistakes) else { return Box::default() };
    if text == "raw" {
        return Box::default();
    }
    let written = match syntax::filters(&text) {
        Ok(written) => written,
        Err(slip) => {
            mistakes.add_within(place, slip.at, slip.found, slip.would_do);
            return Box::default();
        }
    };
    let mut codecs = Vec::new();
    for filter in written {
        match Codec::named(&filter.name) {
            Some(codec) if filter.args.is_empty() => codecs.push(codec),
            _ => mistakes.add_within(
                place,
                filter.at,
                format!("there is no encoding `{}`", filter.name),
                format!("`raw`, or one or more of {}, separated by `|`", known()),
            ),
        }
    }
    codecs.into()
}

pub(super) fn time_format(entry: Option<Entry>, mistakes: &mut Mistakes<'_>) -> Format {
    let Some(Text { text, place }) = entry.and_then(|entry| text(entry, mistakes)) else {
        return Format::Unix;
    };
    Format::NAMES.iter().find(|(name, _)| *name == text).map_or_else(
        || {
            let known = listed(&Format::NAMES.map(|(name, _)| name.to_owned()));
            mistakes.add(place, format!("there is no form of time `{text}`"), format!("one of {known}"));
            Format::Unix
        },
        |(_, format)| *format,
    )
}

pub(super) fn window(entry: Option<Entry>, mistakes: &mut Mistakes<'_>) -> Option<Window> {
    const WOULD_DO: &str = "`window = \"300s\"`, or `window = { past = \"1h\", future = \"300s\" }`";
    let entry = entry?;
    match entry.value.data {
        Data::Text(text) => {
            let both = length(&Text { text, place: entry.value.place }, mistakes)?;
            Some(Window { past: both, future: both })
        }
        Data::Table(mut table) => {
            let (past, future) = (table.take("past"), table.take("future"));
            unknown(&table, mistakes);
            let (Some(past), Some(future)) = (past, future) else {
                mistakes.add(entry.value.place, "a window without both its sides", WOULD_DO);
                return None;
            };
            let (past, future) = (text(past, mistakes)?, text(future, mistakes)?);
            Some(Window { past: length(&past, mistakes)?, future: length(&future, mistakes)? })
        }
        other => {
            mistakes.add(entry.value.place, format!("`window` is {}", other.what()), WOULD_DO);
            None
        }
    }
}

fn length(text: &Text, mistakes: &mut Mistakes<'_>) -> Option<Duration> {
    let read = time::duration(&text.text);
    if read.is_none() {
        mistakes.add(
            text.place,
            format!("`{}` is no length of time", text.text),
            "digits and a unit: `ms`, `s`, `m`, `h` or `d`, such as `300s`",
        );
    }
    read
}
