//! Whether the time and the nonce that a request is read with are signed.

use crate::filter::{self, Filter, Names};
use crate::lint::Coverage;
use crate::lint::walk::{self, Step};
use crate::program::{Field, ListSource, Match, Piece, Program, Slot, Source, Template};
use crate::time::Format;

/// How much of what a field is read from the signature of a variant covers; `None` where there is no such field.
pub(super) fn of(program: &Program, field: Field) -> Option<Coverage> {
    let template = program.field(field)?;
    let covers = |signed| {
        let steps = named_by(program, signed);
        // A step that goes into both may be looked at as it is, or as what it is made of.
        [steps.as_slice(), &[]].map(|steps| by(program, field, template, signed, steps))
    };
    walk::signed(program).flat_map(covers).max()
}

/// How much of a field one template covers, where these steps are looked at as they are.
fn by(program: &Program, field: Field, template: &Template, signed: &Template, steps: &[usize]) -> Coverage {
    let leaves = read_from(program, template, steps);
    let covered = |leaf: &Source| Look { program, field, template, leaf }.template(signed);
    let all: Vec<Coverage> = leaves.iter().map(covered).collect();
    let least = all.iter().min().copied().unwrap_or(Coverage::Whole);
    // Where one of them is signed, it depends on the request which is read.
    let most = all.iter().max().copied().unwrap_or(Coverage::Whole);
    if least < most { Coverage::Partly } else { least }
}

/// The steps that a template names, through whatever other steps.
fn named_by(program: &Program, template: &Template) -> Vec<usize> {
    let mut steps = Vec::new();
    walk::every_slot(program, template, &mut |slot| {
        let Source::Let(at) = &slot.source else { return Step::Past };
        if steps.contains(at) {
            return Step::Past;
        }
        steps.push(*at);
        Step::Into
    });
    steps
}

/// The parts of the request that a template reads, and the steps that `signed` names too; through whatever other steps.
fn read_from(program: &Program, template: &Template, signed: &[usize]) -> Vec<Source> {
    let mut leaves = Vec::new();
    walk::every_slot(program, template, &mut |slot| {
        match &slot.source {
            Source::Let(at) if !signed.contains(at) => return Step::Into,
            Source::Text(_) | Source::Secret | Source::Signature => {}
            Source::Method
            | Source::Scheme
            | Source::Host
            | Source::Hostname
            | Source::Port
            | Source::Path
            | Source::RawQuery
            | Source::Target
            | Source::Url
            | Source::Body
            | Source::Header(_)
            | Source::Query(_)
            | Source::Form(_)
            | Source::Json(_)
            | Source::List(_)
            | Source::Field(_)
            | Source::Group(_)
            | Source::Let(_) => leaves.push(slot.source.clone()),
        }
        Step::Past
    });
    leaves
}

/// A search for one part of the request from which a field is read.
struct Look<'p> {
    program: &'p Program,
    field: Field,
    template: &'p Template,
    leaf: &'p Source,
}

impl Look<'_> {
    fn template(&self, template: &Template) -> Coverage {
        walk::slots(template).map(|slot| self.slot(slot)).max().unwrap_or(Coverage::Nothing)
    }

    fn slot(&self, slot: &Slot) -> Coverage {
        // Where the same stands in both, it does not matter how much of its source that is.
        let own =
            matches!(&*self.template.pieces, [Piece::Slot(own)] if format!("{own:?}") == format!("{slot:?}"));
        if own {
            return Coverage::Whole;
        }
        let mut covered = self.source(&slot.source);
        for filter in &slot.filters {
            covered = self.behind(filter, covered);
            let stands_in = matches!(filter, Filter::Or(_) | Filter::Then(_) | Filter::Unless(_));
            for inner in filter.slots() {
                let inner = self.slot(inner);
                covered = covered.max(if stands_in { inner.min(Coverage::Partly) } else { inner });
            }
        }
        covered
    }

    /// What is left behind a filter of what was covered before it.
    fn behind(&self, filter: &Filter, covered: Coverage) -> Coverage {
        match filter {
            Filter::Drop(Names::Fixed(names)) if self.is_among(names) => Coverage::Nothing,
            Filter::Drop(Names::Fixed(_)) if self.name().is_some() => covered,
            Filter::Keep(Names::Fixed(names)) | Filter::Pick(Names::Fixed(names)) => {
                if self.is_among(names) {
                    covered
                } else {
                    Coverage::Nothing
                }
            }
            Filter::Unless(other) if self.stands_in_for(other) => covered,
            Filter::Drop(_) | Filter::Date(_, Format::Day) => covered.min(Coverage::Partly),
            filter => {
                if filter.leaves_a_part() {
                    covered.min(Coverage::Partly)
                } else {
                    covered
                }
            }
        }
    }

    /// Whether the part is read only where another one is not there.
    fn stands_in_for(&self, other: &Slot) -> bool {
        let [Piece::Slot(own)] = &*self.template.pieces else { return false };
        let stands_in = |filter: &Filter| matches!(filter, Filter::Or(slot) if slot.source == *self.leaf && slot.filters.is_empty());
        own.source == other.source && own.filters.first().is_some_and(stands_in)
    }

    fn is_among(&self, names: &[Box<[u8]>]) -> bool {
        let Some(own) = self.name() else { return false };
        names.iter().any(|name| filter::matches(name, own))
    }

    /// What the part is called in a list.
    fn name(&self) -> Option<&[u8]> {
        match self.leaf {
            Source::Header(name) => Some(name.as_str().as_bytes()),
            Source::Query(name) | Source::Form(name) => Some(name.as_bytes()),
            Source::Json(leaf) => self.program.json.name_of(*leaf).map(str::as_bytes),
            Source::List(_) | Source::Let(_) => self.member(),
            Source::Text(_)
            | Source::Method
            | Source::Scheme
            | Source::Host
            | Source::Hostname
            | Source::Port
            | Source::Path
            | Source::RawQuery
            | Source::Target
            | Source::Url
            | Source::Body
            | Source::Secret
            | Source::Field(_)
            | Source::Signature
            | Source::Group(_) => None,
        }
    }

    /// What the field takes out of a list.
    fn member(&self) -> Option<&[u8]> {
        let [Piece::Slot(own)] = &*self.template.pieces else { return None };
        if let Some(Filter::At(name)) = own.filters.last() { Some(name) } else { None }
    }

    fn source(&self, source: &Source) -> Coverage {
        if source == self.leaf {
            return Coverage::Whole;
        }
        match source {
            Source::Let(at) => {
                let step = self.program.lets.get(*at);
                step.map_or(Coverage::Nothing, |step| self.template(&step.template))
            }
            Source::Field(field) if *field == self.field => Coverage::Whole,
            Source::Field(field) => {
                self.program.field(*field).map_or(Coverage::Nothing, |template| self.template(template))
            }
            Source::Group(group) if self.encloses(*group) => Coverage::Whole,
            Source::Group(group) => self.subject_of(*group, |slot| self.slot(slot)).min(Coverage::Partly),
            source => {
                let within =
                    |part: &Source| if holds(source, part) { Coverage::Whole } else { Coverage::Nothing };
                if let Source::Group(group) = self.leaf {
                    self.subject_of(*group, |slot| {
                        if slot.source == *source { Coverage::Whole } else { within(&slot.source) }
                    })
                } else {
                    within(self.leaf)
                }
            }
        }
    }

    /// Whether the part is a group within another one, of the same expression.
    fn encloses(&self, outer: usize) -> bool {
        let Source::Group(inner) = self.leaf else { return false };
        let number = |found: &Match, group: usize| {
            found.groups.iter().find(|(_, at)| *at == group).map(|(number, _)| *number)
        };
        self.program.matches.iter().any(|found| match (number(found, outer), number(found, *inner)) {
            (Some(outer), Some(inner)) => is_inside(found.regex.as_str(), inner, outer),
            (Some(_), None) | (None, Some(_) | None) => false,
        })
    }

    /// What a group is caught in.
    fn subject_of(&self, group: usize, look: impl Fn(&Slot) -> Coverage) -> Coverage {
        walk::subjects(self.program, group).map(look).max().unwrap_or(Coverage::Nothing)
    }
}

/// Whether one part of a request is within another.
fn holds(outer: &Source, inner: &Source) -> bool {
    match outer {
        Source::Url | Source::Target => matches!(
            inner,
            Source::Path
                | Source::RawQuery
                | Source::Query(_)
                | Source::List(ListSource::Query | ListSource::RawQuery)
        ),
        Source::RawQuery | Source::List(ListSource::Query | ListSource::RawQuery) => {
            matches!(
                inner,
                Source::RawQuery | Source::Query(_) | Source::List(ListSource::Query | ListSource::RawQuery)
            )
        }
        Source::Body => matches!(
            inner,
            Source::Form(_)
                | Source::Json(_)
                | Source::List(ListSource::Form | ListSource::RawForm | ListSource::Json)
        ),
        Source::List(ListSource::Form | ListSource::RawForm) => {
            matches!(inner, Source::Form(_) | Source::List(ListSource::Form | ListSource::RawForm))
        }
        Source::List(ListSource::Json) => matches!(inner, Source::Json(_)),
        Source::List(ListSource::Headers) => matches!(inner, Source::Header(_)),
        Source::Text(_)
        | Source::Method
        | Source::Scheme
        | Source::Host
        | Source::Hostname
        | Source::Port
        | Source::Path
        | Source::Secret
        | Source::Header(_)
        | Source::Query(_)
        | Source::Form(_)
        | Source::Json(_)
        | Source::List(ListSource::Secret)
        | Source::Field(_)
        | Source::Signature
        | Source::Group(_)
        | Source::Let(_) => false,
    }
}

/// Whether one capturing group of an expression stands inside another; groups are counted from 1.
fn is_inside(expression: &str, inner: usize, outer: usize) -> bool {
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut count = 0;
    let mut rest = expression.chars().peekable();
    let mut in_class = 0_usize;
    while let Some(c) = rest.next() {
        match c {
            '\\' => drop(rest.next()),
            '[' => in_class += 1,
            ']' => in_class = in_class.saturating_sub(1),
            '(' if in_class == 0 => {
                let mut ahead = rest.clone();
                // `(?P<name>` and `(?<name>` capture, other `(?` do not.
                let captures = ahead.next() != Some('?') || matches!(ahead.next(), Some('P' | '<'));
                let number = captures.then(|| {
                    count += 1;
                    count
                });
                if number == Some(inner) {
                    return open.contains(&Some(outer));
                }
                open.push(number);
            }
            ')' if in_class == 0 => drop(open.pop()),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stand_inside_each_other_as_their_brackets_do() {
        let expression = r"^\((?P<a>[()](?:x(?P<b>\)))) (?<c>y)";
        assert!(is_inside(expression, 2, 1));
        assert!(!is_inside(expression, 1, 2));
        assert!(!is_inside(expression, 3, 1));
        assert!(!is_inside(expression, 3, 2));
    }
}
