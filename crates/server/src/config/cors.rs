//! `[cors]`: which pages of other origins may call from a browser. Left out, none may.

use countersign_edge::{Cors, Origins};
use http::{HeaderValue, Uri};

use super::document::At;
use super::read::{amount, list};
use super::section::Section;
use super::units::Period;

const EVERY_ORIGIN: &str = "*";

/// One member of `origins`.
#[derive(Clone, PartialEq, Eq)]
enum Named {
    Every,
    One(HeaderValue),
}

/// Reads the section.
pub(super) fn read(mut section: Section<'_>) -> Option<Cors> {
    let origins_at = section.node("origins").map_or(At::File, |node| node.at.clone());
    let named = section.required(
        "origins",
        "the origins whose pages may call, as in [\"https://app.example.com\"]",
        list(named),
    );
    let max_age = section.or("max_age", Period::minutes(10), amount(Period::seconds(0), Period::days(1)));
    if named.as_ref().is_some_and(Vec::is_empty) {
        section.notes.wrong(&origins_at, "no origin is named", "name at least one, or leave [cors] out");
    }
    if named.as_ref().is_some_and(|named| named.len() > 1 && named.contains(&Named::Every)) {
        section.notes.wrong(
            &origins_at,
            "`*` stands beside other origins",
            "write [\"*\"] alone, or the origins without it",
        );
    }
    section.finish();
    let ones = named?.into_iter().map(|named| match named {
        Named::Every => None,
        Named::One(origin) => Some(origin),
    });
    let origins = ones.collect::<Option<Vec<_>>>().map_or(Origins::Any, Origins::These);
    Some(Cors { origins, max_age: max_age.duration() })
}

/// An origin as browsers write it (RFC 6454 section 6.2): a scheme and a host, a port where it is not the usual one, nothing
/// behind it.
fn named(text: &str) -> Result<Named, String> {
    if text == EVERY_ORIGIN {
        return Ok(Named::Every);
    }
    let wrong = || {
        format!(
            "`{text}` is no origin: write scheme and host as browsers do, as in \"https://app.example.com\""
        )
    };
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let (scheme, host) = uri.scheme_str().zip(uri.authority()).ok_or_else(wrong)?;
    if text.to_ascii_lowercase() != format!("{scheme}://{host}")
        || text.contains('@')
        || text != text.to_ascii_lowercase()
    {
        return Err(wrong());
    }
    HeaderValue::from_str(text).map(Named::One).map_err(|_| wrong())
}
