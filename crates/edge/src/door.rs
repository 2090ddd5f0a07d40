//! Doors: the places where requests are decided on.

use std::fmt;
use std::sync::Arc;

/// What kind of door a request came to. All of them give the same verdict on it.
///
/// `crates/server/tests/verdicts` sends one table of requests to every kind; a kind that is added here must be added there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// The reverse proxy.
    Proxy,
    /// A check that another proxy asks for.
    ForwardAuth(FrontProxy),
    /// A check that Envoy asks for over gRPC.
    ExtAuthz,
    /// The layer inside a Rust service.
    Tower,
}

impl Door {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Proxy,
        Self::ForwardAuth(FrontProxy::Nginx),
        Self::ForwardAuth(FrontProxy::Traefik),
        Self::ForwardAuth(FrontProxy::Caddy),
        Self::ForwardAuth(FrontProxy::Envoy),
        Self::ExtAuthz,
        Self::Tower,
    ];
}

/// A proxy that asks us about each request before it passes it on itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrontProxy {
    /// nginx with `auth_request`.
    Nginx,
    /// Traefik with `forwardAuth`.
    Traefik,
    /// Caddy with `forward_auth`.
    Caddy,
    /// Envoy with the HTTP service of `ext_authz`.
    Envoy,
}

impl FrontProxy {
    /// The word for it in configurations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
            Self::Envoy => "envoy",
        }
    }
}

/// Whether a proxy sends the bodies of requests along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bodies {
    /// It does not.
    Unseen,
    /// It does, whole.
    Forwarded,
}

/// What a door is called, in the configuration and in the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DoorName(Arc<str>);

impl DoorName {
    /// A door called `name`.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name of the reverse proxy.
    pub fn proxy() -> Self {
        Self::new(Self::PROXY)
    }

    /// What the reverse proxy is called.
    pub const PROXY: &str = "proxy";

    /// What the layer inside a Rust service is called.
    pub const TOWER: &str = "tower";

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DoorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// At which doors a route is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Doors {
    /// At every one.
    #[default]
    All,
    /// At these.
    These(Vec<DoorName>),
}

impl Doors {
    /// Whether `door` is one of them.
    pub fn include(&self, door: &DoorName) -> bool {
        match self {
            Self::All => true,
            Self::These(doors) => doors.contains(door),
        }
    }
}
