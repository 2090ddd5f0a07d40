//! The dialects that come with the crate. Each is compiled when it is first asked for: a process that uses three of them
//! pays for three.

use std::sync::{Arc, OnceLock};

use countersign_model::DialectName;

use crate::dialects::Dialects;
use crate::mistake::Source;
use crate::recipe::Recipe;

/// A file below `dialects/`: one dialect, of the file's name.
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    /// The folder that it is in.
    pub(crate) folder: &'static str,
    origin: &'static str,
    text: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

static RECIPES: [OnceLock<Option<Arc<Recipe>>>; BUILTIN.len()] = [const { OnceLock::new() }; BUILTIN.len()];

/// All of them, by name.
pub(crate) fn all() -> &'static [Builtin] {
    &BUILTIN
}

/// The one of that name.
pub(crate) fn find(name: &str) -> Option<&'static Builtin> {
    BUILTIN.get(place(name)?)
}

/// The recipe of that name.
pub(crate) fn recipe(name: &DialectName) -> Option<&'static Arc<Recipe>> {
    let at = place(name.as_str())?;
    let (builtin, slot) = (BUILTIN.get(at)?, RECIPES.get(at)?);
    // That each loads is a test below; one that did not would be a dialect that is not there.
    let compile = || Dialects::load(&[builtin.source()]).ok()?.take(name);
    slot.get_or_init(compile).as_ref()
}

fn place(name: &str) -> Option<usize> {
    BUILTIN.binary_search_by(|builtin| builtin.name.cmp(name)).ok()
}

impl Builtin {
    pub(crate) fn source(&self) -> Source {
        Source { origin: self.origin.to_owned(), text: self.text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_that_comes_with_the_crate_loads_under_the_name_of_its_file() {
        for builtin in all() {
            let loaded = Dialects::load(&[builtin.source()]);
            let loaded = loaded.unwrap_or_else(|mistakes| panic!("{}: {mistakes:?}", builtin.origin));
            let names: Vec<&str> = loaded.iter().map(|recipe| recipe.name().as_str()).collect();
            assert_eq!(names, [builtin.name], "{}", builtin.origin);
        }
    }

    #[test]
    fn no_two_dialects_that_come_with_the_crate_have_one_name() {
        assert!(all().len() > 100);
        assert!(all().windows(2).all(|pair| matches!(pair, [a, b] if a.name < b.name)));
    }
}
