//! Which parts of a request the signature depends on, read from the templates.

use crate::filter::Filter;
use crate::hash::Hash;
use crate::lint::Coverage;
use crate::lint::walk::{self, Step};
use crate::program::{ListSource, Program, Slot, Source, Template, Uses};
use crate::recipe::RequestPart;

/// How much of a part the signature of a variant covers.
pub(super) fn of(program: &Program, part: RequestPart) -> Coverage {
    if program.signed.has(part.whole()) {
        Coverage::Whole
    } else if (Walk { program, part: Look::At(part) }).signed() {
        Coverage::Partly
    } else {
        Coverage::Nothing
    }
}

/// Whether a part goes into what a slot comes to.
pub(super) fn slot_looks_at(program: &Program, slot: &Slot, part: RequestPart) -> bool {
    Walk { program, part: Look::At(part) }.slot(slot)
}

/// The hashes whose digests stand in what is signed for what a caller chooses.
pub(super) fn digests(program: &Program) -> Vec<Hash> {
    let mut found = Vec::new();
    let mut collect = |slot: &Slot| {
        for filter in &slot.filters {
            if let Filter::Hash(hash) = filter
                && !found.contains(hash)
                && (Walk { program, part: Look::AtAnything }).slot(slot)
            {
                found.push(*hash);
            }
        }
        Step::Into
    };
    walk::texts(program).for_each(|text| walk::every_slot(program, text, &mut collect));
    found
}

#[derive(Clone, Copy)]
enum Look {
    /// One part.
    At(RequestPart),
    /// Anything that a request brings.
    AtAnything,
}

/// A search through a program's templates.
struct Walk<'p> {
    program: &'p Program,
    part: Look,
}

impl Walk<'_> {
    /// Whether it goes into the signature in any way.
    fn signed(&self) -> bool {
        walk::signed(self.program).any(|template| self.template(template))
    }

    fn template(&self, template: &Template) -> bool {
        walk::slots(template).any(|slot| self.slot(slot))
    }

    fn slot(&self, slot: &Slot) -> bool {
        let behind = match &slot.source {
            Source::Let(_) => walk::step(self.program, slot).is_some_and(|step| self.template(step)),
            Source::Field(field) => {
                self.program.field(*field).is_some_and(|template| self.template(template))
            }
            Source::Group(group) => self.group(*group),
            source => self.source(source),
        };
        behind || slot.filters.iter().flat_map(Filter::slots).any(|inner| self.slot(inner))
    }

    /// A group is a part of what its expression looks at.
    fn group(&self, group: usize) -> bool {
        walk::subjects(self.program, group).any(|subject| self.slot(subject))
    }

    fn source(&self, source: &Source) -> bool {
        match self.part {
            Look::AtAnything => source.uses().has(Uses::REQUEST),
            Look::At(part) => {
                source.uses().has(part.whole())
                    || match source {
                        Source::Header(name) => part == RequestPart::Host && *name == http::header::HOST,
                        Source::List(ListSource::Headers) | Source::Port => part == RequestPart::Host,
                        Source::Query(_) => part == RequestPart::Query,
                        Source::Form(_) | Source::Json(_) => part == RequestPart::Body,
                        Source::Text(_)
                        | Source::Method
                        | Source::Scheme
                        | Source::Host
                        | Source::Hostname
                        | Source::Path
                        | Source::RawQuery
                        | Source::Target
                        | Source::Url
                        | Source::Body
                        | Source::Secret
                        | Source::List(_)
                        | Source::Field(_)
                        | Source::Signature
                        | Source::Group(_)
                        | Source::Let(_) => false,
                    }
            }
        }
    }
}
