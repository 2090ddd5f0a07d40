//! Filters by name: what they take and what comes out.

use regex::bytes::{Regex, RegexBuilder};

use crate::codec::Codec;
use crate::filter::{Filter, Names, SortBy};
use crate::hash::Hash;
use crate::json::{Order, Spacing};
use crate::names::listed;
use crate::program::{Kind, Slot, Source};
use crate::time::Format;

/// The largest compiled regular expression, in bytes.
pub(crate) const MAX_REGEX_BYTES: usize = 1 << 18;
/// The most arguments of one filter.
const MAX_ARGUMENTS: usize = 32;
/// What RFC 3986 section 2.3 leaves as it is, beside letters and digits.
const UNRESERVED: &[u8] = b"-._~";

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
    Arguments(String),
    /// It takes the other kind of value.
    WrongKind(Kind),
}

/// The filters that are not named after a hash or an encoding, with what they work on and their arguments.
const FILTERS: [(&str, On, &str); 46] = [
    ("lower", On::Both, ""),
    ("upper", On::Both, ""),
    ("trim", On::Both, ""),
    ("squeeze", On::Both, ""),
    ("length", On::Both, ""),
    ("quote", On::Both, ""),
    (
        "tidy",
        On::Both,
        "'compact' or 'spaced', and 'sorted' where members go by their names, such as `tidy('compact', 'sorted')`",
    ),
    ("unbase58", On::Both, ""),
    ("crc32", On::Both, ""),
    ("normpath", On::Both, ""),
    ("lower-escapes", On::Both, ""),
    ("dec", On::Both, ""),
    ("dec-form", On::Both, ""),
    ("enc", On::Both, "the signs to leave as they are, such as `enc('-._~/')`; none means `-._~`"),
    ("enc-form", On::Both, "the signs to leave as they are, such as `enc-form('*-._')`; none means `-._~`"),
    ("slice", On::Both, "one or two numbers, such as `slice(0, 8)`"),
    ("replace", On::Both, "a regular expression and a text, such as `replace('^v1=', '')`"),
    ("capture", On::Both, "a regular expression, such as `capture('^v1=(.*)')`"),
    ("prefix", On::Both, "a text, such as `prefix('?')`"),
    ("suffix", On::Both, "a text, such as `suffix('&')`"),
    ("date", On::Both, "how it is written and how it is to be, such as `date('iso', 'unix')`"),
    ("or", On::Both, "one value of the same kind, such as `or('none')`"),
    ("then", On::Both, "one value of the same kind, such as `then('yes')`"),
    ("unless", On::Both, "one value, such as `unless(body)`"),
    ("split", On::Open, "one or two texts, such as `split(',', '=')`"),
    ("json", On::Open, ""),
    ("flat", On::Open, "one or two texts to put between names, such as `flat('.')` or `flat('[', ']')`"),
    ("xml", On::Open, ""),
    ("pairs", On::Open, ""),
    ("drop", On::List, "names, such as `drop('signature')`"),
    ("keep", On::List, "names, such as `keep('x-acme-*')`"),
    ("pick", On::List, "names, such as `pick(signed)`"),
    ("dropempty", On::List, ""),
    ("unique", On::List, ""),
    ("sort", On::List, "nothing, or one of 'name', 'nocase', 'value'"),
    ("join", On::List, "a text, such as `join(', ')`"),
    ("plus", On::List, "another list, such as `plus(form)`"),
    ("add", On::List, "a name and a value, such as `add('date', timestamp)`"),
    ("label", On::List, "one or two texts, such as `label('x-')`"),
    ("lower-names", On::List, ""),
    ("line", On::List, "a text, such as `line(': ')`"),
    ("all", On::List, "a name, such as `all('v1')`"),
    ("at", On::Take, "a name or a number, such as `at('sig')` or `at(0)`"),
    ("render", On::Take, "two texts, such as `render('=', '&')`"),
    ("values", On::Take, "a text to put between them, such as `values('|')`"),
    ("names", On::Take, "a text to put between them, such as `names(';')`"),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    /// A text or a list, of which it makes the same.
    Both,
    /// A text, of which it makes a list.
    Open,
    /// A list, of which it makes a list.
    List,
    /// A list, of which it makes a text.
    Take,
}

/// The names of all filters.
pub(crate) fn names() -> impl Iterator<Item = String> {
    let hashes = Hash::NAMES
        .iter()
        .flat_map(|(name, _)| [(*name).to_owned(), format!("hmac-{name}"), format!("chain-{name}")]);
    let codecs = Codec::NAMES.iter().flat_map(|(name, _)| [(*name).to_owned(), format!("un{name}")]);
    let others = FILTERS.iter().map(|(name, ..)| (*name).to_owned());
    hashes.chain(codecs).chain(others)
}

impl Filter {
    /// The filter of that name for a value of kind `on`, and the kind of what comes out.
    pub(crate) fn named(name: &str, args: &[Arg], on: Kind) -> Result<(Self, Kind), Misuse> {
        if args.len() > MAX_ARGUMENTS {
            return Err(Misuse::Arguments(format!("at most {MAX_ARGUMENTS}")));
        }
        if let Some(filter) = Self::of_hash_or_codec(name, args)? {
            return Ok((filter, on));
        }
        let Some((_, works_on, wanted)) = FILTERS.iter().find(|(known, ..)| *known == name) else {
            return Err(Misuse::Unknown);
        };
        let out = match (works_on, on) {
            (On::List | On::Take, Kind::Text) => return Err(Misuse::WrongKind(Kind::List)),
            (On::Open, Kind::List) => return Err(Misuse::WrongKind(Kind::Text)),
            (On::Open, Kind::Text) => Kind::List,
            (On::Take, Kind::List) => Kind::Text,
            (On::List, Kind::List) | (On::Both, Kind::Text | Kind::List) => on,
        };
        let filter = Self::built(name, args, on)?;
        let filter = filter.ok_or_else(|| {
            Misuse::Arguments(if wanted.is_empty() { "none".into() } else { (*wanted).into() })
        })?;
        Ok((filter, out))
    }

    fn of_hash_or_codec(name: &str, args: &[Arg]) -> Result<Option<Self>, Misuse> {
        let plain = Hash::named(name)
            .map(Self::Hash)
            .or_else(|| Codec::named(name).map(Self::Encode))
            .or_else(|| name.strip_prefix("un").and_then(Codec::named).map(Self::Decode));
        if let Some(filter) = plain {
            return if args.is_empty() { Ok(Some(filter)) } else { Err(Misuse::Arguments("none".into())) };
        }
        if let Some(hash) = name.strip_prefix("hmac-").and_then(Hash::named) {
            let key = if let [key] = args { key.text_slot() } else { None };
            let wanted = || Misuse::Arguments("a key, such as `hmac-sha256(secret)`".into());
            return key.map(|key| Some(Self::Hmac(hash, Box::new(key)))).ok_or_else(wanted);
        }
        let Some(hash) = name.strip_prefix("chain-").and_then(Hash::named) else { return Ok(None) };
        let parts: Option<Vec<Slot>> = args.iter().map(Arg::text_slot).collect();
        match parts {
            Some(parts) if !parts.is_empty() => Ok(Some(Self::Chain(hash, parts.into()))),
            _ => Err(Misuse::Arguments("texts, such as `chain-sha256(day, 'eu', 'v4')`".into())),
        }
    }

    /// The filter, or `None` where the arguments are not the ones it takes.
    fn built(name: &str, args: &[Arg], on: Kind) -> Result<Option<Self>, Misuse> {
        let texts: Vec<Option<&str>> = args.iter().map(Arg::as_text).collect();
        let filter = match (name, texts.as_slice()) {
            ("lower", []) => Self::Lower,
            ("upper", []) => Self::Upper,
            ("trim", []) => Self::Trim,
            ("squeeze", []) => Self::Squeeze,
            ("length", []) => Self::Length,
            ("quote", []) => Self::Quote,
            ("tidy", [Some("compact")]) => Self::Tidy(Order::AsSent, Spacing::Compact),
            ("tidy", [Some("spaced")]) => Self::Tidy(Order::AsSent, Spacing::Spaced),
            ("tidy", [Some("compact"), Some("sorted")]) => Self::Tidy(Order::Sorted, Spacing::Compact),
            ("tidy", [Some("spaced"), Some("sorted")]) => Self::Tidy(Order::Sorted, Spacing::Spaced),
            ("unbase58", []) => Self::Unbase58,
            ("crc32", []) => Self::Crc32,
            ("normpath", []) => Self::NormPath,
            ("lower-escapes", []) => Self::LowerEscapes,
            ("dec", []) => Self::Unescape { plus: false },
            ("dec-form", []) => Self::Unescape { plus: true },
            ("enc", []) => Self::Escape { safe: UNRESERVED.into(), plus: false },
            ("enc", [Some(safe)]) => Self::Escape { safe: boxed(safe), plus: false },
            ("enc-form", []) => Self::Escape { safe: UNRESERVED.into(), plus: true },
            ("enc-form", [Some(safe)]) => Self::Escape { safe: boxed(safe), plus: true },
            ("replace", [Some(regex), Some(with)]) => Self::Replace(compiled(regex)?, boxed(with)),
            ("capture", [Some(regex)]) => Self::Capture(compiled(regex)?),
            ("prefix", [Some(text)]) => Self::Prefix(boxed(text)),
            ("suffix", [Some(text)]) => Self::Suffix(boxed(text)),
            ("date", [Some(from), Some(to)]) => Self::Date(format(from)?, format(to)?),
            ("split", [Some(separator)]) => Self::Split(boxed(separator), None),
            ("split", [Some(separator), Some(inner)]) => Self::Split(boxed(separator), Some(boxed(inner))),
            ("json", []) => Self::Json,
            ("flat", [Some(front)]) => Self::Flat((*front).into(), "".into()),
            ("flat", [Some(front), Some(end)]) => Self::Flat((*front).into(), (*end).into()),
            ("xml", []) => Self::Xml,
            ("pairs", []) => Self::Pairs,
            ("dropempty", []) => Self::DropEmpty,
            ("unique", []) => Self::Unique,
            ("sort", []) => Self::Sort(SortBy::Pair),
            ("sort", [Some("name")]) => Self::Sort(SortBy::Name),
            ("sort", [Some("nocase")]) => Self::Sort(SortBy::Nocase),
            ("sort", [Some("value")]) => Self::Sort(SortBy::Value),
            ("join", [Some(separator)]) => Self::Join(boxed(separator)),
            ("label", [Some(front)]) => Self::Label(boxed(front), Box::default()),
            ("label", [Some(front), Some(end)]) => Self::Label(boxed(front), boxed(end)),
            ("lower-names", []) => Self::LowerNames,
            ("line", [Some(between)]) => Self::Line(boxed(between)),
            ("all", [Some(name)]) => Self::All(boxed(name)),
            ("at", [Some(name)]) => Self::At(boxed(name)),
            ("values", [Some(separator)]) => Self::Values(boxed(separator)),
            ("names", [Some(separator)]) => Self::NamesOf(boxed(separator)),
            ("render", [Some(between), Some(separator)]) => Self::Render(boxed(between), boxed(separator)),
            _ => return Ok(Self::with_values(name, args, on)),
        };
        Ok(Some(filter))
    }

    /// The filters whose arguments are numbers or values.
    fn with_values(name: &str, args: &[Arg], on: Kind) -> Option<Self> {
        match (name, args) {
            ("slice", [Arg::Number(from)]) => Some(Self::Slice(*from, i64::MAX)),
            ("slice", [Arg::Number(from), Arg::Number(to)]) => Some(Self::Slice(*from, *to)),
            ("at", [Arg::Number(at)]) => Some(Self::Nth(*at)),
            ("or", [other]) => other.slot(on).map(|slot| Self::Or(Box::new(slot))),
            ("then", [other]) => other.slot(on).map(|slot| Self::Then(Box::new(slot))),
            ("unless", [Arg::Slot(slot, _)]) => Some(Self::Unless(Box::new(slot.clone()))),
            ("plus", [Arg::Slot(slot, Kind::List)]) => Some(Self::Plus(Box::new(slot.clone()))),
            ("add", [Arg::Text(name), value]) => {
                value.text_slot().map(|value| Self::Add(boxed(name), Box::new(value)))
            }
            ("drop", _) => Names::listed(args).map(Self::Drop),
            ("keep", _) => Names::listed(args).map(Self::Keep),
            ("pick", _) => Names::listed(args).map(Self::Pick),
            _ => None,
        }
    }
}

impl Names {
    fn listed(args: &[Arg]) -> Option<Self> {
        if let [Arg::Slot(slot, _)] = args {
            return Some(Self::Listed(Box::new(slot.clone())));
        }
        let names: Option<Vec<Box<[u8]>>> = args.iter().map(|arg| arg.as_text().map(boxed)).collect();
        names.filter(|names| !names.is_empty()).map(|names| Self::Fixed(names.into()))
    }
}

impl Arg {
    fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::Slot(..) => None,
        }
    }

    fn slot(&self, wanted: Kind) -> Option<Slot> {
        match self {
            Self::Text(text) if wanted == Kind::Text => {
                Some(Slot { source: Source::Text(boxed(text)), filters: Box::default() })
            }
            Self::Slot(slot, kind) if *kind == wanted => Some(slot.clone()),
            Self::Text(_) | Self::Slot(..) | Self::Number(_) => None,
        }
    }

    fn text_slot(&self) -> Option<Slot> {
        self.slot(Kind::Text)
    }
}

fn boxed(text: &str) -> Box<[u8]> {
    text.as_bytes().into()
}

fn format(name: &str) -> Result<Format, Misuse> {
    let known = || listed(&Format::NAMES.map(|(name, _)| name.to_owned()));
    Format::named(name).ok_or_else(|| Misuse::Arguments(format!("forms of time: {}", known())))
}

fn compiled(text: &str) -> Result<Regex, Misuse> {
    regex(text)
        .map_err(|why| Misuse::Arguments(format!("a regular expression; this one cannot be used: {why}")))
}

/// A regular expression over bytes: protocols are ASCII, and `\d` is 0 to 9, not every script's digits.
pub(crate) fn regex(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text)
        .unicode(false)
        .size_limit(MAX_REGEX_BYTES)
        .dfa_size_limit(MAX_REGEX_BYTES)
        .build();
    built.map_err(|error| {
        let why = error.to_string();
        why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })
}
