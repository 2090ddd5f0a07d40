//! All members of an object, or elements of an array.

use std::borrow::Cow;

use crate::claim::Flaw;
use crate::json::{Found, Kind, Member, Scanner, Wanted};
use crate::value::MAX_PAIRS;

/// Members or elements: names unescaped, values as [`Member::text`] gives them. Elements are named by their place.
pub(crate) type Entries<'j> = Vec<(Cow<'j, str>, Cow<'j, str>)>;

/// Lists the members of an object, or the elements of an array.
pub(crate) fn entries(document: &[u8]) -> Result<Entries<'_>, Flaw> {
    let text = std::str::from_utf8(document).map_err(|_| Flaw::NotJson)?;
    let wanted = Wanted::default();
    let mut scanner =
        Scanner { text, bytes: document, at: 0, wanted: &wanted, seen: 0, found: Found::NOTHING };
    // Once through for all of it, so that what follows may trust it.
    scanner.document().map_err(|_| Flaw::NotJson)?;
    scanner.at = 0;
    scanner.blanks();
    let array = match scanner.peek() {
        Some(b'{') => false,
        Some(b'[') => true,
        _ => return Err(Flaw::NotJson),
    };
    let mut list = Entries::new();
    loop {
        // Behind the bracket, or behind the comma.
        scanner.at += 1;
        scanner.blanks();
        if matches!(scanner.peek(), Some(b'}' | b']') | None) {
            return Ok(list);
        }
        if list.len() == MAX_PAIRS {
            return Err(Flaw::TooMany);
        }
        let name = if array {
            Cow::Owned(list.len().to_string())
        } else {
            let (raw, kind) = scanner.string().map_err(|_| Flaw::NotJson)?;
            scanner.blanks();
            scanner.at += 1;
            Member { kind, raw }.text().ok_or(Flaw::NotText)?
        };
        let member = scanner.one_value()?;
        list.push((name, member.text().ok_or(Flaw::NotText)?));
        scanner.blanks();
    }
}

impl<'j> Scanner<'j, '_> {
    /// One value of a document that is known to be JSON.
    fn one_value(&mut self) -> Result<Member<'j>, Flaw> {
        self.blanks();
        let start = self.at;
        let mut depth = 0_usize;
        let kind = match self.peek() {
            Some(b'"') => {
                let (raw, kind) = self.string().map_err(|_| Flaw::NotJson)?;
                return Ok(Member { kind, raw });
            }
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b't') => Kind::True,
            Some(b'f') => Kind::False,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        };
        loop {
            match self.peek() {
                None => break,
                Some(b'"') => {
                    self.string().map_err(|_| Flaw::NotJson)?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        break;
                    }
                }
                Some(b'}' | b']' | b',' | b' ' | b'\t' | b'\n' | b'\r') if depth == 0 => break,
                Some(_) => {}
            }
            self.at += 1;
        }
        Ok(Member { kind, raw: self.slice(start) })
    }
}
