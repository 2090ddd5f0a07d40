//! What can be done to a value.

use std::borrow::Cow;

use crate::claim::Flaw;
use crate::codec::Codec;
use crate::hash::Hash;
use crate::pairs;
use crate::program::{Kind, Slot};
use crate::scope::Scope;
use crate::value::{Bytes, List, Value};

/// A filter, its arguments resolved.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    /// The digest, as raw bytes.
    Hash(Hash),
    Encode(Codec),
    Decode(Codec),
    /// Percent-escapes decoded; `+` is a blank.
    UrlDecode,
    Lower,
    Upper,
    /// Blanks at both ends taken off.
    Trim,
    /// The value, or where it is empty another.
    Or(Box<Slot>),
    /// The bytes from one place to another; negative places count from the end.
    Slice(i64, i64),
    /// The value under a name in a list.
    At(Box<[u8]>),
}

/// An argument of a filter, its names resolved.
pub(crate) enum Arg {
    Text(String),
    Number(i64),
    Slot(Slot, Kind),
}

/// Why a filter cannot stand where it stands.
pub(crate) enum Misuse {
    Unknown,
    /// It takes other arguments: these.
    Arguments(&'static str),
    /// It takes the other kind of value.
    WrongKind(Kind),
}

/// The filters that take no arguments.
const PLAIN: [(&str, Filter); 4] = [
    ("lower", Filter::Lower),
    ("upper", Filter::Upper),
    ("trim", Filter::Trim),
    ("urldecode", Filter::UrlDecode),
];

/// The filters that take arguments.
const WITH_ARGUMENTS: [&str; 3] = ["or", "at", "slice"];

/// The names of all filters.
pub(crate) fn names() -> impl Iterator<Item = String> {
    Hash::NAMES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .chain(Codec::NAMES.iter().flat_map(|(name, _)| [(*name).to_owned(), format!("un{name}")]))
        .chain(PLAIN.iter().map(|(name, _)| (*name).to_owned()))
        .chain(WITH_ARGUMENTS.iter().map(|name| (*name).to_owned()))
}

impl Filter {
    /// The filter of that name for a value of kind `on`, and the kind of what comes out.
    pub(crate) fn named(name: &str, args: Vec<Arg>, on: Kind) -> Result<(Self, Kind), Misuse> {
        let plain = PLAIN.iter().find(|(known, _)| *known == name).map(|(_, filter)| filter.clone());
        let codec = |name| Codec::named(name);
        let filter = plain
            .or_else(|| Hash::named(name).map(Self::Hash))
            .or_else(|| codec(name).map(Self::Encode))
            .or_else(|| name.strip_prefix("un").and_then(codec).map(Self::Decode));
        if let Some(filter) = filter {
            return match args.as_slice() {
                [] => Ok((filter, on)),
                _ => Err(Misuse::Arguments("none")),
            };
        }
        let mut args = args.into_iter();
        let args = (args.next(), args.next());
        match (name, args, on) {
            ("or", (Some(other), None), on) => match other.into_slot() {
                Some((slot, kind)) if kind == on => Ok((Self::Or(Box::new(slot)), on)),
                _ => Err(Misuse::Arguments("one value of the same kind, such as `or('none')`")),
            },
            ("at", (Some(Arg::Text(name)), None), Kind::List) => {
                Ok((Self::At(name.into_bytes().into()), Kind::Text))
            }
            ("slice", (Some(Arg::Number(from)), to), on) => match to {
                None => Ok((Self::Slice(from, i64::MAX), on)),
                Some(Arg::Number(to)) => Ok((Self::Slice(from, to), on)),
                Some(_) => Err(Misuse::Arguments("one or two numbers, such as `slice(0, 8)`")),
            },
            ("slice", _, _) => Err(Misuse::Arguments("one or two numbers, such as `slice(0, 8)`")),
            ("at", _, Kind::Text) => Err(Misuse::WrongKind(Kind::List)),
            ("or", _, _) => Err(Misuse::Arguments("one value, such as `or('none')`")),
            ("at", _, _) => Err(Misuse::Arguments("one name, such as `at('sig')`")),
            _ => Err(Misuse::Unknown),
        }
    }

    /// By how much the output can be longer than the input.
    pub(crate) fn growth(&self) -> usize {
        match self {
            Self::Encode(_) => 2,
            Self::Hash(_)
            | Self::Decode(_)
            | Self::UrlDecode
            | Self::Lower
            | Self::Upper
            | Self::Trim
            | Self::Or(_)
            | Self::Slice(..)
            | Self::At(_) => 1,
        }
    }

    /// Does it.
    pub(crate) fn apply<'v>(&self, value: Value<'v>, scope: &Scope<'_, 'v>) -> Result<Value<'v>, Flaw> {
        match (self, value) {
            (Self::Or(other), value) => {
                let empty = match &value {
                    Value::Text(bytes) => bytes.is_empty(),
                    Value::List(list) => list.is_empty(),
                };
                if empty { scope.value(other) } else { Ok(value) }
            }
            (Self::At(name), Value::List(list)) => at(list, name).map(Value::Text),
            (filter, Value::Text(bytes)) => filter.on_text(bytes).map(Value::Text),
            (filter, Value::List(list)) => {
                let mapped: Result<List<'v>, Flaw> = list
                    .into_iter()
                    .map(|(name, value)| Ok((name, filter.on_text(value.into())?.into_cow())))
                    .collect();
                mapped.map(Value::List)
            }
        }
    }

    fn on_text<'v>(&self, bytes: Bytes<'v>) -> Result<Bytes<'v>, Flaw> {
        Ok(match self {
            Self::Hash(hash) => Bytes::Digest(hash.of(bytes.as_slice())),
            Self::Encode(codec) => Bytes::Owned(codec.encode(bytes.as_slice())),
            Self::Decode(codec) => Bytes::Owned(codec.decode_vec(bytes.as_slice()).ok_or(Flaw::NotEncoded)?),
            Self::UrlDecode => Bytes::Owned(pairs::percent(bytes.as_slice(), true)),
            Self::Lower => Bytes::Owned(bytes.as_slice().to_ascii_lowercase()),
            Self::Upper => Bytes::Owned(bytes.as_slice().to_ascii_uppercase()),
            Self::Trim => match bytes {
                Bytes::Borrowed(bytes) => Bytes::Borrowed(bytes.trim_ascii()),
                bytes => Bytes::Owned(bytes.as_slice().trim_ascii().to_vec()),
            },
            Self::Slice(from, to) => Bytes::Owned(slice(bytes.as_slice(), *from, *to).to_vec()),
            Self::Or(_) | Self::At(_) => bytes,
        })
    }
}

impl Arg {
    fn into_slot(self) -> Option<(Slot, Kind)> {
        match self {
            Self::Text(text) => {
                let source = crate::program::Source::Text(text.into_bytes().into());
                Some((Slot { source, filters: Box::default() }, Kind::Text))
            }
            Self::Slot(slot, kind) => Some((slot, kind)),
            Self::Number(_) => None,
        }
    }
}

fn slice(bytes: &[u8], from: i64, to: i64) -> &[u8] {
    let place = |at: i64| {
        let back = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
        if at < 0 { bytes.len().saturating_sub(back) } else { back.min(bytes.len()) }
    };
    bytes.get(place(from)..place(to)).unwrap_or_default()
}

fn at<'v>(list: List<'v>, name: &[u8]) -> Result<Bytes<'v>, Flaw> {
    let mut found: Option<Cow<'v, [u8]>> = None;
    for (key, value) in list {
        if *key == *name {
            if found.is_some() {
                return Err(Flaw::Twice);
            }
            found = Some(value);
        }
    }
    Ok(found.map_or(Bytes::EMPTY, Bytes::from))
}
