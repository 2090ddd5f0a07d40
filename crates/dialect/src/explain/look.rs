//! What a dialect looks at to read a request, and what it finds there.

use crate::claim::Part;
use crate::explain::told;
use crate::program::{Piece, Program, Template};
use crate::read::groups;
use crate::recipe::Recipe;
use crate::request::Request;
use crate::scope::Scope;

/// A field of a dialect and what a request says in it.
#[derive(Clone)]
pub struct Looked {
    /// The field.
    pub part: Part,
    /// Where the dialect reads it, as the dialect writes it: `header.x-timestamp`.
    pub expression: String,
    /// What stands there; `None` where it cannot be read. Empty is not there.
    pub text: Option<Vec<u8>>,
}

/// What the dialect looks at in one request.
#[derive(Clone)]
pub struct Looks {
    /// Its fields, as far as it has them.
    pub fields: Vec<Looked>,
    /// The steps and expressions that the fields name, as the dialect writes them.
    pub steps: Vec<String>,
    /// How the dialect writes times: `unix`, `iso` and so on.
    pub time: &'static str,
}

impl Recipe {
    /// What the variant that is meant for this request looks at; where none is meant, the dialect itself.
    pub fn look(&self, request: &Request<'_>) -> Option<Looks> {
        let program = self.choose(request).map(|(_, program)| program).or(self.variants.last())?;
        let caught = groups(program, request).unwrap_or_default();
        let scope = Scope::new(program, request, &caught, None, b"");
        let fields = [
            (Part::KeyId, program.key_id.as_ref()),
            (Part::Timestamp, program.timestamp.as_ref()),
            (Part::Nonce, program.nonce.as_ref()),
            (Part::Expires, program.expires.as_ref()),
        ];
        let fields = fields.into_iter().filter_map(|(part, template)| Some((part, template?)));
        let fields = fields.chain(program.signature.iter().map(|template| (Part::Signature, template)));
        let looked = fields.map(|(part, template)| Looked {
            part,
            expression: expression(program, template),
            text: scope.bytes(template).ok().map(|text| text.as_slice().to_vec()),
        });
        let fields: Vec<Looked> = looked.collect();
        let steps = program.lets.iter().filter(|step| {
            let named = |field: &Looked| words(&field.expression).any(|word| word == &*step.name);
            fields.iter().any(named)
        });
        let steps = steps.map(|step| format!("{} = {}", step.name, expression(program, &step.template)));
        let matches = program
            .matches
            .iter()
            .map(|found| format!("{} matches {}", told::slot(program, &found.subject), found.regex.as_str()));
        Some(Looks { steps: steps.chain(matches).collect(), fields, time: program.time.name() })
    }
}

fn expression(program: &Program, template: &Template) -> String {
    match &*template.pieces {
        [Piece::Slot(slot)] => told::slot(program, slot),
        _ => told::template(program, template),
    }
}

/// The names in an expression.
fn words(expression: &str) -> impl Iterator<Item = &str> {
    expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialects, Source};

    #[test]
    fn what_a_dialect_looks_at_is_told_with_what_is_there() {
        let text = "[dialect.x]\nlet.sent=\"{header.s | split(',', '=')}\"\ntimestamp='{sent.t}'\nwindow='1s'\n\
                    signature='{sent.v}'\nencoding='hex'\nstring_to_sign='{body}'\nalgorithm='hmac-sha256'";
        let dialects = Dialects::load(&[Source { origin: "x".into(), text: text.into() }]).unwrap();
        let mut headers = countersign_model::HeaderList::new();
        headers.push("s", "t=soon");
        let request = Request {
            method: "GET",
            scheme: "https",
            host: "a",
            target: "/",
            headers: headers.view(),
            body: None,
        };
        let looks = dialects.iter().next().unwrap().look(&request).unwrap();
        assert_eq!(looks.fields.len(), 2);
        assert_eq!(looks.fields[0].expression, "sent.t");
        assert_eq!(looks.fields[0].text.as_deref(), Some(b"soon".as_slice()));
        assert_eq!(looks.fields[1].text.as_deref(), Some(b"".as_slice()));
        assert_eq!(looks.steps, ["sent = header.s | split(',', '=')"]);
        assert_eq!(looks.time, "unix");
    }
}
