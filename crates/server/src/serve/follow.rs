//! What goes on beside the requests: keeping house.

use std::sync::Arc;
use std::time::Duration;

use countersign_edge::with_causes;
use countersign_gateway::tend;
use countersign_model::Clock;
use countersign_store::{SWEEP_LIMIT, Store};
use countersign_verify::Limiter;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::site::Site;
use super::sites::Sites;
use super::telemetry;
use crate::listen::{Certificate, Renewed};

/// How often the limits are told the time: for so long a clock that was set back may keep callers waiting.
const TICK_EVERY: Duration = Duration::from_millis(100);

/// How often expired sessions, claims whose end is past and old entries of the change feed are removed.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// How many entries of the change feed are kept. A server that falls behind further forgets its memory and starts anew.
const KEEP_CHANGES: u64 = 100_000;

/// How soon after a reload the servers of its upstreams are looked after.
const LOOK_FOR_RELOAD_EVERY: Duration = Duration::from_secs(1);

/// How often certificates are looked at for others in their place.
const LOOK_FOR_CERTIFICATE_EVERY: Duration = Duration::from_secs(2);

/// Serves certificates from their files as these change, until the future is dropped. Of files that are not good it is told once;
/// a pair that is just being replaced is read again soon.
pub(super) async fn certificates(served: Vec<Arc<Certificate>>, clock: &dyn Clock) {
    if served.is_empty() {
        return std::future::pending().await;
    }
    let mut every = interval(LOOK_FOR_CERTIFICATE_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = String::new();
    loop {
        every.tick().await;
        let now = Duration::from_secs(u64::try_from(clock.now().secs()).unwrap_or_default());
        let mut wrong = Vec::new();
        for certificate in &served {
            match certificate.renew(now) {
                Ok(Renewed::Same) => {}
                Ok(Renewed::Another) => {
                    tracing::info!(file = %certificate.path().display(), "another certificate is served");
                }
                Err(whys) => wrong.extend(whys.iter().map(ToString::to_string)),
            }
        }
        let wrong = wrong.join("; ");
        if !wrong.is_empty() && wrong != told {
            tracing::error!(error = wrong, "a certificate was not renewed; the one before is served");
        }
        told = wrong;
    }
}

/// Tells the limits what time it is until the future is dropped.
pub(super) async fn limits(limiter: &Limiter, clock: &dyn Clock) {
    let mut every = interval(TICK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        limiter.tick(clock.now());
        telemetry::rate_buckets(limiter.buckets(), limiter.crowded());
    }
}

/// Removes what has expired until the future is dropped.
pub(super) async fn sweep(sites: &Sites, store: &dyn Store, clock: &dyn Clock) {
    let mut every = interval(SWEEP_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        loop {
            match store.sweep(clock.now(), KEEP_CHANGES).await {
                Ok(swept)
                    if [swept.sessions, swept.changes, swept.replays]
                        .into_iter()
                        .all(|removed| removed < SWEEP_LIMIT) =>
                {
                    break;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = with_causes(&error), "what has expired could not be removed");
                    break;
                }
            }
        }
        if let Err(error) = Arc::clone(&sites.present()).guard.verifier.tidy(clock.now()).await {
            tracing::warn!(error = with_causes(&error), "ended sessions could not be read");
        }
    }
}

/// Looks after the servers of all upstreams until the future is dropped. To be run where `spawn_local` works.
pub(super) async fn upstreams(sites: &Sites) {
    let mut every = interval(LOOK_FOR_RELOAD_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut current = Arc::clone(&sites.present());
    let mut tending = tend_all(&current);
    loop {
        every.tick().await;
        let now = Arc::clone(&sites.present());
        if !Arc::ptr_eq(&now, &current) {
            // Those of the old configuration are no longer looked after when this is dropped.
            tending = tend_all(&now);
            current = now;
        }
        while tending.try_join_next().is_some() {}
    }
}

fn tend_all(site: &Site) -> JoinSet<()> {
    let mut tending = JoinSet::new();
    for upstream in site.gateway.upstreams.values() {
        for place in 0..upstream.servers().len() {
            let upstream = Arc::clone(upstream);
            tending.spawn_local(async move {
                let Some(server) = upstream.servers().get(place) else { return };
                telemetry::upstream_server(&upstream, server);
                tend(&upstream, server, |server| {
                    telemetry::upstream_server(&upstream, server);
                    let (upstream, server_name) =
                        (upstream.name(), server.host().to_str().unwrap_or_default());
                    if server.standing().is_good() {
                        tracing::info!(
                            upstream,
                            server = server_name,
                            "a server of an upstream is used again"
                        );
                    } else {
                        let health = server.standing().health().as_str();
                        tracing::warn!(
                            upstream,
                            server = server_name,
                            health,
                            "a server of an upstream is set aside"
                        );
                    }
                })
                .await;
            });
        }
    }
    tending
}
