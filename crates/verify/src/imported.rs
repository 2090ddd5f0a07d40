//! Keys of another form than ours: which are looked up at all.

use countersign_dialect::{Dialects, Recipe};
use countersign_model::{DialectName, KeyDigest, KeyId};
use countersign_token::key::{self, Within};

use crate::read::CREDENTIAL_BYTES;

/// What credentials were imported for. Where there are none, whatever is not of our form is garbage, and is refused without a look-up.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    bearers: Bearers,
    dialects: Vec<DialectName>,
}

/// Whether there are foreign keys that open something by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Bearers {
    #[default]
    None,
    Some,
}

impl Imported {
    /// `found` is what [`countersign_store::Credentials::imported_for`] gave.
    pub(crate) fn new(found: Vec<Option<DialectName>>, dialects: &Dialects) -> Self {
        let opens_alone = |dialect: &Option<DialectName>| match dialect {
            None => true,
            Some(dialect) => dialects.get(dialect).is_some_and(|recipe| recipe.key_alone()),
        };
        let bearers = if found.iter().any(opens_alone) { Bearers::Some } else { Bearers::None };
        Self { bearers, dialects: found.into_iter().flatten().collect() }
    }

    /// By what an API key of another form than ours is looked up; nothing where it is none.
    pub(crate) fn api_key(&self, wire: &str) -> Option<KeyDigest> {
        match self.bearers {
            Bearers::Some if is_graphic(wire, CREDENTIAL_BYTES) => Some(key::digest(wire)),
            Bearers::Some | Bearers::None => None,
        }
    }

    /// By what the key id of a signature is looked up where it is not of our form; nothing where it is none.
    pub(crate) fn key_id(&self, recipe: &Recipe, wire: &str) -> Option<KeyDigest> {
        if !self.dialects.contains(recipe.name()) {
            return None;
        }
        let (longest, within) = if recipe.key_alone() {
            (CREDENTIAL_BYTES, Within::Everywhere)
        } else {
            (KeyId::MAX_LEN, Within::Dialect(recipe.name()))
        };
        is_graphic(wire, longest).then(|| key::look_up_digest(wire, within))
    }
}

/// By what a key of our own form is looked up; nothing where it is of another.
pub(crate) fn ours(wire: &str) -> Option<KeyDigest> {
    key::check(wire).is_ok().then(|| key::digest(wire))
}

/// Whether this is 1 to `longest` printable characters of ASCII without a space.
fn is_graphic(wire: &str, longest: usize) -> bool {
    !wire.is_empty() && wire.len() <= longest && wire.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imported(found: &[Option<&str>]) -> Imported {
        let found = found.iter().map(|name| name.map(|name| DialectName::parse(name).unwrap())).collect();
        Imported::new(found, &Dialects::builtin())
    }

    fn recipe(name: &str) -> std::sync::Arc<Recipe> {
        Dialects::builtin().get(&DialectName::parse(name).unwrap()).unwrap().clone()
    }

    const OURS: &str = "csp_zzzzzzzzzzzzzzzzzzzzzzzzzzzz0dUU71";

    #[test]
    fn without_an_import_nothing_but_our_own_form_is_looked_up() {
        let none = imported(&[]);
        assert!(ours(OURS).is_some() && ours("AKIDEXAMPLE").is_none());
        assert!(none.api_key("AKIDEXAMPLE").is_none());
        assert!(none.key_id(&recipe("kraken"), "AKIDEXAMPLE").is_none());
    }

    #[test]
    fn a_foreign_key_is_looked_up_where_there_may_be_some_and_within_its_limits() {
        let some = imported(&[Some("kraken")]);
        assert!(some.key_id(&recipe("kraken"), "AKIDEXAMPLE").is_some());
        assert!(some.key_id(&recipe("aws-sigv4"), "AKIDEXAMPLE").is_none());
        assert!(some.api_key("AKIDEXAMPLE").is_none());
        for junk in ["", "a b", "é", &"a".repeat(KeyId::MAX_LEN + 1)] {
            assert!(some.key_id(&recipe("kraken"), junk).is_none(), "{junk}");
        }
        assert!(some.key_id(&recipe("kraken"), &"a".repeat(KeyId::MAX_LEN)).is_some());
    }

    #[test]
    fn a_key_that_opens_routes_by_itself_is_one_and_the_same_everywhere() {
        for found in [None, Some("realm")] {
            assert!(imported(&[found]).api_key("sk_live_0123456789").is_some());
        }
        let realm = imported(&[Some("realm")]);
        assert_eq!(realm.key_id(&recipe("realm"), "sk_live_0123456789"), realm.api_key("sk_live_0123456789"));
    }
}
