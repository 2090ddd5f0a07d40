//! One request, passed on.

mod addresses;
mod body;
mod failure;
mod hop;
mod onward;
mod payload;

use std::rc::Rc;

use countersign_lines::{AnswerHead, Answered};
use tokio::time::Instant;

pub use body::ForwardedBody;
pub use failure::{ForwardFailure, RequestFailure, ResponseFailure};
pub use onward::Onward;
pub use payload::Payload;
pub(crate) use payload::RequestBody;

use crate::upstream::{Connection, ExchangeFailure, Pool, Server, Tried, UpstreamFailure};
use crate::{BodyLimits, SpareTimer};

/// The most servers of an upstream that one request tries.
const MAX_TRIES: u32 = 3;

/// Passes a request on to the upstream of `pool` and hands back its response as soon as the head is there. How long that takes is
/// limited by `timer`, which serves for other requests of the same task.
///
/// The bodies stream through, each as fast as the slower side takes it. Dropping the future, or the
/// response's body before its end, cancels the request at the upstream.
///
/// A connection that was kept may have been closed by the upstream in the meantime. Where nothing was sent
/// on it, or where the method is idempotent and there is no body, the request is sent once more, on a new
/// connection (RFC 9110, 9.2.2). On the same terms it goes to another server of the upstream where one takes no
/// connection or breaks it off without an answer, to three at most.
pub async fn forward(
    pool: &Rc<Pool>,
    onward: &Onward<'_>,
    payload: Payload,
    limits: &BodyLimits,
    timer: &SpareTimer,
) -> Result<Answered<ForwardedBody>, ForwardFailure> {
    let upstream = pool.upstream();
    let target = onward.target(upstream)?;
    let length = onward.length(&payload);
    let mut body = RequestBody::new(payload, limits).map_err(RequestFailure::Body)?;
    let mut tried = Tried::default();
    let mut failed = None;
    while tried.count() < MAX_TRIES
        && let Some((place, server)) = pool.choose(tried)
    {
        tried.add(place);
        let head = || onward.head(&target, server.host(), length);
        let now = Instant::now();
        if let Some(mut connection) = pool.take(place, now) {
            match connection.exchange(head(), &mut body, upstream, (timer, now)).await {
                Ok(head) => return Ok(pass_back(head, connection, server, body, pool)),
                Err(ExchangeFailure::Dead(_)) => {}
                Err(ExchangeFailure::Upstream(failure)) => return Err(failure.into()),
                Err(ExchangeFailure::Body(failure)) => return Err(RequestFailure::Body(failure).into()),
            }
        }
        let mut connection = match pool.open(place, server).await {
            Ok(connection) => connection,
            Err(failure) => {
                server.standing().failed();
                failed = Some(failure);
                continue;
            }
        };
        match connection.exchange(head(), &mut body, upstream, (timer, Instant::now())).await {
            Ok(head) => return Ok(pass_back(head, connection, server, body, pool)),
            Err(ExchangeFailure::Dead(failure)) => {
                server.standing().failed();
                failed = Some(failure);
            }
            Err(ExchangeFailure::Upstream(failure)) => {
                if let UpstreamFailure::Broken { .. } = failure {
                    server.standing().failed();
                }
                return Err(failure.into());
            }
            Err(ExchangeFailure::Body(failure)) => return Err(RequestFailure::Body(failure).into()),
        }
    }
    // An upstream has a server, so that something failed.
    Err(failed.unwrap_or(UpstreamFailure::Refused).into())
}

fn pass_back(
    head: AnswerHead,
    connection: Box<Connection>,
    server: &Server,
    body: RequestBody,
    pool: &Rc<Pool>,
) -> Answered<ForwardedBody> {
    server.standing().succeeded();
    Answered { head, body: ForwardedBody::new(connection, body, pool) }
}
