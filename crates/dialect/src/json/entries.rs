//! All members of an object, or elements of an array.

use std::borrow::Cow;

use crate::claim::Flaw;
use crate::json::{Found, Kind, Member, Scanner, Wanted};
use crate::value::MAX_PAIRS;

/// Members or elements: names unescaped, values as [`Member::text`] gives them. Elements are named by their place.
pub(crate) type Entries<'j> = Vec<(Cow<'j, str>, Cow<'j, str>)>;

/// Lists the members of an object, or the elements of an array.
pub(crate) fn entries(document: &[u8]) -> Result<Entries<'_>, Flaw> {
    let mut list = Entries::new();
    for (at, (name, member)) in parts(checked(document)?)?.into_iter().enumerate() {
        let name = name.map_or_else(|| Some(Cow::Owned(at.to_string())), |name| name.text());
        list.push((name.ok_or(Flaw::NotText)?, member.text().ok_or(Flaw::NotText)?));
    }
    Ok(list)
}

/// A member with its name, or an element.
pub(super) type Part<'j> = (Option<Member<'j>>, Member<'j>);

/// The document as text, once it is known to be JSON from its first byte to its last.
pub(super) fn checked(document: &[u8]) -> Result<&str, Flaw> {
    let text = std::str::from_utf8(document).map_err(|_| Flaw::NotJson)?;
    Scanner::over(text, &Wanted::default()).document().map_err(|_| Flaw::NotJson)?;
    Ok(text)
}

/// The members or elements of an object or array that is known to be JSON.
pub(super) fn parts(document: &str) -> Result<Vec<Part<'_>>, Flaw> {
    let wanted = Wanted::default();
    let mut scanner = Scanner::over(document, &wanted);
    scanner.blanks();
    let array = match scanner.peek() {
        Some(b'{') => false,
        Some(b'[') => true,
        _ => return Err(Flaw::NotJson),
    };
    let mut list = Vec::new();
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
            None
        } else {
            let (raw, kind) = scanner.string().map_err(|_| Flaw::NotJson)?;
            scanner.blanks();
            scanner.at += 1;
            Some(Member { kind, raw })
        };
        list.push((name, scanner.one_value()?));
        scanner.blanks();
    }
}

impl<'j, 'w> Scanner<'j, 'w> {
    fn over(text: &'j str, wanted: &'w Wanted) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, wanted, seen: 0, found: Found::NOTHING }
    }

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
