//! Samples that were signed alike.

use std::rc::Rc;

use crate::infer::common;
use crate::layout::Layout;
use crate::makers::Maker;
use crate::nest::{Nest, written};
use crate::pieces::Piece;
use crate::sample::Sample;
use crate::signature::{Target, decoded};
use crate::unify::{Template, templates};

/// Samples whose signatures stand in the same place and are made alike.
pub(crate) struct Group {
    pub(crate) target: Target,
    pub(crate) maker: Maker,
    pub(crate) nest: Option<Nest>,
    pub(crate) separator: &'static str,
    pub(crate) pieces: Rc<Vec<Piece>>,
    pub(crate) members: Vec<Member>,
    /// What makes the string, or the inner one: the likeliest first.
    pub(crate) templates: Vec<Template>,
    /// Where there is a nested hash: what makes the outer string; its digest is the piece behind all others.
    pub(crate) outer: Vec<Template>,
}

/// A sample with the string that was signed.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) sample: usize,
    /// The string, or the inner one.
    pub(crate) text: Vec<u8>,
    /// The outer one, where there is a nested hash.
    pub(crate) outer: Option<Vec<u8>>,
    /// Of how many pieces it was put together.
    pub(crate) count: usize,
    /// What they were.
    pub(crate) values: Vec<Vec<u8>>,
}

impl Member {
    /// Whether a piece is one of without that it was put together of.
    pub(crate) fn has(&self, piece: &Piece) -> bool {
        piece.value(self.sample).is_some_and(|value| self.values.iter().any(|known| known == value))
    }
}

impl Group {
    pub(crate) fn new(
        target: &Target,
        maker: &Maker,
        nest: Option<Nest>,
        separator: &'static str,
        pieces: &Rc<Vec<Piece>>,
    ) -> Self {
        Self {
            target: target.clone(),
            maker: maker.clone(),
            nest,
            separator,
            pieces: pieces.clone(),
            members: Vec::new(),
            templates: Vec::new(),
            outer: Vec::new(),
        }
    }

    /// The signature of another sample, where it stands in the same place and is written alike.
    pub(crate) fn target_in(&self, layout: &Layout, sample: usize) -> Option<Target> {
        let atom = layout.atoms.iter().find(|atom| atom.expr == self.target.expr)?;
        let (encoding, bytes) = decoded(atom.text(sample)?)?;
        let alike = bytes.len() == self.target.bytes.len();
        alike.then(|| Target { encoding, bytes, ..self.target.clone() })
    }

    /// As few groups as make all members.
    pub(crate) fn split(self, members: Vec<Member>, samples: &[Sample]) -> Vec<Self> {
        let whole = self.found(&members).is_some().then(|| vec![members.clone()]);
        let lists =
            whole.or_else(|| self.by_nature(&members, samples)).unwrap_or_else(|| self.one_by_one(members));
        let group = |members: Vec<Member>| {
            let (templates, outer) = self.found(&members)?;
            Some(Self {
                target: self.target.clone(),
                maker: self.maker.clone(),
                nest: self.nest.clone(),
                separator: self.separator,
                pieces: self.pieces.clone(),
                members,
                templates,
                outer,
            })
        };
        lists.into_iter().filter_map(group).collect()
    }

    /// Two groups that differ in something that everybody sees, which makes the best condition of a variant.
    fn by_nature(&self, members: &[Member], samples: &[Sample]) -> Option<Vec<Vec<Member>>> {
        let natures: [fn(&Sample) -> bool; 3] = [
            |sample| !sample.body.is_empty(),
            |sample| sample.request().query().is_some_and(|query| !query.is_empty()),
            |sample| sample.method == "GET",
        ];
        natures.iter().find_map(|nature| {
            let is = |member: &Member| samples.get(member.sample).is_some_and(nature);
            let (with, without): (Vec<Member>, Vec<Member>) = members.iter().cloned().partition(is);
            let two = !with.is_empty() && !without.is_empty();
            let good = two && self.found(&with).is_some() && self.found(&without).is_some();
            good.then(|| vec![with, without])
        })
    }

    /// Each member in the first group that it fits into.
    fn one_by_one(&self, members: Vec<Member>) -> Vec<Vec<Member>> {
        let mut lists: Vec<Vec<Member>> = Vec::new();
        for member in members {
            let fits = |list: &Vec<Member>| {
                let more: Vec<Member> = list.iter().chain([&member]).cloned().collect();
                self.found(&more).is_some()
            };
            match lists.iter().position(fits).and_then(|at| lists.get_mut(at)) {
                Some(list) => list.push(member),
                None => lists.push(vec![member]),
            }
        }
        lists
    }

    /// The templates that make all members; `None` where there are none.
    fn found(&self, members: &[Member]) -> Option<(Vec<Template>, Vec<Template>)> {
        let inner = common(&self.pieces, members);
        let outer = if self.nest.is_some() { self.around(members) } else { Vec::new() };
        let good = !inner.is_empty() && (self.nest.is_none() || !outer.is_empty());
        good.then_some((inner, outer))
    }

    /// The templates of the outer string.
    fn around(&self, members: &[Member]) -> Vec<Template> {
        let Some(nest) = &self.nest else { return Vec::new() };
        let samples = self.pieces.first().map_or(0, |piece| piece.values.len());
        let mut values = vec![None; samples];
        for member in members {
            if let Some(value) = values.get_mut(member.sample) {
                *value = Some(written(nest.form, nest.hash.of(&member.text).bytes()));
            }
        }
        let mut pieces = self.pieces.to_vec();
        pieces.push(Piece { template: self.digest(), step: None, covers: 0, cost: 0, values });
        let texts: Vec<(usize, &[u8])> =
            members.iter().filter_map(|member| Some((member.sample, member.outer.as_deref()?))).collect();
        let with_digest = |template: &Template| {
            template.parts.iter().filter(|part| part.piece() == Some(self.pieces.len())).count() == 1
        };
        templates(&pieces, &texts).into_iter().filter(with_digest).collect()
    }

    /// The digest of the inner string, as the outer one has it.
    pub(crate) fn digest(&self) -> String {
        let Some(nest) = &self.nest else { return String::new() };
        format!("{{inner | {}{}}}", nest.hash.name(), nest.form.filter())
    }
}
