//! The parts of a secret that is a JSON object.

use crate::filter::{Filter, Names};
use crate::json;
use crate::program::{ListSource, Piece, Program, Slot, Source, Template};
use crate::recipe::Recipe;

impl Recipe {
    /// The names of the parts that the dialect takes a secret apart into, where it does: then a secret is a JSON object that has them all.
    pub fn secret_parts(&self) -> Vec<String> {
        let mut found = Vec::new();
        for program in &self.variants {
            let sides = program.checks.iter().flat_map(|check| &check.sides);
            let steps = program.lets.iter().map(|step| &step.template);
            for template in [&program.key, &program.string_to_sign].into_iter().chain(sides).chain(steps) {
                in_template(template, &mut found);
            }
        }
        found
    }
}

/// Whether a secret has all the parts that a variant names.
pub(crate) fn has_all(program: &Program, secret: &[u8]) -> bool {
    let mut wanted = Vec::new();
    let sides = program.checks.iter().flat_map(|check| &check.sides);
    sides.for_each(|template| in_template(template, &mut wanted));
    if wanted.is_empty() {
        return true;
    }
    let parts = json::entries(secret).unwrap_or_default();
    wanted.iter().all(|name| parts.iter().any(|(known, value)| known == name && !value.is_empty()))
}

fn in_template(template: &Template, found: &mut Vec<String>) {
    for piece in &template.pieces {
        if let Piece::Slot(slot) = piece {
            in_slot(slot, found);
        }
    }
}

fn in_slot(slot: &Slot, found: &mut Vec<String>) {
    if slot.source == Source::List(ListSource::Secret)
        && let Some(Filter::Pick(Names::Fixed(names))) = slot.filters.first()
    {
        for name in names {
            let name = String::from_utf8_lossy(name).into_owned();
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    for inner in slot.filters.iter().flat_map(Filter::slots) {
        in_slot(inner, found);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Dialects, Source};

    #[test]
    fn a_secret_in_parts_is_asked_for_by_its_parts_also_where_a_check_alone_names_one() {
        let text = "[dialect.x]\nkey_id = '{header.K}'\nsignature = '{header.S}'\nencoding = 'hex'\nkey = '{secret.one}'\nstring_to_sign = '{body}'\nalgorithm = 'hmac-sha256'\nchecks.two = ['{header.P}', '{secret.two}']";
        let dialects = Dialects::load(&[Source { origin: "x".into(), text: text.into() }]).unwrap();
        let recipe = dialects.iter().next().unwrap();
        assert_eq!(recipe.secret_parts(), ["one", "two"]);
        let good = |secret: &str| recipe.check_secret(secret.as_bytes()).is_ok();
        assert!(good(r#"{"one":"a","two":"b"}"#));
        for bad in ["a", r#"{"one":"a"}"#, r#"{"one":"a","two":""}"#, r#"{"two":"b"}"#] {
            assert!(!good(bad), "{bad}");
        }
        assert_eq!(recipe.credential_headers(), ["k", "s", "p"]);
    }
}
