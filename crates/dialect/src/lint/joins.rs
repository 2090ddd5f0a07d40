//! Where one variable part ends and the next begins with nothing to tell.

use crate::filter::Filter;
use crate::lint::walk::step;
use crate::lint::{coverage, walk};
use crate::program::{Field, Piece, Program, Slot, Source, Template};
use crate::recipe::RequestPart;

/// What stands in a text, as far as its ends go.
enum Part<'p> {
    /// The same in every request of a credential.
    Same,
    /// The secret.
    Secret,
    /// Of one length, or such that it tells its own end.
    Measured,
    /// Anything that a caller chooses.
    Free(&'p Slot),
}

/// Whether there is a place in what is signed where one part can be made longer at the cost of the next.
pub(super) fn ambiguous(program: &Program) -> bool {
    walk::texts(program).any(|template| in_template(program, template))
}

/// Whether what a caller chooses stands behind the secret, and the secret not behind that again.
pub(super) fn can_be_extended(program: &Program) -> bool {
    let mut parts = Vec::new();
    flatten(program, &program.string_to_sign, &mut parts);
    let behind = parts.iter().rposition(|part| matches!(part, Part::Secret));
    behind.is_some_and(|at| parts.iter().skip(at + 1).any(|part| matches!(part, Part::Free(_))))
}

fn in_template(program: &Program, template: &Template) -> bool {
    let mut parts = Vec::new();
    flatten(program, template, &mut parts);
    joined(program, &parts) || walk::slots(template).any(|slot| inside(program, slot))
}

/// Whether there is such a place within what a slot is made of.
fn inside(program: &Program, slot: &Slot) -> bool {
    let empty_render = slot.filters.iter().any(|filter| {
        matches!(filter, Filter::Render(between, after) if between.is_empty() || after.is_empty())
            || matches!(filter, Filter::Values(after) | Filter::NamesOf(after) if after.is_empty())
            || matches!(filter, Filter::Line(between) if between.is_empty())
    });
    empty_render
        || step(program, slot).is_some_and(|template| in_template(program, template))
        || slot.filters.iter().flat_map(Filter::slots).any(|inner| inside(program, inner))
}

/// The parts of a template, steps that only name another one written out.
fn flatten<'p>(program: &'p Program, template: &'p Template, parts: &mut Vec<Part<'p>>) {
    for piece in &template.pieces {
        match piece {
            Piece::Text(_) => parts.push(Part::Same),
            Piece::Slot(slot) => match step(program, slot) {
                Some(template) if slot.filters.is_empty() => flatten(program, template, parts),
                _ => parts.push(part(program, slot)),
            },
        }
    }
}

fn part<'p>(program: &'p Program, slot: &'p Slot) -> Part<'p> {
    if slot.source == Source::Secret && slot.filters.iter().all(|filter| filter.slots().is_empty()) {
        return Part::Secret;
    }
    // How a digest is written does not change that it has one length.
    let made = slot
        .filters
        .iter()
        .rev()
        .find(|filter| !matches!(filter, Filter::Encode(_) | Filter::Upper | Filter::Lower));
    if matches!(made, Some(Filter::Hash(_) | Filter::Hmac(..) | Filter::Chain(..) | Filter::Date(..))) {
        return Part::Measured;
    }
    // A number of bytes, where it is not the end that is taken off something longer.
    if matches!(made, Some(Filter::Slice(from, to)) if *from >= 0 && *to > 0) {
        return Part::Measured;
    }
    let read_for = |field| is_field(program, &slot.source, field);
    if read_for(Field::KeyId) {
        return Part::Same;
    }
    if read_for(Field::Timestamp) || read_for(Field::Expires) {
        return Part::Measured;
    }
    match &slot.source {
        // One credential has one key id.
        Source::Text(_) | Source::Secret | Source::Field(Field::KeyId) => Part::Same,
        // Times in the window have as many digits as each other; no method is the beginning of another one.
        Source::Field(Field::Timestamp | Field::Expires) | Source::Method | Source::Scheme | Source::Port => {
            Part::Measured
        }
        Source::Host
        | Source::Hostname
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
        | Source::Field(Field::Nonce)
        | Source::Signature
        | Source::Group(_)
        | Source::Let(_) => Part::Free(slot),
    }
}

/// Whether a source is read where a field is read.
fn is_field(program: &Program, source: &Source, field: Field) -> bool {
    program.field(field).is_some_and(|template| match &*template.pieces {
        [Piece::Slot(slot)] => slot.filters.is_empty() && slot.source == *source,
        _ => false,
    })
}

/// Whether two free parts stand beside each other with nothing that tells where the first one ends.
fn joined(program: &Program, parts: &[Part<'_>]) -> bool {
    let mut before: Vec<&Slot> = Vec::new();
    for part in parts {
        match part {
            Part::Same | Part::Secret => before.clear(),
            Part::Measured => {}
            Part::Free(slot) => {
                if before.iter().any(|first| !told_apart(program, first, slot)) {
                    return true;
                }
                // What may be empty leaves its neighbours beside each other.
                if !may_be_empty(slot) {
                    before.clear();
                }
                before.push(slot);
            }
        }
    }
    false
}

fn told_apart(program: &Program, first: &Slot, second: &Slot) -> bool {
    stand_apart(first, second) || is_read_from(program, first, second)
}

/// What is put in front or behind where there is anything is as good as text between.
fn stand_apart(first: &Slot, second: &Slot) -> bool {
    let behind = matches!(first.filters.last(), Some(Filter::Suffix(text)) if !text.is_empty());
    let in_front = matches!(second.filters.last(), Some(Filter::Prefix(text)) if !text.is_empty());
    // A host ends where its path begins.
    let host = matches!(first.source, Source::Host | Source::Hostname);
    let slash = matches!(second.source, Source::Path | Source::Target);
    behind || in_front || (host && slash)
}

fn may_be_empty(slot: &Slot) -> bool {
    let never_empty =
        matches!(slot.source, Source::Path | Source::Target | Source::Url | Source::Host | Source::Hostname);
    !never_empty || slot.filters.iter().any(Filter::leaves_a_part)
}

/// Whether the first stands in the second too: then the second says what the first is.
fn is_read_from(program: &Program, first: &Slot, second: &Slot) -> bool {
    let whole = |part: RequestPart| second.source.uses().has(part.whole());
    RequestPart::EVERY.into_iter().any(|part| whole(part) && coverage::slot_looks_at(program, first, part))
}
