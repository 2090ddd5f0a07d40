//! Looking after a server beside the requests to it.

use std::time::Duration;

use countersign_http1::client::{Length, RequestHead};
use countersign_lines::AnswerHead;
use countersign_model::Header;
use http::Method;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::pool::Place;
use super::{Connection, Health, HealthCheck, Server, Upstream};
use crate::deadline::SpareTimer;
use crate::forward::RequestBody;

/// How often a server is looked at, to see whether its time aside is over.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The longest that connecting for, and the answer to, a question for a server's health may take, together.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

/// Looks after one server of `upstream` until it is dropped: tries to connect to it when its time aside is over, so that no request has to, and
/// asks for its health where that is wanted. `changed` is told whenever requests begin to go there or no longer do.
pub async fn tend(upstream: &Upstream, server: &Server, mut changed: impl FnMut(&Server)) {
    let standing = server.standing();
    let mut was_good = standing.is_good();
    let mut asked: Option<Instant> = None;
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        if let Some(check) = upstream.health()
            && asked.is_none_or(|asked| asked.elapsed() >= check.every)
        {
            asked = Some(Instant::now());
            standing.found(ask(upstream, server, check).await);
        }
        if standing.is_due() {
            match Connection::open(server, Place::NONE, upstream.limits()).await {
                Ok(_) => standing.restored(),
                Err(_) => standing.failed(),
            }
        }
        if standing.is_good() != was_good {
            was_good = !was_good;
            changed(server);
        }
    }
}

async fn ask(upstream: &Upstream, server: &Server, check: &HealthCheck) -> Health {
    match timeout(HEALTH_TIMEOUT, answer(upstream, server, check)).await {
        Ok(Some(answer)) if answer.status().is_success() => Health::Well,
        Ok(Some(_) | None) | Err(_) => Health::Ill,
    }
}

async fn answer(upstream: &Upstream, server: &Server, check: &HealthCheck) -> Option<AnswerHead> {
    let mut connection = Connection::open(server, Place::NONE, upstream.limits()).await.ok()?;
    let target = upstream.target(check.target.as_str())?;
    let head = RequestHead {
        method: &Method::GET,
        target: &target,
        host: server.host(),
        fields: std::iter::empty::<Header<'_>>(),
        lines: concat!("user-agent: countersign/", env!("CARGO_PKG_VERSION"), "\r\n").as_bytes(),
        length: Length::None,
    };
    let timing = (&SpareTimer::default(), Instant::now());
    connection.exchange(head, &mut RequestBody::empty(), upstream, timing).await.ok()
}
