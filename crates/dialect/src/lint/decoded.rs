//! Where what is signed of the target has lost which signs were escaped.

use crate::filter::{Filter, Names};
use crate::lint::walk;
use crate::program::{ListSource, Piece, Program, Slot, Source, Template};
use crate::recipe::RequestPart;

/// What of the target stands in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// Nothing, or one value of it, or a digest.
    Nothing,
    /// A text as it was sent.
    Text,
    /// Names and values as they were sent, or escaped anew.
    Pairs,
    /// Names and values with their escapes decoded.
    Plain,
}

/// Whether two targets of which one escapes a delimiter that the other has are signed alike.
pub(super) fn ambiguous(program: &Program) -> bool {
    let walk = Walk { program };
    walk.template(&program.string_to_sign)
}

#[derive(Clone, Copy)]
struct Walk<'p> {
    program: &'p Program,
}

impl Walk<'_> {
    fn template(self, template: &Template) -> bool {
        walk::slots(template).any(|slot| self.slot(slot).1)
    }

    /// What a slot holds in the end, and whether delimiters were lost on the way.
    fn slot(self, slot: &Slot) -> (Held, bool) {
        let (mut held, mut lost) = self.source(&slot.source);
        for filter in &slot.filters {
            let given = filter.slots().iter().map(|inner| self.slot(inner));
            for (inner, inner_lost) in given {
                lost |= inner_lost && !chooses(filter);
                if matches!(filter, Filter::Plus(_)) && inner == Held::Plain {
                    held = Held::Plain;
                }
            }
            lost |= loses(held, filter) && !self.signed_as_sent(&slot.source);
            held = after(held, filter);
        }
        (held, lost)
    }

    fn source(self, source: &Source) -> (Held, bool) {
        match source {
            Source::Path | Source::RawQuery | Source::Target | Source::Url => (Held::Text, false),
            Source::List(ListSource::RawQuery) => (Held::Pairs, false),
            Source::List(ListSource::Query) => (Held::Plain, false),
            Source::Let(at) => {
                let Some(step) = self.program.lets.get(*at) else { return (Held::Nothing, false) };
                match &*step.template.pieces {
                    [Piece::Slot(slot)] => self.slot(slot),
                    _ => (self.text(&step.template), self.template(&step.template)),
                }
            }
            Source::Text(_)
            | Source::Method
            | Source::Scheme
            | Source::Host
            | Source::Hostname
            | Source::Port
            | Source::Body
            | Source::Secret
            | Source::Header(_)
            | Source::Query(_)
            | Source::Form(_)
            | Source::Json(_)
            | Source::List(_)
            | Source::Field(_)
            | Source::Signature
            | Source::Group(_) => (Held::Nothing, false),
        }
    }

    /// What a text of several pieces holds.
    fn text(self, template: &Template) -> Held {
        let held = |slot: &Slot| self.slot(slot).0 != Held::Nothing;
        if walk::slots(template).any(held) { Held::Text } else { Held::Nothing }
    }

    /// Whether the string to sign has the same part of the target once more, as it was sent.
    fn signed_as_sent(self, source: &Source) -> bool {
        let of = |part: RequestPart| source.uses().has(part.whole());
        let (path, query) = (of(RequestPart::Path), of(RequestPart::Query));
        let bare = |slot: &Slot| slot.filters.is_empty();
        let has = |part: RequestPart| {
            walk::slots(&self.program.string_to_sign)
                .any(|slot| bare(slot) && slot.source.uses().has(part.whole()))
        };
        (path || query) && (!path || has(RequestPart::Path)) && (!query || has(RequestPart::Query))
    }
}

/// Whether the arguments of a filter only choose.
fn chooses(filter: &Filter) -> bool {
    matches!(filter, Filter::Unless(_) | Filter::Keep(_) | Filter::Drop(_) | Filter::Pick(_))
}

/// Whether a delimiter and its escape are the same after this.
fn loses(held: Held, filter: &Filter) -> bool {
    match held {
        Held::Nothing | Held::Pairs => false,
        Held::Text => matches!(filter, Filter::Unescape { .. }),
        Held::Plain => {
            matches!(filter, Filter::Render(..) | Filter::Values(_) | Filter::NamesOf(_))
        }
    }
}

fn after(held: Held, filter: &Filter) -> Held {
    // There is nothing that one value could be taken for.
    let one_name = |names: &[Box<[u8]>]| matches!(names, [name] if !name.ends_with(b"*"));
    let anew = |safe: &[u8]| !safe.iter().any(|sign| b"&=/?".contains(sign));
    match (held, filter) {
        (
            _,
            Filter::Hash(_)
            | Filter::Hmac(..)
            | Filter::Chain(..)
            | Filter::Length
            | Filter::At(_)
            | Filter::Nth(_)
            | Filter::All(_),
        ) => Held::Nothing,
        (_, Filter::Keep(Names::Fixed(names)) | Filter::Pick(Names::Fixed(names))) if one_name(names) => {
            Held::Nothing
        }
        (Held::Pairs, Filter::Unescape { .. }) => Held::Plain,
        (Held::Plain, Filter::Escape { safe, .. }) if anew(safe) => Held::Pairs,
        (Held::Text, Filter::Split(..) | Filter::Pairs)
        | (Held::Plain, Filter::Encode(_) | Filter::Quote) => Held::Pairs,
        (Held::Pairs | Held::Plain, Filter::Render(..) | Filter::Values(_) | Filter::NamesOf(_)) => {
            Held::Text
        }
        (held, _) => held,
    }
}
