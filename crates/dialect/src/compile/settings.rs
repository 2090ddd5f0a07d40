//! The settings of a dialect that are no templates.

use std::time::Duration;

use crate::algorithm::Algorithm;
use crate::codec::Codec;
use crate::compile::text::{Named, Text, entries, raw_text, text, unknown};
use crate::filter::{self, Filter};
use crate::mistake::{Mistakes, Place};
use crate::names::{closest, listed};
use crate::program::{Encoding, Kind, Unnamed};
use crate::raw::{Data, Entry};
use crate::syntax::{self, ArgValue};
use crate::time::{self, Format};

/// Algorithms as they are written, the template not compiled yet.
pub(super) struct WrittenAlgorithms {
    pub(super) list: Vec<Algorithm>,
    pub(super) named: Option<WrittenChoice>,
}

pub(super) struct WrittenChoice {
    pub(super) from: Text,
    pub(super) names: Vec<(Box<[u8]>, usize)>,
    pub(super) default: Unnamed,
}

/// A name, a list of names, or a table that says which name in the request means which.
pub(super) fn algorithms(
    entry: Option<Entry>,
    place: Place,
    mistakes: &mut Mistakes<'_>,
) -> WrittenAlgorithms {
    let mut written = WrittenAlgorithms { list: Vec::new(), named: None };
    let Some(entry) = entry else {
        mistakes.add(place, "`algorithm` is missing", "add one, such as `algorithm = \"hmac-sha256\"`");
        return written;
    };
    let place = entry.value.place;
    match entry.value.data {
        Data::Text(text) => written.list.extend(algorithm(&Text { text, place }, mistakes)),
        Data::List(list) if !list.is_empty() => {
            let texts = list.into_iter().filter_map(|raw| raw_text("algorithm", raw, mistakes));
            for text in texts.collect::<Vec<Text>>() {
                let Some(algorithm) = algorithm(&text, mistakes) else { continue };
                if let Some(before) = written.list.iter().find(|before| hides(**before, algorithm)) {
                    mistakes.add(
                        text.place,
                        format!("`{}` is never picked: `{}` takes its secrets", text.text, before.name()),
                        "the first that can use a secret is the one: have the request name it with \
                         `{ from = ..., allow = ... }`, or write a dialect for each",
                    );
                }
                written.list.push(algorithm);
            }
        }
        Data::Table(mut table) => {
            let from = table.take("from").and_then(|entry| text(entry, mistakes));
            let default = table.take("default").and_then(|entry| text(entry, mistakes));
            let allow = entries(table.take("allow"), mistakes);
            unknown(&table, mistakes);
            let mut names = Vec::new();
            for Named { name, text, .. } in allow {
                if let Some(algorithm) = algorithm(&text, mistakes) {
                    names.push((name.into_bytes().into(), at(&mut written.list, algorithm)));
                }
            }
            let default = match default {
                None => Unnamed::Refused,
                Some(text) if text.text == "credential" => Unnamed::Credential,
                Some(text) => algorithm(&text, mistakes)
                    .map_or(Unnamed::Refused, |default| Unnamed::One(at(&mut written.list, default))),
            };
            match from {
                Some(from) if !names.is_empty() => {
                    written.named = Some(WrittenChoice { from, names, default });
                }
                _ => mistakes.add(place, "an algorithm that is named by the request, and how is not said", {
                    "`algorithm = { from = \"{header.X-Alg}\", allow = { HS256 = \"hmac-sha256\" } }`"
                }),
            }
        }
        other => {
            let found = format!("`algorithm` is {}", other.what());
            mistakes.add(place, found, "a name, such as `hmac-sha256`, or a list of names");
        }
    }
    written
}

fn algorithm(text: &Text, mistakes: &mut Mistakes<'_>) -> Option<Algorithm> {
    let found = Algorithm::named(&text.text);
    if found.is_none() {
        let known = Algorithm::names();
        let would_do = match closest(&text.text, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of {}", listed(&known)),
        };
        mistakes.add(text.place, format!("there is no algorithm `{}`", text.text), would_do);
    }
    found
}

/// Whether of a list that the credential's secret picks from, one algorithm takes every secret that a later one could.
fn hides(before: Algorithm, later: Algorithm) -> bool {
    match (before, later) {
        (Algorithm::Hash(_) | Algorithm::Plain, _) => true,
        (Algorithm::Hmac(_), later) => !matches!(later, Algorithm::Public(_)),
        (Algorithm::Public(before), later) => later == Algorithm::Public(before),
    }
}

/// The place of an algorithm in a list, to which it is added where it is not there.
fn at(list: &mut Vec<Algorithm>, algorithm: Algorithm) -> usize {
    list.iter().position(|known| *known == algorithm).unwrap_or_else(|| {
        list.push(algorithm);
        list.len() - 1
    })
}

pub(super) fn encoding(entry: Option<Entry>, place: Place, mistakes: &mut Mistakes<'_>) -> Encoding {
    let none = Encoding::Codecs(Box::default());
    let known = || listed(&Codec::NAMES.map(|(name, _)| name.to_owned()));
    let Some(entry) = entry else {
        mistakes.add(place, "`encoding` is missing", format!("how the signature is written: {}", known()));
        return none;
    };
    let Some(Text { text, place }) = text(entry, mistakes) else { return none };
    if text == "raw" {
        return none;
    }
    let written = match syntax::filters(&text) {
        Ok(written) => written,
        Err(slip) => {
            mistakes.add_within(place, slip.at, slip.found, slip.would_do);
            return none;
        }
    };
    let mut filters = Vec::new();
    for filter in written {
        let args: Vec<filter::Arg> = filter
            .args
            .iter()
            .filter_map(|arg| match &arg.value {
                ArgValue::Text(text) => Some(filter::Arg::Text(text.clone())),
                ArgValue::Number(number) => Some(filter::Arg::Number(*number)),
                ArgValue::Expr(_) => None,
            })
            .collect();
        match Filter::named(&filter.name, &args, Kind::Text) {
            Ok((filter, Kind::Text)) if !filter.looks_elsewhere() => filters.push(filter),
            Ok(_) | Err(_) => mistakes.add_within(
                place,
                filter.at,
                format!("there is no encoding `{}`", filter.name),
                format!("`raw`, or one or more of {}, separated by `|`", known()),
            ),
        }
    }
    let codecs: Option<Vec<Codec>> = filters
        .iter()
        .map(|filter| if let Filter::Encode(codec) = filter { Some(*codec) } else { None })
        .collect();
    codecs.map_or(Encoding::Filters(filters.into()), |codecs| Encoding::Codecs(codecs.into()))
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

/// Limits as they are written, the template not compiled yet.
#[derive(Default)]
pub(super) struct WrittenLimits {
    pub(super) past: Option<Duration>,
    pub(super) named_past: Option<Text>,
    pub(super) future: Option<Duration>,
    pub(super) most: Option<Duration>,
    pub(super) place: Option<Place>,
}

pub(super) fn limits(entry: Option<Entry>, mistakes: &mut Mistakes<'_>) -> WrittenLimits {
    let mut limits = WrittenLimits::default();
    let Some(entry) = entry else { return limits };
    let place = entry.value.place;
    limits.place = Some(place);
    match entry.value.data {
        Data::Text(text) => {
            let both = length(&Text { text, place }, mistakes);
            (limits.past, limits.future) = (both, both);
        }
        Data::Table(mut table) => {
            let mut side = |name: &str| table.take(name).and_then(|entry| text(entry, mistakes));
            let (past, future, most) = (side("past"), side("future"), side("most"));
            unknown(&table, mistakes);
            match past {
                Some(past) if past.text.contains('{') => limits.named_past = Some(past),
                past => limits.past = past.and_then(|text| length(&text, mistakes)),
            }
            limits.future = future.and_then(|text| length(&text, mistakes));
            limits.most = most.and_then(|text| length(&text, mistakes));
        }
        other => mistakes.add(
            place,
            format!("`window` is {}", other.what()),
            "`window = \"300s\"`, or `window = { past = \"1h\", future = \"300s\" }`",
        ),
    }
    limits
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
