//! A report as JSON.

use countersign_dialect::{Shown, TracedPiece};
use hex::encode as hex;
use serde_json::{Value, json};

use crate::report::Report;
use crate::{render, times};

impl Report {
    /// The report as one JSON object.
    pub fn to_json(&self) -> Value {
        let read: Vec<Value> = self
            .read
            .iter()
            .map(|field| json!({ "field": field.name, "from": field.from, "text": field.text, "meaning": field.meaning }))
            .collect();
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|finding| json!({ "kind": finding.kind.as_str(), "said": finding.said, "remedy": finding.remedy }))
            .collect();
        json!({
            "verdict": self.verdict.as_str(),
            "dialect": self.dialect.as_str(),
            "method": self.method,
            "path": self.path,
            "judged_at": times::shown(self.now),
            "read": read,
            "findings": findings,
            "notes": self.notes,
            "string_to_sign": self.signed.as_ref().map(|signed| json!({
                "length": signed.len,
                "text": signed.bytes.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok()),
                "hex": signed.bytes.as_ref().map(hex),
                "pieces": signed.pieces.iter().map(piece).collect::<Vec<_>>(),
            })),
            "tried": self.tried.map(|tried| json!({
                "strings_to_sign": tried.texts,
                "ways": tried.ways,
                "readings_of_the_signature": tried.signatures,
                "signatures_made": tried.attempts,
                "complete": tried.complete,
            })),
        })
    }
}

fn piece(piece: &TracedPiece) -> Value {
    let (bytes, len) = match &piece.shown {
        Shown::Withheld => (None, None),
        Shown::Bytes(bytes) => (Some(bytes), Some(bytes.len())),
        Shown::Front(bytes, len) => (Some(bytes), Some(*len)),
    };
    json!({
        "expression": piece.expression,
        "read_from": piece.read_from,
        "withheld": bytes.is_none(),
        "length": len,
        "text": bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()),
        "hex": bytes.map(hex),
        "place": piece.place.as_ref().map(render::told),
        "made_of": piece.made_of.iter().map(self::piece).collect::<Vec<_>>(),
    })
}
