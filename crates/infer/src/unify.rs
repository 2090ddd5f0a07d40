//! From the strings that several samples were signed over to the templates that make all of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::pieces::{BODY, Covers, PATH, Piece, QUERY};
use crate::toml_text::fixed;

/// The most steps of one search.
const MAX_STEPS: usize = 40_000;
/// The most templates that are found.
pub(crate) const MAX_TEMPLATES: usize = 24;
/// How often the same place is reached by different ways.
const MAX_WAYS: usize = 6;
/// What may stand before or behind a piece only where the piece is there.
const OPTIONAL: [&str; 8] = ["\n", "?", "&", ":", "|", ".", ",", "#"];
/// What a piece costs that brings its own separator.
const OPTIONAL_COST: u32 = 5;
/// What a letter costs that is in all strings and in no request.
const LETTER_COST: u32 = 9;

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// A text that is in every string.
    Fixed(char),
    /// A piece.
    Piece(usize),
    /// A piece, with this before it where it is there.
    Prefixed(usize, &'static str),
    /// A piece, with this behind it where it is there.
    Suffixed(usize, &'static str),
}

impl Part {
    /// The piece, where it is one.
    pub(crate) fn piece(&self) -> Option<usize> {
        match self {
            Self::Fixed(_) => None,
            Self::Piece(at) | Self::Prefixed(at, _) | Self::Suffixed(at, _) => Some(*at),
        }
    }
}

/// A template, found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) parts: Vec<Part>,
    pub(crate) cost: u32,
}

impl Template {
    /// As a dialect file says it, where `piece` says how each piece is written.
    pub(crate) fn text(&self, piece: impl Fn(usize) -> String) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Fixed(c) => text.push_str(&fixed(&c.to_string())),
                Part::Piece(at) => text.push_str(&piece(*at)),
                Part::Prefixed(at, with) => text.push_str(&filtered(&piece(*at), "prefix", with)),
                Part::Suffixed(at, with) => text.push_str(&filtered(&piece(*at), "suffix", with)),
            }
        }
        text
    }
}

fn filtered(template: &str, filter: &str, with: &str) -> String {
    let inner = template.strip_suffix('}').unwrap_or(template);
    format!("{inner} | {filter}('{with}')}}")
}

/// How far each string is read, and with what.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    at: Vec<usize>,
    used: Covers,
    parts: Vec<Part>,
}

/// The templates that come to `texts` (a sample and its string each), the likeliest first.
pub(crate) fn templates(pieces: &[Piece], texts: &[(usize, &[u8])]) -> Vec<Template> {
    let mut heap = BinaryHeap::new();
    let start = Way { at: vec![0; texts.len()], used: 0, parts: Vec::new() };
    heap.push(Reverse((0u32, start)));
    let mut ways: BTreeMap<(Vec<usize>, Covers), usize> = BTreeMap::new();
    let mut found: Vec<Template> = Vec::new();
    let empty = EmptySome::of(pieces, texts);
    for _ in 0..MAX_STEPS {
        let Some(Reverse((cost, way))) = heap.pop() else { break };
        if way.at.iter().zip(texts).all(|(at, (_, text))| *at == text.len()) {
            found.push(Template { parts: way.parts.clone(), cost });
            if found.len() == MAX_TEMPLATES {
                break;
            }
        }
        let seen = ways.entry((way.at.clone(), way.used)).or_default();
        *seen += 1;
        if *seen > MAX_WAYS {
            continue;
        }
        for (number, piece) in pieces.iter().enumerate() {
            if piece.covers & way.used != 0 {
                continue;
            }
            let used = way.used | piece.covers;
            let mut go = |part: Part, before: &str, behind: &str, more: u32| {
                if let Some(at) = advance(piece, texts, &way.at, before, behind) {
                    let mut parts = way.parts.clone();
                    parts.push(part);
                    let more = more + u32::from(piece.covers & QUERY != 0 && way.used & BODY != 0);
                    heap.push(Reverse((cost + unlikely(piece) + more, Way { at, used, parts })));
                }
            };
            go(Part::Piece(number), "", "", 0);
            if empty.has(number) && piece.template.matches('{').count() == 1 {
                for sign in OPTIONAL {
                    go(Part::Prefixed(number, sign), sign, "", OPTIONAL_COST);
                    go(Part::Suffixed(number, sign), "", sign, OPTIONAL_COST);
                }
            }
        }
        let mut next = way.at.iter().zip(texts).map(|(at, (_, text))| text.get(*at).copied());
        if let Some(Some(first)) = next.next()
            && first.is_ascii()
            && next.all(|other| other == Some(first))
        {
            let at = way.at.iter().map(|at| at + 1).collect();
            let mut parts = way.parts.clone();
            parts.push(Part::Fixed(char::from(first)));
            let more = match first {
                b'\n' => 1,
                b'.' | b'|' | b':' | b'&' | b',' | b' ' | b'?' => 2,
                _ if first.is_ascii_alphanumeric() => LETTER_COST,
                _ => 3,
            };
            heap.push(Reverse((cost + more, Way { at, used: way.used, parts })));
        }
    }
    found
}

/// How unlikely a piece is. Of two that come to the same, the one that covers the query is preferred: what it leaves
/// open is less, and a client that signs otherwise is refused and not let in.
fn unlikely(piece: &Piece) -> u32 {
    let without_query = piece.covers & PATH != 0 && piece.covers & QUERY == 0;
    u32::from(piece.cost) * 2 + 1 + u32::from(without_query)
}

/// Which pieces are there in some samples and not in others.
struct EmptySome(Vec<bool>);

impl EmptySome {
    fn of(pieces: &[Piece], texts: &[(usize, &[u8])]) -> Self {
        let some = |piece: &Piece| {
            let there = texts.iter().filter(|(sample, _)| piece.value(*sample).is_some()).count();
            there > 0 && there < texts.len()
        };
        Self(pieces.iter().map(some).collect())
    }

    fn has(&self, piece: usize) -> bool {
        self.0.get(piece).copied().unwrap_or(false)
    }
}

/// How far all strings are read behind a piece; `None` where it does not stand there in one of them, or is nowhere.
fn advance(
    piece: &Piece,
    texts: &[(usize, &[u8])],
    from: &[usize],
    before: &str,
    behind: &str,
) -> Option<Vec<usize>> {
    let mut moved = false;
    let mut to = Vec::with_capacity(from.len());
    for (at, (sample, text)) in from.iter().zip(texts) {
        let value = piece.values.get(*sample)?.as_deref()?;
        let mut end = *at;
        if !value.is_empty() {
            for part in [before.as_bytes(), value, behind.as_bytes()] {
                text.get(end..)?.strip_prefix(part)?;
                end += part.len();
            }
            moved = true;
        }
        to.push(end);
    }
    moved.then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pieces::METHOD;

    fn piece(template: &str, covers: Covers, values: &[&str]) -> Piece {
        let values = values.iter().map(|value| Some(value.as_bytes().to_vec())).collect();
        Piece { template: template.to_owned(), step: None, covers, cost: 1, values }
    }

    fn first(pieces: &[Piece], texts: &[&str]) -> Option<String> {
        let texts: Vec<(usize, &[u8])> = texts.iter().map(|text| text.as_bytes()).enumerate().collect();
        let found = templates(pieces, &texts);
        found.first().map(|template| template.text(|at| pieces[at].template.clone()))
    }

    fn pieces() -> [Piece; 4] {
        [
            piece("{target}", PATH | QUERY, &["/a", "/a?b=c"]),
            piece("{path}", PATH, &["/a", "/a"]),
            piece("{method}", METHOD, &["GET", "POST"]),
            piece("{body}", BODY, &["", "{}"]),
        ]
    }

    #[test]
    fn what_is_equal_in_one_request_is_told_apart_by_another() {
        assert_eq!(first(&pieces(), &["GET /a", "POST /a?b=c"]).as_deref(), Some("{method} {target}"));
        assert_eq!(first(&pieces(), &["GET /a", "POST /a"]).as_deref(), Some("{method} {path}"));
        assert_eq!(first(&pieces()[..2], &["/a", "/b"]), None);
    }

    #[test]
    fn a_part_that_one_request_lacks_may_bring_its_separator_along() {
        let found = first(&pieces(), &["GET", "POST\n{}"]);
        assert_eq!(found.as_deref(), Some("{method}{body | prefix('\n')}"));
        assert_eq!(first(&pieces(), &["GET\n", "POST\n{}"]).as_deref(), Some("{method}\n{body}"));
    }
}
