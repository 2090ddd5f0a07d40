//! What is not shown of a request: what opens something by itself.

use countersign_dialect::{Recipe, Request, Shown, TracedPiece};

use crate::report::SignedText;

/// Headers that hold what lets their sender in somewhere.
const SENSITIVE: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];
/// Shorter texts stand in requests by accident.
const MIN_LEN: usize = 6;

/// Whether the value of a header, named in lower case, is for nobody's eyes.
pub(crate) fn is_sensitive(name: &str) -> bool {
    SENSITIVE.contains(&name)
}

/// Takes what is not to be shown out of the string to sign.
pub(crate) fn withhold(signed: &mut SignedText, recipe: &Recipe, request: &Request<'_>, key_id: &str) {
    let headers = request.headers.iter().filter(|header| is_sensitive(header.name_str()));
    let mut hidden: Vec<&[u8]> = headers.map(|header| header.value).collect();
    if recipe.key_alone() {
        hidden.push(key_id.as_bytes());
    }
    hidden.retain(|text| text.len() >= MIN_LEN);
    if signed.bytes.as_ref().is_some_and(|bytes| holds(bytes, &hidden)) {
        signed.bytes = None;
    }
    pieces(&mut signed.pieces, &hidden);
}

fn pieces(all: &mut [TracedPiece], hidden: &[&[u8]]) {
    for piece in all {
        let is_hidden = match &piece.shown {
            Shown::Bytes(bytes) | Shown::Front(bytes, _) => holds(bytes, hidden),
            Shown::Withheld => false,
        };
        if is_hidden {
            piece.shown = Shown::Withheld;
        }
        pieces(&mut piece.made_of, hidden);
    }
}

fn holds(text: &[u8], hidden: &[&[u8]]) -> bool {
    hidden.iter().any(|hidden| text.windows(hidden.len()).any(|part| part == *hidden))
}
