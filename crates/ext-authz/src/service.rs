//! The service.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use countersign_edge::{
    Admitted, BadRequest, Bodies, DoorName, Guard, Note, Pass, Problem, REQUEST_ID, Refused, Relayed,
    RequestId, TrustedPeers,
};
use countersign_model::{Clock, Entropy, UnixTime};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::Authorization;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use http::StatusCode;

use crate::ask::{self, Unasked};
use crate::body::Sent;
use crate::reply;

/// A door at which Envoy asks over gRPC.
pub struct ExtAuthz {
    /// What decides.
    pub guard: Arc<Guard>,
    /// What this door is called.
    pub name: DoorName,
    /// The limits on the head of a request.
    pub head: countersign_framing::Limits,
    /// Whether Envoy sends bodies along.
    pub bodies: Bodies,
    /// The addresses of the proxies.
    pub trusted: TrustedPeers,
    /// Paths that the public side answers itself: Envoy must send them there, and they pass nowhere else.
    pub own_paths: Vec<String>,
    /// Tells each request's one time.
    pub clock: Arc<dyn Clock>,
    /// Names requests that have no name.
    pub entropy: Arc<dyn Entropy>,
}

/// Who asks, to be put into the extensions of each gRPC request. A request without it comes from nobody who is trusted.
#[derive(Clone, Copy, Debug)]
pub struct Asker(pub SocketAddr);

/// What came of a check, in the extensions of its gRPC response.
#[derive(Clone)]
pub struct Checked(Arc<Outcome>);

struct Outcome {
    id: RequestId,
    note: Note,
    at: UnixTime,
    asked: Option<Relayed>,
    body: Option<Bytes>,
    status: StatusCode,
}

impl Checked {
    /// The request's name.
    pub fn id(&self) -> &RequestId {
        &self.0.id
    }

    /// What came of it.
    pub fn note(&self) -> &Note {
        &self.0.note
    }

    /// When the request was decided on.
    pub fn at(&self) -> UnixTime {
        self.0.at
    }

    /// The request, where it could be read.
    pub fn asked(&self) -> Option<&Relayed> {
        self.0.asked.as_ref()
    }

    /// The body of a request that was refused after its body was looked at.
    pub fn body(&self) -> Option<&Bytes> {
        self.0.body.as_ref()
    }

    /// The status that the client gets; where the request passes, 200.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }
}

impl ExtAuthz {
    async fn answer(&self, check: CheckRequest, asker: Option<Asker>) -> (CheckResponse, Outcome) {
        let attributes = check.attributes.unwrap_or_default();
        let client = ask::client(attributes.source.as_ref());
        let http = attributes.request.and_then(|request| request.http);
        let at = self.clock.now();
        let (mut about, mut body) = (None, Sent::Unseen);
        let (id, decided) = match self.relay(http, client) {
            Ok((relayed, mut http)) => {
                let id = RequestId::choose(relayed.headers().get(REQUEST_ID.as_str()), &*self.entropy);
                body = match self.bodies {
                    Bodies::Unseen => Sent::Unseen,
                    Bodies::Forwarded => Sent::with(&mut http),
                };
                let decided = self.decide(&relayed, &mut body, asker, at).await;
                about = Some(relayed);
                (id, decided)
            }
            Err(refused) => (RequestId::random(&*self.entropy), Err(refused)),
        };
        match decided {
            Ok((admitted, pass)) => {
                let outcome = Outcome {
                    id,
                    note: admitted.note(),
                    at,
                    asked: about,
                    body: None,
                    status: StatusCode::OK,
                };
                (reply::yes(&admitted, &pass, &outcome.id), outcome)
            }
            Err(refused) => {
                let answer = refused.answer.into_response(&id);
                let (note, status, body) = (refused.note, answer.status(), body.held());
                (reply::no(&answer), Outcome { id, note, at, asked: about, body, status })
            }
        }
    }

    /// The request that a check is about, as strictly read as one that came to us.
    fn relay(
        &self,
        http: Option<HttpRequest>,
        client: SocketAddr,
    ) -> Result<(Relayed, HttpRequest), Box<Refused>> {
        let misconfigured =
            |why: Unasked| Refused::answered(Problem::Internal, "misconfigured_proxy", why.to_string());
        let http = http.ok_or_else(|| misconfigured(Unasked::NotHttp))?;
        let raw = ask::raw(&http).map_err(misconfigured)?;
        ask::within(raw, &self.head)
            .map_err(|why| Refused::answered(Problem::Framing(why), why.code(), why.to_string()))?;
        let relayed = ask::relayed(raw, client).map_err(misconfigured)?.map_err(bad_request)?;
        Ok((relayed, http))
    }

    async fn decide(
        &self,
        relayed: &Relayed,
        body: &mut Sent,
        asker: Option<Asker>,
        at: UnixTime,
    ) -> Result<(Admitted, Pass), Box<Refused>> {
        match asker {
            Some(Asker(peer)) if self.trusted.contains(peer.ip()) => {}
            Some(Asker(peer)) => {
                let detail = format!("{} is not among the proxies of the door `{}`", peer.ip(), self.name);
                return Err(Refused::answered(Problem::UntrustedPeer, "untrusted_peer", detail));
            }
            None => {
                let detail = "who asks is not known".to_owned();
                return Err(Refused::answered(Problem::UntrustedPeer, "untrusted_peer", detail));
            }
        }
        let inbound = relayed.inbound().map_err(bad_request)?;
        if self.own_paths.iter().any(|path| *path == inbound.path) {
            let detail = "the public side answers this path itself: have the proxy send it there".to_owned();
            return Err(Refused::answered(Problem::NoRoute, "own_path", detail));
        }
        let admitted = self.guard.admit(&inbound, body, &self.name, at).await?;
        let pass = self.guard.pass(&admitted, &inbound);
        Ok((admitted, pass))
    }
}

fn bad_request(why: BadRequest) -> Box<Refused> {
    Refused::answered(Problem::BadRequest(why), why.code(), why.to_string())
}

#[tonic::async_trait]
impl Authorization for ExtAuthz {
    async fn check(
        &self,
        request: tonic::Request<CheckRequest>,
    ) -> Result<tonic::Response<CheckResponse>, tonic::Status> {
        let asker = request.extensions().get::<Asker>().copied();
        let (response, outcome) = self.answer(request.into_inner(), asker).await;
        let mut response = tonic::Response::new(response);
        response.extensions_mut().insert(Checked(Arc::new(outcome)));
        Ok(response)
    }
}
