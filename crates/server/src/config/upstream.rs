//! `[[upstream]]`: the APIs behind us.

use std::fmt;

use countersign_gateway::MAX_SERVERS;
use http::uri::{Authority, PathAndQuery, Uri};

use super::document::{At, Node, Value};
use super::notes::Notes;
use super::read::{amount, parsed, text};
use super::section::Section;
use super::units::Period;

/// How often the servers of an upstream are asked for their health.
const HEALTH_EVERY: Period = Period::seconds(5);

/// An API behind us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UpstreamConfig {
    /// What routes call it.
    pub(crate) name: UpstreamName,
    /// Where its servers are: one or more.
    pub(crate) urls: Vec<UpstreamUrl>,
    /// How they are asked for their health, if they are.
    pub(crate) health: Option<HealthConfig>,
}

/// How the servers of an upstream are asked for their health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HealthConfig {
    /// What they are asked for.
    pub(crate) path: PathAndQuery,
    /// How often.
    pub(crate) every: Period,
}

/// What an upstream is called: 1 to 64 ASCII letters, digits, `_` and `-`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UpstreamName(Box<str>);

/// Where an upstream is: a host and a port, spoken to in HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UpstreamUrl {
    authority: Authority,
    port: u16,
}

impl UpstreamConfig {
    /// Those that could be read, and the names of all, so that a route is not blamed for what is wrong with its upstream.
    pub(super) fn read_all(sections: Vec<Section<'_>>) -> (Vec<Self>, Vec<UpstreamName>) {
        let mut upstreams: Vec<Self> = Vec::new();
        let mut names: Vec<UpstreamName> = Vec::new();
        for mut section in sections {
            let at = section.node("name").map_or(At::File, |node| node.at.clone());
            let name = section.required("name", "what routes call it", parsed(UpstreamName::parse));
            let urls = section.required("url", "where it is, as in \"http://127.0.0.1:9000\"", urls);
            let path = section.optional("health", parsed(health_path));
            let every = section.optional("health_every", amount(Period::seconds(1), Period::hours(1)));
            if let (None, Some(node)) = (section.node("health"), section.node("health_every")) {
                section.notes.wrong(
                    &node.at,
                    "`health_every` without `health`",
                    "add `health`, the path to ask for, as in \"/healthz\"",
                );
            }
            let health = path.map(|path| HealthConfig { path, every: every.unwrap_or(HEALTH_EVERY) });
            if let Some(name) = &name {
                if names.contains(name) {
                    section.notes.wrong(
                        &at,
                        format!("there are two upstreams `{name}`"),
                        "give each its own name",
                    );
                }
                names.push(name.clone());
            }
            section.finish();
            if let (Some(name), Some(urls)) = (name, urls) {
                upstreams.push(Self { name, urls, health });
            }
        }
        (upstreams, names)
    }
}

/// One URL, or a list of them.
fn urls(node: &Node, notes: &Notes<'_>) -> Option<Vec<UpstreamUrl>> {
    let members = match &node.value {
        Value::List(members) => members.as_slice(),
        Value::Raw(_)
        | Value::Text(_)
        | Value::Integer(_)
        | Value::Boolean(_)
        | Value::Table(_)
        | Value::Other(_) => std::slice::from_ref(node),
    };
    if members.is_empty() || members.len() > MAX_SERVERS {
        notes.wrong(&node.at, format!("found {} URLs", members.len()), format!("give 1 to {MAX_SERVERS}"));
        return None;
    }
    let mut urls: Vec<UpstreamUrl> = Vec::new();
    let mut all = Some(());
    for member in members {
        match url(member, notes) {
            Some(url) if urls.contains(&url) => {
                notes.wrong(&member.at, format!("`{}` stands here twice", url.authority), "write it once");
            }
            Some(url) => urls.push(url),
            None => all = None,
        }
    }
    all.map(|()| urls)
}

fn health_path(text: &str) -> Result<PathAndQuery, String> {
    const FORM: &str = "write a path, as in \"/healthz\"";
    match text.parse() {
        Ok(path) if text.starts_with('/') => Ok(path),
        Ok(_) | Err(_) => Err(format!("`{text}` is no path: {FORM}")),
    }
}

fn url(node: &Node, notes: &Notes<'_>) -> Option<UpstreamUrl> {
    let url = text(node, notes)?;
    if url.contains('@') {
        notes.wrong_hidden(
            &node.at,
            "url",
            "the URL of an upstream holds no user and no password",
            UpstreamUrl::FORM,
        );
        return None;
    }
    parsed(UpstreamUrl::parse)(node, notes)
}

impl UpstreamName {
    fn parse(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if text.is_empty() || text.len() > 64 || !text.chars().all(allowed) {
            return Err(format!("`{text}` is no upstream name: use 1 to 64 ASCII letters, digits, _ and -"));
        }
        Ok(Self(text.into()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl UpstreamUrl {
    const FORM: &str = "write \"http://\", a host and a port, as in \"http://127.0.0.1:9000\"";

    fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = UpstreamUrl::FORM;
        let uri: Uri = text.parse().map_err(|_| format!("`{text}` is no URL: {FORM}"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => {
                return Err(
                    "upstreams are spoken to in plain HTTP in this version: use an http URL, of a host that \
                            can be trusted with what is sent to it"
                        .to_owned(),
                );
            }
            Some(_) | None => return Err(format!("`{text}` is no http URL: {FORM}")),
        }
        let Some(authority) = uri.authority() else {
            return Err(format!("`{text}` names no host: {FORM}"));
        };
        if uri.path() != "/" || uri.query().is_some() {
            return Err(format!(
                "`{text}` has a path: leave it out, requests are passed on with the path that they came with"
            ));
        }
        let port = match authority.port_u16() {
            Some(0) => return Err(format!("`{text}` has port 0: {FORM}")),
            Some(port) => port,
            None if authority.as_str().ends_with(':') => return Err(format!("`{text}` has no port: {FORM}")),
            None => 80,
        };
        Ok(Self { authority: authority.clone(), port })
    }

    /// Host and port as they stand in the URL: what goes into `Host`.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }
}

impl fmt::Display for UpstreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UpstreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
