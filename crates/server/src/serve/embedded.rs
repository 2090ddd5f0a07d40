//! The decision inside another process.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use countersign_edge::Guard;
use countersign_model::Clock as _;
use countersign_tower::{BodyLimits, CountersignLayer, RelayLimits};
use countersign_verify::Limiter;
use tokio::sync::watch;

use super::site::{Foundation, Site};
use super::sites::Sites;
use super::{NotServing, follow, following, read, runtime, thread};
use crate::config::Environment;
use crate::listen::{Phase, stopping};
use crate::storage::{self, Opened};
use crate::world::{self, NameEntropy, OsEntropy, SystemClock};

/// Countersign inside a Rust service: the configuration, routes, credentials and decision of `countersign serve`, without its
/// listeners. What `countersign key` and the other commands change is in effect here as soon as in any server of the same
/// database.
///
/// A thread follows the changes until this is dropped. After that, layers made from it refuse everything: what they remember can
/// no longer be believed.
pub struct Embedded {
    guard: Arc<ArcSwap<Guard>>,
    limits: BodyLimits,
    phase: watch::Sender<Phase>,
    follower: Option<JoinHandle<()>>,
}

/// Why a configuration does not serve inside another process: the text says all that is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct NotEmbedded(NotServing);

impl Embedded {
    /// Opens what the configuration at `path` and the variables `COUNTERSIGN__…` describe. Routes are at the door `tower` unless
    /// they say otherwise; `[listen]` is not heeded, and neither are upstreams.
    ///
    /// It blocks while it reads files and storage: to be called before the service takes requests, and not on a thread that
    /// drives an asynchronous runtime.
    pub fn open(path: &Path) -> Result<Self, NotEmbedded> {
        let environment =
            world::environment().map_err(|error| NotEmbedded(NotServing::Environment(error)))?;
        Self::with(path, &environment).map_err(NotEmbedded)
    }

    fn with(path: &Path, environment: &Environment) -> Result<Self, NotServing> {
        let config = read(path, environment)?;
        let Opened { store, master_key } =
            storage::open(&config.storage, countersign_store_sqlite::Limits::default(), &OsEntropy)?;
        let limiter = Arc::new(Limiter::new(config.limits.rate_buckets()));
        let (store, master) = (Arc::new(store), Arc::new(master_key));
        let foundation =
            Foundation { store, master, limiter, followed: Arc::default(), refusals: Arc::default() };
        let runtime = runtime()?;
        let site = runtime.block_on(Site::assemble(&config, &foundation, SystemClock.now()))?;
        let title = format!("process {}, inside another service", std::process::id());
        let following = runtime.block_on(following(&foundation, title))?;
        let guard = Arc::new(ArcSwap::new(Arc::clone(&site.guard)));
        let limits = BodyLimits {
            reading: site.signed_bodies.clone(),
            relaying: RelayLimits {
                max_bytes: config.limits.proxied_body(),
                whole_timeout: config.limits.proxied_body_read(),
                // The service stands where an upstream would.
                patience: config.limits.upstream_response(),
            },
        };
        let sites = Sites::new(site);
        let (phase, mut stopped) = watch::channel(Phase::Serving);
        let follower = thread("countersign".to_owned(), move || async move {
            tokio::select! {
                () = stopping(&mut stopped) => {}
                () = following.run(&SystemClock) => {}
                () = follow::sweep(&sites, &*foundation.store, &SystemClock) => {}
                () = follow::limits(&foundation.limiter, &SystemClock) => {}
            }
            following.end().await;
        })?;
        Ok(Self { guard, limits, phase, follower: Some(follower) })
    }

    /// A layer that decides as this configuration says.
    pub fn layer(&self) -> CountersignLayer {
        CountersignLayer::new(Arc::clone(&self.guard), Arc::new(SystemClock), Arc::new(NameEntropy))
            .with_limits(self.limits.clone())
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Stopping);
        if let Some(follower) = self.follower.take()
            && follower.join().is_err()
        {
            tracing::error!("the thread that follows changes ended with a panic");
        }
    }
}
