//! Patterns of paths, arranged so that the most specific one is found.
//!
//! Ours rather than a router's: a pattern that some other pattern displaces is a request that reaches its upstream by a
//! looser route, so every pattern that is put in must be found again, whatever stands beside it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAPattern {
    #[error("it must start with /")]
    NoSlash,
    #[error("a parameter is a whole segment with a name, as in {{id}} or {{*rest}}")]
    Parameter,
    #[error("something follows the rest")]
    AfterRest,
    #[error("it has an empty segment")]
    EmptySegment,
}

/// A set of patterns with a number for each.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    fixed: BTreeMap<Box<str>, Self>,
    parameter: Option<Box<Self>>,
    /// A pattern that ends here without a slash, and one that ends here with a slash.
    bare: Option<usize>,
    slashed: Option<usize>,
    /// `{*name}` from here on: everything below, and this itself.
    rest: Option<usize>,
}

/// What a segment of a pattern matches.
#[derive(Clone, Copy)]
enum Segment<'a> {
    Fixed(&'a str),
    Parameter,
    Rest,
}

/// How a path or a pattern ends.
#[derive(Clone, Copy)]
enum Ending {
    Bare,
    Slash,
}

impl Tree {
    /// Adds a pattern. Where it matches the same paths as one that is there, that one stays.
    pub(crate) fn insert(&mut self, pattern: &str, number: usize) -> Result<(), NotAPattern> {
        let (path, ending) = split_ending(pattern.strip_prefix('/').ok_or(NotAPattern::NoSlash)?);
        let segments = path.map(|path| path.split('/').map(Segment::parse).collect::<Result<Vec<_>, _>>());
        let mut node = self;
        let mut segments = segments.transpose()?.unwrap_or_default().into_iter().peekable();
        while let Some(segment) = segments.next() {
            node = match segment {
                Segment::Fixed(text) => node.fixed_child(text),
                Segment::Parameter => &mut **node.parameter.get_or_insert_default(),
                Segment::Rest => {
                    if segments.peek().is_some() || matches!(ending, Ending::Slash) {
                        return Err(NotAPattern::AfterRest);
                    }
                    node.rest.get_or_insert(number);
                    return Ok(());
                }
            };
        }
        let place = match ending {
            Ending::Bare => &mut node.bare,
            Ending::Slash => &mut node.slashed,
        };
        place.get_or_insert(number);
        Ok(())
    }

    fn fixed_child(&mut self, text: &str) -> &mut Self {
        match self.fixed.entry(text.into()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Self::default()),
        }
    }

    /// The number of the pattern that matches `path` most closely: from the left, a fixed segment before a parameter before
    /// the rest; at the end, a pattern with the same ending before one with the other before the rest of nothing.
    ///
    /// A node is looked at no more than once, so the patterns bound the work.
    pub(crate) fn find(&self, path: &str) -> Option<usize> {
        let (path, ending) = split_ending(path.strip_prefix('/')?);
        self.find_below(path, ending)
    }

    fn find_below(&self, path: Option<&str>, ending: Ending) -> Option<usize> {
        let closer = match path {
            None => match ending {
                Ending::Bare => self.bare.or(self.slashed),
                Ending::Slash => self.slashed.or(self.bare),
            },
            Some(path) => {
                let slash = path.bytes().position(|byte| byte == b'/').unwrap_or(path.len());
                let (segment, below) = path.split_at_checked(slash).unwrap_or((path, ""));
                let below = below.strip_prefix('/');
                let parameter = self.parameter.as_ref().filter(|_| !segment.is_empty());
                self.fixed
                    .get(segment)
                    .and_then(|node| node.find_below(below, ending))
                    .or_else(|| parameter?.find_below(below, ending))
            }
        };
        closer.or(self.rest)
    }
}

/// What stands between the first slash and the last, and whether there was a last one.
fn split_ending(path: &str) -> (Option<&str>, Ending) {
    match path.strip_suffix('/') {
        Some(path) => (Some(path), Ending::Slash),
        None if path.is_empty() => (None, Ending::Slash),
        None => (Some(path), Ending::Bare),
    }
}

impl<'a> Segment<'a> {
    fn parse(text: &'a str) -> Result<Self, NotAPattern> {
        match text.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
            Some(inner) => {
                let (name, found) = match inner.strip_prefix('*') {
                    Some(name) => (name, Self::Rest),
                    None => (inner, Self::Parameter),
                };
                if name.is_empty() || name.contains(['{', '}', '*']) {
                    return Err(NotAPattern::Parameter);
                }
                Ok(found)
            }
            None if text.is_empty() => Err(NotAPattern::EmptySegment),
            None if text.contains(['{', '}']) => Err(NotAPattern::Parameter),
            None => Ok(Self::Fixed(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(patterns: &[&'static str], path: &str) -> &'static str {
        let mut tree = Tree::default();
        for (number, pattern) in patterns.iter().enumerate() {
            tree.insert(pattern, number).unwrap();
        }
        tree.find(path).map_or("-", |number| patterns[number])
    }

    #[test]
    fn a_parameter_and_the_rest_stand_side_by_side() {
        for patterns in [["/a/{x}", "/a/{*rest}"], ["/a/{*rest}", "/a/{x}"]] {
            assert_eq!(found(&patterns, "/a/1"), "/a/{x}");
            assert_eq!(found(&patterns, "/a/1/"), "/a/{x}");
            assert_eq!(found(&patterns, "/a/1/2"), "/a/{*rest}");
            assert_eq!(found(&patterns, "/a"), "/a/{*rest}");
        }
    }

    #[test]
    fn a_fixed_segment_that_leads_nowhere_is_gone_back_from() {
        let patterns = ["/a/b/c", "/a/{x}/d", "/{*rest}"];
        assert_eq!(found(&patterns, "/a/b/d"), "/a/{x}/d");
        assert_eq!(found(&patterns, "/a/b/e"), "/{*rest}");
        assert_eq!(found(&patterns[..2], "/a/b/e"), "-");
    }

    #[test]
    fn the_root_is_a_path_like_others() {
        assert_eq!(found(&["/", "/{*rest}"], "/"), "/");
        assert_eq!(found(&["/{*rest}"], "/"), "/{*rest}");
        assert_eq!(found(&["/{x}"], "/"), "-");
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (text, why) in [
            ("a", NotAPattern::NoSlash),
            ("/{}", NotAPattern::Parameter),
            ("/a{b}", NotAPattern::Parameter),
            ("/{*rest}/a", NotAPattern::AfterRest),
            ("/{*rest}/", NotAPattern::AfterRest),
            ("/a//b", NotAPattern::EmptySegment),
            ("//", NotAPattern::EmptySegment),
        ] {
            assert_eq!(Tree::default().insert(text, 0), Err(why), "{text}");
        }
    }
}
