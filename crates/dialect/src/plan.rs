//! How a program takes the body as it comes: worked out once, when it is compiled.
//!
//! The body can be digested piece by piece where it goes into digests and nowhere else: each digest has what stands before
//! the body and what stands behind it, and the rest of the program sees digests alone.

use crate::algorithm::Algorithm;
use crate::filter::Filter;
use crate::hash::Hash;
use crate::program::{Let, ListSource, Piece, Program, Slot, Source, Template, Uses};

/// What is digested while the body comes.
pub(crate) struct Plan {
    /// The digests that templates name, such as `{body | sha256}`.
    pub(crate) digests: Box<[Tap]>,
    /// The string to sign, where the body itself stands in it.
    pub(crate) signed: Option<Split>,
    /// The places of the checks that look at the body.
    pub(crate) late: Box<[usize]>,
}

/// A digest of something in which the body stands once.
pub(crate) struct Tap {
    pub(crate) hash: Hash,
    /// What is digested, as templates name it.
    pub(crate) source: Source,
    pub(crate) split: Split,
}

/// A text with the body in it once.
pub(crate) struct Split {
    pub(crate) before: Template,
    /// What stands in front of the body where it is not empty.
    pub(crate) front: Box<[u8]>,
    pub(crate) after: Template,
}

/// The body is needed whole.
#[derive(Debug)]
struct Whole;

/// A piece of a template whose steps are written out as far as the body stands in them.
enum Flat {
    Piece(Piece),
    Body { front: Box<[u8]> },
}

/// The plan of a program that signs the body; `None` where it needs the body whole.
pub(crate) fn plan(program: &Program) -> Option<Plan> {
    if program.read.has(Uses::BODY) || !program.signed.has(Uses::BODY) {
        return None;
    }
    let mut planner = Planner::new(program);
    let signed = planner.signed().ok()?;
    let mut late = Vec::new();
    for (at, check) in program.checks.iter().enumerate() {
        if check.sides.iter().any(|side| planner.looks(side)) {
            late.push(at);
        }
        for side in &check.sides {
            planner.template(side).ok()?;
        }
    }
    Some(Plan { digests: planner.digests.into(), signed, late: late.into() })
}

struct Planner<'p> {
    program: &'p Program,
    digests: Vec<Tap>,
    /// What is known of each step; none where it was not looked at yet.
    steps: Box<[Option<Step>]>,
}

/// What is known of a step.
#[derive(Clone, Copy, Default)]
struct Step {
    /// Whether it looks at the body in any way.
    looks: bool,
    /// Whether the body stands in it as it is.
    holds: bool,
    /// Whether its digests are noted.
    noted: bool,
}

impl<'p> Planner<'p> {
    fn new(program: &'p Program) -> Self {
        let steps = vec![None; program.lets.len()].into();
        let mut planner = Self { program, digests: Vec::new(), steps };
        (0..program.lets.len()).for_each(|at| planner.learn(at));
        planner
    }

    /// Learns of a step, those that it names first. Each is looked at once: steps may name each other many times over.
    fn learn(&mut self, at: usize) {
        let program = self.program;
        let Some(step) = program.lets.get(at).filter(|_| self.steps.get(at).is_some_and(Option::is_none))
        else {
            return;
        };
        for piece in &step.template.pieces {
            if let Piece::Slot(slot) = piece {
                self.learn_named(slot);
            }
        }
        let learnt =
            Step { looks: self.looks(&step.template), holds: self.holds(&step.template), noted: false };
        if let Some(step) = self.steps.get_mut(at) {
            *step = Some(learnt);
        }
    }

    fn learn_named(&mut self, slot: &Slot) {
        if let Source::Let(at) = slot.source {
            self.learn(at);
        }
        slot.filters.iter().flat_map(Filter::slots).for_each(|argument| self.learn_named(argument));
    }

    fn step(&self, at: usize) -> Step {
        self.steps.get(at).copied().flatten().unwrap_or_default()
    }

    fn signed(&mut self) -> Result<Option<Split>, Whole> {
        let program = self.program;
        if program.algorithms.named.as_ref().is_some_and(|named| self.looks(&named.from)) {
            return Err(Whole);
        }
        let Some(split) = self.split(&program.string_to_sign)? else {
            self.template(&program.string_to_sign)?;
            self.template(&program.key)?;
            return Ok(None);
        };
        let digested = |algorithm: &Algorithm| match algorithm {
            Algorithm::Hmac(_) | Algorithm::Hash(_) => true,
            Algorithm::Public(public) => public.hash().is_some(),
            Algorithm::Plain => false,
        };
        let key_waits = self.looks(&program.key) || self.looks(&split.before);
        if key_waits || !program.algorithms.list.iter().all(digested) {
            return Err(Whole);
        }
        self.template(&split.after)?;
        Ok(Some(split))
    }

    /// Notes the digests of the body in a template that holds it in no other way.
    fn template(&mut self, template: &Template) -> Result<(), Whole> {
        template.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(_) => Ok(()),
            Piece::Slot(slot) => self.slot(slot),
        })
    }

    fn slot(&mut self, slot: &Slot) -> Result<(), Whole> {
        let filters = match &*slot.filters {
            [Filter::Hash(hash), rest @ ..] if self.digest(*hash, &slot.source)? => rest,
            filters => {
                self.source(&slot.source)?;
                filters
            }
        };
        filters.iter().flat_map(Filter::slots).try_for_each(|argument| self.slot(argument))
    }

    /// Notes a digest, if the body stands in what is digested.
    fn digest(&mut self, hash: Hash, source: &Source) -> Result<bool, Whole> {
        let split = match source {
            Source::Body => {
                Some(Split { before: Template::default(), front: Box::default(), after: Template::default() })
            }
            Source::Let(at) => match self.program.lets.get(*at) {
                Some(step) => self.split(&step.template)?,
                None => None,
            },
            _ => None,
        };
        let Some(split) = split else { return Ok(false) };
        if self.looks(&split.before) || self.looks(&split.after) {
            return Err(Whole);
        }
        if !self.digests.iter().any(|known| known.hash == hash && known.source == *source) {
            self.digests.push(Tap { hash, source: source.clone(), split });
        }
        Ok(true)
    }

    fn source(&mut self, source: &Source) -> Result<(), Whole> {
        if is_of_body(source) {
            return Err(Whole);
        }
        let Source::Let(at) = source else { return Ok(()) };
        match self.steps.get_mut(*at) {
            Some(Some(step)) if !step.noted => step.noted = true,
            Some(_) | None => return Ok(()),
        }
        let program = self.program;
        program.lets.get(*at).map_or(Ok(()), |step| self.template(&step.template))
    }

    /// Splits a template at the body; `None` where the body does not stand in it as it is.
    fn split(&self, template: &Template) -> Result<Option<Split>, Whole> {
        if !self.holds(template) {
            return Ok(None);
        }
        let mut flat = Vec::new();
        self.flatten(template, &mut flat);
        let mut split = None;
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for piece in flat {
            match (piece, &split) {
                (Flat::Body { .. }, Some(_)) => return Err(Whole),
                (Flat::Body { front }, None) => split = Some(front),
                (Flat::Piece(piece), None) => before.push(piece),
                (Flat::Piece(piece), Some(_)) => after.push(piece),
            }
        }
        let template = |pieces: Vec<Piece>| Template { pieces: pieces.into(), is_list: false };
        Ok(split.map(|front| Split { before: template(before), front, after: template(after) }))
    }

    /// Writes out the steps in which the body stands as it is. That is no longer than what the compiler lets a template
    /// copy of the request.
    fn flatten(&self, template: &Template, flat: &mut Vec<Flat>) {
        for piece in &template.pieces {
            match self.body_in(piece) {
                Some(Held::Body(front)) => flat.push(Flat::Body { front: front.into() }),
                Some(Held::Step(step)) => self.flatten(&step.template, flat),
                None => flat.push(Flat::Piece(piece.clone())),
            }
        }
    }

    /// Whether the body stands in a template as it is.
    fn holds(&self, template: &Template) -> bool {
        template.pieces.iter().any(|piece| self.body_in(piece).is_some())
    }

    fn body_in<'t>(&'t self, piece: &'t Piece) -> Option<Held<'t>> {
        let Piece::Slot(Slot { source, filters }) = piece else { return None };
        match (source, &**filters) {
            (Source::Body, []) => Some(Held::Body(b"")),
            (Source::Body, [Filter::Prefix(front)]) => Some(Held::Body(front)),
            (Source::Let(at), []) => {
                self.program.lets.get(*at).filter(|_| self.step(*at).holds).map(Held::Step)
            }
            _ => None,
        }
    }

    /// Whether a template looks at the body in any way.
    fn looks(&self, template: &Template) -> bool {
        template.pieces.iter().any(|piece| match piece {
            Piece::Text(_) => false,
            Piece::Slot(slot) => self.slot_looks(slot),
        })
    }

    fn slot_looks(&self, slot: &Slot) -> bool {
        let source = match &slot.source {
            Source::Let(at) => self.step(*at).looks,
            source => is_of_body(source),
        };
        source || slot.filters.iter().flat_map(Filter::slots).any(|argument| self.slot_looks(argument))
    }
}

/// How the body stands in a piece.
enum Held<'t> {
    Body(&'t [u8]),
    Step(&'t Let),
}

fn is_of_body(source: &Source) -> bool {
    match source {
        Source::Body
        | Source::Form(_)
        | Source::Json(_)
        | Source::List(ListSource::Form | ListSource::RawForm | ListSource::Json) => true,
        Source::List(ListSource::Headers | ListSource::Query | ListSource::RawQuery | ListSource::Secret)
        | Source::Text(_)
        | Source::Method
        | Source::Scheme
        | Source::Host
        | Source::Hostname
        | Source::Port
        | Source::Path
        | Source::RawQuery
        | Source::Target
        | Source::Url
        | Source::Secret
        | Source::Header(_)
        | Source::Query(_)
        | Source::Field(_)
        | Source::Signature
        | Source::Group(_)
        | Source::Let(_) => false,
    }
}
