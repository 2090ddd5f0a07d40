//! `[[route]]`: which requests are passed on, to whom, and what they must prove.

use countersign_model::{ConsumerName, DialectName, Scope, Scopes};
use http::Method;

use super::document::{At, Node, Table, Value};
use super::notes::Notes;
use super::pattern::PathPattern;
use super::read::{list, parsed, text, texts, word};
use super::section::Section;
use super::units::ByteSize;
use super::upstream::UpstreamName;

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RouteConfig {
    /// The methods it is for.
    pub(crate) methods: Methods,
    /// The paths it is for.
    pub(crate) pattern: PathPattern,
    /// What a request must prove.
    pub(crate) require: RequireConfig,
    /// Whose signatures those are that do not name a credential.
    pub(crate) signed_by: Option<ConsumerName>,
    /// The scopes that the caller must have, all of them.
    pub(crate) scopes: Scopes,
    /// At which doors it is.
    pub(crate) doors: DoorsRule,
    /// Where its requests are passed on to; none where it is not at the reverse proxy.
    pub(crate) upstream: Option<UpstreamName>,
    /// Whether a request may have a query.
    pub(crate) query: QueryRule,
    /// How often one signature may serve.
    pub(crate) replay: ReplayRule,
    /// Whether the upstream sees the credentials that were checked.
    pub(crate) credentials: CredentialsRule,
    /// The largest body, where it is another than the limits say.
    pub(crate) body_limit: Option<ByteSize>,
    /// How long bodies under a signature go on.
    pub(crate) stream: StreamRule,
    /// The names of the limits on how many requests may pass.
    pub(crate) limits: Vec<String>,
}

/// The methods that a route is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Methods {
    /// All, but those that another route of the same path names.
    Any,
    /// These; at least one.
    These(Vec<Method>),
}

/// At which doors a route is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DoorsRule {
    /// At every one.
    All,
    /// At those with these names.
    These(Vec<String>),
}

/// What a request must prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequireConfig {
    /// Nothing: anybody may pass.
    Nothing,
    /// One of these schemes; at least one is named.
    Any(Vec<SchemeName>),
    /// Each of these schemes; at least one is named.
    All(Vec<SchemeName>),
}

/// A way to prove who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SchemeName {
    /// `api-key`.
    ApiKey,
    /// `wallet`: the token of a wallet's login.
    Wallet,
    /// `signature:NAME`: a signature in that dialect.
    Signature(DialectName),
}

/// Whether a request may have a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryRule {
    /// It may.
    Allow,
    /// It may not: for signatures that do not cover the query.
    Refuse,
}

/// How often one signature may serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplayRule {
    /// As its dialect says.
    AsDialect,
    /// Once, whatever its dialect says.
    Once,
}

/// How a long body under a signature goes on that can be checked as it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamRule {
    /// Once its signature was found good.
    SpoolFirst,
    /// As it comes, but for its end.
    HoldLast,
}

/// Whether the upstream sees the credentials that were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CredentialsRule {
    /// They are removed from the request.
    Remove,
    /// They go along.
    Keep {
        /// Why somebody meant that.
        reason: String,
    },
}

/// A route as far as it could be read, with the places of what is checked against other sections.
pub(super) struct Draft {
    pub(super) at: At,
    pub(super) methods: Option<Methods>,
    pub(super) pattern: Option<PathPattern>,
    pub(super) pattern_at: At,
    pub(super) require: Option<RequireConfig>,
    pub(super) require_at: At,
    /// Nothing where the route does not say.
    pub(super) doors: Option<Vec<String>>,
    pub(super) doors_at: At,
    pub(super) upstream: Option<String>,
    pub(super) upstream_at: At,
    /// Nothing where the route does not say.
    pub(super) limits: Option<Vec<String>>,
    pub(super) limits_at: At,
    pub(super) signed_by: Option<ConsumerName>,
    pub(super) signed_by_at: Option<At>,
    scopes: Option<Scopes>,
    /// Nothing where the route does not say.
    pub(super) query: Option<QueryRule>,
    replay: ReplayRule,
    credentials: CredentialsRule,
    body_limit: Option<ByteSize>,
    stream: StreamRule,
    /// Where the route says so.
    pub(super) hold_last_at: Option<At>,
}

const SCHEMES: &str = "use \"api-key\", \"wallet\", \"signature:DIALECT\" or \"nothing\"";
/// The same bound as of `limits.proxied_body`.
const BODY_LIMIT_MOST: ByteSize = ByteSize::gib(1024);

impl Draft {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let place = |section: &mut Section<'_>, key| {
            section.node(key).map_or(section.at.clone(), |node| node.at.clone())
        };
        let methods = match section.node("methods") {
            None => Some(Methods::Any),
            Some(node) => methods(node, section.notes),
        };
        let pattern_at = place(&mut section, "path");
        let pattern = section.required(
            "path",
            "which paths this is for, as in \"/v1/{*rest}\"",
            parsed(PathPattern::parse),
        );
        let require_at = place(&mut section, "require");
        let require = section.required("require", SCHEMES, require);
        let upstream_at = place(&mut section, "upstream");
        let upstream = section.optional("upstream", |node, notes| text(node, notes).map(str::to_owned));
        let doors_at = place(&mut section, "doors");
        let doors = section.optional("doors", list(|name: &str| Ok::<_, String>(name.to_owned())));
        let limits_at = place(&mut section, "limits");
        let limits = section.optional("limits", list(|name: &str| Ok::<_, String>(name.to_owned())));
        let signed_by_at = section.node("signed_by").map(|node| node.at.clone());
        let signed_by = section.optional("signed_by", parsed(ConsumerName::parse));
        let scopes_at = place(&mut section, "scopes");
        let scopes: Option<Vec<Scope>> =
            section.or("scopes", Some(Vec::new()), |node, notes| Some(list(Scope::parse)(node, notes)));
        let scopes: Option<Scopes> = scopes.map(|scopes| scopes.into_iter().collect());
        if matches!(require, Some(RequireConfig::Nothing))
            && scopes.as_ref().is_some_and(|scopes| !scopes.is_empty())
        {
            section.notes.wrong(
                &scopes_at,
                "scopes where nothing is required: nobody is known who could have them",
                "leave `scopes` out, or require a scheme",
            );
        }
        let query =
            section.optional("query", word(&[("allow", QueryRule::Allow), ("refuse", QueryRule::Refuse)]));
        let replay = replay(&mut section, require.as_ref());
        let credentials = credentials(&mut section);
        let body_limit =
            section.optional("body_limit", super::read::amount(ByteSize::bytes(0), BODY_LIMIT_MOST));
        let stream_at = section.node("stream").map(|node| node.at.clone());
        let words = [("spool-first", StreamRule::SpoolFirst), ("hold-last", StreamRule::HoldLast)];
        let stream = section.or("stream", StreamRule::SpoolFirst, word(&words));
        let hold_last_at = stream_at.filter(|_| stream == StreamRule::HoldLast);
        let at = section.at.clone();
        section.finish();
        Self {
            at,
            methods,
            pattern,
            pattern_at,
            require,
            require_at,
            doors,
            doors_at,
            upstream,
            upstream_at,
            limits,
            limits_at,
            signed_by,
            signed_by_at,
            scopes,
            query,
            replay,
            credentials,
            body_limit,
            stream,
            hold_last_at,
        }
    }

    /// The route, where everything of it could be read; it is at these doors, leads to this upstream and
    /// has these limits.
    pub(super) fn finish(
        self,
        doors: DoorsRule,
        upstream: Option<UpstreamName>,
        limits: Vec<String>,
    ) -> Option<RouteConfig> {
        Some(RouteConfig {
            methods: self.methods?,
            pattern: self.pattern?,
            require: self.require?,
            signed_by: self.signed_by,
            scopes: self.scopes?,
            doors,
            upstream,
            query: self.query.unwrap_or(QueryRule::Allow),
            replay: self.replay,
            credentials: self.credentials,
            body_limit: self.body_limit,
            stream: self.stream,
            limits,
        })
    }
}

fn methods(node: &Node, notes: &Notes<'_>) -> Option<Methods> {
    let methods = list(method)(node, notes)?;
    if methods.is_empty() {
        notes.wrong(&node.at, "no methods, so no request", "name some, or leave `methods` out for all");
        return None;
    }
    Some(Methods::These(methods))
}

fn method(text: &str) -> Result<Method, String> {
    const FORM: &str = "write methods as they are sent, as in \"GET\" or \"POST\"";
    let method: Method = text.parse().map_err(|_| format!("`{text}` is no method: {FORM}"))?;
    // RFC 9110 section 9.1: methods are case-sensitive.
    if text.bytes().any(|b| b.is_ascii_lowercase()) {
        return Err(format!(
            "`{text}` is not how the method is sent: write \"{}\"",
            text.to_ascii_uppercase()
        ));
    }
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(format!("`{text}` is never passed on: leave it out"));
    }
    Ok(method)
}

fn require(node: &Node, notes: &Notes<'_>) -> Option<RequireConfig> {
    match &node.value {
        Value::Raw(text) | Value::Text(text) if text == "nothing" => Some(RequireConfig::Nothing),
        Value::Text(text) => parsed(scheme)(node, notes)
            .map(|scheme| RequireConfig::Any(vec![scheme]))
            .filter(|_| !text.is_empty()),
        Value::Raw(_) | Value::List(_) => schemes(node, notes).map(RequireConfig::Any),
        Value::Table(table) => all(node, table, notes),
        Value::Integer(_) | Value::Boolean(_) | Value::Other(_) => {
            notes.wrong(&node.at, format!("found {}", node.kind()), SCHEMES);
            None
        }
    }
}

fn all(node: &Node, table: &Table, notes: &Notes<'_>) -> Option<RequireConfig> {
    for entry in table.entries().filter(|entry| entry.key != "all") {
        notes.wrong(
            &entry.key_at,
            format!("unknown key `{}` in `require`", entry.key),
            "write { all = [...] }",
        );
    }
    let Some(members) = table.get("all") else {
        notes.wrong(
            &node.at,
            "a table without `all`",
            "write { all = [...] }, or a list of which any will do",
        );
        return None;
    };
    schemes(members, notes).map(RequireConfig::All)
}

fn schemes(node: &Node, notes: &Notes<'_>) -> Option<Vec<SchemeName>> {
    let before = texts(node, notes)?;
    for (_, at) in before.iter().filter(|(text, _)| *text == "nothing") {
        notes.wrong(at, "`nothing` among others", "write require = \"nothing\" alone, or leave it out");
    }
    if before.is_empty() {
        notes.wrong(&node.at, "an empty list", format!("{SCHEMES}; nothing is open by accident"));
        return None;
    }
    if before.iter().any(|(text, _)| *text == "nothing") {
        return None;
    }
    list(scheme)(node, notes)
}

fn scheme(text: &str) -> Result<SchemeName, String> {
    match text.split_once(':') {
        None if text == "api-key" => Ok(SchemeName::ApiKey),
        None if text == "wallet" => Ok(SchemeName::Wallet),
        Some(("signature", dialect)) => {
            DialectName::parse(dialect).map(SchemeName::Signature).map_err(|e| e.to_string())
        }
        None | Some(_) => Err(format!("`{text}` is no scheme: {SCHEMES}")),
    }
}

fn replay(section: &mut Section<'_>, require: Option<&RequireConfig>) -> ReplayRule {
    let at = section.node("replay").map(|node| node.at.clone());
    let words = [("as-dialect", ReplayRule::AsDialect), ("once", ReplayRule::Once)];
    let replay = section.or("replay", ReplayRule::AsDialect, word(&words));
    let signed = match require {
        Some(RequireConfig::Any(schemes) | RequireConfig::All(schemes)) => {
            schemes.iter().any(|scheme| matches!(scheme, SchemeName::Signature(_)))
        }
        Some(RequireConfig::Nothing) => false,
        // What is wrong with it was told already.
        None => true,
    };
    if let (Some(at), ReplayRule::Once, false) = (at, replay, signed) {
        section.notes.wrong(
            &at,
            "`replay` where no signature is required: only signatures can be used once",
            "leave `replay` out, or require a \"signature:DIALECT\"",
        );
    }
    replay
}

fn credentials(section: &mut Section<'_>) -> CredentialsRule {
    const DANGEROUS: &str = "the upstream, its logs and whoever reads them would see secrets: if that is meant, write \
                             danger_keep_credentials = \"the reason\"";
    if let Some(node) = section.node("keep_credentials") {
        match node.value {
            Value::Boolean(false) => {}
            Value::Boolean(true)
            | Value::Raw(_)
            | Value::Text(_)
            | Value::Integer(_)
            | Value::List(_)
            | Value::Table(_)
            | Value::Other(_) => {
                section.notes.wrong(&node.at, "`keep_credentials` wants a reason", DANGEROUS);
            }
        }
    }
    let reason = section.optional("danger_keep_credentials", |node, notes| {
        let reason = text(node, notes)?.trim();
        if reason.is_empty() {
            notes.wrong(&node.at, "an empty reason", DANGEROUS);
            return None;
        }
        Some(reason.to_owned())
    });
    reason.map_or(CredentialsRule::Remove, |reason| CredentialsRule::Keep { reason })
}
