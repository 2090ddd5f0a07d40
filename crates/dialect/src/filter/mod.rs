//! What can be done to a value.

mod build;
mod list;
mod picked;
mod text;

use regex::bytes::Regex;

pub(crate) use self::build::{Arg, Misuse, names, regex};
pub(crate) use self::list::{at, matches};
pub(crate) use self::picked::place_of_pick;
pub(crate) use self::text::escape;
use crate::claim::Flaw;
use crate::codec::Codec;
use crate::hash::Hash;
use crate::json::{Order, Spacing};
use crate::program::Slot;
use crate::scope::Scope;
use crate::time::Format;
use crate::value::{Bytes, List, Value};

/// A filter, its arguments resolved.
///
/// What works on a text works on every value of a list; `enc`, `dec` and `lower-names` work on its names too.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    /// The digest, as raw bytes.
    Hash(Hash),
    /// The HMAC under a key, as raw bytes.
    Hmac(Hash, Box<Slot>),
    /// HMAC after HMAC: the value is the first key, each MAC is the next one's key.
    Chain(Hash, Box<[Slot]>),
    Encode(Codec),
    Decode(Codec),
    /// Percent-escapes for all but ASCII letters, digits and these; a blank may become `+`.
    Escape {
        safe: Box<[u8]>,
        plus: bool,
    },
    /// Percent-escapes decoded; `+` may stand for a blank.
    Unescape {
        plus: bool,
    },
    /// The hex digits of percent-escapes in lower case.
    LowerEscapes,
    /// Dot segments and doubled slashes taken out of a path (RFC 3986 section 5.2.4).
    NormPath,
    Lower,
    Upper,
    /// Blanks at both ends taken off.
    Trim,
    /// The same, and every run of blanks inside made one.
    Squeeze,
    /// The bytes from one place to another; negative places count from the end.
    Slice(i64, i64),
    /// What a regular expression matches, replaced.
    Replace(Regex, Box<[u8]>),
    /// What the first group of a regular expression catches, or where it has none, all that matches.
    Capture(Regex),
    /// Something in front, where there is anything.
    Prefix(Box<[u8]>),
    /// Something behind, where there is anything.
    Suffix(Box<[u8]>),
    /// The number of bytes, in digits.
    Length,
    /// A JSON string.
    Quote,
    /// A JSON document, written anew.
    Tidy(Order, Spacing),
    /// Base58, undone.
    Unbase58,
    /// The CRC-32 in decimal digits.
    Crc32,
    /// A time, written another way.
    Date(Format, Format),

    /// The value, or where it is empty another.
    Or(Box<Slot>),
    /// Another value, where this one is not empty.
    Then(Box<Slot>),
    /// The value, where another is empty.
    Unless(Box<Slot>),

    /// A text split at a sign; each part may be split once more into a name and a value.
    Split(Box<[u8]>, Option<Box<[u8]>>),
    /// The members of a JSON object, or the elements of an array.
    Json,
    /// What stands at the ends of a JSON document, under the names on the way to it with these between them.
    Flat(Box<str>, Box<str>),
    /// The elements inside the outermost one of an XML document.
    Xml,
    /// The pairs of a query or form as they are written.
    Pairs,

    /// The pairs without those of these names.
    Drop(Names),
    /// The pairs of these names alone.
    Keep(Names),
    /// The pairs of these names in the order of the names, each of which must be there.
    Pick(Names),
    /// The pairs whose value is not empty.
    DropEmpty,
    Sort(SortBy),
    /// Of pairs of one name the last.
    Unique,
    /// Pairs of one name made one, their values joined.
    Join(Box<[u8]>),
    /// Another list behind this one.
    Plus(Box<Slot>),
    /// One more pair.
    Add(Box<[u8]>, Box<Slot>),
    /// Something in front of every name, and something behind.
    Label(Box<[u8]>, Box<[u8]>),
    LowerNames,
    /// Every value with its name and a text in front.
    Line(Box<[u8]>),
    /// The values under a name.
    All(Box<[u8]>),

    /// The value under a name, which may be there once.
    At(Box<[u8]>),
    /// The value at a place; negative places count from the end.
    Nth(i64),
    /// Names and values written out.
    Render(Box<[u8]>, Box<[u8]>),
    /// Values written out.
    Values(Box<[u8]>),
    /// Names written out.
    NamesOf(Box<[u8]>),
}

/// Names to choose pairs by. One that ends in `*` stands for all that begin so.
#[derive(Clone, Debug)]
pub(crate) enum Names {
    Fixed(Box<[Box<[u8]>]>),
    /// Names that the request lists: the values of a list, or a text, separated by blanks, commas or semicolons.
    Listed(Box<Slot>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortBy {
    /// By name, then by value.
    Pair,
    /// By name; pairs of one name stay in order.
    Name,
    /// By name without regard to case.
    Nocase,
    /// By value.
    Value,
}

impl Filter {
    /// The values among the arguments.
    pub(crate) fn slots(&self) -> &[Slot] {
        match self {
            Self::Hmac(_, slot)
            | Self::Or(slot)
            | Self::Then(slot)
            | Self::Unless(slot)
            | Self::Plus(slot)
            | Self::Add(_, slot)
            | Self::Drop(Names::Listed(slot))
            | Self::Keep(Names::Listed(slot))
            | Self::Pick(Names::Listed(slot)) => std::slice::from_ref(slot),
            Self::Chain(_, slots) => slots,
            Self::Drop(Names::Fixed(_))
            | Self::Keep(Names::Fixed(_))
            | Self::Pick(Names::Fixed(_))
            | Self::Hash(_)
            | Self::Encode(_)
            | Self::Decode(_)
            | Self::Escape { .. }
            | Self::Unescape { .. }
            | Self::LowerEscapes
            | Self::NormPath
            | Self::Lower
            | Self::Upper
            | Self::Trim
            | Self::Squeeze
            | Self::Slice(..)
            | Self::Replace(..)
            | Self::Capture(_)
            | Self::Prefix(_)
            | Self::Suffix(_)
            | Self::Length
            | Self::Quote
            | Self::Tidy(..)
            | Self::Unbase58
            | Self::Crc32
            | Self::Date(..)
            | Self::Split(..)
            | Self::Json
            | Self::Flat(..)
            | Self::Xml
            | Self::Pairs
            | Self::DropEmpty
            | Self::Sort(_)
            | Self::Unique
            | Self::Join(_)
            | Self::Label(..)
            | Self::LowerNames
            | Self::Line(_)
            | Self::All(_)
            | Self::At(_)
            | Self::Nth(_)
            | Self::Render(..)
            | Self::Values(_)
            | Self::NamesOf(_) => &[],
        }
    }

    /// Whether an argument looks at the request or the secret.
    pub(crate) fn looks_elsewhere(&self) -> bool {
        !self.slots().is_empty()
    }

    /// Whether only a part of the input may be left.
    pub(crate) fn leaves_a_part(&self) -> bool {
        match self {
            Self::Keep(_)
            | Self::Pick(_)
            | Self::All(_)
            | Self::At(_)
            | Self::Nth(_)
            | Self::Capture(_)
            | Self::Slice(..)
            | Self::Length
            // Another text with the same digits is made at once.
            | Self::Crc32
            | Self::Then(_)
            | Self::Unless(_)
            | Self::Split(..) => true,
            Self::Hash(_)
            | Self::Hmac(..)
            | Self::Chain(..)
            | Self::Encode(_)
            | Self::Decode(_)
            | Self::Escape { .. }
            | Self::Unescape { .. }
            | Self::LowerEscapes
            | Self::NormPath
            | Self::Lower
            | Self::Upper
            | Self::Trim
            | Self::Squeeze
            | Self::Replace(..)
            | Self::Prefix(_)
            | Self::Suffix(_)
            | Self::Quote
            | Self::Tidy(..)
            | Self::Unbase58
            | Self::Date(..)
            | Self::Or(_)
            | Self::Json
            | Self::Flat(..)
            | Self::Xml
            | Self::Pairs
            | Self::Drop(_)
            | Self::DropEmpty
            | Self::Sort(_)
            | Self::Unique
            | Self::Join(_)
            | Self::Plus(_)
            | Self::Add(..)
            | Self::Label(..)
            | Self::LowerNames
            | Self::Line(_)
            | Self::Render(..)
            | Self::Values(_)
            | Self::NamesOf(_) => false,
        }
    }

    /// By how much the output can be longer than the input.
    pub(crate) fn growth(&self) -> usize {
        match self {
            Self::Encode(_) | Self::Tidy(..) => 2,
            Self::Escape { .. } => 3,
            Self::Quote => 6,
            Self::Flat(..) => 9,
            Self::Replace(_, text) => 1 + text.len(),
            Self::Date(..) => 4,
            // What the first seven add is fixed, and a list has no more than so many pairs.
            Self::Prefix(_)
            | Self::Suffix(_)
            | Self::Join(_)
            | Self::Values(_)
            | Self::NamesOf(_)
            | Self::Label(..)
            | Self::Render(..)
            | Self::Hash(_)
            | Self::Hmac(..)
            | Self::Chain(..)
            | Self::Decode(_)
            | Self::Unescape { .. }
            | Self::LowerEscapes
            | Self::NormPath
            | Self::Lower
            | Self::Upper
            | Self::Trim
            | Self::Squeeze
            | Self::Slice(..)
            | Self::Capture(_)
            | Self::Length
            | Self::Or(_)
            | Self::Then(_)
            | Self::Unless(_)
            | Self::Split(..)
            | Self::Json
            | Self::Xml
            | Self::Unbase58
            | Self::Crc32
            | Self::Pairs
            | Self::Drop(_)
            | Self::Keep(_)
            | Self::Pick(_)
            | Self::DropEmpty
            | Self::Unique
            | Self::Sort(_)
            | Self::Plus(_)
            | Self::Add(..)
            | Self::LowerNames
            | Self::Line(_)
            | Self::All(_)
            | Self::At(_)
            | Self::Nth(_) => 1,
        }
    }

    /// Does it.
    pub(crate) fn apply<'v>(&self, value: Value<'v>, scope: &Scope<'_, 'v>) -> Result<Value<'v>, Flaw> {
        match self {
            Self::Or(other) => {
                if value.is_empty() {
                    scope.value(other)
                } else {
                    Ok(value)
                }
            }
            Self::Then(other) => {
                if value.is_empty() {
                    Ok(value)
                } else {
                    scope.value(other)
                }
            }
            Self::Unless(other) => {
                let keep = scope.value(other)?.is_empty();
                Ok(if keep { value } else { value.emptied() })
            }
            Self::Hmac(hash, key) => {
                let key = scope.text(key)?;
                let key = crate::hash::HmacKey::new(*hash, key.as_slice());
                value.map(|bytes| Ok(Bytes::Digest(key.of(bytes.as_slice()))))
            }
            Self::Chain(hash, parts) => {
                let parts: Result<Vec<Bytes<'v>>, Flaw> = parts.iter().map(|part| scope.text(part)).collect();
                let parts = parts?;
                value.map(|first| Ok(text::chain(*hash, first, &parts)))
            }
            filter => match value {
                Value::Text(bytes) => filter.on_text(bytes),
                Value::List(list) => filter.on_list(list, scope),
            },
        }
    }
}

impl<'v> Value<'v> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Text(bytes) => bytes.is_empty(),
            Self::List(list) => list.is_empty(),
        }
    }

    fn emptied(self) -> Self {
        match self {
            Self::Text(_) => Self::Text(Bytes::EMPTY),
            Self::List(_) => Self::List(List::new()),
        }
    }

    /// Changes a text, or every value of a list.
    fn map(self, mut change: impl FnMut(Bytes<'v>) -> Result<Bytes<'v>, Flaw>) -> Result<Self, Flaw> {
        match self {
            Self::Text(bytes) => change(bytes).map(Self::Text),
            Self::List(list) => {
                let changed =
                    list.into_iter().map(|(name, value)| Ok((name, change(value.into())?.into_cow())));
                changed.collect::<Result<List<'v>, Flaw>>().map(Self::List)
            }
        }
    }
}
