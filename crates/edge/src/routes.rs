//! Which route a request takes: the most specific, whatever the order they are written in.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use countersign_verify::Requirement;
use http::Method;

use crate::door::Doors;
use crate::inbound::Inbound;
use crate::lookalike::loosest;
use crate::tree::Tree;

/// The name of an upstream, as the configuration gives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamName(pub Arc<str>);

impl fmt::Display for UpstreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What becomes of the secrets that a route's schemes checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// They go no further.
    #[default]
    Remove,
    /// The upstream gets them too.
    DangerKeep {
        /// Why somebody wants that.
        reason: String,
    },
}

/// How a long body goes on whose signature can be checked as it comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LongBodies {
    /// It is put aside, and goes on once its signature was found good: upstreams never see a part of a request that is refused.
    #[default]
    SpoolFirst,
    /// It goes on as it comes, but for its end, which waits for the signature: upstreams may see a part of a request that
    /// is refused, and never the whole.
    HoldLast,
}

/// A route: where it matches, what it asks, where it leads.
#[derive(Clone, Debug)]
pub struct Route {
    /// The methods it serves; all where the list is empty.
    pub methods: Vec<Method>,
    /// The path, such as `/v1/items/{id}` or `/v1/{*rest}`.
    pub pattern: String,
    /// What it asks of a request.
    pub requirement: Requirement,
    /// At which doors it is.
    pub doors: Doors,
    /// Where the reverse proxy leads it; nowhere where other proxies do.
    pub upstream: Option<UpstreamName>,
    /// What becomes of the secrets that were checked.
    pub credentials: Credentials,
    /// The largest body it lets through, in bytes; the general limit where it has none of its own.
    pub body_limit: Option<u64>,
    /// How long bodies under a signature go on.
    pub long_bodies: LongBodies,
}

/// Why a set of routes makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Two routes match the same requests.
    #[error("route {second} matches the same requests as route {first}")]
    Tie {
        /// The place of the earlier one in the list, from 0.
        first: usize,
        /// The place of the later one.
        second: usize,
    },
    /// The path's syntax is wrong.
    #[error("the path of route {place} cannot be read: {why}")]
    Pattern {
        /// The place in the list, from 0.
        place: usize,
        /// What is wrong.
        why: String,
    },
}

/// All routes, ready to be searched.
///
/// A fixed segment is more specific than `{name}`, and that than `{*rest}`; on the same path, a route that names the
/// method is more specific than one that does not. So that no upstream is reached by a looser route than it
/// should be, a path matches with and without one slash at its end, `/a/{*rest}` covers `/a` itself, and `HEAD` is
/// matched as `GET` where no route names it.
#[derive(Debug)]
pub struct Routes {
    all: Vec<Arc<Route>>,
    by_method: Vec<(Method, Arranged)>,
    other_methods: Arranged,
    /// Each route's pattern as [`loosest`] reads it.
    loosest: Vec<Box<str>>,
    letters: Letters,
}

/// Routes for one method: as they are written, and as the least careful server reads them.
#[derive(Debug)]
struct Arranged {
    written: Tree,
    loosest: Tree,
}

/// Whether all patterns are such as [`loosest`] leaves alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letters {
    Plain,
    Mixed,
}

impl Routes {
    /// Arranges `routes`, or says everything that is wrong with them.
    pub fn new(routes: Vec<Route>) -> Result<Self, Vec<RouteError>> {
        let errors = mistakes(&routes);
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut named: Vec<&Method> = routes.iter().flat_map(|route| &route.methods).collect();
        if named.contains(&&Method::GET) {
            named.push(&Method::HEAD);
        }
        named.sort_by_key(|method| method.as_str());
        named.dedup();
        let loosest: Vec<Box<str>> = routes.iter().map(|route| loosest_pattern(&route.pattern)).collect();
        let plain = routes.iter().zip(&loosest).all(|(route, loosest)| *route.pattern == **loosest);
        let by_method = named
            .into_iter()
            .map(|method| (method.clone(), arrange(&routes, &loosest, |route| rank(route, method))))
            .collect();
        let other_methods = arrange(&routes, &loosest, |route| route.methods.is_empty().then_some(0));
        Ok(Self {
            all: routes.into_iter().map(Arc::new).collect(),
            by_method,
            other_methods,
            loosest,
            letters: if plain { Letters::Plain } else { Letters::Mixed },
        })
    }

    /// The route of a request. None also where a header asks for a method that has another route, or none: some servers
    /// heed `X-HTTP-Method-Override`.
    pub fn of(&self, inbound: &Inbound<'_>) -> Option<&Arc<Route>> {
        let found = self.find(inbound.method, &inbound.path)?;
        let same = |method| self.find(&method, &inbound.path).is_some_and(|other| Arc::ptr_eq(found, other));
        inbound.overriding_methods().all(same).then_some(found)
    }

    /// The route of a request, by its method and its path in the form that [`crate::routing_path`] gives. None also where
    /// a less careful server would take the path for one of another route.
    pub fn find(&self, method: &Method, path: &str) -> Option<&Arc<Route>> {
        let named = self.by_method.iter().find(|(named, _)| named == method);
        let arranged = named.map_or(&self.other_methods, |(_, arranged)| arranged);
        let found = arranged.written.find(path)?;
        let loose = loosest(path);
        let plain = matches!(loose, Cow::Borrowed(_)) && self.letters == Letters::Plain;
        if !plain && arranged.loosest.find(&loose).is_some_and(|other| !self.same_loosely(found, other)) {
            return None;
        }
        self.all.get(found)
    }

    /// Two routes whose patterns differ in nothing but what careless servers ignore were told apart by whoever wrote them.
    fn same_loosely(&self, one: usize, other: usize) -> bool {
        one == other || self.loosest.get(one) == self.loosest.get(other)
    }

    /// All of them, in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.all.iter()
    }
}

/// How closely a route names a method; none where it does not serve it.
fn rank(route: &Route, method: &Method) -> Option<u8> {
    if route.methods.contains(method) {
        Some(0)
    } else if *method == Method::HEAD && route.methods.contains(&Method::GET) {
        Some(1)
    } else {
        route.methods.is_empty().then_some(2)
    }
}

/// The routes that `rank` lets in, arranged. Of those on one path, the one of the lowest rank is in.
fn arrange(routes: &[Route], loosest: &[Box<str>], rank: impl Fn(&Route) -> Option<u8>) -> Arranged {
    let mut entries: Vec<(u8, usize, &str, &str)> = Vec::new();
    for (place, (route, loosest)) in routes.iter().zip(loosest).enumerate() {
        if let Some(rank) = rank(route) {
            entries.push((rank, place, &route.pattern, loosest));
        }
    }
    entries.sort_unstable();
    let mut arranged = Arranged { written: Tree::default(), loosest: Tree::default() };
    for (_, place, pattern, loosest) in entries {
        // Each was inserted once before, to see whether it is a pattern.
        let _fine = arranged.written.insert(pattern, place);
        let _fine = arranged.loosest.insert(loosest, place);
    }
    arranged
}

/// A pattern with [`loosest`] done to what is not a parameter.
fn loosest_pattern(pattern: &str) -> Box<str> {
    let segments = pattern.split('/').map(|segment| match segment {
        _ if segment.starts_with('{') || segment.is_empty() => Cow::Borrowed(segment),
        _ => Cow::Owned(loosest(&format!("/{segment}")).trim_start_matches('/').to_owned()),
    });
    segments.collect::<Vec<_>>().join("/").into()
}

fn mistakes(routes: &[Route]) -> Vec<RouteError> {
    let mut errors = Vec::new();
    let mut seen: HashMap<(String, Option<&Method>), usize> = HashMap::new();
    for (place, route) in routes.iter().enumerate() {
        if let Err(why) = Tree::default().insert(&route.pattern, place) {
            errors.push(RouteError::Pattern { place, why: why.to_string() });
            continue;
        }
        let shape = shape(&route.pattern);
        let methods: Vec<Option<&Method>> =
            if route.methods.is_empty() { vec![None] } else { route.methods.iter().map(Some).collect() };
        let tie = methods.into_iter().filter_map(|method| seen.insert((shape.clone(), method), place)).min();
        if let Some(first) = tie {
            errors.push(RouteError::Tie { first, second: place });
        }
    }
    errors
}

/// A pattern with the names of its parameters left out: two patterns of one shape match the same paths.
fn shape(pattern: &str) -> String {
    let segments = pattern.split('/').map(|segment| match segment {
        _ if segment.starts_with("{*") => "{*}",
        _ if segment.starts_with('{') => "{}",
        _ => segment,
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use countersign_model::Scopes;
    use countersign_verify::{Accept, SignatureUse, UnsignedQuery};

    use super::*;

    fn route(methods: &[Method], pattern: &str) -> Route {
        Route {
            methods: methods.to_vec(),
            pattern: pattern.to_owned(),
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

    fn find<'a>(routes: &'a Routes, method: &Method, path: &str) -> &'a str {
        routes.find(method, path).map_or("-", |route| route.pattern.as_str())
    }

    #[test]
    fn the_most_specific_route_wins_whatever_the_order() {
        let mut list = vec![
            route(&[], "/v1/{*rest}"),
            route(&[Method::POST], "/v1/marketplace/{*rest}"),
            route(&[], "/v1/items/{id}"),
            route(&[], "/v1/items/new"),
        ];
        for _ in 0..list.len() {
            list.rotate_left(1);
            let routes = Routes::new(list.clone()).unwrap();
            assert_eq!(find(&routes, &Method::POST, "/v1/marketplace/listings"), "/v1/marketplace/{*rest}");
            assert_eq!(find(&routes, &Method::GET, "/v1/marketplace/listings"), "/v1/{*rest}");
            assert_eq!(find(&routes, &Method::GET, "/v1/items/new"), "/v1/items/new");
            assert_eq!(find(&routes, &Method::GET, "/v1/items/7"), "/v1/items/{id}");
            assert_eq!(find(&routes, &Method::GET, "/v1/items/7/x"), "/v1/{*rest}");
            assert_eq!(find(&routes, &Method::GET, "/v2"), "-");
        }
    }

    #[test]
    fn a_parameter_keeps_its_route_beside_the_rest_of_the_same_place() {
        let mut list = vec![
            route(&[Method::POST], "/v1/items/{id}"),
            route(&[], "/v1/items/{*rest}"),
            route(&[], "/{*rest}"),
            route(&[], "/{page}"),
        ];
        for _ in 0..list.len() {
            list.rotate_left(1);
            let routes = Routes::new(list.clone()).unwrap();
            assert_eq!(find(&routes, &Method::POST, "/v1/items/7"), "/v1/items/{id}");
            assert_eq!(find(&routes, &Method::GET, "/v1/items/7"), "/v1/items/{*rest}");
            assert_eq!(find(&routes, &Method::POST, "/v1/items/7/x"), "/v1/items/{*rest}");
            assert_eq!(find(&routes, &Method::GET, "/about"), "/{page}");
        }
    }

    #[test]
    fn a_path_that_a_careless_server_takes_for_another_routes_finds_none() {
        let routes = Routes::new(vec![
            route(&[], "/{*rest}"),
            route(&[Method::POST], "/admin/{*rest}"),
            route(&[], "/v1/userProfile"),
            route(&[], "/v1/{name}"),
        ])
        .unwrap();
        for path in
            ["/Admin/x", "/admin;a=b/x", "/%2561dmin/x", "/admin%20/x", "/admin./x", "/x%252f..%252fadmin/y"]
        {
            assert_eq!(find(&routes, &Method::POST, path), "-", "{path}");
            assert_eq!(find(&routes, &Method::GET, path), "/{*rest}", "{path}");
        }
        assert_eq!(find(&routes, &Method::GET, "/v1/userprofile"), "-");
        assert_eq!(find(&routes, &Method::GET, "/v1/userProfile"), "/v1/userProfile");
        // Nothing is lost where no other route is near.
        for path in ["/v1/ABC", "/v1/a;b=c", "/v1/100%25", "/v1/a%20b", "/v1/a."] {
            assert_eq!(find(&routes, &Method::GET, path), "/v1/{name}", "{path}");
        }
        assert_eq!(find(&routes, &Method::POST, "/admin/X;y/%25"), "/admin/{*rest}");
    }

    #[test]
    fn a_header_that_asks_for_another_routes_method_finds_none() {
        let routes =
            Routes::new(vec![route(&[], "/{*rest}"), route(&[Method::DELETE], "/items/{id}")]).unwrap();
        for (path, header, value, expected) in [
            ("/items/1", "x-http-method-override", "DELETE", "-"),
            ("/items/1", "x_http_method_override", "delete", "-"),
            ("/items/1", "x-method-override", "DELETE", "-"),
            ("/items/1", "x-http-method", "DELETE", "-"),
            ("/items/1", "x-http-method-override", "PUT", "/{*rest}"),
            ("/other", "x-http-method-override", "DELETE", "/{*rest}"),
            ("/items/1", "x-other", "DELETE", "/{*rest}"),
        ] {
            let (parts, ()) = http::Request::post(path).body(()).unwrap().into_parts();
            let headers = countersign_model::HeaderList::from_iter([("host", "a"), (header, value)]);
            let head = crate::Head::of(&parts, headers.view());
            let inbound = Inbound::read(&head, "http", ([127, 0, 0, 1], 1).into()).unwrap();
            let found = routes.of(&inbound).map_or("-", |route| route.pattern.as_str());
            assert_eq!(found, expected, "{path} {header}: {value}");
        }
    }

    #[test]
    fn routes_that_differ_in_case_alone_are_told_apart() {
        let routes = Routes::new(vec![route(&[], "/a/{x}"), route(&[], "/A/{x}")]).unwrap();
        assert_eq!(find(&routes, &Method::GET, "/a/1"), "/a/{x}");
        assert_eq!(find(&routes, &Method::GET, "/A/1"), "/A/{x}");
    }

    #[test]
    fn a_path_cannot_slip_past_its_route_by_a_slash_or_by_head() {
        let routes = Routes::new(vec![
            route(&[], "/{*rest}"),
            route(&[Method::GET], "/admin/{*rest}"),
            route(&[Method::GET], "/report"),
        ])
        .unwrap();
        for path in ["/admin", "/admin/", "/admin/x", "/admin/x/"] {
            assert_eq!(find(&routes, &Method::GET, path), "/admin/{*rest}", "{path}");
            assert_eq!(find(&routes, &Method::HEAD, path), "/admin/{*rest}", "{path}");
        }
        assert_eq!(find(&routes, &Method::GET, "/report/"), "/report");
        assert_eq!(find(&routes, &Method::POST, "/report/"), "/{*rest}");
        assert_eq!(find(&routes, &Method::GET, "/"), "/{*rest}");
    }

    #[test]
    fn a_route_that_names_the_method_wins_over_one_that_does_not() {
        let routes = Routes::new(vec![route(&[], "/a"), route(&[Method::POST], "/a")]).unwrap();
        assert!(routes.find(&Method::GET, "/a").unwrap().methods.is_empty());
        assert_eq!(routes.find(&Method::POST, "/a").unwrap().methods, [Method::POST]);
    }

    #[test]
    fn two_routes_that_tie_are_a_mistake_and_all_are_told() {
        let routes = vec![
            route(&[], "/a/{x}"),
            route(&[], "/a/{y}"),
            route(&[Method::GET, Method::PUT], "/b"),
            route(&[Method::PUT], "/b"),
            route(&[], "no-slash"),
        ];
        let errors = Routes::new(routes).unwrap_err();
        assert_eq!(errors[0], RouteError::Tie { first: 0, second: 1 });
        assert_eq!(errors[1], RouteError::Tie { first: 2, second: 3 });
        assert!(matches!(errors[2], RouteError::Pattern { place: 4, .. }));
    }
}
