//! Paths and queries as clients and proxies change them.

use base64::Engine as _;
use countersign_model::visible;

use super::Suspicion;
use crate::finding::Kind;
use crate::shown::quoted;
use crate::view::{Change, Scene};

/// What may stand in front of a path for a client and is taken off on the way, or the other way round.
const PREFIXES: [&str; 10] =
    ["/api", "/v1", "/v2", "/v3", "/api/v1", "/api/v2", "/api/v3", "/rest", "/public", "/gateway"];

/// The most segments that a proxy may have put in front.
const MAX_SEGMENTS: usize = 3;

/// The most slashes of a path that are taken for escaped ones.
const MAX_SLASHES: usize = 16;

pub(super) fn suspicions(scene: &Scene<'_>) -> Vec<Suspicion> {
    let (path, query) = (scene.request.path(), scene.request.query());
    let mut all = Vec::new();
    let with_query = |path: &str| query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut push = |kind, rank, target: String, said: String, remedy: &str| {
        if target != scene.request.target {
            all.push(Suspicion::new(kind, rank, Change::Target(target), said, remedy));
        }
    };
    let as_sent = "Sign the path byte for byte as it is sent, after the HTTP library has written it.";
    for (other, how, rank) in other_paths(path) {
        let said = format!(
            "The client signed the path {how} ({}), and sent {}.",
            quoted(other.as_bytes()),
            quoted(path.as_bytes())
        );
        push(Kind::PathEncoding, rank, with_query(&other), said, as_sent);
    }
    for (other, how, rank) in other_slashes(path) {
        let said = format!(
            "The client signed the path {how} ({}), and sent {}.",
            quoted(other.as_bytes()),
            quoted(path.as_bytes())
        );
        push(Kind::PathSlash, rank, with_query(&other), said, as_sent);
    }
    let mut rest = path;
    for number in 0..MAX_SEGMENTS {
        let Some(at) = rest.get(1..).and_then(|rest| rest.find('/')) else { break };
        rest = rest.get(at + 1..).unwrap_or_default();
        let front = path.strip_suffix(rest).unwrap_or_default();
        let said = format!(
            "The client signed the path without `{front}` in front ({}), and it arrived as {}.",
            quoted(rest.as_bytes()),
            quoted(path.as_bytes())
        );
        let rank = 33 + u32::try_from(number).unwrap_or(0);
        push(
            Kind::PathPrefix,
            rank,
            with_query(rest),
            said,
            "Sign the whole path as it arrives here, with what a proxy or a base URL puts in front.",
        );
    }
    let forwarded = scene.request.headers.get("x-forwarded-prefix").and_then(visible);
    for prefix in forwarded.into_iter().chain(PREFIXES) {
        let other = format!("{}{path}", prefix.trim_end_matches('/'));
        let said = format!(
            "The client signed the path with `{prefix}` in front ({}), and it arrived as {}: something on the way took it off.",
            quoted(other.as_bytes()),
            quoted(path.as_bytes())
        );
        push(
            Kind::PathPrefix,
            37,
            with_query(&other),
            said,
            "Have the proxy pass the path on as it is, or sign it without what the proxy takes off.",
        );
    }
    queries(path, query, &mut push);
    all
}

/// The path in other escapes and cases.
fn other_paths(path: &str) -> Vec<(String, &'static str, u32)> {
    let decoded = text(decode(path, Plus::Plain));
    let lower = path.to_lowercase();
    let mut all = vec![(encode(&decoded, "/-._~"), "with everything escaped that may be", 26)];
    all.push((encode(&decoded, "-._~"), "with its slashes escaped too", 28));
    all.push((encode(path, "/-._~"), "escaped twice", 29));
    all.push((escapes_in(path, str::to_ascii_lowercase), "with its escapes in lower case", 60));
    all.push((escapes_in(path, str::to_ascii_uppercase), "with its escapes in upper case", 60));
    // Some proxies decode what was escaped for a reason.
    for (at, _) in path.match_indices('/').skip(1).take(MAX_SLASHES) {
        let (front, end) = path.split_at(at);
        let escaped = format!("{front}%2F{}", end.trim_start_matches('/'));
        all.push((escaped, "with an escaped slash, which something on the way decoded", 65));
    }
    all.insert(0, (decoded, "decoded", 25));
    all.push((lower, "in lower case", 61));
    all
}

fn other_slashes(path: &str) -> Vec<(String, &'static str, u32)> {
    let mut all = Vec::new();
    if let Some(bare) = path.strip_suffix('/') {
        all.push((bare.to_owned(), "without the slash at its end", 27));
    } else {
        all.push((format!("{path}/"), "with a slash at its end", 27));
    }
    if let Some(bare) = path.strip_prefix('/') {
        all.push((bare.to_owned(), "without the slash in front", 27));
        all.push((format!("/{path}"), "with two slashes in front", 62));
        all.push((bare.trim_end_matches('/').to_owned(), "without the slashes around it", 63));
    }
    let single = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .fold(String::new(), |path, segment| path + "/" + segment);
    all.push((single, "with single slashes", 64));
    all
}

fn queries(path: &str, query: Option<&str>, push: &mut impl FnMut(Kind, u32, String, String, &str)) {
    let Some(query) = query else {
        push(
            Kind::QueryAdded,
            70,
            format!("{path}?"),
            "The client signed a `?` without a query, and sent none.".to_owned(),
            "Sign the `?` only where there is a query.",
        );
        return;
    };
    push(
        Kind::QueryLeftOut,
        16,
        path.to_owned(),
        format!("The client did not sign the query ({}).", quoted(query.as_bytes())),
        "Sign the query with the rest.",
    );
    let pairs: Vec<&str> = query.split('&').collect();
    let mut other = |kind, rank, how: &str, other: String| {
        let said = format!(
            "The client signed the query {how} ({}), and sent {}.",
            quoted(other.as_bytes()),
            quoted(query.as_bytes())
        );
        let remedy = "Sign the query byte for byte as it is sent, after the HTTP library has written it.";
        push(kind, rank, format!("{path}?{other}"), said, remedy);
    };
    query_orders(&pairs, &mut other);
    query_escapes(query, &pairs, &mut other);
    let filled: Vec<&str> = pairs.iter().filter(|pair| !pair.ends_with('=')).copied().collect();
    other(Kind::QueryLeftOut, 76, "without its empty values", filled.join("&"));
    for left_out in 0..pairs.len().min(16) {
        let mut pairs = pairs.clone();
        let gone = pairs.remove(left_out);
        let target = if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) };
        let name = gone.split('=').next().unwrap_or_default();
        push(
            Kind::QueryLeftOut,
            77,
            target,
            format!("The client did not sign {} of the query.", quoted(name.as_bytes())),
            "Sign every parameter of the query, those too that a library adds.",
        );
    }
}

fn query_orders(pairs: &[&str], other: &mut impl FnMut(Kind, u32, &str, String)) {
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    let mut by_name = pairs.to_vec();
    by_name.sort_by_key(|pair| pair.split('=').next());
    let mut turned = pairs.to_vec();
    turned.reverse();
    for (pairs, how, rank) in
        [(sorted, "sorted", 18), (by_name, "sorted by name", 19), (turned, "in reverse order", 71)]
    {
        other(Kind::QueryOrder, rank, how, pairs.join("&"));
    }
    // Two that changed places: what a map without order does to a short query.
    let places = 0..pairs.len().min(8);
    for (one, two) in places.flat_map(|one| (0..one).map(move |two| (one, two))) {
        let mut pairs = pairs.to_vec();
        pairs.swap(one, two);
        other(Kind::QueryOrder, 72, "in another order", pairs.join("&"));
    }
}

fn query_escapes(query: &str, pairs: &[&str], other: &mut impl FnMut(Kind, u32, &str, String)) {
    let each = |change: &dyn Fn(&str) -> String| -> String {
        let changed = pairs.iter().map(|pair| match pair.split_once('=') {
            Some((name, value)) => format!("{}={}", change(name), change(value)),
            None => change(pair),
        });
        changed.collect::<Vec<_>>().join("&")
    };
    let plain = |part: &str| text(decode(part, Plus::Plain));
    let form = |part: &str| text(decode(part, Plus::Blank));
    let decoded = each(&form);
    let mut sorted: Vec<&str> = decoded.split('&').collect();
    sorted.sort_unstable();
    for (query, how, rank) in [
        (sorted.join("&"), "decoded and sorted", 24),
        (decoded.clone(), "decoded", 17),
        (each(&plain), "decoded, with `+` left as it is", 73),
        (
            each(&|part| encode(&form(part), "-._~")),
            "with `%20` for blanks and everything escaped that may be",
            21,
        ),
        (
            each(&|part| encode(&form(part), "-._*").replace("%20", "+")),
            "escaped as a form, with `+` for blanks",
            22,
        ),
        (
            each(&|part| encode(&form(part), "-._~!*'()")),
            "escaped as JavaScript's `encodeURIComponent` does",
            23,
        ),
        (escapes_in(query, str::to_ascii_lowercase), "with its escapes in lower case", 74),
        (escapes_in(query, str::to_ascii_uppercase), "with its escapes in upper case", 74),
        (each(&|part| encode(part, "-._~")), "escaped twice", 75),
    ] {
        other(Kind::QueryEncoding, rank, how, query);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Plus {
    /// It stands for itself.
    Plain,
    /// It stands for a blank, as in forms.
    Blank,
}

pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

/// Undoes percent-escapes (RFC 3986 section 2.1); what is no escape stays.
pub(super) fn decode(text: &str, plus: Plus) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        if let Some(escaped) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            decoded.push(escaped);
            at += 3;
        } else {
            decoded.push(if *byte == b'+' && plus == Plus::Blank { b' ' } else { *byte });
            at += 1;
        }
    }
    decoded
}

/// Escapes all but letters, digits and these.
pub(super) fn encode(text: &str, safe: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || safe.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

/// The escapes of a text in another case.
fn escapes_in(text: &str, case: fn(&str) -> String) -> String {
    let mut told = String::with_capacity(text.len());
    for (number, part) in text.split('%').enumerate() {
        if number == 0 {
            told.push_str(part);
            continue;
        }
        let (digits, rest) = part.split_at_checked(2).unwrap_or(("", part));
        told.push('%');
        told.push_str(&case(digits));
        told.push_str(rest);
    }
    told
}

/// Base64, standard alphabet.
pub(super) fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_made() {
        assert_eq!(decode("a%20b+c%zz%", Plus::Plain), b"a b+c%zz%");
        assert_eq!(decode("a%2Bb+c", Plus::Blank), b"a+b c");
        assert_eq!(encode("a b/é", "/"), "a%20b/%C3%A9");
        assert_eq!(escapes_in("/%2F%c3%", str::to_ascii_lowercase), "/%2f%c3%");
    }
}
