//! The doors at which Envoy asks over gRPC: each check, and a note of what came of it.

use std::sync::Arc;

use bytes::Bytes;
use countersign_edge::{Answer, BadRequest, DoorName, Head, Note, Problem, Record, RequestId};
use countersign_ext_authz::{Asker, Checked};
use countersign_gateway::Received;
use countersign_lines::Answered;
use countersign_model::Clock as _;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::{Either, Full};
use tokio::time::Instant;
use tonic::server::NamedService;
use tonic_health::pb::health_server::{Health, HealthServer};
use tower::Service as _;

use super::ledger::{Ledger, Noting};
use super::public::logged;
use super::refusals::Keeping;
use super::sites::{Here, Sites};
use crate::listen::{Client, Handle, RefusedHead};
use crate::world::{NameEntropy, SystemClock};

/// What stands in the log as the method and the path of a request that could not be read.
const UNREAD: (&str, &str) = ("", "");

/// Answers the checks at one door, on one thread.
pub(super) struct ExtAuthzSide<H> {
    door: DoorName,
    site: Here,
    health: HealthServer<H>,
    ledger: Ledger,
}

impl<H: Health> ExtAuthzSide<H> {
    pub(super) fn new(door: DoorName, sites: &Sites, health: HealthServer<H>, noting: Noting) -> Self {
        let ledger = Ledger::new(noting, Some(door.clone()));
        Self { door, site: Here::new(sites), health, ledger }
    }

    fn write_down(&self, checked: &Checked, began: Instant) {
        let (method, path) = checked.asked().map_or(UNREAD, |asked| (asked.method().as_str(), asked.path()));
        let record = Record {
            request_id: checked.id(),
            method,
            path: logged(path),
            status: checked.status(),
            took: began.elapsed(),
            note: checked.note(),
        };
        self.ledger.note(&record, SystemClock.now());
    }
}

impl<H: Health> Handle for ExtAuthzSide<H> {
    type Body = Either<tonic::body::Body, Full<Bytes>>;

    async fn handle(&self, head: &Head<'_>, body: Received, client: &Client) -> Answered<Self::Body> {
        let began = Instant::now();
        let Some(mut request) = request(head, body) else {
            let id = RequestId::random(&NameEntropy);
            let answer = Answer::from(Problem::BadRequest(BadRequest::Target)).into_response(&id);
            return answer.map(Full::new).map(Either::Right).into();
        };
        if service(&request) == HealthServer::<H>::NAME {
            let Ok(answer) = self.health.clone().call(request).await;
            return answer.map(Either::Left).into();
        }
        let site = self.site.get();
        let Some(door) = site.ext_authz.get(&self.door) else {
            // A reload keeps the doors that there are.
            tracing::error!(door = %self.door, "the configuration lost a door");
            let id = RequestId::random(&NameEntropy);
            return Answer::from(Problem::Internal).answered(&id).map(Full::new).map(Either::Right);
        };
        request.extensions_mut().insert(Asker(client.peer));
        let limit = usize::try_from(site.limits.signed_body()).unwrap_or(usize::MAX);
        let most = limit.saturating_add(site.limits.header_bytes().try_into().unwrap_or(usize::MAX));
        // A check has the request's head twice and its body once.
        let mut service = AuthorizationServer::from_arc(Arc::clone(door)).max_decoding_message_size(most);
        let Ok(mut answer) = service.call(request).await;
        if let Some(checked) = answer.extensions_mut().remove::<Checked>() {
            self.write_down(&checked, began);
            let (keeping, what) = (Keeping::of(&site.limits), (checked.note(), checked.status()));
            let of = (checked.id(), checked.at());
            site.refusals.keep_relayed(keeping, checked.asked(), checked.body(), what, of);
        }
        answer.map(Either::Left).into()
    }

    fn refuse(&self, refused: &RefusedHead, _: &Client) -> Answered<Self::Body> {
        let id = RequestId::random(&NameEntropy);
        let answer = Answer::from(Problem::Framing(refused.why)).answered(&id);
        let record = Record {
            request_id: &id,
            method: &refused.method,
            path: logged(&refused.path),
            status: answer.head.status(),
            took: std::time::Duration::ZERO,
            note: &Note::answered("bad_request", refused.why.to_string()),
        };
        self.ledger.note(&record, SystemClock.now());
        answer.map(Full::new).map(Either::Right)
    }
}

/// The request as what speaks gRPC takes it; none where its target has no path.
fn request(head: &Head<'_>, body: Received) -> Option<Request<Received>> {
    let mut request = Request::new(body);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = head.target.parse().ok()?;
    *request.version_mut() = head.version;
    let headers = request.headers_mut();
    headers.try_reserve(head.headers.len()).ok()?;
    for header in head.headers.iter() {
        let name = HeaderName::from_bytes(header.name).ok()?;
        headers.append(name, HeaderValue::from_bytes(header.value).ok()?);
    }
    Some(request)
}

/// The gRPC service that is asked: the first part of the path.
fn service<B>(request: &Request<B>) -> &str {
    request.uri().path().split('/').nth(1).unwrap_or_default()
}
