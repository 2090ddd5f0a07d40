//! The door: one request through the gateway, top to bottom.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use countersign_edge::{
    Admitted, Answer, BadRequest, DoorName, Guard, Inbound, Note, Problem, Refused, RequestId, UpstreamName,
};
use countersign_model::{Entropy, UnixTime};
use http::{Response, request};

use crate::reply::Reply;
use crate::{
    BodyLimits, ClientBody, ForwardFailure, Onward, Pools, RequestFailure, Sender, Trace, Upstream,
    UpstreamFailure, forward,
};

/// The gateway under one configuration.
pub struct Gateway {
    /// What decides.
    pub guard: Arc<Guard>,
    /// What this door is called.
    pub name: DoorName,
    /// Where the routes lead.
    pub upstreams: HashMap<UpstreamName, Arc<Upstream>>,
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
    /// Who is at the other end of the connection.
    pub peer: SocketAddr,
    /// The upstream connections of this thread.
    pub pools: &'a Pools,
}

impl Gateway {
    /// Decides on a request. Its body is read only if a check needs it.
    pub async fn admit(
        &self,
        inbound: &Inbound<'_>,
        body: &mut ClientBody,
        attending: &Attending<'_>,
    ) -> Result<Admitted, Box<Refused>> {
        self.guard.admit(inbound, body, &self.name, attending.now).await
    }

    /// Passes on a request that was admitted. `head` and `body` are those of the request that was decided on.
    pub async fn forward(
        &self,
        head: request::Parts,
        body: ClientBody,
        admitted: Admitted,
        attending: &Attending<'_>,
    ) -> (Response<Reply>, Note) {
        let (note, route) = (admitted.note(), admitted.route());
        let upstream = route.upstream.as_ref().and_then(|name| self.upstreams.get(name));
        let Some(pool) = upstream.map(|upstream| attending.pools.of(upstream)) else {
            // Routes are checked against upstreams when they are loaded.
            let why = format!("the upstream of the route {} is not there", route.pattern);
            let note = note.upstream_failed("no_upstream", why);
            return (problem(Problem::Internal, attending), note);
        };
        let trace = Trace::of(&head.headers, attending.entropy);
        let sent = async {
            // First what the client's connection was told goes, and with it whatever the client names there; what is set
            // after that nothing of the client's can remove.
            let mut onward = Onward::new(head)?;
            self.guard.introduce(&admitted, onward.headers_mut());
            onward.introduce(&Sender::new(attending.peer.ip()), attending.id, &trace);
            let limits =
                BodyLimits { max_bytes: route.body_limit.unwrap_or(self.bodies.max_bytes), ..self.bodies };
            forward(&pool, onward, body.into_payload(), &limits).await
        };
        let (mut response, note) = match sent.await {
            Ok(mut response) => {
                response.headers_mut().insert(countersign_edge::REQUEST_ID, attending.id.as_header().clone());
                (response.map(Reply::forwarded), note)
            }
            Err(failure) => {
                let (what, reason) = explain(&failure);
                let note = match &failure {
                    ForwardFailure::Upstream(_) => note.upstream_failed(reason, failure.to_string()),
                    ForwardFailure::Request(_) => note.not_passed_on(reason, failure.to_string()),
                };
                (problem(what, attending), note)
            }
        };
        admitted.tell_limits(response.headers_mut());
        (response, note)
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

fn problem(what: Problem, attending: &Attending<'_>) -> Response<Reply> {
    Answer::from(what).into_response(attending.id).map(Reply::answer)
}
