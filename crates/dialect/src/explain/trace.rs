//! Where each piece of the string to sign comes from.

use std::ops::Range;

use crate::claim::Claim;
use crate::explain::told;
use crate::filter::Filter;
use crate::program::{ListSource, Piece, Program, Slot, Source, Template};
use crate::recipe::Recipe;
use crate::request::Request;
use crate::scope::Scope;
use crate::value::{Bytes, Value};
use crate::verify::Mismatch;

/// How much of one piece is kept, in bytes.
const MAX_SHOWN: usize = 16 * 1024;
/// The most pieces of one trace: steps may name steps that name steps.
const MAX_PIECES: usize = 512;

/// One piece of the string to sign, or of what went into a piece.
#[derive(Clone, Debug)]
pub struct TracedPiece {
    /// As the dialect writes it, without braces: `header.x-timestamp`. `None` where the dialect itself supplies the text.
    pub expression: Option<String>,
    /// Where a field such as `timestamp` is read from, as the dialect writes it.
    pub read_from: Option<String>,
    /// What it came to.
    pub shown: Shown,
    /// Where it stands in the request, where it is a part of the target or of the body as it was sent.
    pub place: Option<Place>,
    /// What it was made of, where a step was put together first.
    pub made_of: Vec<TracedPiece>,
}

/// What a piece came to.
#[derive(Clone, PartialEq, Eq)]
pub enum Shown {
    /// The bytes.
    Bytes(Vec<u8>),
    /// The first of so many bytes.
    Front(Vec<u8>, usize),
    /// It holds the secret, or was made with it.
    Withheld,
}

/// A part of the request, by where it begins and ends in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the target.
    Target(Range<usize>),
    /// In the body.
    Body(Range<usize>),
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Front(_, len) => write!(f, "Front(of {len} bytes)"),
            Self::Withheld => f.write_str("Withheld"),
        }
    }
}

impl Recipe {
    /// Takes the string to sign of a claim apart, piece by piece. What holds the secret is withheld.
    pub fn trace(
        &self,
        claim: &Claim<'_>,
        request: &Request<'_>,
        secret: &[u8],
    ) -> Result<Vec<TracedPiece>, Mismatch> {
        let program = self.program(claim).ok_or(Mismatch::Foreign)?;
        let scope = Scope::new(program, request, &claim.groups, Some(claim), secret);
        Tracer { program, scope: &scope, left: MAX_PIECES }.template(&program.string_to_sign)
    }
}

struct Tracer<'t, 'p, 'v> {
    program: &'p Program,
    scope: &'t Scope<'p, 'v>,
    left: usize,
}

impl Tracer<'_, '_, '_> {
    fn template(&mut self, template: &Template) -> Result<Vec<TracedPiece>, Mismatch> {
        let mut traced = Vec::new();
        for piece in &template.pieces {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            traced.push(match piece {
                Piece::Text(text) => TracedPiece {
                    expression: None,
                    read_from: None,
                    shown: shown(text),
                    place: None,
                    made_of: Vec::new(),
                },
                Piece::Slot(slot) => self.slot(slot)?,
            });
        }
        Ok(traced)
    }

    fn slot(&mut self, slot: &Slot) -> Result<TracedPiece, Mismatch> {
        let made_of = match &slot.source {
            Source::Let(at) => match self.program.lets.get(*at) {
                Some(step) if !step.template.is_list => self.template(&step.template)?,
                Some(_) | None => Vec::new(),
            },
            _ => Vec::new(),
        };
        let value = self.scope.value(slot).map_err(Mismatch::Unreadable)?;
        let bytes = match &value {
            Value::Text(bytes) => bytes.as_slice(),
            Value::List(_) => b"",
        };
        let read_from = match &slot.source {
            Source::Field(field) => told::field(self.program, *field),
            _ => None,
        };
        Ok(TracedPiece {
            expression: Some(told::slot(self.program, slot)),
            read_from,
            place: self.place(&value),
            shown: if self.program.holds_secret(slot) { Shown::Withheld } else { shown(bytes) },
            made_of,
        })
    }

    /// What is borrowed from the request lies within it.
    fn place(&self, value: &Value<'_>) -> Option<Place> {
        let Value::Text(Bytes::Borrowed(part)) = value else { return None };
        let within = |whole: &[u8]| {
            let (whole, part) = (whole.as_ptr_range(), part.as_ptr_range());
            let inside = whole.start <= part.start && part.end <= whole.end && part.start < part.end;
            inside.then(|| {
                let start = part.start.addr() - whole.start.addr();
                start..start + (part.end.addr() - part.start.addr())
            })
        };
        let request = self.scope.request;
        within(request.target.as_bytes())
            .map(Place::Target)
            .or_else(|| within(request.body.unwrap_or_default()).map(Place::Body))
    }
}

fn shown(bytes: &[u8]) -> Shown {
    match bytes.get(..MAX_SHOWN) {
        Some(front) if bytes.len() > MAX_SHOWN => Shown::Front(front.to_vec(), bytes.len()),
        _ => Shown::Bytes(bytes.to_vec()),
    }
}

impl Program {
    /// Whether the secret is in what a slot comes to, through whatever steps.
    pub(crate) fn holds_secret(&self, slot: &Slot) -> bool {
        // Steps are not made of themselves, but may share steps: each is looked at once.
        let mut seen = vec![false; self.lets.len()];
        self.slot_holds_secret(slot, &mut seen)
    }

    fn slot_holds_secret(&self, slot: &Slot, seen: &mut [bool]) -> bool {
        let source = match &slot.source {
            Source::Secret | Source::List(ListSource::Secret) => true,
            Source::Let(at) => match (self.lets.get(*at), seen.get_mut(*at)) {
                (Some(step), Some(seen_before)) if !*seen_before => {
                    *seen_before = true;
                    let slots: Vec<&Slot> = step.template.slots().collect();
                    slots.into_iter().any(|slot| self.slot_holds_secret(slot, seen))
                }
                _ => false,
            },
            _ => false,
        };
        source || slot.filters.iter().flat_map(Filter::slots).any(|slot| self.slot_holds_secret(slot, seen))
    }
}

impl Template {
    /// Its slots.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Slot(slot) => Some(slot),
            Piece::Text(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialects, Reading};

    fn traced(text: &str, request: &Request<'_>) -> Vec<TracedPiece> {
        let source = crate::Source { origin: "x".into(), text: format!("[dialect.x]\n{text}") };
        let dialects = Dialects::load(&[source]).unwrap();
        let recipe = dialects.iter().next().unwrap();
        let Reading::Presented(claim) = recipe.read(request) else { panic!("not presented") };
        recipe.trace(&claim, request, b"hunter2").unwrap()
    }

    #[test]
    fn each_piece_tells_what_it_is_and_where_it_stands() {
        let mut headers = countersign_model::HeaderList::new();
        headers.push("t", "17");
        headers.push("s", "00");
        let request = Request {
            method: "POST",
            scheme: "https",
            host: "a",
            target: "/v1?x=1",
            headers: headers.view(),
            body: Some(br#"{"a":"one"}"#),
        };
        let pieces = traced(
            "timestamp='{header.t}'\nwindow='1s'\nsignature='{header.s}'\nencoding='hex'\nalgorithm='hmac-sha256'\n\
             let.inner='{path}:{json.a}'\nstring_to_sign='{timestamp}|{inner | sha256 | hex}|{rawquery}'",
            &request,
        );
        let told: Vec<Option<&str>> = pieces.iter().map(|piece| piece.expression.as_deref()).collect();
        assert_eq!(told, [Some("timestamp"), None, Some("inner | sha256 | hex"), None, Some("rawquery")]);
        assert_eq!(pieces[0].read_from.as_deref(), Some("header.t"));
        assert_eq!(pieces[0].shown, Shown::Bytes(b"17".to_vec()));
        assert_eq!(pieces[4].place, Some(Place::Target(4..7)));
        let inner = &pieces[2].made_of;
        assert_eq!(inner[0].place, Some(Place::Target(0..3)));
        assert_eq!(
            (&inner[2].shown, &inner[2].place),
            (&Shown::Bytes(b"one".to_vec()), &Some(Place::Body(6..9)))
        );
    }

    #[test]
    fn what_is_made_with_the_secret_is_withheld_through_any_step() {
        let mut headers = countersign_model::HeaderList::new();
        headers.push("s", "00");
        let request = Request {
            method: "GET",
            scheme: "https",
            host: "a",
            target: "/",
            headers: headers.view(),
            body: Some(b""),
        };
        let pieces = traced(
            "signature='{header.s}'\nencoding='hex'\nalgorithm='md5'\nlet.a='{method}{b}'\nlet.b='x{secret}'\n\
             let.c='{path | hmac-sha1(b)}'\nstring_to_sign='{a}{c | hex}{method}'",
            &request,
        );
        assert_eq!((&pieces[0].shown, &pieces[1].shown), (&Shown::Withheld, &Shown::Withheld));
        assert_eq!(pieces[2].shown, Shown::Bytes(b"GET".to_vec()));
        assert_eq!(pieces[0].made_of[1].made_of[1].shown, Shown::Withheld);
        assert!(!format!("{pieces:?}").contains("hunter2"));
    }
}
