//! What a string to sign may be put together from: templates of the dialect language with what they come to.

use crate::evaluate::{Evaluator, Values};
use crate::layout::{Atom, Layout, Place};
use crate::parameters;
use crate::roles;
use crate::secrets;
use crate::signature::Target;
use crate::toml_text::{escaped, fixed};

/// Which parts of the request a piece covers. Two pieces that cover the same never stand in one string.
pub(crate) type Covers = u128;

pub(crate) const METHOD: Covers = 1;
pub(crate) const HOST: Covers = 1 << 1;
pub(crate) const PATH: Covers = 1 << 2;
pub(crate) const QUERY: Covers = 1 << 3;
pub(crate) const BODY: Covers = 1 << 4;
pub(crate) const SECRET: Covers = 1 << 5;
pub(crate) const CONSTANT: Covers = 1 << 6;
pub(crate) const HEADERS: Covers = 1 << 7;
/// The first bit for values that stand somewhere; the rest are theirs.
const FIRST_ATOM: usize = 8;

/// A template that may stand in a string to sign.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// As a dialect file says it, with braces.
    pub(crate) template: String,
    /// The step that it needs.
    pub(crate) step: Option<usize>,
    /// What it covers.
    pub(crate) covers: Covers,
    /// How unlikely it is.
    pub(crate) cost: u8,
    /// What it comes to in each sample.
    pub(crate) values: Values,
}

impl Piece {
    /// What it comes to in a sample; `None` where it cannot be read or is empty.
    pub(crate) fn value(&self, sample: usize) -> Option<&[u8]> {
        self.values.get(sample)?.as_deref().filter(|value| !value.is_empty())
    }
}

/// Collects pieces.
pub(crate) struct Pieces<'t, 'e> {
    pub(crate) evaluator: &'t Evaluator<'e>,
    pub(crate) layout: &'t Layout,
    pub(crate) all: Vec<Piece>,
}

impl Pieces<'_, '_> {
    /// Adds a template where the language takes it, and some sample has it.
    pub(crate) fn add(&mut self, template: impl Into<String>, step: Option<usize>, covers: Covers, cost: u8) {
        let template = template.into();
        if self.all.iter().any(|known| known.template == template && known.step == step) {
            return;
        }
        let Some(values) = self.evaluator.values(&self.layout.lines(step), &template) else {
            debug_assert!(false, "the language refuses {template}");
            return;
        };
        if values.iter().flatten().any(|value| !value.is_empty()) {
            self.all.push(Piece { template, step, covers, cost, values });
        }
    }

    fn plain(&mut self, templates: &[(&str, Covers, u8)]) {
        for (template, covers, cost) in templates {
            self.add(*template, None, *covers, *cost);
        }
    }
}

/// All pieces for requests whose signature stands at `target`.
pub(crate) fn pieces(
    evaluator: &Evaluator<'_>,
    layout: &Layout,
    target: &Target,
    key_id: Option<&str>,
) -> Vec<Piece> {
    let mut pieces = Pieces { evaluator, layout, all: Vec::new() };
    pieces.plain(&[
        ("{body}", BODY, 1),
        ("{target}", PATH | QUERY, 1),
        ("{path}", PATH, 1),
        ("{method}", METHOD, 1),
        ("{url}", HOST | PATH | QUERY, 2),
        ("{rawquery}", QUERY, 2),
        ("{host}", HOST, 3),
        ("{method | lower}", METHOD, 5),
        ("{scheme}://{host}{path}", HOST | PATH, 4),
        ("{host}{path}", HOST | PATH, 4),
        ("{host}{target}", HOST | PATH | QUERY, 4),
        ("{scheme}%3A%2F%2F{host | enc}{path | enc}", HOST | PATH, 5),
        ("{rawquery | prefix('?')}", QUERY, 4),
        ("{rawquery | dec}", QUERY, 4),
        ("{target | dec}", PATH | QUERY, 4),
        ("{path | dec}", PATH, 3),
        ("{url | lower}", HOST | PATH | QUERY, 6),
        ("{url | enc | lower}", HOST | PATH | QUERY, 6),
        ("{hostname}", HOST, 5),
    ]);
    for name in secrets::names(evaluator.secret) {
        pieces.add(format!("{{{name}}}"), None, SECRET, 1);
        for (label, cost) in [("key", 3), ("secret", 3), ("secret_key", 4), ("api_secret", 4)] {
            pieces.add(format!("&{label}={{{name}}}"), None, SECRET, cost);
        }
    }
    for sample in evaluator.samples {
        shortened(&mut pieces, sample.request().path());
    }
    digests(&mut pieces, evaluator);
    constants(&mut pieces);
    shapes(&mut pieces);
    atoms(&mut pieces, target, key_id);
    parameters::add(&mut pieces, target, key_id);
    pieces.all
}

/// The path without what a proxy or a version may have put in front.
fn shortened(pieces: &mut Pieces<'_, '_>, path: &str) {
    pieces.add("{target | replace('^/', '')}", None, PATH | QUERY, 4);
    pieces.add("{path | replace('^/', '')}", None, PATH, 4);
    pieces.add("{path | capture('[^/]*$')}", None, PATH, 4);
    let mut end = 0;
    for segment in path.split('/').skip(1).take(3) {
        end += 1 + segment.len();
        let Some(front) = path.get(..end).filter(|front| front.len() < path.len()) else { break };
        let front = escaped(front);
        pieces.add(format!("{{path | replace('^{front}', '')}}"), None, PATH, 4);
        pieces.add(format!("{{path | replace('^{front}/', '')}}"), None, PATH, 5);
        pieces.add(format!("{{target | replace('^{front}', '')}}"), None, PATH | QUERY, 4);
        pieces.add(format!("{{target | replace('^{front}/', '')}}"), None, PATH | QUERY, 5);
    }
}

fn digests(pieces: &mut Pieces<'_, '_>, evaluator: &Evaluator<'_>) {
    for (hash, cost) in [("sha256", 2), ("sha512", 3), ("md5", 3), ("sha1", 4), ("sha384", 5)] {
        for (codec, more) in [("hex", 0), ("base64", 1), ("HEX", 3)] {
            pieces.add(format!("{{body | {hash} | {codec}}}"), None, BODY, cost + more);
        }
    }
    pieces.add("SHA-256={body | sha256 | base64}", None, BODY, 5);
    if evaluator.samples.iter().any(|sample| !sample.body.is_empty()) {
        pieces.add("{body | base64}", None, BODY, 3);
    }
}

/// Fixed texts that the requests themselves show.
fn constants(pieces: &mut Pieces<'_, '_>) {
    for word in &pieces.layout.constants {
        let cost = if pieces.layout.shapes.is_empty() { 3 } else { 1 };
        pieces.add(fixed(word), None, CONSTANT, cost);
    }
}

/// What standards have.
fn shapes(pieces: &mut Pieces<'_, '_>) {
    for shape in &pieces.layout.shapes {
        pieces.add(shape.template.clone(), Some(shape.step), shape.covers, 1);
    }
}

fn atoms(pieces: &mut Pieces<'_, '_>, target: &Target, key_id: Option<&str>) {
    for (at, atom) in pieces.layout.atoms.iter().enumerate() {
        if atom.expr == target.expr || contains_signature(&atom.place, target) {
            continue;
        }
        let covers = 1 << (FIRST_ATOM + at).min(120);
        let long = atom.values.iter().flatten().any(|value| value.len() > 256);
        let cost = match atom.place {
            _ if roles::is_time(atom) || roles::is_nonce(atom) => 1,
            _ if key_id.is_some_and(|key_id| roles::is(atom, key_id)) => 2,
            _ if ["signed", "rest", "scope"].contains(&atom.expr.as_str()) => 1,
            _ if names_algorithm(atom) => 2,
            _ if long => 5,
            Place::Header(_) | Place::Inside(_) | Place::Path => 3,
            // Where the signature is a member itself, the others are what it is made of.
            Place::Json(_) if matches!(target.place, Place::Json(_)) => 2,
            Place::Query(_) | Place::Form(_) | Place::Json(_) => 4,
        };
        let cost = if shows_body(&pieces.all, atom) { cost + SHOWN } else { cost };
        pieces.add(format!("{{{}}}", atom.expr), atom.step, covers, cost);
        let is_object = |value: &Vec<u8>| value.first() == Some(&b'{');
        if atom.values.iter().flatten().any(is_object) {
            pieces.add(format!("{{{} | json | sort | render('', '')}}", atom.expr), atom.step, covers, 4);
            pieces.add(format!("{{{} | json | sort | render('=', '&')}}", atom.expr), atom.step, covers, 5);
        }
    }
}

/// What a value costs more that shows the body or its digest: signed itself it would leave the body open.
const SHOWN: u8 = 4;

/// Whether a value is what some text over the body comes to, wherever it stands.
fn shows_body(all: &[Piece], atom: &Atom) -> bool {
    let same = |piece: &Piece| {
        piece.covers == BODY
            && (0..atom.values.len())
                .all(|at| atom.text(at).is_none_or(|text| piece.value(at) == Some(text.as_bytes())))
    };
    all.iter().any(same)
}

/// Whether it says how it is signed, as in `AWS4-HMAC-SHA256`.
fn names_algorithm(atom: &Atom) -> bool {
    (0..atom.values.len())
        .any(|sample| atom.text(sample).is_some_and(|text| text.len() < 32 && text.contains("-HMAC-")))
}

/// Whether a value is the whole of what the signature is a part of.
fn contains_signature(place: &Place, target: &Target) -> bool {
    match (place, &target.place) {
        (Place::Header(name), Place::Inside(inside)) => name == inside,
        (Place::Header(name), Place::Header(other)) => name == other,
        _ => false,
    }
}
