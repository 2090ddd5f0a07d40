//! The door: one request through the gateway, top to bottom.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use countersign_edge::{
    Answer, BadRequest, Inbound, Note, Problem, RequestId, Route, Routes, UpstreamName, identity, refusal,
};
use countersign_model::{Entropy, UnixTime};
use countersign_verify::{Verified, Verifier};
use http::{HeaderName, Response, request};

use crate::reply::Reply;
use crate::{
    BodyLimits, ClientBody, ForwardFailure, Onward, Pools, RequestFailure, Sender, Trace, Upstream,
    UpstreamFailure, forward,
};

/// The gateway under one configuration.
pub struct Gateway {
    /// The routes.
    pub routes: Routes,
    /// What decides.
    pub verifier: Arc<Verifier>,
    /// Where an API key stands, so that it goes no further.
    pub api_key_header: HeaderName,
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

/// What became of a request at the door.
pub enum Admission {
    /// It may pass.
    Admitted(Admitted),
    /// It was answered.
    Answered(Box<(Response<Reply>, Note)>),
}

impl Admission {
    fn answered(response: Response<Reply>, note: Note) -> Self {
        Self::Answered(Box::new((response, note)))
    }
}

/// A request that may pass, and where to. Only [`Gateway::admit`] makes one.
pub struct Admitted {
    route: Arc<Route>,
    verified: Verified,
}

impl Gateway {
    /// Decides on a request. Its body is read only if a check needs it.
    pub async fn admit(
        &self,
        inbound: &Inbound<'_>,
        body: &mut ClientBody,
        attending: &Attending<'_>,
    ) -> Admission {
        let Some(route) = self.routes.of(inbound).cloned() else {
            let note = Note::answered("no_route", String::new());
            return Admission::answered(problem(Problem::NoRoute, attending), note);
        };
        let verdict = self.verifier.decide(inbound.request(), body, &route.requirement, attending.now).await;
        match verdict {
            Ok(verified) => Admission::Admitted(Admitted { route, verified }),
            Err(failure) => {
                let answer = refusal(&failure, &route.requirement, &self.api_key_header);
                let response = answer.into_response(attending.id).map(Reply::answer);
                Admission::answered(response, Note::refused(route, &failure))
            }
        }
    }

    /// Passes on a request that was admitted. `head` and `body` are those of the request that was decided on.
    pub async fn forward(
        &self,
        head: request::Parts,
        body: ClientBody,
        Admitted { route, verified }: Admitted,
        attending: &Attending<'_>,
    ) -> (Response<Reply>, Note) {
        let note = Note::allowed(Arc::clone(&route), &verified);
        let Some(pool) = self.upstreams.get(&route.upstream).map(|upstream| attending.pools.of(upstream))
        else {
            // Routes are checked against upstreams when they are loaded.
            let note =
                note.upstream_failed("no_upstream", format!("there is no upstream `{}`", route.upstream));
            return (problem(Problem::Internal, attending), note);
        };
        let trace = Trace::of(&head.headers, attending.entropy);
        let sent = async {
            // First what the client's connection was told goes, and with it whatever the client names there; what is set
            // after that nothing of the client's can remove.
            let mut onward = Onward::new(head)?;
            let headers = onward.headers_mut();
            identity::remove_credentials(
                headers,
                &route.requirement,
                &self.api_key_header,
                &route.credentials,
            );
            identity::remove_forged(headers);
            identity::set(headers, &verified);
            onward.introduce(&Sender::new(attending.peer.ip()), attending.id, &trace);
            let limits =
                BodyLimits { max_bytes: route.body_limit.unwrap_or(self.bodies.max_bytes), ..self.bodies };
            forward(&pool, onward, body.into_payload(), &limits).await
        };
        match sent.await {
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

fn problem(what: Problem, attending: &Attending<'_>) -> Response<Reply> {
    Answer::from(what).into_response(attending.id).map(Reply::answer)
}
