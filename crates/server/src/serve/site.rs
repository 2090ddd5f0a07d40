//! What serves requests under one configuration. A reload makes another one and puts it in the place of the first.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_api::{LoginApi, LoginLimit};
use countersign_edge::{
    Cors, Credentials, DoorName, Doors, Guard, LongBodies, Route, RouteError, Routes, TrustedPeers,
    UpstreamName,
};
use countersign_ext_authz::ExtAuthz;
use countersign_framing::BodyOfGet;
use countersign_gateway::{
    BodyLimits, ForwardAuth, Gateway, HealthCheck, HeldBodies, InvalidUpstream, ReadLimits, SpoolPlace,
    Upstream, UpstreamLimits, Upstreams,
};
use countersign_model::UnixTime;
use countersign_session::{Settings, SettingsError, Wallets};
use countersign_store::Store;
use countersign_token::MasterKey;
use countersign_verify::{
    Accept, Failure, Guesses, Limiter, Requirement, RequirementError, Scheme, SignatureUse, UnsignedQuery,
    Verifier, VerifierSettings,
};

use super::feed::Followed;
use super::rate_limits::{RateLimits, rules};
use super::refusals::Refusals;
use crate::config::{
    Asks, Config, CredentialsRule, DoorsRule, FAILURES, LOGINS, Limits, Methods, QueryRule, ReplayRule,
    RequireConfig, RouteConfig, SchemeName, StreamRule,
};
use crate::world::{NameEntropy, SystemClock};

/// Where the login endpoints are.
const LOGIN_PATH: &str = "/api/v1/auth";

/// What outlives a reload.
#[derive(Clone)]
pub(crate) struct Foundation {
    /// Where everything is kept.
    pub(crate) store: Arc<dyn Store>,
    /// What opens the signing secrets.
    pub(crate) master: Arc<MasterKey>,
    /// What counts requests, so that a reload gives nobody anew what he has used.
    pub(crate) limiter: Arc<Limiter>,
    /// What follows the change feed.
    pub(crate) followed: Arc<Followed>,
    /// The last requests that were refused.
    pub(crate) refusals: Arc<Refusals>,
}

/// What serves requests under one configuration.
pub(crate) struct Site {
    pub(crate) guard: Arc<Guard>,
    pub(crate) gateway: Gateway,
    /// Where other proxies ask, by the names of the doors.
    pub(crate) forward_auth: HashMap<DoorName, ForwardAuth>,
    /// Where Envoy asks over gRPC, by the names of the doors.
    pub(crate) ext_authz: HashMap<DoorName, Arc<ExtAuthz>>,
    pub(crate) login: Option<LoginApi>,
    pub(crate) cors: Option<Cors>,
    pub(crate) trusted_proxies: TrustedPeers,
    pub(crate) limits: Limits,
    /// The limits on bodies that are read here: of logins, and of what is signed.
    pub(crate) login_bodies: ReadLimits,
    pub(crate) signed_bodies: ReadLimits,
    pub(crate) refusals: Arc<Refusals>,
}

/// Why a configuration that can be read cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAssembled {
    /// Storage or the keys in it.
    #[error("the credentials cannot be read")]
    Verifier(#[source] Failure),
    /// A route asks for what makes no sense.
    #[error("the route {route} cannot be served: {why}")]
    Requirement {
        /// Its path.
        route: String,
        /// What is wrong.
        why: RequirementError,
    },
    /// A route asks for a dialect that is not there.
    #[error("the route {route} asks for the dialect `{dialect}`, which is not there")]
    Dialect {
        /// Its path.
        route: String,
        /// The dialect.
        dialect: String,
    },
    /// The routes do not fit together.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Routes(Vec<RouteError>),
    /// An upstream's URL.
    #[error("{0}")]
    Upstream(InvalidUpstream),
    /// The wallet login.
    #[error("{0}")]
    Wallet(SettingsError),
}

impl Site {
    /// Puts together what serves requests under `config`, as good as storage is at `now`.
    pub(crate) async fn assemble(
        config: &Config,
        foundation: &Foundation,
        now: UnixTime,
    ) -> Result<Self, NotAssembled> {
        let limits = RateLimits { configs: &config.rate_limits, limiter: &foundation.limiter };
        let routes = config
            .routes
            .iter()
            .map(|route| self::route(route, config, &limits))
            .collect::<Result<Vec<_>, _>>()
            .and_then(|routes| Routes::new(routes).map_err(NotAssembled::Routes))?;
        let api_key_header = config.api_key.header.clone();
        let verifier = Verifier::start(
            VerifierSettings {
                store: Arc::clone(&foundation.store),
                master: Arc::clone(&foundation.master),
                dialects: config.dialects.clone(),
                api_key_header: api_key_header.clone(),
                issuer: config.wallet.as_ref().map(|wallet| wallet.issuer.clone()),
                limiter: Arc::clone(&foundation.limiter),
                guesses: Guesses {
                    rules: rules(&foundation.limiter, FAILURES, "", &config.clients.failures),
                },
            },
            now,
        )
        .await
        .map_err(NotAssembled::Verifier)?;
        let proxies = config.clients.trusted_proxies.clone();
        let verifier = Arc::new(verifier);
        foundation.followed.add(&verifier);
        let guard = Arc::new(Guard { routes, verifier, api_key_header, proxies });
        let login = login(config, foundation, &guard.verifier)?;
        let (forward_auth, ext_authz) = asked(config, &guard, login.as_ref());
        let signed_bodies = signed_bodies(config);
        Ok(Self {
            forward_auth,
            ext_authz,
            login,
            gateway: Gateway {
                guard: Arc::clone(&guard),
                name: DoorName::proxy(),
                upstreams: upstreams(config)?,
                bodies: BodyLimits {
                    max_bytes: config.limits.proxied_body(),
                    idle_timeout: config.limits.body_idle(),
                    whole_timeout: config.limits.proxied_body_read(),
                },
            },
            guard,
            cors: config.cors.clone(),
            trusted_proxies: config.clients.trusted_proxies.clone(),
            login_bodies: ReadLimits { max_bytes: config.limits.login_body(), ..signed_bodies.clone() },
            signed_bodies,
            limits: config.limits.clone(),
            refusals: Arc::clone(&foundation.refusals),
        })
    }
}

/// How bodies are read that are signed.
fn signed_bodies(config: &Config) -> ReadLimits {
    let limits = &config.limits;
    let spool = SpoolPlace {
        directory: config.spool.directory.clone().unwrap_or_else(std::env::temp_dir),
        room: HeldBodies::new(limits.spooled_bodies()),
        longer_than: limits.held_body(),
    };
    ReadLimits {
        max_bytes: limits.signed_body(),
        idle_timeout: limits.body_idle(),
        whole_timeout: limits.signed_body_read(),
        held: HeldBodies::new(limits.held_bodies()),
        spool: Some(Arc::new(spool)),
    }
}

fn login(
    config: &Config,
    foundation: &Foundation,
    verifier: &Arc<Verifier>,
) -> Result<Option<LoginApi>, NotAssembled> {
    let Some(wallet) = &config.wallet else { return Ok(None) };
    let settings = Settings {
        networks: wallet.networks.clone(),
        access_lifetime: wallet.access_lifetime,
        refresh_lifetime: wallet.refresh_lifetime,
    };
    let wallets = Wallets::new(Arc::clone(&foundation.store), &foundation.master, settings)
        .map_err(NotAssembled::Wallet)?;
    let limiter = Arc::clone(&foundation.limiter);
    let limit = LoginLimit { rules: rules(&limiter, LOGINS, "", &config.clients.logins), limiter };
    Ok(Some(LoginApi::new(Arc::new(wallets), Arc::clone(verifier), limit, LOGIN_PATH.to_owned())))
}

/// The doors at which proxies ask over HTTP, and those at which they ask over gRPC.
fn asked(
    config: &Config,
    guard: &Arc<Guard>,
    login: Option<&LoginApi>,
) -> (HashMap<DoorName, ForwardAuth>, HashMap<DoorName, Arc<ExtAuthz>>) {
    let (mut forward_auth, mut ext_authz) = (HashMap::new(), HashMap::new());
    for door in &config.forward_auth {
        let name = DoorName::new(&door.name);
        let (guard, trusted) = (Arc::clone(guard), door.trusted.clone());
        let own_paths = login.map(LoginApi::paths).unwrap_or_default();
        match door.proxy {
            Asks::Http(proxy) => {
                let door =
                    ForwardAuth { guard, name: name.clone(), proxy, bodies: door.bodies, trusted, own_paths };
                forward_auth.insert(name, door);
            }
            Asks::Grpc => {
                let door = ExtAuthz {
                    guard,
                    name: name.clone(),
                    head: countersign_framing::Limits {
                        header_count: config.limits.header_count(),
                        header_bytes: usize::try_from(config.limits.header_bytes()).unwrap_or(usize::MAX),
                        body_of_get: BodyOfGet::Taken,
                    },
                    bodies: door.bodies,
                    trusted,
                    own_paths,
                    clock: Arc::new(SystemClock),
                    entropy: Arc::new(NameEntropy),
                };
                ext_authz.insert(name, Arc::new(door));
            }
        }
    }
    (forward_auth, ext_authz)
}

fn upstreams(config: &Config) -> Result<Upstreams, NotAssembled> {
    let limits = UpstreamLimits {
        connect_timeout: config.limits.upstream_connect(),
        response_timeout: config.limits.upstream_response(),
        response_idle_timeout: config.limits.body_idle(),
        idle_timeout: config.limits.upstream_idle(),
        max_idle: config.limits.upstream_idle_connections(),
    };
    let upstream = |upstream: &crate::config::UpstreamConfig| {
        let name = upstream.name.to_string();
        let urls: Vec<_> = upstream.urls.iter().map(|url| format!("http://{}", url.authority())).collect();
        let urls: Vec<_> = urls.iter().map(String::as_str).collect();
        let parsed = Upstream::of(&name, &urls, limits).map_err(NotAssembled::Upstream)?;
        let parsed = match &upstream.health {
            Some(health) => parsed
                .with_health(HealthCheck { target: health.path.clone(), every: health.every.duration() }),
            None => parsed,
        };
        Ok((UpstreamName(name.into()), Arc::new(parsed)))
    };
    config.upstreams.iter().map(upstream).collect()
}

fn route(config: &RouteConfig, all: &Config, limits: &RateLimits<'_>) -> Result<Route, NotAssembled> {
    let dialects = &all.dialects;
    let pattern = config.pattern.to_string();
    let scheme = |name: &SchemeName| match name {
        SchemeName::ApiKey => Ok(Scheme::ApiKey),
        SchemeName::Wallet => Ok(Scheme::Wallet),
        SchemeName::Signature(dialect) => match dialects.get(dialect) {
            Some(recipe) => Ok(Scheme::Signature(Arc::clone(recipe))),
            None => Err(NotAssembled::Dialect { route: pattern.clone(), dialect: dialect.to_string() }),
        },
    };
    let schemes = |names: &[SchemeName]| names.iter().map(scheme).collect::<Result<Vec<_>, _>>();
    let accept = match &config.require {
        RequireConfig::Nothing => Accept::Nothing,
        RequireConfig::Any(names) => Accept::Any(schemes(names)?),
        RequireConfig::All(names) => Accept::All(schemes(names)?),
    };
    let unsigned_query = match config.query {
        QueryRule::Allow => UnsignedQuery::Allow,
        QueryRule::Refuse => UnsignedQuery::Refuse,
    };
    let signature_use = match config.replay {
        ReplayRule::AsDialect => SignatureUse::AsDialect,
        ReplayRule::Once => SignatureUse::Once,
    };
    let requirement = Requirement::new(accept, config.scopes.clone(), unsigned_query, signature_use)
        .and_then(|requirement| requirement.with_limits(limits.of(config)))
        .and_then(|requirement| match &config.signed_by {
            Some(consumer) => requirement.signed_by(consumer.clone()),
            None => Ok(requirement),
        })
        .map_err(|why| NotAssembled::Requirement { route: pattern.clone(), why })?;
    Ok(Route {
        methods: match &config.methods {
            Methods::Any => Vec::new(),
            Methods::These(methods) => methods.clone(),
        },
        requirement,
        doors: match &config.doors {
            DoorsRule::All => Doors::All,
            DoorsRule::These(names) => Doors::These(names.iter().map(|name| DoorName::new(name)).collect()),
        },
        upstream: config.upstream.as_ref().map(|upstream| UpstreamName(upstream.to_string().into())),
        credentials: match &config.credentials {
            CredentialsRule::Remove => Credentials::Remove,
            CredentialsRule::Keep { reason } => Credentials::DangerKeep { reason: reason.clone() },
        },
        body_limit: config.body_limit.map(crate::config::ByteSize::get),
        long_bodies: match config.stream {
            StreamRule::SpoolFirst => LongBodies::SpoolFirst,
            StreamRule::HoldLast => LongBodies::HoldLast,
        },
        pattern,
    })
}
