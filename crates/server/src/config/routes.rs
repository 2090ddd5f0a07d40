//! Routes against each other and against what they name.

use countersign_dialect::{BodyUse, Dialects, KeyNaming, Risk};
use countersign_edge::{Bodies, DoorName, FrontProxy};
use countersign_verify::Per;

use super::document::At;
use super::forward_auth::{Asks, ForwardAuthConfig};
use super::notes::{Notes, proposal};
use super::rate_limit::{self, RateLimitConfig};
use super::route::{DoorsRule, Draft, Methods, RequireConfig, RouteConfig, SchemeName};
use super::section::Section;
use super::upstream::UpstreamName;

/// What routes may name.
pub(super) struct Named<'a> {
    pub(super) upstreams: &'a [UpstreamName],
    /// Nothing where they could not be read: then no route is blamed for what is wrong with them.
    pub(super) dialects: Option<&'a Dialects>,
    pub(super) wallet_is_on: bool,
    /// The doors at which proxies ask, those that could be read.
    pub(super) doors: &'a [ForwardAuthConfig],
    /// The names of all of them.
    pub(super) door_names: &'a [String],
    /// The limits that could be read.
    pub(super) limits: &'a [RateLimitConfig],
    /// The names of all of them.
    pub(super) limit_names: &'a [String],
}

pub(super) fn read_all(sections: Vec<Section<'_>>, named: &Named<'_>, notes: &Notes<'_>) -> Vec<RouteConfig> {
    if sections.is_empty() {
        notes.wrong(
            &At::File,
            "there is no [[route]]: every request would be answered with 404",
            "add one for each group of paths",
        );
    }
    let drafts: Vec<Draft> = sections.into_iter().map(Draft::read).collect();
    for (index, draft) in drafts.iter().enumerate() {
        for earlier in drafts.iter().take(index) {
            note_tie(draft, earlier, notes);
        }
        for scheme in schemes(draft) {
            note_scheme(scheme, draft, named, notes);
        }
        note_signer(draft, named, notes);
        note_danger(draft, notes);
        note_stream(draft, named, notes);
    }
    let routes: Vec<RouteConfig> =
        drafts.into_iter().filter_map(|draft| finish(draft, named, notes)).collect();
    let used: Vec<String> = routes.iter().flat_map(|route| route.limits.iter().cloned()).collect();
    rate_limit::note_unused(named.limits, &used, notes);
    routes
}

/// Two routes tie where one request can be for both and neither is more specific. A path in which a literal stands
/// is more specific than one with a parameter at that place, which is more specific than one whose rest begins
/// there: so only routes for the very same paths tie. Among those, the one that names the method is more specific
/// than the one for any.
fn note_tie(draft: &Draft, earlier: &Draft, notes: &Notes<'_>) {
    let (Some(pattern), Some(other)) = (&draft.pattern, &earlier.pattern) else { return };
    if !pattern.same_paths(other) {
        return;
    }
    let tied = match (&draft.methods, &earlier.methods) {
        (Some(Methods::Any), Some(Methods::Any)) => Some("all methods".to_owned()),
        (Some(Methods::These(mine)), Some(Methods::These(theirs))) => {
            mine.iter().find(|method| theirs.contains(method)).map(ToString::to_string)
        }
        (Some(Methods::Any) | None, Some(Methods::These(_)) | None) | (_, Some(Methods::Any) | None) => None,
    };
    if let Some(methods) = tied {
        let line =
            notes.line(&earlier.at).map_or_else(String::new, |line| format!(" (the one of line {line})"));
        notes.wrong(
            &draft.pattern_at,
            format!("another route{line} is for {methods} of the same paths"),
            "make one more specific, by its path or by `methods`, or leave one out",
        );
    }
}

fn schemes(draft: &Draft) -> &[SchemeName] {
    match &draft.require {
        Some(RequireConfig::Any(schemes) | RequireConfig::All(schemes)) => schemes,
        Some(RequireConfig::Nothing) | None => &[],
    }
}

fn note_scheme(scheme: &SchemeName, draft: &Draft, named: &Named<'_>, notes: &Notes<'_>) {
    let at = &draft.require_at;
    match scheme {
        SchemeName::ApiKey => {}
        SchemeName::Wallet if named.wallet_is_on => {}
        SchemeName::Wallet => {
            notes.wrong(
                at,
                "`wallet` is required, and there is no [wallet] to log in to",
                "add [wallet], or require another scheme",
            );
        }
        SchemeName::Signature(dialect) => {
            let Some(dialects) = named.dialects else { return };
            let Some(recipe) = dialects.get(dialect) else {
                let known = dialects.names();
                notes.wrong(
                    at,
                    format!("there is no dialect `{dialect}`"),
                    proposal(dialect.as_str(), &known),
                );
                return;
            };
            if recipe.key_naming() == KeyNaming::ByRoute && draft.signed_by_at.is_none() {
                notes.wrong(
                    at,
                    format!("requests in `{dialect}` do not say whose they are: nothing in them names a credential"),
                    "say which consumer's credentials sign them: signed_by = \"NAME\"",
                );
            }
            if draft.query.is_none() && !recipe.covers_query() {
                notes.warn(
                    at,
                    format!("`{dialect}`: {}", Risk::UnsignedQuery.meaning()),
                    Risk::UnsignedQuery.would_do(),
                );
            }
        }
    }
}

/// A body can go on before its signature was found good only where every signature of the route can be checked while it
/// comes.
fn note_stream(draft: &Draft, named: &Named<'_>, notes: &Notes<'_>) {
    let (Some(at), Some(dialects)) = (&draft.hold_last_at, named.dialects) else { return };
    let mut covered = false;
    for scheme in schemes(draft) {
        let SchemeName::Signature(dialect) = scheme else { continue };
        // That it is not there was told already.
        let Some(recipe) = dialects.get(dialect) else { return };
        let why = match recipe.body_use() {
            BodyUse::Unused => continue,
            BodyUse::Streamed => {
                covered = true;
                continue;
            }
            BodyUse::Signed => "does more with the body than to digest it once",
            BodyUse::Read => "reads something that stands in the body",
        };
        notes.wrong(
            at,
            format!("`hold-last`, and `{dialect}` {why}: it needs the body whole"),
            "write stream = \"spool-first\", or leave it out",
        );
        return;
    }
    if !covered && draft.require.is_some() {
        notes.wrong(
            at,
            "`hold-last` where no signature covers the body: bodies go on as they come",
            "leave `stream` out",
        );
    }
}

/// Whoever reads `signed_by` where every request names its own credential would think that it keeps others out.
fn note_signer(draft: &Draft, named: &Named<'_>, notes: &Notes<'_>) {
    let (Some(at), Some(dialects), Some(_)) = (&draft.signed_by_at, named.dialects, &draft.require) else {
        return;
    };
    let names_none = |scheme: &SchemeName| match scheme {
        SchemeName::Signature(dialect) => {
            dialects.get(dialect).is_none_or(|recipe| recipe.key_naming() == KeyNaming::ByRoute)
        }
        SchemeName::ApiKey | SchemeName::Wallet => false,
    };
    if !schemes(draft).iter().any(names_none) {
        notes.wrong(
            at,
            "`signed_by` where every request names its own credential",
            "leave it out: it is for dialects without a key id, and keeps no other consumer out",
        );
    }
}

fn note_danger(draft: &Draft, notes: &Notes<'_>) {
    let rest_of_all = draft.pattern.as_ref().is_some_and(|pattern| pattern.as_str().starts_with("/{*"));
    if rest_of_all && matches!(draft.require, Some(RequireConfig::Nothing)) {
        notes.warn(&draft.require_at, "every path that no other route names is open to anybody", "");
    }
}

fn finish(draft: Draft, named: &Named<'_>, notes: &Notes<'_>) -> Option<RouteConfig> {
    let (upstreams, name) = (named.upstreams, draft.upstream.as_ref());
    let found = name.and_then(|name| upstreams.iter().find(|upstream| upstream.as_str() == name));
    if let (Some(name), None) = (name, found) {
        let known: Vec<&str> = upstreams.iter().map(UpstreamName::as_str).collect();
        let mend = if known.is_empty() { "add an [[upstream]]".to_owned() } else { proposal(name, &known) };
        notes.wrong(&draft.upstream_at, format!("there is no upstream `{name}`"), mend);
    }
    let doors = doors(&draft, named, notes)?;
    note_bodies(&draft, &doors, named, notes);
    let upstream = match name {
        None => None,
        Some(_) => Some(found.cloned()?),
    };
    let limits = limits(&draft, named, notes);
    draft.finish(doors, upstream, limits)
}

/// The limits of a route: those that it names; else the default one, where it can count the route's requests.
fn limits(draft: &Draft, named: &Named<'_>, notes: &Notes<'_>) -> Vec<String> {
    let counts = |name: &str| {
        let limit = named.limits.iter().find(|limit| limit.name.as_str() == name);
        limit.is_none_or(|limit| can_count(limit.per, draft.require.as_ref()))
    };
    let known: Vec<&str> = named.limit_names.iter().map(String::as_str).collect();
    let Some(wanted) = &draft.limits else {
        let default = known.contains(&rate_limit::DEFAULT) && counts(rate_limit::DEFAULT);
        return default.then(|| rate_limit::DEFAULT.to_owned()).into_iter().collect();
    };
    for name in wanted {
        if !known.contains(&name.as_str()) {
            let mend = if known.is_empty() { "add a [[limit]]".to_owned() } else { proposal(name, &known) };
            notes.wrong(&draft.limits_at, format!("there is no limit `{name}`"), mend);
        } else if !counts(name) {
            notes.wrong(
                &draft.limits_at,
                format!("`{name}` counts by what nothing that this route requires can prove"),
                "name a limit per \"address\" or \"route\", or require another scheme",
            );
        }
    }
    wanted.clone()
}

/// Whether a limit can count any request of a route that requires this.
fn can_count(per: Per, require: Option<&RequireConfig>) -> bool {
    let schemes = match require {
        Some(RequireConfig::Any(schemes) | RequireConfig::All(schemes)) => schemes.as_slice(),
        Some(RequireConfig::Nothing) => &[],
        // What is wrong with it was told already.
        None => return true,
    };
    match per {
        Per::Client | Per::Route => true,
        Per::Credential => !schemes.is_empty(),
        Per::Consumer => schemes.iter().any(|scheme| *scheme != SchemeName::Wallet),
        Per::Wallet => schemes.contains(&SchemeName::Wallet),
    }
}

/// The doors of a route: those that it names; else those where it can be.
fn doors(draft: &Draft, named: &Named<'_>, notes: &Notes<'_>) -> Option<DoorsRule> {
    let asked = named.door_names.iter().map(String::as_str);
    let known: Vec<&str> = [DoorName::PROXY, DoorName::TOWER].into_iter().chain(asked).collect();
    let doors = match &draft.doors {
        Some(doors) => {
            if doors.is_empty() {
                notes.wrong(
                    &draft.doors_at,
                    "no door, so no request",
                    "name some, or leave `doors` out for all",
                );
            }
            for name in doors.iter().filter(|name| !known.contains(&name.as_str())) {
                notes.wrong(&draft.doors_at, format!("there is no door `{name}`"), proposal(name, &known));
            }
            DoorsRule::These(doors.clone())
        }
        None if draft.upstream.is_some() || named.door_names.is_empty() => DoorsRule::All,
        None => {
            let others = known.iter().filter(|name| **name != DoorName::PROXY);
            DoorsRule::These(others.map(ToString::to_string).collect())
        }
    };
    let at_proxy = match &doors {
        DoorsRule::All => true,
        DoorsRule::These(doors) => doors.iter().any(|door| door == DoorName::PROXY),
    };
    if at_proxy && draft.upstream.is_none() {
        notes.wrong(&draft.at, "[[route]] has no `upstream`", "add `upstream`: the name of an [[upstream]]");
        return None;
    }
    Some(doors)
}

/// A signature that covers a body cannot be checked where no body is seen.
fn note_bodies(draft: &Draft, doors: &DoorsRule, named: &Named<'_>, notes: &Notes<'_>) {
    let is_there = |door: &&ForwardAuthConfig| match doors {
        DoorsRule::All => true,
        DoorsRule::These(doors) => doors.contains(&door.name),
    };
    let Some(dialects) = named.dialects else { return };
    for door in named.doors.iter().filter(is_there).filter(|door| door.bodies == Bodies::Unseen) {
        for scheme in schemes(draft) {
            let SchemeName::Signature(dialect) = scheme else { continue };
            let needs_body = dialects.get(dialect).is_some_and(|recipe| recipe.body_use() != BodyUse::Unused);
            if needs_body {
                notes.wrong(
                    &draft.require_at,
                    format!(
                        "`{dialect}` needs the body, and the door `{}` ({}) sees none",
                        door.name,
                        door.proxy.as_str()
                    ),
                    ways_out(door),
                );
            }
        }
    }
}

fn ways_out(door: &ForwardAuthConfig) -> String {
    let forward = match door.proxy {
        Asks::Http(FrontProxy::Nginx | FrontProxy::Caddy) => "",
        Asks::Http(FrontProxy::Traefik) => {
            "have Traefik send bodies (`forwardBody`) and say bodies = \"forwarded\" at the door; or "
        }
        Asks::Http(FrontProxy::Envoy) | Asks::Grpc => {
            "have Envoy send bodies (`with_request_body`) and say bodies = \"forwarded\" at the door; or "
        }
    };
    format!(
        "{forward}have the proxy send these requests to the reverse proxy, and say doors = [\"{}\"] in this \
         route; or require a dialect that leaves the body out",
        DoorName::PROXY
    )
}
