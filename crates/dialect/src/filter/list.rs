//! What is done to lists.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::claim::Flaw;
use crate::filter::{Filter, Names, SortBy};
use crate::scope::Scope;
use crate::value::{Bytes, List, MAX_PAIRS, Value};

/// The most names that a request may list.
const MAX_NAMES: usize = 128;

/// Up to how many pairs are compared each with each: beyond, a table of their names is quicker.
const FEW: usize = 32;

type Text<'v> = Cow<'v, [u8]>;

impl Filter {
    pub(super) fn on_list<'v>(&self, mut list: List<'v>, scope: &Scope<'_, 'v>) -> Result<Value<'v>, Flaw> {
        Ok(Value::List(match self {
            Self::At(name) => return at(&list, name).map(Value::Text),
            Self::Nth(at) => return Ok(Value::Text(nth(list, *at))),
            Self::Render(between, separator) => {
                return Ok(written(&list, separator, |(name, value)| [name, between, value]));
            }
            Self::Values(separator) => return Ok(written(&list, separator, |(_, value)| [value])),
            Self::NamesOf(separator) => return Ok(written(&list, separator, |(name, _)| [name])),
            Self::Drop(names) => {
                let names = names.resolve(scope)?;
                list.retain(|(name, _)| !names.iter().any(|wanted| matches(wanted, name)));
                list
            }
            Self::Keep(names) => {
                let names = names.resolve(scope)?;
                list.retain(|(name, _)| names.iter().any(|wanted| matches(wanted, name)));
                list
            }
            Self::Pick(names) => pick(&list, &names.resolve(scope)?)?,
            Self::DropEmpty => {
                list.retain(|(_, value)| !value.is_empty());
                list
            }
            Self::Unique => unique(list),
            Self::Sort(by) => {
                sort(&mut list, *by);
                list
            }
            Self::Join(separator) => join(list, separator),
            Self::Plus(other) => {
                if let Value::List(more) = scope.value(other)? {
                    list.extend(more);
                }
                list
            }
            Self::Add(name, value) => {
                let value = scope.text(value)?.into_cow();
                list.push((Cow::Owned(name.to_vec()), value));
                list
            }
            Self::Label(front, end) => renamed(list, |name| [front, name, end].concat()),
            Self::Line(between) => {
                let whole = |name: &[u8], value: &[u8]| Cow::Owned([name, between, value].concat());
                list.into_iter().map(|(name, value)| (name.clone(), whole(&name, &value))).collect()
            }
            Self::LowerNames => renamed(list, <[u8]>::to_ascii_lowercase),
            Self::All(wanted) => {
                list.retain(|(name, _)| **name == **wanted);
                list
            }
            Self::Escape { .. } | Self::Unescape { .. } => {
                let changed = list.into_iter().map(|(name, value)| {
                    Ok((self.change(name.into())?.into_cow(), self.change(value.into())?.into_cow()))
                });
                changed.collect::<Result<List<'v>, Flaw>>()?
            }
            filter => return Value::List(list).map(|bytes| filter.change(bytes)),
        }))
        .and_then(bounded)
    }
}

fn bounded(value: Value<'_>) -> Result<Value<'_>, Flaw> {
    match value {
        Value::List(list) if list.len() > MAX_PAIRS => Err(Flaw::TooMany),
        value => Ok(value),
    }
}

impl Names {
    pub(crate) fn resolve<'n, 'v: 'n>(&'n self, scope: &Scope<'_, 'v>) -> Result<Vec<Text<'n>>, Flaw> {
        match self {
            Self::Fixed(names) => Ok(names.iter().map(|name| Cow::Borrowed(&**name)).collect()),
            Self::Listed(slot) => {
                let names: Vec<Text<'n>> = match scope.value(slot)? {
                    Value::List(list) => {
                        list.into_iter().map(|(_, name)| name).filter(|name| !name.is_empty()).collect()
                    }
                    Value::Text(text) => match text.into_cow() {
                        Cow::Borrowed(listed) => names_in(listed).map(Cow::Borrowed).collect(),
                        Cow::Owned(listed) => {
                            names_in(&listed).map(|name| Cow::Owned(name.to_vec())).collect()
                        }
                    },
                };
                if names.len() > MAX_NAMES { Err(Flaw::TooMany) } else { Ok(names) }
            }
        }
    }
}

fn names_in(listed: &[u8]) -> impl Iterator<Item = &[u8]> {
    listed.split(|byte| b" ;,".contains(byte)).filter(|name| !name.is_empty())
}

/// Whether a name is meant by another one, which may end in `*`.
pub(crate) fn matches(wanted: &[u8], name: &[u8]) -> bool {
    match wanted.strip_suffix(b"*") {
        Some(front) => name.starts_with(front),
        None => wanted == name,
    }
}

/// The pairs of these names, in their order. Each name must be there, and be named once.
pub(super) fn pick<'v>(list: &List<'v>, names: &[Text<'_>]) -> Result<List<'v>, Flaw> {
    let mut picked = List::new();
    for (at, wanted) in names.iter().enumerate() {
        if names.get(..at).is_some_and(|before| before.contains(wanted)) {
            return Err(Flaw::Twice);
        }
        let before = picked.len();
        picked.extend(list.iter().filter(|(name, _)| matches(wanted, name)).cloned());
        if picked.len() == before && !wanted.ends_with(b"*") {
            return Err(Flaw::Missing);
        }
    }
    Ok(picked)
}

fn sort(list: &mut List<'_>, by: SortBy) {
    match by {
        SortBy::Pair => list.sort(),
        SortBy::Name => list.sort_by(|(a, _), (b, _)| a.cmp(b)),
        SortBy::Nocase => list.sort_by_cached_key(|(name, _)| name.to_ascii_lowercase()),
        SortBy::Value => list.sort_by(|(_, a), (_, b)| a.cmp(b)),
    }
}

fn join<'v>(list: List<'v>, separator: &[u8]) -> List<'v> {
    let again = |at: usize, name: &Text<'v>| list.iter().take(at).any(|(before, _)| before == name);
    if list.len() <= FEW && !list.iter().enumerate().any(|(at, (name, _))| again(at, name)) {
        return list;
    }
    let mut places: HashMap<Text<'v>, usize> = HashMap::new();
    let mut joined = List::new();
    for (name, value) in list {
        match places.entry(name.clone()) {
            Entry::Vacant(vacant) => {
                vacant.insert(joined.len());
                joined.push((name, value));
            }
            Entry::Occupied(at) => {
                if let Some((_, known)) = joined.get_mut(*at.get()) {
                    let whole = known.to_mut();
                    whole.extend_from_slice(separator);
                    whole.extend_from_slice(&value);
                }
            }
        }
    }
    joined
}

fn unique(list: List<'_>) -> List<'_> {
    let mut places: HashMap<Text<'_>, usize> = HashMap::new();
    let mut kept = List::new();
    for (name, value) in list {
        if let Some(known) = places.get(&name).and_then(|at| kept.get_mut(*at)) {
            *known = (name, value);
        } else {
            places.insert(name.clone(), kept.len());
            kept.push((name, value));
        }
    }
    kept
}

fn renamed(list: List<'_>, rename: impl Fn(&[u8]) -> Vec<u8>) -> List<'_> {
    list.into_iter().map(|(name, value)| (Cow::Owned(rename(&name)), value)).collect()
}

fn written<'l, 'v, const PARTS: usize>(
    list: &'l List<'v>,
    separator: &'l [u8],
    parts: impl Fn((&'l [u8], &'l [u8])) -> [&'l [u8]; PARTS],
) -> Value<'v> {
    let mut whole = Vec::new();
    for (at, (name, value)) in list.iter().enumerate() {
        if at > 0 {
            whole.extend_from_slice(separator);
        }
        for part in parts((name, value)) {
            whole.extend_from_slice(part);
        }
    }
    Value::Text(Bytes::Owned(whole))
}

fn nth(list: List<'_>, at: i64) -> Bytes<'_> {
    let far = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
    let at = if at < 0 { list.len().checked_sub(far) } else { Some(far) };
    at.and_then(|at| list.into_iter().nth(at)).map_or(Bytes::EMPTY, |(_, value)| value.into())
}

/// The value under a name, which may be there once.
pub(crate) fn at<'v>(list: &List<'v>, wanted: &[u8]) -> Result<Bytes<'v>, Flaw> {
    let mut values = list.iter().filter(|(name, _)| **name == *wanted).map(|(_, value)| value);
    let found = values.next();
    if values.next().is_some() {
        return Err(Flaw::Twice);
    }
    Ok(found.map_or(Bytes::EMPTY, |value| value.clone().into()))
}
