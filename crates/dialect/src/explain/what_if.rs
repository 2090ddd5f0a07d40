//! A dialect as a client may have misunderstood it.

use std::borrow::Cow;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use countersign_model::Secret;
use http::HeaderName;
use zeroize::Zeroizing;

use crate::algorithm::{Algorithm, is_pem};
use crate::claim::{Claim, Part, Signatures, Stamp};
use crate::explain::{Trial, told};
use crate::filter::Filter;
use crate::program::{Encoding, Field, ListSource, Piece, Program, Slot, Source, Template, Unnamed};
use crate::recipe::Recipe;
use crate::request::Request;
use crate::scope::Scope;
use crate::verify::encode;

/// One variant of a recipe, whose texts can be changed.
#[derive(Clone)]
pub struct WhatIf<'p> {
    program: &'p Program,
    /// Its texts as they were changed, and nothing to read them from.
    changed: Arc<Program>,
}

/// One request, as it was read, with the secret it should have been signed with.
#[derive(Clone, Copy)]
pub struct Seen<'a, 'r> {
    /// What it says of itself.
    pub claim: &'a Claim<'r>,
    /// The request.
    pub request: &'a Request<'r>,
    /// The secret.
    pub secret: &'r [u8],
}

/// A text of the dialect: the string to sign, or a step that goes into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The name of the step; `None` for the string to sign itself.
    pub name: Option<String>,
    /// What it is made of.
    pub pieces: Vec<StepPiece>,
    at: usize,
}

/// A piece of a text of the dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepPiece {
    /// It stands in the dialect.
    Literal(Vec<u8>),
    /// It is looked up: this, as the dialect writes it.
    Value(String),
}

/// A piece of a text as a client may have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewPiece {
    /// The piece of the dialect at this place.
    Kept(usize),
    /// A text.
    Literal(Vec<u8>),
    /// A part of the request.
    Whole(Whole),
}

/// A part of a request, or what a client says in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// The method.
    Method,
    /// The host with its port.
    Host,
    /// The path.
    Path,
    /// The query, without its `?`.
    Query,
    /// Path and query.
    Target,
    /// Scheme, host, path and query.
    Url,
    /// The body.
    Body,
    /// The key id.
    KeyId,
    /// The time.
    Timestamp,
    /// The nonce.
    Nonce,
    /// The secret.
    Secret,
    /// A header.
    Header(HeaderName),
}

impl Whole {
    fn source(&self) -> Source {
        match self {
            Self::Method => Source::Method,
            Self::Host => Source::Host,
            Self::Path => Source::Path,
            Self::Query => Source::RawQuery,
            Self::Target => Source::Target,
            Self::Url => Source::Url,
            Self::Body => Source::Body,
            Self::KeyId => Source::Field(Field::KeyId),
            Self::Timestamp => Source::Field(Field::Timestamp),
            Self::Nonce => Source::Field(Field::Nonce),
            Self::Secret => Source::Secret,
            Self::Header(name) => Source::Header(name.clone()),
        }
    }
}

impl Recipe {
    /// The variant that read this claim, for changing.
    pub fn what_if(&self, claim: &Claim<'_>) -> Option<WhatIf<'_>> {
        let program = self.program(claim)?;
        Some(WhatIf { program, changed: Arc::new(Program::of_texts(program)) })
    }
}

impl WhatIf<'_> {
    /// The string to sign, and every step that goes into it as a text: no list, and nothing that is only taken apart or chooses among
    /// other things.
    pub fn steps(&self) -> Vec<Step> {
        let mut reached = vec![false; self.changed.lets.len() + 1];
        let mut order = Vec::new();
        self.reach(0, &mut reached, &mut order);
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => StepPiece::Literal(text.to_vec()),
            Piece::Slot(slot) => StepPiece::Value(told::slot(self.program, slot)),
        };
        let step = |at: usize| {
            let template = self.changed.text(at).filter(|text| !text.is_list)?;
            let name =
                at.checked_sub(1).and_then(|at| self.program.lets.get(at)).map(|step| step.name.to_string());
            Some(Step { name, pieces: template.pieces.iter().map(piece).collect(), at })
        };
        order.into_iter().filter_map(step).collect()
    }

    fn reach(&self, at: usize, reached: &mut [bool], order: &mut Vec<usize>) {
        match reached.get_mut(at) {
            Some(reached) if !*reached => *reached = true,
            Some(_) | None => return,
        }
        order.push(at);
        let Some(text) = self.changed.text(at) else { return };
        for slot in text.slots() {
            let own = std::iter::once(slot).filter(|slot| stays_a_text(&slot.filters));
            let given = slot.filters.iter().filter(|filter| gives_its_arguments(filter));
            for slot in own.chain(given.flat_map(Filter::slots)) {
                if let Source::Let(step) = &slot.source {
                    self.reach(step + 1, reached, order);
                }
            }
        }
    }

    /// The same with one text put together in another way.
    pub fn with_pieces(&self, step: &Step, pieces: &[NewPiece]) -> Option<Self> {
        let mut changed = Program::of_texts(&self.changed);
        let text = changed.text_mut(step.at)?;
        let old = std::mem::take(&mut text.pieces);
        let new = pieces.iter().map(|piece| match piece {
            NewPiece::Kept(at) => old.get(*at).cloned(),
            NewPiece::Literal(text) => Some(Piece::Text(text.as_slice().into())),
            NewPiece::Whole(whole) => {
                Some(Piece::Slot(Slot { source: whole.source(), filters: Box::default() }))
            }
        });
        text.pieces = new.collect::<Option<_>>()?;
        Some(Self { program: self.program, changed: Arc::new(changed) })
    }

    /// The same with one part of the request in another's place, wherever it stands. `None` where it stands nowhere.
    pub fn with_source(&self, part: &Whole, instead: &Whole) -> Option<Self> {
        let (part, instead) = (part.source(), instead.source());
        let mut changed = Program::of_texts(&self.changed);
        let mut found = false;
        let Program { string_to_sign, lets, .. } = &mut changed;
        for text in lets.iter_mut().map(|step| &mut step.template).chain([string_to_sign]) {
            for piece in &mut text.pieces {
                if let Piece::Slot(slot) = piece
                    && slot.source == part
                {
                    slot.source = instead.clone();
                    found = true;
                }
            }
        }
        found.then(|| Self { program: self.program, changed: Arc::new(changed) })
    }

    /// Whether the secret stands in the string to sign.
    pub fn signs_secret(&self) -> bool {
        self.program.secret_is_signed
    }

    /// The algorithm that verifies this claim, as dialects name it.
    pub fn algorithm(&self, seen: &Seen<'_, '_>) -> Option<String> {
        let scope = Scope::new(self.program, seen.request, &seen.claim.groups, Some(seen.claim), seen.secret);
        let list = &self.program.algorithms.list;
        let choice = match &self.program.algorithms.named {
            None => Unnamed::Credential,
            Some(named) => {
                let name = scope.bytes(&named.from).ok()?;
                match named.names.iter().find(|(known, _)| **known == *name.as_slice()) {
                    Some((_, at)) => Unnamed::One(*at),
                    None if name.is_empty() => named.default,
                    None => Unnamed::Refused,
                }
            }
        };
        let chosen = match choice {
            Unnamed::Refused => None,
            Unnamed::One(at) => list.get(at),
            Unnamed::Credential => {
                let key = self.key(seen);
                list.iter().find(|algorithm| match (algorithm, &key) {
                    (Algorithm::Public(public), Some(key)) => public.key(key.expose()).is_some(),
                    (Algorithm::Hmac(_), Some(key)) => !is_pem(key.expose()),
                    (Algorithm::Hash(_) | Algorithm::Plain, _) => true,
                    (Algorithm::Hmac(_) | Algorithm::Public(_), None) => false,
                })
            }
        };
        chosen.map(|algorithm| algorithm.name())
    }

    /// The key that the dialect makes of the secret. `None` where it cannot.
    pub fn key(&self, seen: &Seen<'_, '_>) -> Option<Secret<Vec<u8>>> {
        let scope =
            Scope::new(&self.changed, seen.request, &seen.claim.groups, Some(seen.claim), seen.secret);
        let mut key = Zeroizing::new(Vec::new());
        scope.put(&self.changed.key, &mut *key).ok()?;
        Some(Secret::new(std::mem::take(&mut *key)))
    }

    /// What the dialect makes the key of, as it writes it.
    pub fn key_told(&self) -> String {
        match &*self.program.key.pieces {
            [Piece::Slot(slot)] => told::slot(self.program, slot),
            _ => told::template(self.program, &self.program.key),
        }
    }

    /// Whether the key is the secret as it is.
    pub fn key_is_secret(&self) -> bool {
        matches!(&*self.program.key.pieces, [Piece::Slot(Slot { source: Source::Secret, filters })] if filters.is_empty())
    }

    /// The string to sign. `None` where it cannot be put together from this request.
    pub fn text(&self, seen: &Seen<'_, '_>) -> Option<Secret<Vec<u8>>> {
        let scope =
            Scope::new(&self.changed, seen.request, &seen.claim.groups, Some(seen.claim), seen.secret);
        let mut text = Zeroizing::new(Vec::new());
        scope.put(&self.changed.string_to_sign, &mut *text).ok()?;
        Some(Secret::new(std::mem::take(&mut *text)))
    }

    /// The checks of the dialect that do not hold for this request.
    pub fn broken_checks(&self, seen: &Seen<'_, '_>) -> Vec<String> {
        let scope = Scope::new(self.program, seen.request, &seen.claim.groups, Some(seen.claim), seen.secret);
        let broken = self.program.checks.iter().filter(|check| {
            let [left, right] = check.sides.each_ref().map(|side| scope.bytes(side));
            match (left, right) {
                (Ok(left), Ok(right)) => verify_slices_are_equal(left.as_slice(), right.as_slice()).is_err(),
                (Err(_), _) | (_, Err(_)) => true,
            }
        });
        broken.map(|check| check.name.to_string()).collect()
    }

    /// The headers that are not in the request, though a check that does not hold reads them: the name of the check, and the header.
    pub fn absent_headers(&self, seen: &Seen<'_, '_>) -> Vec<(String, HeaderName)> {
        let broken = self.broken_checks(seen);
        let mut absent = Vec::new();
        for check in
            self.program.checks.iter().filter(|check| broken.iter().any(|name| **name == *check.name))
        {
            for slot in check.sides.iter().flat_map(Template::slots) {
                if let Source::Header(name) = &slot.source
                    && !seen.request.headers.contains(name.as_str())
                {
                    absent.push((check.name.to_string(), name.clone()));
                }
            }
        }
        absent
    }

    /// The piece for which the string to sign cannot be put together, as the dialect writes it. `None` where it can.
    pub fn unreadable(&self, seen: &Seen<'_, '_>) -> Option<String> {
        let scope = Scope::new(self.program, seen.request, &seen.claim.groups, Some(seen.claim), seen.secret);
        let mut template = &self.program.string_to_sign;
        let mut told = None;
        // No step names one that comes after it, so this ends.
        for _ in 0..=self.program.lets.len() {
            let Some(slot) = template.slots().find(|slot| {
                let alone = Template { pieces: Box::new([Piece::Slot((*slot).clone())]), is_list: false };
                scope.put(&alone, &mut *Zeroizing::new(Vec::new())).is_err()
            }) else {
                break;
            };
            if let Some(name) = absent_name(slot, &scope) {
                return Some(format!("header.{name}"));
            }
            told = Some(told::slot(self.program, slot));
            let Source::Let(at) = &slot.source else { break };
            let Some(step) = self.program.lets.get(*at) else { break };
            template = &step.template;
        }
        told
    }

    /// The encodings of the dialect's signatures, the first that was applied first; `None` where one of the steps cannot be
    /// undone.
    pub fn encodings(&self) -> Option<Vec<&'static str>> {
        match &self.program.encoding {
            Encoding::Codecs(codecs) => Some(codecs.iter().map(|codec| codec.name()).collect()),
            Encoding::Filters(_) => None,
        }
    }

    /// Whether a signature of the claim is what `trial` makes of `text`, written as the dialect writes it.
    pub fn holds_as_written(&self, trial: &Trial, text: &[u8], claim: &Claim<'_>) -> bool {
        let same = |made: &[u8]| {
            let written = Zeroizing::new(encode(&self.program.encoding, made).unwrap_or_default());
            let sent = claim.signature.as_slice();
            sent.iter().any(|sent| verify_slices_are_equal(sent, &written).is_ok())
        };
        trial.with(text, same).unwrap_or(false)
    }
}

/// The first header that a slot picks and that the request does not have.
fn absent_name(slot: &Slot, scope: &Scope<'_, '_>) -> Option<HeaderName> {
    if slot.source != Source::List(ListSource::Headers) {
        return None;
    }
    let there = scope.request.headers;
    slot.filters.iter().find_map(|filter| {
        let Filter::Pick(names) = filter else { return None };
        let names = names.resolve(scope).ok()?;
        names
            .iter()
            .filter_map(|name| HeaderName::from_bytes(name).ok())
            .find(|name| !there.contains(name.as_str()))
    })
}

/// Whether what goes into these filters is signed in one piece, or in a digest of it.
fn stays_a_text(filters: &[Filter]) -> bool {
    let digested =
        |filter: &&Filter| !matches!(filter, Filter::Hash(_) | Filter::Hmac(..) | Filter::Chain(..));
    !filters.iter().take_while(digested).any(|filter| {
        filter.leaves_a_part()
            || matches!(filter, Filter::Json | Filter::Flat(..) | Filter::Xml | Filter::Pairs)
    })
}

/// Whether the arguments of a filter go into what it comes to, and do not only choose.
fn gives_its_arguments(filter: &Filter) -> bool {
    use crate::filter::Names::Listed;
    !matches!(
        filter,
        Filter::Drop(Listed(_)) | Filter::Keep(Listed(_)) | Filter::Pick(Listed(_)) | Filter::Unless(_)
    )
}

impl Program {
    /// The string to sign, or behind it a step.
    fn text(&self, at: usize) -> Option<&Template> {
        match at.checked_sub(1) {
            None => Some(&self.string_to_sign),
            Some(at) => self.lets.get(at).map(|step| &step.template),
        }
    }

    fn text_mut(&mut self, at: usize) -> Option<&mut Template> {
        match at.checked_sub(1) {
            None => Some(&mut self.string_to_sign),
            Some(at) => self.lets.get_mut(at).map(|step| &mut step.template),
        }
    }

    /// The texts, steps and key of a program, and nothing to read them from.
    fn of_texts(of: &Self) -> Self {
        use crate::program::{Algorithms, Limits, Uses};
        Self {
            when: Box::default(),
            key_id: None,
            timestamp: None,
            nonce: None,
            expires: None,
            signature: Vec::new(),
            time: crate::time::Format::Unix,
            limits: Limits::default(),
            encoding: Encoding::Codecs(Box::default()),
            algorithms: Algorithms { list: Box::default(), named: None },
            key: of.key.clone(),
            key_is_fixed: false,
            string_to_sign: of.string_to_sign.clone(),
            secret_is_signed: true,
            checks_secret: false,
            checks: Box::default(),
            sign: Box::default(),
            lets: of.lets.clone(),
            matches: Box::default(),
            groups: 0,
            json: of.json.clone(),
            read: Uses::default(),
            signed: Uses::default(),
            plan: None,
        }
    }
}

impl<'r> Claim<'r> {
    /// What the request says in a part, as it was sent.
    pub fn sent(&self, part: Part) -> Option<&[u8]> {
        match part {
            Part::KeyId => Some(self.key_id.as_bytes()),
            Part::Timestamp => self.timestamp.as_ref().map(|stamp| &*stamp.text),
            Part::Nonce => self.nonce(),
            Part::Expires => self.expires.as_ref().map(|stamp| &*stamp.text),
            Part::Signature => Some(self.signature()),
            Part::Body => None,
        }
    }

    /// Every signature that was sent.
    pub fn signatures(&self) -> impl Iterator<Item = &[u8]> {
        self.signature.as_slice().iter().map(|signature| &**signature)
    }

    /// The same claim with other words in one of its fields. What the words mean stays as it was: this is for finding out what a
    /// client signed, and not for judging it.
    #[must_use]
    pub fn reworded<'a>(&'a self, part: Part, words: &'a [u8]) -> Claim<'a> {
        let stamp = |own: &'a Option<Stamp<'r>>, which: Part| {
            own.as_ref().map(|stamp| Stamp {
                text: Cow::Borrowed(if part == which { words } else { &*stamp.text }),
                at: stamp.at,
            })
        };
        let key_id = match std::str::from_utf8(words) {
            Ok(words) if part == Part::KeyId => words,
            Ok(_) | Err(_) => &*self.key_id,
        };
        let nonce = self.nonce.as_deref().map(|nonce| if part == Part::Nonce { words } else { nonce });
        Claim {
            key_id: Cow::Borrowed(key_id),
            timestamp: stamp(&self.timestamp, Part::Timestamp),
            nonce: nonce.map(Cow::Borrowed),
            expires: stamp(&self.expires, Part::Expires),
            past: self.past,
            signature: Signatures::One(Cow::Borrowed(self.signature())),
            groups: self.groups.iter().map(|group| Cow::Borrowed(&**group)).collect(),
            variant: self.variant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialects, Reading};

    fn with<T>(text: &str, then: impl FnOnce(WhatIf<'_>, Seen<'_, '_>) -> T) -> T {
        let source = crate::Source {
            origin: "x".into(),
            text: format!("[dialect.x]\nsignature='{{header.s}}'\nencoding='hex'\n{text}"),
        };
        let dialects = Dialects::load(&[source]).unwrap();
        let recipe = dialects.iter().next().unwrap();
        let mut headers = countersign_model::HeaderList::new();
        headers.push("s", "00");
        let request = Request {
            method: "POST",
            scheme: "https",
            host: "a:8443",
            target: "/v1?x=1",
            headers: headers.view(),
            body: Some(b"body"),
        };
        let Reading::Presented(claim) = recipe.read(&request) else { panic!("not presented") };
        then(recipe.what_if(&claim).unwrap(), Seen { claim: &claim, request: &request, secret: b"c2VjcmV0" })
    }

    #[test]
    fn a_text_can_be_put_together_in_another_way() {
        with(
            "algorithm='hmac-sha256'\nlet.inner='{path}.{body}'\nstring_to_sign='{method}|{inner | hex}'",
            |what_if, seen| {
                let steps = what_if.steps();
                assert_eq!(steps.len(), 2);
                assert_eq!(steps[1].name.as_deref(), Some("inner"));
                let swapped =
                    [NewPiece::Kept(2), NewPiece::Literal(b"-".to_vec()), NewPiece::Whole(Whole::Query)];
                let other = what_if.with_pieces(&steps[1], &swapped).unwrap();
                assert_eq!(other.text(&seen).unwrap().expose(), b"POST|626f64792d783d31");
                assert_eq!(what_if.text(&seen).unwrap().expose(), b"POST|2f76312e626f6479");
            },
        );
    }

    #[test]
    fn a_step_that_only_chooses_or_is_taken_apart_is_no_text_that_is_signed() {
        let dialect = "algorithm='hmac-sha256'
            let.names='x y'
            let.parts='{body}&{path}'
            let.inner='{path}.{body}'
            let.end='{inner | sha256 | hex | slice(0, 8)}'
            string_to_sign=\"{query | keep(names) | values('')} {parts | split('&') | values('')} {end}\"";
        with(dialect, |what_if, _| {
            let names: Vec<_> = what_if.steps().into_iter().filter_map(|step| step.name).collect();
            assert_eq!(names, ["end", "inner"]);
        });
    }

    #[test]
    fn a_part_of_the_request_can_stand_for_another() {
        with("algorithm='hmac-sha256'\nstring_to_sign='{method} {path | upper}'", |what_if, seen| {
            let other = what_if.with_source(&Whole::Path, &Whole::Target).unwrap();
            assert_eq!(other.text(&seen).unwrap().expose(), b"POST /V1?X=1");
            assert!(what_if.with_source(&Whole::Body, &Whole::Path).is_none());
        });
    }

    #[test]
    fn the_key_is_the_one_that_the_dialect_makes() {
        with(
            "algorithm='hmac-sha256'\nkey='{secret | unbase64}'\nstring_to_sign='{body}'",
            |what_if, seen| {
                assert_eq!(what_if.key(&seen).unwrap().expose(), b"secret");
                assert_eq!(what_if.algorithm(&seen).as_deref(), Some("hmac-sha256"));
                assert!(!what_if.key_is_secret());
                let trial = Trial::new("hmac-sha256", &what_if.key(&seen).unwrap()).unwrap();
                assert_eq!(trial.which(b"body", &[b"\x00"]), None);
                // HMAC-SHA256 of `body` under `secret`.
                let made = "dc46983557fea127b43af721467eb9b3fde2338fe3e14f51952aa8478c13d355";
                let made = crate::codec::Codec::Hex.decode_vec(made.as_bytes()).unwrap();
                assert_eq!(trial.which(b"body", &[b"\x00", &made]), Some(1));
            },
        );
    }
}
