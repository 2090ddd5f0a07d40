//! What goes into the templates of a program.

use crate::filter::Filter;
use crate::program::{Match, Piece, Program, Slot, Source, Template};

/// Whether the step that a slot names is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Into,
    Past,
}

/// The texts that are signed: the string to sign, and both sides of the checks.
pub(super) fn texts(program: &Program) -> impl Iterator<Item = &Template> {
    std::iter::once(&program.string_to_sign).chain(program.checks.iter().flat_map(|check| &check.sides))
}

/// Everything that the signature depends on: those texts, the key, and what names the algorithm.
pub(super) fn signed(program: &Program) -> impl Iterator<Item = &Template> {
    let named = program.algorithms.named.iter().map(|named| &named.from);
    texts(program).chain([&program.key]).chain(named)
}

/// The slots that stand in a template itself.
pub(super) fn slots(template: &Template) -> impl Iterator<Item = &Slot> {
    template.pieces.iter().filter_map(|piece| match piece {
        Piece::Slot(slot) => Some(slot),
        Piece::Text(_) => None,
    })
}

/// The step that a slot names.
pub(super) fn step<'p>(program: &'p Program, slot: &Slot) -> Option<&'p Template> {
    let Source::Let(at) = &slot.source else { return None };
    program.lets.get(*at).map(|step| &step.template)
}

/// Shows every slot that goes into a template: each of its own, then those of the step that it names, where `visit` wants these, then those
/// that its filters take.
pub(super) fn every_slot<'p>(
    program: &'p Program,
    template: &'p Template,
    visit: &mut dyn FnMut(&'p Slot) -> Step,
) {
    slots(template).for_each(|slot| behind(program, slot, visit));
}

fn behind<'p>(program: &'p Program, slot: &'p Slot, visit: &mut dyn FnMut(&'p Slot) -> Step) {
    if visit(slot) == Step::Into
        && let Some(step) = step(program, slot)
    {
        every_slot(program, step, visit);
    }
    slot.filters.iter().flat_map(Filter::slots).for_each(|inner| behind(program, inner, visit));
}

/// What a group is caught in.
pub(super) fn subjects(program: &Program, group: usize) -> impl Iterator<Item = &Slot> {
    let of = move |found: &&Match| found.groups.iter().any(|(_, at)| *at == group);
    program.matches.iter().filter(of).map(|found| &found.subject)
}
