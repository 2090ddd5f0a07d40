//! Pairs that are picked by name out of a long chain of lists: what is not picked is not made.

use std::borrow::Cow;

use super::Filter;
use super::list::pick;
use crate::claim::Flaw;
use crate::program::{ListSource, Piece, Slot, Source};
use crate::scope::Scope;
use crate::value::{List, Value};

/// The place of the first `pick` among filters.
pub(crate) fn place_of_pick(filters: &[Filter]) -> Option<usize> {
    filters.iter().position(|filter| matches!(filter, Filter::Pick(_)))
}

impl<'v> Scope<'_, 'v> {
    /// What the `pick` at `place` among the filters of a slot gives.
    pub(crate) fn picked(&self, slot: &Slot, place: usize) -> Result<List<'v>, Flaw> {
        let (before, Some(Filter::Pick(names))) = (slot.filters.get(..place), slot.filters.get(place)) else {
            return Ok(List::new());
        };
        let names = names.resolve(self)?;
        let wanted: Vec<&[u8]> = names.iter().map(|name| &**name).collect();
        let before = before.unwrap_or_default();
        // What ends in `*` stands for names that are not known.
        let list = if wanted.iter().any(|name| name.ends_with(b"*")) {
            self.listed(&slot.source, before)?
        } else {
            self.narrowed(&slot.source, before, &wanted)?
        };
        pick(&list, &names)
    }

    /// The list that these filters make of a source, with no pair left out that has one of these names.
    fn narrowed(&self, source: &Source, filters: &[Filter], wanted: &[&[u8]]) -> Result<List<'v>, Flaw> {
        let Some((filter, before)) = filters.split_last() else { return self.narrow_source(source, wanted) };
        match filter {
            Filter::Add(name, value) => {
                let mut list = self.narrowed(source, before, wanted)?;
                if wanted.contains(&&**name) {
                    list.push((Cow::Owned(name.to_vec()), self.text(value)?.into_cow()));
                }
                Ok(list)
            }
            Filter::Plus(other) => {
                let mut list = self.narrowed(source, before, wanted)?;
                list.extend(self.narrowed(&other.source, &other.filters, wanted)?);
                Ok(list)
            }
            Filter::Label(front, end) => {
                let bare = wanted.iter().copied();
                let bare = bare.filter_map(|name| name.strip_prefix(&**front)?.strip_suffix(&**end));
                let bare: Vec<&[u8]> = bare.collect();
                let list = self.narrowed(source, before, &bare)?;
                self.filtered(filter, list)
            }
            // Each pair stays what it is, whichever others there are beside those of its name.
            Filter::Trim
            | Filter::Squeeze
            | Filter::Lower
            | Filter::Upper
            | Filter::Join(_)
            | Filter::Line(_)
            | Filter::Unique
            | Filter::DropEmpty
            | Filter::Drop(_)
            | Filter::Keep(_) => {
                let list = self.narrowed(source, before, wanted)?;
                self.filtered(filter, list)
            }
            _ => self.listed(source, filters),
        }
    }

    fn narrow_source(&self, source: &Source, wanted: &[&[u8]]) -> Result<List<'v>, Flaw> {
        match source {
            Source::List(ListSource::Headers) => {
                let named = self.request.headers.iter().filter(|header| wanted.contains(&header.name));
                Ok(named.map(|header| (Cow::Borrowed(header.name), Cow::Borrowed(header.value))).collect())
            }
            Source::Let(at) => match self.program.lets.get(*at) {
                Some(step) if !step.shared => match &*step.template.pieces {
                    [Piece::Slot(slot)] => self.narrowed(&slot.source, &slot.filters, wanted),
                    _ => self.listed(source, &[]),
                },
                Some(_) | None => self.listed(source, &[]),
            },
            source => self.listed(source, &[]),
        }
    }

    fn filtered(&self, filter: &Filter, list: List<'v>) -> Result<List<'v>, Flaw> {
        match filter.apply(Value::List(list), self)? {
            Value::List(list) => Ok(list),
            Value::Text(_) => Ok(List::new()),
        }
    }

    /// The whole list.
    fn listed(&self, source: &Source, filters: &[Filter]) -> Result<List<'v>, Flaw> {
        let mut value = self.source(source)?;
        for filter in filters {
            value = filter.apply(value, self)?;
        }
        match value {
            Value::List(list) => Ok(list),
            Value::Text(_) => Ok(List::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_model::HeaderList;

    use super::*;
    use crate::{Dialects, Request};

    /// What a chain that ends in `pick` gives, as it is worked out and with nothing left out on the way.
    fn both(chain: &str) -> [Result<List<'static>, Flaw>; 2] {
        let text = format!(
            "[dialect.x]\nsignature = '{{header.Sig}}'\nencoding = 'hex'\nalgorithm = 'hmac-sha256'\n\
             let.fields = \"{{headers | trim | join(', ') | label('<', '>')}}\"\nlet.kept = \"{{query | sort}}\"\n\
             let.other = \"{{kept | at('a')}}\"\nstring_to_sign = \"{{{chain} | render('=', '&')}}\""
        );
        let dialects = Dialects::load(&[crate::Source { origin: "x".into(), text }]).unwrap();
        let recipe = dialects.iter().next().unwrap();
        let program = &recipe.variants[0];
        let headers =
            HeaderList::from_iter([("x-one", " 1 "), ("x-two", "2"), ("x-three", "3"), ("x-one", "4")]);
        let target = "/p?b=2&a=1&b=3&x-two=q";
        let request = Request {
            method: "GET",
            scheme: "https",
            host: "h",
            target,
            headers: headers.view(),
            body: None,
        };
        let scope = Scope::new(program, &request, &[], None, b"");
        let Piece::Slot(slot) = &program.string_to_sign.pieces[0] else { panic!("a slot") };
        let place = place_of_pick(&slot.filters).unwrap();
        let whole = scope.listed(&slot.source, &slot.filters[..=place]);
        let own = |list: List<'_>| -> List<'static> {
            let own = |text: Cow<'_, [u8]>| Cow::Owned(text.into_owned());
            list.into_iter().map(|(name, value)| (own(name), own(value))).collect()
        };
        [scope.picked(slot, place).map(own), whole.map(own)]
    }

    #[test]
    fn what_is_picked_is_the_same_when_nothing_else_is_made() {
        for chain in [
            "headers | pick('x-two', 'x-one')",
            "headers | trim | join(',') | pick('x-one')",
            "headers | pick('x-*')",
            "headers | pick('x-four')",
            "headers | pick('x-two', 'x-two')",
            "fields | plus(query) | add('m', method) | pick('m', '<x-one>', 'b', '<x-two>')",
            "fields | plus(query) | add('m', method) | pick('x-one')",
            "query | add('a', path) | unique | pick('b', 'a')",
            "kept | plus(kept) | drop('a') | pick('b')",
            "kept | add('o', other) | upper | squeeze | dropempty | pick('o')",
            "query | lower-names | label('<', '>') | line('-') | pick('<b>')",
            "headers | lower | keep('x-t*') | sort | pick('x-three', 'x-two')",
        ] {
            let [lazy, whole] = both(chain);
            assert_eq!(lazy, whole, "{chain}");
        }
    }

    #[test]
    fn what_is_not_picked_cannot_spoil_what_is() {
        // `x-one` stands twice.
        let [lazy, whole] = both("headers | add('o', header.x-one) | pick('x-two')");
        assert_eq!((lazy.map(|list| list.len()), whole), (Ok(1), Err(Flaw::Twice)));
    }
}
