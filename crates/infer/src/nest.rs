//! A hash within what is signed: the digest of one string stands in another.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::hash::Hash;
use crate::pieces::{BODY, Covers, HEADERS, Piece, QUERY, SECRET};

/// How a digest is written where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Raw,
    Hex,
    Base64,
    HexUpper,
}

impl Form {
    /// The filter that writes it so.
    pub(crate) fn filter(self) -> &'static str {
        match self {
            Self::Raw => "",
            Self::Hex => " | hex",
            Self::Base64 => " | base64",
            Self::HexUpper => " | HEX",
        }
    }
}

/// The digest of the string, and what stands around it.
#[derive(Clone, Debug)]
pub(crate) struct Nest {
    pub(crate) hash: Hash,
    pub(crate) form: Form,
    /// The pieces around it, in order, with the digest's place among them.
    pub(crate) around: Vec<usize>,
    pub(crate) at: usize,
    pub(crate) separator: &'static str,
    before: Vec<u8>,
    after: Vec<u8>,
    pub(crate) covers: Covers,
    /// How unlikely it is.
    pub(crate) cost: u8,
}

/// What a nested hash costs at least.
const COST: u8 = 3;
/// The most pieces that are tried around a digest.
const MAX_AROUND: usize = 8;

impl Nest {
    /// Writes the outer string for the inner one.
    pub(crate) fn write(&self, inner: &[u8], outer: &mut Vec<u8>) {
        let digest = self.hash.of(inner);
        outer.clear();
        outer.extend_from_slice(&self.before);
        outer.extend_from_slice(&written(self.form, digest.bytes()));
        outer.extend_from_slice(&self.after);
    }

    /// The same nest in another sample; `None` where a piece around it is not there.
    pub(crate) fn within(&self, pieces: &[Piece], sample: usize, cost: u8) -> Option<Self> {
        build(pieces, sample, (self.hash, self.form), &self.around, self.at, self.separator, cost)
    }
}

/// A digest as text.
pub(crate) fn written(form: Form, digest: &[u8]) -> Vec<u8> {
    let hex = |digits: &[u8; 16]| {
        let digit = |nibble: u8| digits.get(usize::from(nibble)).copied().unwrap_or_default();
        digest.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    };
    match form {
        Form::Raw => digest.to_vec(),
        Form::Hex => hex(b"0123456789abcdef"),
        Form::HexUpper => hex(b"0123456789ABCDEF"),
        Form::Base64 => STANDARD.encode(digest).into_bytes(),
    }
}

/// All nests that are tried on a sample.
pub(crate) fn nests(pieces: &[Piece], sample: usize) -> Vec<Nest> {
    let whole = BODY | QUERY | HEADERS | SECRET;
    let mut around: Vec<(usize, u8)> = pieces
        .iter()
        .enumerate()
        .filter(|(_, piece)| piece.cost <= 2 && piece.covers & whole == 0 && piece.value(sample).is_some())
        .map(|(at, piece)| (at, piece.cost))
        .collect();
    around.sort_by_key(|(_, cost)| *cost);
    around.truncate(MAX_AROUND);
    let mut nests = Vec::new();
    for (hash, rare) in [(Hash::Sha256, 0), (Hash::Sha512, 1), (Hash::Md5, 1), (Hash::Sha1, 2)] {
        for (form, odd) in [(Form::Hex, 0), (Form::Raw, 0), (Form::Base64, 1), (Form::HexUpper, 2)] {
            let cost = COST + rare + odd;
            nests.extend(build(pieces, sample, (hash, form), &[], 0, "", cost));
            for (piece, more) in &around {
                for (at, separator, odd) in [(1, "", 0), (0, "", 1), (1, "\n", 1), (0, "\n", 2)] {
                    let cost = cost + more + odd;
                    nests.extend(build(pieces, sample, (hash, form), &[*piece], at, separator, cost));
                }
            }
        }
    }
    nests
}

fn build(
    pieces: &[Piece],
    sample: usize,
    (hash, form): (Hash, Form),
    around: &[usize],
    at: usize,
    separator: &'static str,
    cost: u8,
) -> Option<Nest> {
    let (mut before, mut after, mut covers) = (Vec::new(), Vec::new(), 0);
    for (place, piece) in around.iter().enumerate() {
        let piece = pieces.get(*piece)?;
        covers |= piece.covers;
        if place < at {
            before.extend_from_slice(piece.value(sample)?);
            before.extend_from_slice(separator.as_bytes());
        } else {
            after.extend_from_slice(separator.as_bytes());
            after.extend_from_slice(piece.value(sample)?);
        }
    }
    Some(Nest { hash, form, around: around.to_vec(), at, separator, before, after, covers, cost })
}
