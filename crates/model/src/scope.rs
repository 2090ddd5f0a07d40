//! What a principal may do.

use std::fmt;

/// One permission, such as `marketplace:write`.
///
/// 1 to [`Scope::MAX_LEN`] characters of ASCII letters, digits and `: . _ - / *`. No comma and no
/// white space, so that a list of scopes can stand in one string (a token's `scopes`, a header).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Box<str>);

/// Why a text is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no scope: use 1 to {max} ASCII letters, digits and : . _ - / *", max = Scope::MAX_LEN)]
pub struct InvalidScope {
    /// The text, as it was given.
    pub found: String,
}

impl Scope {
    /// The longest scope, in characters.
    pub const MAX_LEN: usize = 128;

    /// Reads one scope.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || ":._-/*".contains(c);
        if text.is_empty() || text.len() > Self::MAX_LEN || !text.chars().all(allowed) {
            return Err(InvalidScope { found: text.to_owned() });
        }
        Ok(Self(text.into()))
    }

    /// The scope as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A set of scopes, sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(Box<[Scope]>);

impl Scopes {
    /// Reads scopes that stand in one string with commas between them; the empty string is the empty set.
    pub fn parse_list(text: &str) -> Result<Self, InvalidScope> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        text.split(',').map(Scope::parse).collect()
    }

    /// The scopes in one string, comma separated, sorted; empty for the empty set.
    pub fn to_list(&self) -> String {
        let mut list = String::with_capacity(self.0.iter().map(|scope| scope.as_str().len() + 1).sum());
        for (place, scope) in self.0.iter().enumerate() {
            if place > 0 {
                list.push(',');
            }
            list.push_str(scope.as_str());
        }
        list
    }

    /// Whether `scope` is a member. No wildcard is applied: a scope stands for itself.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.binary_search(scope).is_ok()
    }

    /// The members of this set that `held` lacks.
    pub fn missing_from<'a>(&'a self, held: &'a Self) -> impl Iterator<Item = &'a Scope> {
        self.0.iter().filter(|scope| !held.contains(scope))
    }

    /// The members of both sets together.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).cloned().collect()
    }

    /// The members, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut list: Vec<Scope> = scopes.into_iter().collect();
        list.sort();
        list.dedup();
        Self(list.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_back_as_it_was_written() {
        let scopes = Scopes::parse_list("console:apikey:read,a,console:apikey:read").unwrap();
        assert_eq!(scopes.to_list(), "a,console:apikey:read");
        assert_eq!(Scopes::parse_list("").unwrap().to_list(), "");
    }

    #[test]
    fn what_would_break_a_list_or_a_header_is_no_scope() {
        for bad in ["", "a b", "a\n", "é", "a,", ",a"] {
            assert!(Scopes::parse_list(bad).is_err() || bad.is_empty(), "{bad:?}");
            assert!(Scope::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Scope::parse(&"a".repeat(Scope::MAX_LEN)).is_ok());
        assert!(Scope::parse(&"a".repeat(Scope::MAX_LEN + 1)).is_err());
    }

    #[test]
    fn missing_names_what_is_not_held() {
        let asked = Scopes::parse_list("a,b").unwrap();
        let held = Scopes::parse_list("b,c").unwrap();
        assert_eq!(asked.missing_from(&held).map(Scope::as_str).collect::<Vec<_>>(), ["a"]);
    }
}
