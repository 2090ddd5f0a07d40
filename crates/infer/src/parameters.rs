//! Lists of names and values as one text: query, form and JSON members, and headers, in the orders and notations that
//! vendors have for them.

use crate::layout::Place;
use crate::pieces::{BODY, Covers, HEADERS, HOST, PATH, Pieces, QUERY};
use crate::roles;
use crate::signature::Target;

/// A list of a request.
struct List {
    expr: String,
    covers: Covers,
    cost: u8,
}

/// Adds the pieces that are made of lists.
pub(crate) fn add(pieces: &mut Pieces<'_, '_>, target: &Target, key_id: Option<&str>) {
    let some = |test: fn(&crate::sample::Sample) -> bool| pieces.evaluator.samples.iter().any(test);
    let query = some(|sample| sample.target.contains('?'));
    let json = some(|sample| sample.body.first() == Some(&b'{'));
    let form = !json && some(|sample| sample.body.contains(&b'='));
    let without = match &target.place {
        Place::Query(name) | Place::Form(name) | Place::Json(name) => format!(" | drop('{name}')"),
        Place::Header(_) | Place::Inside(_) | Place::Path => String::new(),
    };
    let key_name = key_name(pieces, key_id);
    let stamps = stamps(pieces);

    let mut lists = Vec::new();
    let mut list = |there: bool, expr: &str, covers, cost| {
        if there {
            lists.push(List { expr: expr.to_owned(), covers, cost });
        }
    };
    list(query, "query", QUERY, 0);
    list(form, "form", BODY, 0);
    list(json, "json", BODY, 1);
    list(query && form, "query | plus(form)", QUERY | BODY, 1);
    list(query && json, "query | plus(json)", QUERY | BODY, 2);
    for list in &lists {
        decoded(pieces, list, &without, key_name.as_deref(), &stamps);
    }
    if query {
        raw(pieces, "rawpairs", &without, QUERY);
        with_path(pieces, &without);
    }
    if form {
        raw(pieces, "rawform", &without, BODY);
    }
    headers(pieces, target);
}

/// The name of the key id, where it is a parameter.
fn key_name(pieces: &Pieces<'_, '_>, key_id: Option<&str>) -> Option<String> {
    let atom =
        pieces.layout.atoms.iter().find(|atom| key_id.is_some_and(|key_id| roles::is(atom, key_id)))?;
    match &atom.place {
        Place::Query(name) | Place::Form(name) | Place::Json(name) => Some(name.clone()),
        Place::Header(_) | Place::Inside(_) | Place::Path => None,
    }
}

/// Headers that clients sign as if they were parameters: name and expression.
fn stamps(pieces: &Pieces<'_, '_>) -> Vec<(String, String)> {
    let stamps = pieces.layout.atoms.iter().filter(|atom| roles::is_time(atom) || roles::is_nonce(atom));
    stamps
        .filter_map(|atom| match &atom.place {
            Place::Header(name) => Some((name.clone(), atom.expr.clone())),
            Place::Inside(_) | Place::Query(_) | Place::Form(_) | Place::Json(_) | Place::Path => None,
        })
        .collect()
}

fn decoded(
    pieces: &mut Pieces<'_, '_>,
    list: &List,
    without: &str,
    key_name: Option<&str>,
    stamps: &[(String, String)],
) {
    let List { expr, covers, cost } = list;
    let mut lists = vec![(format!("{expr}{without}"), *cost)];
    if let Some(name) = key_name {
        let both = if without.is_empty() {
            format!("{expr} | drop('{name}')")
        } else {
            format!("{expr}{}", without.replace("')", &format!("', '{name}')")))
        };
        lists.push((both, cost + 2));
    }
    for (list, cost) in lists {
        for (order, more) in [(" | sort", 0), ("", 1), (" | sort('nocase')", 3)] {
            let cost = cost + more;
            for (render, more) in [
                ("render('=', '&')", 2),
                ("enc | render('=', '&')", 3),
                ("enc-form | render('=', '&')", 3),
                ("render('', '')", 3),
                ("values('')", 3),
                ("render('=', ',')", 5),
                ("values('|')", 5),
                ("values(',')", 5),
                ("values(':')", 5),
                ("render('=', '|')", 6),
                ("render(':', '\n')", 6),
                ("dropempty | render('=', '&')", 4),
                ("enc | render('=', '&') | enc", 5),
                ("render('=', '&') | lower", 5),
                ("render('=', '&') | prefix('?')", 4),
                ("enc | render('=', '&') | lower", 6),
            ] {
                if more + cost <= 8 {
                    pieces.add(format!("{{{list}{order} | {render}}}"), None, *covers, cost + more);
                }
            }
        }
        for (name, stamp) in stamps {
            for (text, more) in [("", 4), ("enc | ", 4)] {
                pieces.add(
                    format!("{{{list} | add('{name}', {stamp}) | sort | {text}render('=', '&')}}"),
                    None,
                    *covers,
                    cost + more,
                );
            }
        }
    }
}

fn raw(pieces: &mut Pieces<'_, '_>, list: &str, without: &str, covers: Covers) {
    for (more, cost) in [("", 2), (" | sort", 3), (" | dec-form | sort", 5)] {
        pieces.add(format!("{{{list}{without}{more} | render('=', '&')}}"), None, covers, cost);
    }
}

/// The target and the URL without the signature that they hold.
fn with_path(pieces: &mut Pieces<'_, '_>, without: &str) {
    for (order, more) in [("", 0), (" | sort", 2)] {
        if without.is_empty() && order.is_empty() {
            continue;
        }
        let rest = format!("{{rawpairs{without}{order} | render('=', '&') | prefix('?')}}");
        pieces.add(format!("{{path}}{rest}"), None, PATH | QUERY, 2 + more);
        pieces.add(format!("{{scheme}}://{{host}}{{path}}{rest}"), None, HOST | PATH | QUERY, 3 + more);
    }
}

/// Headers that have the beginning of their names in common.
fn headers(pieces: &mut Pieces<'_, '_>, target: &Target) {
    let own = match &target.place {
        Place::Header(name) | Place::Inside(name) => name.to_ascii_lowercase(),
        Place::Query(_) | Place::Form(_) | Place::Json(_) | Place::Path => String::new(),
    };
    let mut families: Vec<String> = Vec::new();
    for sample in pieces.evaluator.samples {
        for header in sample.headers.view().grouped() {
            let words: Vec<&str> = header.name_str().splitn(3, '-').collect();
            let front = match words.as_slice() {
                ["x", second, _] => format!("x-{second}-"),
                [first, _, _] | [first, _] if *first != "content" => format!("{first}-"),
                _ => continue,
            };
            if !families.contains(&front) && families.len() < 4 {
                families.push(front);
            }
        }
    }
    for front in families {
        let without = if own.starts_with(&front) { format!(" | drop('{own}')") } else { String::new() };
        for (render, cost) in [
            ("render(':', '\n')", 4),
            ("render('=', '&')", 4),
            ("render(':', '\n') | suffix('\n')", 5),
            ("render(': ', '\n')", 6),
            ("values('')", 6),
        ] {
            pieces.add(
                format!("{{headers | keep('{front}*'){without} | sort | {render}}}"),
                None,
                HEADERS,
                cost,
            );
        }
    }
}
