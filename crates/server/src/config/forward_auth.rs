//! `[[forward_auth]]`: doors at which other proxies ask about requests before they pass them on themselves.

use std::net::SocketAddr;

use countersign_edge::{Bodies, DoorName, FrontProxy, Network, TrustedPeers};

use super::document::At;
use super::listen::{Listen, address};
use super::read::{list, parsed, word};
use super::section::Section;
use super::tls::TlsConfig;

/// A door at which a proxy asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForwardAuthConfig {
    /// What routes and the log call it.
    pub(crate) name: String,
    /// Where it listens: every request there is a check.
    pub(crate) listen: SocketAddr,
    /// Who asks, and how.
    pub(crate) proxy: Asks,
    /// Whether the proxy sends bodies along.
    pub(crate) bodies: Bodies,
    /// The addresses of the proxies.
    pub(crate) trusted: TrustedPeers,
    /// The certificate of this address, where it speaks TLS.
    pub(crate) tls: Option<TlsConfig>,
}

/// Who asks at a door, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// A proxy, with a request over HTTP for each that it got.
    Http(FrontProxy),
    /// Envoy, over gRPC.
    Grpc,
}

impl Asks {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http(proxy) => proxy.as_str(),
            Self::Grpc => "envoy-grpc",
        }
    }
}

const PROXIES: [(&str, Asks); 5] = [
    word_of(Asks::Http(FrontProxy::Nginx)),
    word_of(Asks::Http(FrontProxy::Traefik)),
    word_of(Asks::Http(FrontProxy::Caddy)),
    word_of(Asks::Http(FrontProxy::Envoy)),
    word_of(Asks::Grpc),
];

const fn word_of(asks: Asks) -> (&'static str, Asks) {
    (asks.as_str(), asks)
}

const BODIES: [(&str, Bodies); 2] = [("unseen", Bodies::Unseen), ("forwarded", Bodies::Forwarded)];

/// Whose word is believed where nothing is said: that of this machine.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1"];

impl ForwardAuthConfig {
    /// Those that could be read, and the names of all, so that no route is blamed for what is wrong with a door.
    pub(super) fn read_all(sections: Vec<Section<'_>>, listen: &Listen) -> (Vec<Self>, Vec<String>) {
        let mut doors: Vec<Self> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for mut section in sections {
            let name_at = place(&mut section, "name");
            let name = section.required("name", "what routes and the log call it", parsed(name));
            if let Some(name) = &name {
                if names.contains(name) {
                    let found = format!("there are two doors `{name}`");
                    section.notes.wrong(&name_at, found, "give each its own name");
                }
                names.push(name.clone());
            }
            let taken: Vec<SocketAddr> = [listen.public, listen.admin]
                .into_iter()
                .chain(doors.iter().map(|door| door.listen))
                .collect();
            if let Some(door) = Self::read(section, name, &taken) {
                doors.push(door);
            }
        }
        (doors, names)
    }

    fn read(mut section: Section<'_>, name: Option<String>, taken: &[SocketAddr]) -> Option<Self> {
        let listen_at = place(&mut section, "listen");
        let listen =
            section.required("listen", "where the proxy asks, as in \"127.0.0.1:8082\"", parsed(address));
        if let Some(listen) = listen.filter(|listen| listen.port() != 0 && taken.contains(listen)) {
            section.notes.wrong(
                &listen_at,
                format!("{listen} is taken by another section"),
                "give each door an address of its own, which the proxies alone can reach",
            );
        }
        let proxy = section.required(
            "proxy",
            "\"nginx\", \"traefik\", \"caddy\", \"envoy\" or \"envoy-grpc\"",
            word(&PROXIES),
        );
        let bodies_at = place(&mut section, "bodies");
        let bodies = section.or("bodies", Bodies::Unseen, word(&BODIES));
        if let (Some(proxy), Bodies::Forwarded) = (proxy, bodies) {
            match proxy {
                Asks::Http(FrontProxy::Traefik | FrontProxy::Envoy) | Asks::Grpc => {}
                Asks::Http(FrontProxy::Nginx | FrontProxy::Caddy) => section.notes.wrong(
                    &bodies_at,
                    format!("{} sends no bodies along", proxy.as_str()),
                    "leave `bodies` out",
                ),
            }
        }
        if let Some(node) = section.node("trusted").filter(|node| node.is_empty_list()) {
            section.notes.wrong(
                &node.at,
                "no proxy is trusted, so nobody could ask",
                "name the addresses of the proxies, as in [\"10.0.0.0/8\"]",
            );
        }
        let trusted = section.optional("trusted", list(str::parse::<Network>));
        let tls = section.section_if_there("tls").and_then(TlsConfig::read);
        section.finish();
        let loopback = || LOOPBACK.iter().filter_map(|network| network.parse().ok()).collect();
        Some(Self {
            name: name?,
            listen: listen?,
            proxy: proxy?,
            bodies,
            trusted: TrustedPeers::new(trusted.unwrap_or_else(loopback)),
            tls,
        })
    }
}

fn place(section: &mut Section<'_>, key: &'static str) -> At {
    section.node(key).map_or(section.at.clone(), |node| node.at.clone())
}

fn name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if text.is_empty() || text.len() > 64 || !text.chars().all(allowed) {
        return Err(format!("`{text}` is no name of a door: use 1 to 64 ASCII letters, digits, _ and -"));
    }
    if [DoorName::PROXY, DoorName::TOWER].contains(&text) {
        return Err(format!("`{text}` is a door that there is already: give this one another name"));
    }
    Ok(text.to_owned())
}
