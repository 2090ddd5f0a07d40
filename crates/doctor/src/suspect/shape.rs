//! The string to sign, and the steps that go into it, put together in another way.

use countersign_dialect::{NewPiece, Step, StepPiece, Whole};

use super::Suspicion;
use crate::finding::Kind;
use crate::limits::{MAX_PERMUTED, MAX_PIECES, MAX_STEPS};
use crate::shown::{quoted, separator};
use crate::view::{Change, Scene};

/// What clients put between pieces.
const SEPARATORS: [&[u8]; 14] =
    [b"", b"\n", b"\\n", b"\r\n", b"|", b":", b".", b"&", b",", b" ", b"-", b"_", b";", b"+"];

/// What clients sign besides what they should.
const EXTRAS: [(Whole, &str, &str); 9] = [
    (Whole::KeyId, "key_id", "the key id"),
    (Whole::Method, "method", "the method"),
    (Whole::Path, "path", "the path"),
    (Whole::Timestamp, "timestamp", "the time"),
    (Whole::Body, "body", "the body"),
    (Whole::Nonce, "nonce", "the nonce"),
    (Whole::Query, "rawquery", "the query"),
    (Whole::Host, "host", "the host"),
    (Whole::Secret, "secret", "the secret"),
];

pub(super) fn suspicions(scene: &Scene<'_>) -> Vec<Suspicion> {
    let mut all = Vec::new();
    for (number, step) in scene.what_if.steps().iter().take(MAX_STEPS).enumerate() {
        if step.pieces.len() > MAX_PIECES {
            continue;
        }
        // What goes wrong inside a step is rarer than in the whole.
        let deeper = if number == 0 { 0 } else { 5 };
        let shaper = Shaper { step, place: place(step), deeper, signs_secret: scene.what_if.signs_secret() };
        shaper.ends(&mut all);
        shaper.separators(&mut all);
        shaper.missing(&mut all);
        shaper.orders(&mut all);
        shaper.extras(&mut all);
    }
    all
}

/// How a step is called in a sentence.
fn place(step: &Step) -> String {
    step.name.as_ref().map_or_else(
        || "the string to sign".to_owned(),
        |name| format!("`{name}`, a part of the string to sign,"),
    )
}

struct Shaper<'s> {
    step: &'s Step,
    place: String,
    deeper: u32,
    /// Whether the secret stands in the string to sign, as it should.
    signs_secret: bool,
}

impl Shaper<'_> {
    fn kept(&self) -> Vec<NewPiece> {
        (0..self.step.pieces.len()).map(NewPiece::Kept).collect()
    }

    /// The places of what is looked up.
    fn values(&self) -> Vec<usize> {
        let is_value = |at: &usize| matches!(self.step.pieces.get(*at), Some(StepPiece::Value(_)));
        (0..self.step.pieces.len()).filter(is_value).collect()
    }

    fn name(&self, at: usize) -> String {
        match self.step.pieces.get(at) {
            Some(StepPiece::Value(name)) => format!("`{name}`"),
            Some(StepPiece::Literal(text)) => quoted(text),
            None => String::new(),
        }
    }

    fn push(
        &self,
        all: &mut Vec<Suspicion>,
        kind: Kind,
        rank: u32,
        pieces: Vec<NewPiece>,
        said: String,
        remedy: String,
    ) {
        let change = Change::Pieces(self.step.clone(), pieces);
        all.push(Suspicion::new(kind, rank + self.deeper, change, said, remedy));
    }

    fn ends(&self, all: &mut Vec<Suspicion>) {
        let place = &self.place;
        for (end, rank) in [(b"\n".as_slice(), 12), (b"\r\n", 55), (b" ", 56), (b"\0", 109)] {
            let mut pieces = self.kept();
            pieces.push(NewPiece::Literal(end.to_vec()));
            let said = format!(
                "The client put {} at the end of {place} where this dialect has none.",
                separator(end)
            );
            self.push(
                all,
                Kind::Newline,
                rank,
                pieces,
                said,
                "End the string to sign with its last piece.".to_owned(),
            );
        }
        let mut pieces = self.kept();
        pieces.insert(0, NewPiece::Literal(b"\n".to_vec()));
        let said = format!("The client put a line end in front of {place}.");
        self.push(
            all,
            Kind::Newline,
            57,
            pieces,
            said,
            "Begin the string to sign with its first piece.".to_owned(),
        );
        if let Some((StepPiece::Literal(last), _)) = self.step.pieces.split_last() {
            let bare = last.trim_ascii_end();
            let mut pieces = self.kept();
            pieces.pop();
            pieces.push(NewPiece::Literal(bare.to_vec()));
            if bare != last {
                let said = format!("The client left out the {} at the end of {place}.", separator(last));
                self.push(all, Kind::Newline, 12, pieces, said, "Sign it too, also at the end.".to_owned());
            }
        }
    }

    fn separators(&self, all: &mut Vec<Suspicion>) {
        let place = &self.place;
        let is_separator = |piece: &StepPiece| match piece {
            StepPiece::Literal(text) => {
                !text.is_empty() && text.iter().all(|byte| !byte.is_ascii_alphanumeric())
            }
            StepPiece::Value(_) => false,
        };
        let mut used: Vec<&[u8]> = Vec::new();
        for piece in self.step.pieces.iter().filter(|piece| is_separator(piece)) {
            if let StepPiece::Literal(text) = piece
                && !used.contains(&text.as_slice())
            {
                used.push(text);
            }
        }
        for other in SEPARATORS {
            for old in &used {
                if *old == other {
                    continue;
                }
                let pieces = self.step.pieces.iter().enumerate().map(|(at, piece)| match piece {
                    StepPiece::Literal(text) if text == old => NewPiece::Literal(other.to_vec()),
                    StepPiece::Literal(_) | StepPiece::Value(_) => NewPiece::Kept(at),
                });
                let kind = if other == b"\r\n" { Kind::LineEnds } else { Kind::Separator };
                let said = format!(
                    "The client put {} between the pieces of {place} where this dialect has {}.",
                    separator(other),
                    separator(old)
                );
                let remedy = format!("Put {} between them.", separator(old));
                self.push(all, kind, 34, pieces.collect(), said, remedy);
            }
            // Line ends among other signs.
            if !used.contains(&b"\n".as_slice()) && matches!(other, b"\r\n" | b"\\n" | b"") {
                self.line_ends(all, other);
            }
        }
        // Nothing between the pieces.
        let values = self.values();
        if used.is_empty() && values.len() > 1 {
            for other in SEPARATORS.into_iter().filter(|other| !other.is_empty()) {
                let mut pieces = Vec::new();
                for at in 0..self.step.pieces.len() {
                    if at > 0 {
                        pieces.push(NewPiece::Literal(other.to_vec()));
                    }
                    pieces.push(NewPiece::Kept(at));
                }
                let said = format!(
                    "The client put {} between the pieces of {place} where this dialect has nothing.",
                    separator(other)
                );
                self.push(all, Kind::Separator, 36, pieces, said, "Put nothing between them.".to_owned());
            }
        }
    }

    fn line_ends(&self, all: &mut Vec<Suspicion>, other: &[u8]) {
        let mut found = false;
        let pieces: Vec<NewPiece> = self
            .step
            .pieces
            .iter()
            .enumerate()
            .map(|(at, piece)| match piece {
                StepPiece::Literal(text) if text.contains(&b'\n') => {
                    found = true;
                    NewPiece::Literal(text.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(other))
                }
                StepPiece::Literal(_) | StepPiece::Value(_) => NewPiece::Kept(at),
            })
            .collect();
        if found {
            let said = format!(
                "The client put {} in {} where this dialect has a line end.",
                separator(other),
                self.place
            );
            self.push(
                all,
                Kind::LineEnds,
                35,
                pieces,
                said,
                "Put a line end (LF, one byte) there.".to_owned(),
            );
        }
    }

    fn missing(&self, all: &mut Vec<Suspicion>) {
        let values = self.values();
        if values.len() < 2 {
            return;
        }
        for at in &values {
            let name = self.name(*at);
            let said = format!("The client left {name} out of {}.", self.place.trim_end_matches(','));
            let remedy = format!("Sign {name} too, in its place.");
            let is_literal = |at: Option<usize>| {
                at.is_some_and(|at| matches!(self.step.pieces.get(at), Some(StepPiece::Literal(_))))
            };
            let without = |gone: &[usize]| {
                (0..self.step.pieces.len())
                    .filter(|at| !gone.contains(at))
                    .map(NewPiece::Kept)
                    .collect::<Vec<_>>()
            };
            self.push(all, Kind::PieceMissing, 58, without(&[*at]), said.clone(), remedy.clone());
            let before = at.checked_sub(1);
            if is_literal(before) {
                self.push(
                    all,
                    Kind::PieceMissing,
                    58,
                    without(&[at.saturating_sub(1), *at]),
                    said.clone(),
                    remedy.clone(),
                );
            }
            if is_literal(Some(at + 1)) {
                self.push(all, Kind::PieceMissing, 58, without(&[*at, at + 1]), said, remedy);
            }
        }
        // An empty piece at the end is left out together with what stands before it.
        for literal in (0..self.step.pieces.len()).filter(|at| !values.contains(at)) {
            let pieces =
                (0..self.step.pieces.len()).filter(|at| *at != literal).map(NewPiece::Kept).collect();
            let said = format!(
                "The client left {} out of {}.",
                self.name(literal),
                self.place.trim_end_matches(',')
            );
            self.push(
                all,
                Kind::PieceMissing,
                84,
                pieces,
                said,
                format!("Sign {} too, in its place.", self.name(literal)),
            );
        }
    }

    fn orders(&self, all: &mut Vec<Suspicion>) {
        let values = self.values();
        let orders = if values.len() <= MAX_PERMUTED { permutations(&values) } else { swaps(&values) };
        for order in orders.into_iter().filter(|order| *order != values) {
            let mut next = order.iter();
            let pieces = (0..self.step.pieces.len()).map(|at| {
                let at = if values.contains(&at) { next.next().copied().unwrap_or(at) } else { at };
                NewPiece::Kept(at)
            });
            let pieces: Vec<NewPiece> = pieces.collect();
            let names: Vec<String> = order.iter().map(|at| self.name(*at)).collect();
            let should: Vec<String> = values.iter().map(|at| self.name(*at)).collect();
            let said = format!(
                "The client put the pieces of {} in another order: {}.",
                self.place,
                names.join(", ")
            );
            self.push(all, Kind::Order, 59, pieces, said, format!("The order is: {}.", should.join(", ")));
        }
    }

    fn extras(&self, all: &mut Vec<Suspicion>) {
        let values = self.values();
        let between = self.step.pieces.iter().find_map(|piece| match piece {
            StepPiece::Literal(text) if text.iter().all(|byte| !byte.is_ascii_alphanumeric()) => {
                Some(text.clone())
            }
            StepPiece::Literal(_) | StepPiece::Value(_) => None,
        });
        let between = between.unwrap_or_default();
        for (whole, expression, name) in EXTRAS {
            let there = |piece: &StepPiece| matches!(piece, StepPiece::Value(value) if value == expression);
            let meant = whole == Whole::Secret && self.signs_secret;
            if meant || self.step.pieces.iter().any(there) {
                continue;
            }
            let said = format!("The client put {name} into {} too.", self.place.trim_end_matches(','));
            let remedy = format!("Sign without {name}.");
            for at in values.iter().copied().chain([self.step.pieces.len()]) {
                let mut pieces = self.kept();
                let behind = at == self.step.pieces.len();
                let piece = [NewPiece::Whole(whole.clone())];
                let separator = [NewPiece::Literal(between.clone())];
                let both: Vec<NewPiece> = if behind {
                    separator.into_iter().chain(piece).collect()
                } else {
                    piece.into_iter().chain(separator).collect()
                };
                pieces.splice(at..at, both);
                self.push(all, Kind::PieceExtra, 81, pieces, said.clone(), remedy.clone());
            }
        }
    }
}

/// Every order of a few.
fn permutations(of: &[usize]) -> Vec<Vec<usize>> {
    let Some((first, rest)) = of.split_first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for order in permutations(rest) {
        for at in 0..=order.len() {
            let mut order = order.clone();
            order.insert(at, *first);
            all.push(order);
        }
    }
    all
}

/// Two at a time change places, or one moves to an end.
fn swaps(of: &[usize]) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    for one in 0..of.len() {
        for other in one + 1..of.len() {
            let mut order = of.to_vec();
            order.swap(one, other);
            all.push(order);
        }
        let mut order = of.to_vec();
        let moved = order.remove(one);
        let mut front = order.clone();
        front.insert(0, moved);
        order.push(moved);
        all.extend([front, order]);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_pieces_are_put_into_every_order() {
        let mut all = permutations(&[0, 1, 2, 3]);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 24);
    }
}
