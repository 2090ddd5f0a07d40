//! The door: one request through the gateway, top to bottom.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use countersign_bodies::{Along, Departure, RelayLimits};
use countersign_edge::{
    Admitted, Answer, BadRequest, DoorName, Guard, Inbound, LongBodies, Note, Problem, Provenance,
    REQUEST_ID, Refused, RequestId, Route, UpstreamName,
};
use countersign_lines::{AnswerHeaders as _, Answered};
use countersign_model::{Entropy, UnixTime};
use countersign_verify::Caller;
use rustc_hash::FxBuildHasher;

use crate::reply::Reply;
use crate::{
    BodyLimits, ClientBody, ForwardFailure, ForwardedBody, Onward, Payload, Pool, Pools, RequestFailure,
    SpareTimer, Upstream, UpstreamFailure, forward,
};

/// Upstreams by their names, which the configuration gives: nobody who calls chooses what is hashed, for every request.
pub type Upstreams = HashMap<UpstreamName, Arc<Upstream>, FxBuildHasher>;

/// The gateway under one configuration.
pub struct Gateway {
    /// What decides.
    pub guard: Arc<Guard>,
    /// What this door is called.
    pub name: DoorName,
    /// Where the routes lead.
    pub upstreams: Upstreams,
    /// The limits on bodies that stream through.
    pub bodies: BodyLimits,
}

/// What a request has with it besides what the client sent.
pub struct Attending<'a> {
    /// Its name.
    pub id: &'a RequestId,
    /// Its one time.
    pub now: UnixTime,
    /// Where randomness comes from.
    pub entropy: &'a dyn Entropy,
    /// Where it came from.
    pub from: Provenance,
    /// The upstream connections of this thread.
    pub pools: &'a Pools,
    /// The timer of its client's connection.
    pub timer: &'a SpareTimer,
}

/// A request that may pass.
pub struct Passage {
    admitted: Admitted,
    /// What the upstream said, where the request went on while it was checked.
    answer: Option<Box<Forwarded>>,
}

type Forwarded = Result<Answered<ForwardedBody>, ForwardFailure>;

impl Gateway {
    /// Decides on a request. Its body is read only if a check needs it, and goes on meanwhile but for its
    /// end where the route wants that.
    pub async fn admit(
        &self,
        inbound: &Inbound<'_>,
        body: &mut ClientBody<'_>,
        attending: &Attending<'_>,
    ) -> Result<Passage, Box<Refused>> {
        let route = self.guard.route(inbound, &self.name)?;
        let along = match route.long_bodies {
            LongBodies::SpoolFirst => None,
            // Where there is nothing to go on to, `forward` says so once the request was found good.
            LongBodies::HoldLast => self.pool(&route, attending),
        };
        if let Some(pool) = along {
            // Few routes want that, and every connection has room for whatever it may wait for.
            return Box::pin(self.admit_along(route, &pool, inbound, body, attending)).await;
        }
        let admitted = self.guard.decide(route, inbound, body, attending.now).await?;
        Ok(Passage { admitted, answer: None })
    }

    /// Decides on a request, and sends it meanwhile as far as its body is long: all but the end.
    async fn admit_along(
        &self,
        route: Arc<Route>,
        pool: &Rc<Pool>,
        inbound: &Inbound<'_>,
        body: &mut ClientBody<'_>,
        attending: &Attending<'_>,
    ) -> Result<Passage, Box<Refused>> {
        let limits = self.limits(&route);
        // The upstream's own time to answer is over before.
        let patience = pool.upstream().limits().response_timeout * 2;
        let BodyLimits { max_bytes, whole_timeout, .. } = limits;
        let (begun, relayed) = body.relay(RelayLimits { max_bytes, whole_timeout, patience });
        let sending = async {
            // Nothing goes on of a short body, or one that is refused all the same.
            let Ok(Departure { caller, length }) = begun.await else { return std::future::pending().await };
            let onward = self.onward(inbound, (&route, &caller), attending)?;
            let payload = Payload::Relayed(Box::new(relayed.with_length(length)));
            forward(pool, &onward, payload, &limits, attending.timer).await
        };
        let deciding = async {
            let admitted = self.guard.decide(Arc::clone(&route), inbound, body, attending.now).await?;
            let along = body.release().await;
            Ok::<_, Box<Refused>>((admitted, along))
        };
        let (mut sending, mut deciding) = (pin!(sending), pin!(deciding));
        let mut answer = None;
        let verdict = poll_fn(|cx| {
            if answer.is_none()
                && let Poll::Ready(sent) = sending.as_mut().poll(cx)
            {
                answer = Some(sent);
            }
            deciding.as_mut().poll(cx)
        })
        .await;
        // A refusal drops what is being sent, and with it the connection: the upstream never sees the end.
        let (admitted, along) = verdict?;
        let answer = match (along, answer) {
            (Along::NotSent, _) => None,
            (Along::Sent, Some(answer)) => Some(Box::new(answer)),
            (Along::Sent, None) => Some(Box::new(sending.await)),
        };
        Ok(Passage { admitted, answer })
    }

    fn pool(&self, route: &Route, attending: &Attending<'_>) -> Option<Rc<Pool>> {
        let upstream = self.upstreams.get(route.upstream.as_ref()?)?;
        Some(attending.pools.of(upstream))
    }

    /// The head as the upstream will see it: that of `caller`, on this route.
    fn onward<'a>(
        &self,
        inbound: &'a Inbound<'a>,
        (route, caller): (&Route, &Caller),
        attending: &Attending<'_>,
    ) -> Result<Onward<'a>, RequestFailure> {
        let mut onward = Onward::new(inbound, &self.guard.secrets(route))?;
        onward.introduce_caller(caller);
        onward.introduce(&attending.from, attending.id, attending.entropy);
        Ok(onward)
    }

    fn limits(&self, route: &Route) -> BodyLimits {
        BodyLimits { max_bytes: route.body_limit.unwrap_or(self.bodies.max_bytes), ..self.bodies }
    }

    /// Passes on a request that was admitted. It and `body` are those that were decided on.
    pub async fn forward(
        &self,
        inbound: &Inbound<'_>,
        body: &mut ClientBody<'_>,
        Passage { admitted, answer }: Passage,
        attending: &Attending<'_>,
    ) -> (Answered<Reply>, Note) {
        let route = admitted.route();
        let Some(pool) = self.pool(route, attending) else {
            // Routes are checked against upstreams when they are loaded.
            let why = format!("the upstream of the route {} is not there", route.pattern);
            let note = admitted.into_note().upstream_failed("no_upstream", why);
            return (problem(Problem::Internal, attending), note);
        };
        let sent = async {
            if let Some(answer) = answer {
                return *answer;
            }
            let caller = admitted.verified().caller();
            let onward = self.onward(inbound, (route, caller), attending)?;
            let payload = Payload::checked(body.take_checked().map_err(RequestFailure::Body)?);
            forward(&pool, &onward, payload, &self.limits(route), attending.timer).await
        };
        match sent.await {
            Ok(mut answered) => {
                answered.head.set(&REQUEST_ID, attending.id.as_bytes());
                admitted.tell_limits(&mut answered.head);
                (answered.map(Reply::forwarded), admitted.into_note())
            }
            Err(failure) => {
                let (what, reason) = explain(&failure);
                let mut answered = problem(what, attending);
                admitted.tell_limits(&mut answered.head);
                let note = admitted.into_note();
                let note = match &failure {
                    ForwardFailure::Upstream(_) => note.upstream_failed(reason, failure.to_string()),
                    ForwardFailure::Request(_) => note.not_passed_on(reason, failure.to_string()),
                };
                (answered, note)
            }
        }
    }
}

/// What a failure to forward is to the caller, and the word for it in the log.
fn explain(failure: &ForwardFailure) -> (Problem, &'static str) {
    match failure {
        ForwardFailure::Upstream(failure) => {
            let what = match failure {
                UpstreamFailure::Unresolved { .. }
                | UpstreamFailure::Refused
                | UpstreamFailure::Unreachable { .. } => Problem::UpstreamUnreachable,
                UpstreamFailure::ConnectTimeout { .. } | UpstreamFailure::ResponseTimeout { .. } => {
                    Problem::UpstreamTimeout
                }
                UpstreamFailure::Broken { .. }
                | UpstreamFailure::Garbled { .. }
                | UpstreamFailure::Unexpected { .. } => Problem::UpstreamBroken,
            };
            (what, failure.as_str())
        }
        ForwardFailure::Request(failure) => match failure {
            RequestFailure::MethodNotForwarded => (Problem::MethodNotAllowed, "method"),
            RequestFailure::TargetNotForwarded => (Problem::BadRequest(BadRequest::Target), "bad_request"),
            RequestFailure::TransferCoding => (Problem::TransferCoding, "transfer_coding"),
            RequestFailure::Body(why) => (Problem::Body(*why), "body"),
        },
    }
}

fn problem(what: Problem, attending: &Attending<'_>) -> Answered<Reply> {
    Answer::from(what).answered(attending.id).map(Reply::answer)
}
