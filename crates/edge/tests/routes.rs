//! The search for a route, held against a slow one that can be seen to be right.

#![allow(missing_docs, clippy::unwrap_used)]

use countersign_edge::{Credentials, Doors, LongBodies, Route, Routes, UpstreamName};
use countersign_model::Scopes;
use countersign_verify::{Accept, Requirement, SignatureUse, UnsignedQuery};
use http::Method;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn route(methods: Vec<Method>, pattern: String) -> Route {
    Route {
        methods,
        pattern,
        requirement: Requirement::new(
            Accept::Nothing,
            Scopes::default(),
            UnsignedQuery::Allow,
            SignatureUse::AsDialect,
        )
        .unwrap(),
        doors: Doors::All,
        upstream: Some(UpstreamName("api".into())),
        credentials: Credentials::Remove,
        body_limit: None,
        long_bodies: LongBodies::SpoolFirst,
    }
}

/// How closely a pattern matches a path, segment by segment: 0 fixed, 1 a parameter, 2 the rest. None where it does not.
fn closeness(pattern: &[&str], path: &[&str]) -> Option<Vec<u8>> {
    match (pattern, path) {
        ([], []) => Some(Vec::new()),
        ([rest], below) if rest.starts_with("{*") && below.iter().any(|segment| !segment.is_empty()) => {
            Some(vec![2])
        }
        ([first, pattern @ ..], [segment, path @ ..]) => {
            let here = match first.starts_with('{') {
                true if !segment.is_empty() && !first.starts_with("{*") => 1,
                false if first == segment => 0,
                true | false => return None,
            };
            let mut all = closeness(pattern, path)?;
            all.insert(0, here);
            Some(all)
        }
        _ => None,
    }
}

/// What a pattern is good for: itself, then the same with or without a slash at its end, then what `{*rest}` implies.
fn forms(pattern: &str) -> Vec<(u8, String)> {
    let mut forms = vec![(0, pattern.to_owned())];
    match (pattern.split_once("/{*"), pattern.strip_suffix('/')) {
        (Some((above, _)), _) => forms.extend([(2, format!("{above}/")), (2, above.to_owned())]),
        (None, Some(bare)) => forms.push((1, bare.to_owned())),
        (None, None) => forms.push((1, format!("{pattern}/"))),
    }
    forms
}

fn rank(route: &Route, method: &Method) -> Option<u8> {
    match () {
        () if route.methods.contains(method) => Some(0),
        () if *method == Method::HEAD && route.methods.contains(&Method::GET) => Some(1),
        () => route.methods.is_empty().then_some(2),
    }
}

fn slowly<'a>(routes: &'a [Route], method: &Method, path: &str) -> Option<&'a Route> {
    let segments: Vec<&str> = path.split('/').collect();
    let candidates =
        routes.iter().filter_map(|route| Some((rank(route, method)?, route))).flat_map(|(rank, route)| {
            forms(&route.pattern).into_iter().filter_map({
                let segments = &segments;
                move |(form, text)| {
                    let pattern: Vec<&str> = text.split('/').collect();
                    Some((closeness(&pattern, segments)?, form, rank, route))
                }
            })
        });
    candidates.min_by_key(|(closeness, form, rank, _)| (closeness.clone(), *form, *rank)).map(|found| found.3)
}

fn pattern() -> impl Strategy<Value = String> {
    let end = select(vec!["", "", "/", "/{*rest}"]);
    (vec(select(vec!["/a", "/b", "/ab", "/{x}"]), 0..4), end).prop_map(|(segments, end)| {
        let text = segments.concat() + end;
        if text.is_empty() { "/".to_owned() } else { text }
    })
}

fn methods() -> impl Strategy<Value = Vec<Method>> {
    select(vec![vec![], vec![Method::GET], vec![Method::POST], vec![Method::GET, Method::POST]])
}

fn path() -> impl Strategy<Value = String> {
    (vec(select(vec!["/a", "/b", "/ab", "/c"]), 0..5), select(vec!["", "/"])).prop_map(|(segments, end)| {
        let text = segments.concat() + end;
        if text.is_empty() { "/".to_owned() } else { text }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_route_displaces_another_from_a_request_that_is_more_closely_its_own(
        written in vec((methods(), pattern()), 1..7),
        paths in vec(path(), 1..20),
    ) {
        let list: Vec<Route> = written.into_iter().map(|(methods, pattern)| route(methods, pattern)).collect();
        let Ok(routes) = Routes::new(list.clone()) else { return Ok(()) };
        for path in paths {
            for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT] {
                let name = |route: &Route| (route.pattern.clone(), route.methods.clone());
                let found = routes.find(&method, &path).map(|route| name(route));
                prop_assert_eq!(found, slowly(&list, &method, &path).map(name), "{} {}", method, path);
            }
        }
    }
}
