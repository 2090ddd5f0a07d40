//! The server: everything that the configuration asks for, running.
//!
//! One thread for each worker, which takes and serves connections by itself; one more for the admin side, the change feed
//! and keeping house. They share what serves under the present configuration, the [`Site`], and nothing that locks.

mod admin;
mod check;
mod embedded;
mod explaining;
mod ext_authz;
mod feed;
mod figures;
mod follow;
mod ledger;
mod log_writer;
mod public;
mod rate_limits;
mod refusals;
mod request_log;
mod signals;
mod site;
mod sites;
mod telemetry;

use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use countersign_api::Admin;
use countersign_edge::{DoorName, with_causes};
use countersign_ext_authz::ExtAuthz;
use countersign_framing::BodyOfGet;
use countersign_manage::first_token_key;
use countersign_model::Clock as _;
use countersign_store::StoreError;
use countersign_verify::Limiter;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use tokio::runtime::LocalOptions;
use tokio::sync::watch;
use tonic_health::pb::health_server::{Health, HealthServer};

use crate::config::{
    Asks, Config, ConfigFile, Environment, Limits, Listen, Mistakes, StoreLocation, TlsConfig, Unreadable,
    Workers,
};
use crate::listen::{
    self, Certificate, ConnectionLimits, Handle, NoTls, NotBound, Phase, PlainHttp2, Room, Speech, Tls,
    stopping,
};
use crate::storage::{self, Opened, StorageError};
use crate::world::{OsEntropy, SystemClock};
pub use embedded::{Embedded, NotEmbedded};
pub(crate) use signals::Signals;

use admin::AdminSide;
use check::CheckSide;
use explaining::Explaining;
use ext_authz::ExtAuthzSide;
use feed::Following;
use public::PublicSide;
use signals::Told;
use site::{Foundation, NotAssembled, Site};
use sites::Sites;
use telemetry::Telemetry;

/// How many connections the admin side serves at a time.
const ADMIN_CONNECTIONS: usize = 64;

/// How many header lines a proxy adds to those of the request that it asks about.
const PROXY_HEADERS: usize = 16;

/// Why the server did not start, or kept what it had when it was to reload.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotServing {
    /// The environment cannot be read.
    #[error(transparent)]
    Environment(crate::world::NotText),
    /// The configuration cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The configuration is wrong.
    #[error("the configuration is wrong\n\n{0}")]
    Mistakes(Mistakes),
    /// Something in it can only change with a restart.
    #[error("{0} cannot change while the server runs: restart it")]
    NeedsRestart(&'static str),
    /// Storage does not open.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// There is no key to sign tokens with.
    #[error("the keys of the wallet login were not made")]
    TokenKeys(#[source] countersign_manage::NoTokenKey),
    /// It cannot be put together.
    #[error(transparent)]
    Assembly(#[from] NotAssembled),
    /// An address is taken.
    #[error(transparent)]
    NotBound(#[from] NotBound),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] NoTls),
    /// The log or the figures.
    #[error("the metrics were not set up")]
    Telemetry(#[from] metrics_exporter_prometheus::BuildError),
    /// Storage does not take that this process is there.
    #[error("this process was not made known to storage")]
    NotKnown(#[source] StoreError),
    /// A thread or a runtime.
    #[error("the system gave no thread")]
    Thread(#[from] std::io::Error),
}

/// A running server.
pub(crate) struct Running {
    public: SocketAddr,
    admin: SocketAddr,
    phase: watch::Sender<Phase>,
    threads: Vec<JoinHandle<()>>,
    follower: Follower,
    reloading: Reloading,
    // Last, so that what the threads wrote is written.
    _telemetry: Telemetry,
}

/// What a reload needs.
struct Reloading {
    path: PathBuf,
    environment: Environment,
    config: Config,
    foundation: Foundation,
    sites: Sites,
}

/// Starts the server that the configuration at `path` describes. The log is written to `sink`, a line at a time.
///
/// To be called once a process.
pub(crate) fn start(
    path: &Path,
    environment: &Environment,
    sink: impl Write + Send + 'static,
) -> Result<Running, NotServing> {
    let config = read(path, environment)?;
    let certificates = Certificates::load(&config).map_err(NotServing::Mistakes)?;
    let handshake = config.limits.tls_handshake();
    let public_speech = speech(certificates.public.as_ref(), config.listen.h2c, handshake)?;
    let admin_speech = speech(certificates.admin.as_ref(), PlainHttp2::Refused, handshake)?;
    let Opened { store, master_key } = storage::open(
        &config.storage,
        countersign_store_sqlite::Limits { readers: worker_count(&config.listen) + 1, ..Default::default() },
        &OsEntropy,
    )?;
    let limiter = Arc::new(Limiter::new(config.limits.rate_buckets()));
    let (store, master) = (Arc::new(store), Arc::new(master_key));
    let foundation =
        Foundation { store, master, limiter, followed: Arc::default(), refusals: Arc::default() };
    let telemetry = Telemetry::start(config.log, sink)?;
    let StoreLocation::Sqlite(database) = &config.storage.store;
    if let Some(warning) = storage::exposed(database) {
        tracing::warn!("{warning}");
    }

    let runtime = runtime()?;
    if config.wallet.is_some() {
        let made = first_token_key(&*foundation.store, SystemClock.now(), &OsEntropy);
        runtime.block_on(made).map_err(NotServing::TokenKeys)?;
    }
    let site = runtime.block_on(Site::assemble(&config, &foundation, SystemClock.now()))?;
    let sites = Sites::new(site);

    let public_sockets = listen::bind(config.listen.public, worker_count(&config.listen))?;
    let admin_sockets = listen::bind(config.listen.admin, 1)?;
    let address = |sockets: &[std::net::TcpListener]| match sockets.first() {
        Some(socket) => socket.local_addr(),
        None => Err(std::io::ErrorKind::NotFound.into()),
    };
    let (public, admin) = (address(&public_sockets)?, address(&admin_sockets)?);

    let title = format!("process {}, admin side at {admin}", std::process::id());
    let follower = Follower::start(runtime.block_on(following(&foundation, title))?)?;

    let (phase, _) = watch::channel(Phase::Serving);
    let for_addresses = sites.clone();
    let room = Room::new(config.limits.connections())
        .shared_by_addresses(config.limits.connections_per_address(), move |address| {
            for_addresses.present().trusted_proxies.contains(address)
        });
    let limits = connection_limits(&config.limits, BodyOfGet::Refused, 0);
    // Some proxies ask by GET and send the body along.
    let check_limits = connection_limits(&config.limits, BodyOfGet::Taken, PROXY_HEADERS);
    let mut threads = Vec::new();
    for (number, socket) in public_sockets.into_iter().enumerate() {
        let (sites, requests) = (sites.clone(), telemetry.requests.clone());
        let handler = move || PublicSide::new(&sites, requests);
        let speech = public_speech.clone();
        threads.push(worker(format!("worker-{number}"), socket, handler, speech, limits, &room, &phase)?);
    }
    for door in &config.forward_auth {
        let name = DoorName::new(&door.name);
        let room = Room::new(config.limits.connections());
        let sockets = listen::bind(door.listen, worker_count(&config.listen))?;
        let address = address(&sockets)?;
        let h2c = match door.proxy {
            Asks::Http(_) => PlainHttp2::Refused,
            Asks::Grpc => PlainHttp2::PriorKnowledge,
        };
        let speech = speech(certificates.doors.get(&name), h2c, handshake)?;
        let health = runtime.block_on(healthy());
        for (number, socket) in sockets.into_iter().enumerate() {
            let (sites, requests, name) = (sites.clone(), telemetry.requests.clone(), name.clone());
            let thread = format!("{name}-{number}");
            let (speech, health) = (speech.clone(), health.clone());
            threads.push(match door.proxy {
                Asks::Http(_) => {
                    let handler = move || CheckSide::new(name, &sites, requests);
                    worker(thread, socket, handler, speech, check_limits, &room, &phase)?
                }
                Asks::Grpc => {
                    let handler = move || ExtAuthzSide::new(name, &sites, health, requests);
                    worker(thread, socket, handler, speech, check_limits, &room, &phase)?
                }
            });
        }
        tracing::info!(door = door.name, %address, proxy = door.proxy.as_str(), "asked by a proxy");
    }
    for socket in admin_sockets {
        let figures = telemetry.figures.clone();
        let store = Arc::clone(&foundation.store);
        let feed = Arc::clone(&foundation.followed);
        let explaining = Explaining::new(foundation.clone(), sites.clone());
        let handler = move || {
            let admin = Admin::new(store, move || {
                telemetry::feed_age(feed.age(SystemClock.now()));
                figures.render()
            });
            AdminSide::new(admin, explaining)
        };
        let room = Room::new(ADMIN_CONNECTIONS);
        let speech = admin_speech.clone();
        threads.push(worker("admin".to_owned(), socket, handler, speech, limits, &room, &phase)?);
    }
    threads.push(housekeeper(&sites, &foundation, certificates, &phase)?);

    tracing::info!(%public, %admin, workers = worker_count(&config.listen), "serving");
    let reloading =
        Reloading { path: path.to_owned(), environment: environment.clone(), config, foundation, sites };
    Ok(Running { public, admin, phase, threads, follower, reloading, _telemetry: telemetry })
}

impl Running {
    /// Where the gateway listens.
    pub(crate) fn public(&self) -> SocketAddr {
        self.public
    }

    /// Where health and metrics are.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Serves until SIGTERM or SIGINT, and then stops as [`Running::stop`] does. SIGHUP reloads the configuration.
    pub(crate) fn until_told(mut self, mut signals: Signals) -> std::io::Result<()> {
        let runtime = runtime()?;
        loop {
            match signals.next() {
                Told::Stop => break,
                Told::Reload => {}
            }
            match runtime.block_on(self.reloading.reload()) {
                Ok(()) => tracing::info!("the configuration was reloaded"),
                Err(error) => {
                    let error = with_causes(&error);
                    tracing::error!(error, "the configuration was not reloaded; the old one stays in force");
                }
            }
        }
        self.stop();
        Ok(())
    }

    /// Takes no new connections, lets requests that are under way end within the grace, and returns when all have.
    pub(crate) fn stop(self) {
        tracing::info!("stopping");
        self.phase.send_replace(Phase::Stopping);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread ended with a panic");
            }
        }
        // After those that answer requests: what is revoked while the last of them end opens nothing.
        self.follower.stop();
    }
}

impl Reloading {
    async fn reload(&mut self) -> Result<(), NotServing> {
        let config = read(&self.path, &self.environment)?;
        self.config.unchangeable(&config)?;
        if config.wallet.is_some() {
            first_token_key(&*self.foundation.store, SystemClock.now(), &OsEntropy)
                .await
                .map_err(NotServing::TokenKeys)?;
        }
        let site = Site::assemble(&config, &self.foundation, SystemClock.now()).await?;
        self.sites.replace(site);
        self.config = config;
        Ok(())
    }
}

impl Config {
    /// Refuses a change of what only a start reads.
    fn unchangeable(&self, new: &Self) -> Result<(), NotServing> {
        let same = [
            ("[listen]", self.listen.same_sockets(&new.listen)),
            ("[[forward_auth]]", self.forward_auth == new.forward_auth),
            ("[store]", self.storage.store == new.storage.store),
            ("[log]", self.log == new.log),
            ("`connections` in [limits]", self.limits.connections() == new.limits.connections()),
            (
                "`connections_per_address` in [limits]",
                self.limits.connections_per_address() == new.limits.connections_per_address(),
            ),
            ("`rate_buckets` in [limits]", self.limits.rate_buckets() == new.limits.rate_buckets()),
        ];
        match same.into_iter().find(|(_, same)| !same) {
            Some((what, _)) => Err(NotServing::NeedsRestart(what)),
            None => Ok(()),
        }
    }
}

fn read(path: &Path, environment: &Environment) -> Result<Config, NotServing> {
    let file = ConfigFile::open(path)?;
    let config = Config::parse(&file, environment).map_err(NotServing::Mistakes)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}

fn worker_count(listen: &Listen) -> usize {
    match listen.workers {
        Workers::OnePerCore => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        Workers::Count(count) => count.get(),
    }
}

/// The certificates that are served.
#[derive(Clone)]
pub(crate) struct Certificates {
    public: Option<Arc<Certificate>>,
    admin: Option<Arc<Certificate>>,
    /// Those of the doors at which proxies ask.
    doors: HashMap<DoorName, Arc<Certificate>>,
}

impl Certificates {
    /// Reads those that are named. Every mistake in them comes at once.
    pub(crate) fn load(config: &Config) -> Result<Self, Mistakes> {
        let mut mistakes = Vec::new();
        let mut load = |tls: Option<&TlsConfig>| match tls?.load(SystemClock.now()) {
            Ok(certificate) => Some(Arc::new(certificate)),
            Err(more) => {
                mistakes.extend(more);
                None
            }
        };
        let (public, admin) = (load(config.listen.tls.as_ref()), load(config.listen.admin_tls.as_ref()));
        let doors = config.forward_auth.iter();
        let doors =
            doors.filter_map(|door| Some((DoorName::new(&door.name), load(door.tls.as_ref())?))).collect();
        if mistakes.is_empty() { Ok(Self { public, admin, doors }) } else { Err(Mistakes(mistakes)) }
    }

    /// All of them.
    fn all(self) -> Vec<Arc<Certificate>> {
        self.public.into_iter().chain(self.admin).chain(self.doors.into_values()).collect()
    }
}

/// The gRPC health service: this process serves.
async fn healthy() -> HealthServer<impl Health> {
    let (reporter, service) = tonic_health::server::health_reporter();
    reporter.set_serving::<AuthorizationServer<ExtAuthz>>().await;
    service
}

fn speech(tls: Option<&Arc<Certificate>>, h2c: PlainHttp2, handshake: Duration) -> Result<Speech, NoTls> {
    match tls {
        Some(certificate) => Tls::new(Arc::clone(certificate), handshake).map(Speech::Tls),
        None => Ok(Speech::Plain(h2c)),
    }
}

/// The limits on connections; a request may have so many header lines more than are configured.
fn connection_limits(limits: &Limits, body_of_get: BodyOfGet, more_headers: usize) -> ConnectionLimits {
    ConnectionLimits {
        head: countersign_framing::Limits {
            header_count: limits.header_count() + more_headers,
            header_bytes: usize::try_from(limits.header_bytes()).unwrap_or(usize::MAX),
            body_of_get,
        },
        header_read: limits.header_read(),
        keep_alive_idle: limits.keep_alive_idle(),
        write_idle: limits.body_idle(),
        streams: limits.http2_streams(),
        shutdown_grace: limits.shutdown_grace(),
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// A thread that serves connections from `socket` with a handler of its own.
fn worker<H: Handle>(
    name: String,
    socket: std::net::TcpListener,
    handler: impl FnOnce() -> H + Send + 'static,
    speech: Speech,
    limits: ConnectionLimits,
    room: &Room,
    phase: &watch::Sender<Phase>,
) -> Result<JoinHandle<()>, NotServing> {
    let (room, phase) = (room.clone(), phase.subscribe());
    thread(name, move || async move {
        match listen::adopt(socket) {
            Ok(listener) => {
                listen::serve(listener, Rc::new(handler()), speech, limits, room, phase).await;
            }
            Err(error) => tracing::error!(%error, "a worker did not get its socket"),
        }
    })
}

/// A thread that looks after upstreams and removes what has expired.
fn housekeeper(
    sites: &Sites,
    foundation: &Foundation,
    certificates: Certificates,
    phase: &watch::Sender<Phase>,
) -> Result<JoinHandle<()>, NotServing> {
    let (sites, Foundation { store, limiter, .. }) = (sites.clone(), foundation.clone());
    let mut phase = phase.subscribe();
    thread("housekeeper".to_owned(), move || async move {
        tokio::select! {
            () = stopping(&mut phase) => {}
            () = follow::upstreams(&sites) => {}
            () = follow::sweep(&sites, &*store, &SystemClock) => {}
            () = follow::limits(&limiter, &SystemClock) => {}
            () = follow::certificates(certificates.all(), &SystemClock) => {}
        }
    })
}

/// Makes this process known as one that follows the change feed.
async fn following(foundation: &Foundation, title: String) -> Result<Following, NotServing> {
    let Foundation { store, followed, .. } = foundation;
    let begun = Following::begin(followed, store, title, SystemClock.now(), &OsEntropy);
    begun.await.map_err(NotServing::NotKnown)
}

/// The thread that follows the change feed. It has nothing else to do, so that nothing keeps it from that.
struct Follower {
    phase: watch::Sender<Phase>,
    thread: JoinHandle<()>,
}

impl Follower {
    fn start(following: Following) -> Result<Self, NotServing> {
        let (phase, mut stopped) = watch::channel(Phase::Serving);
        let thread = thread("follower".to_owned(), move || async move {
            tokio::select! {
                () = stopping(&mut stopped) => {}
                () = following.run(&SystemClock) => {}
            }
            following.end().await;
        })?;
        Ok(Self { phase, thread })
    }

    fn stop(self) {
        self.phase.send_replace(Phase::Stopping);
        if self.thread.join().is_err() {
            tracing::error!("the thread that follows changes ended with a panic");
        }
    }
}

/// A thread with a runtime of its own, on which `spawn_local` works.
fn thread<F: Future<Output = ()>>(
    name: String,
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<JoinHandle<()>, NotServing> {
    let (made, outcome) = std::sync::mpsc::sync_channel(1);
    let run = move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        let (runtime, told) = match runtime {
            Ok(runtime) => (runtime, made.send(Ok(()))),
            Err(error) => return drop(made.send(Err(error))),
        };
        // Whoever started this thread waits for it.
        drop(told);
        runtime.block_on(work());
    };
    let thread = std::thread::Builder::new().name(name).spawn(run)?;
    // A local runtime is made where it runs; that it could not be is told here.
    outcome.recv().unwrap_or_else(|gone| Err(std::io::Error::other(gone)))?;
    Ok(thread)
}
