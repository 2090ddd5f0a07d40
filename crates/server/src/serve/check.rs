//! The doors at which other proxies ask: each check, and a note of what came of it.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use countersign_edge::{Answer, DoorName, Problem, REQUEST_ID, Record, RequestId};
use countersign_gateway::{Asking, ClientBody};
use countersign_model::Clock as _;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::figures::Figures;
use super::public::logged;
use super::request_log::{LineSink, RequestLog};
use super::site::Site;
use crate::listen::Handle;
use crate::world::{NameEntropy, SystemClock};

/// Answers the checks at one door, on one thread.
pub(super) struct CheckSide {
    door: DoorName,
    site: Arc<ArcSwap<Site>>,
    log: RequestLog,
    figures: Figures,
}

impl CheckSide {
    pub(super) fn new(door: DoorName, site: Arc<ArcSwap<Site>>, sink: LineSink) -> Self {
        Self { door, site, log: RequestLog::new(sink), figures: Figures::new() }
    }
}

impl Handle for CheckSide {
    type Body = Full<Bytes>;

    async fn handle(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
        let began = Instant::now();
        // The one time of this request.
        let now = SystemClock.now();
        let id = RequestId::choose(request.headers().get(REQUEST_ID), &NameEntropy);
        let site = self.site.load_full();

        let (head, body) = request.into_parts();
        let of_the_check = (head.method.clone(), head.uri.path().to_owned());
        let Some(door) = site.forward_auth.get(&self.door) else {
            // A reload keeps the doors that there are.
            tracing::error!(door = %self.door, "the configuration lost a door");
            return Answer::from(Problem::Internal).into_response(&id).map(Full::new);
        };
        let body = ClientBody::new(body, site.reading(site.limits.signed_body()));
        let checked = door.answer(head, body, &Asking { id: &id, now, peer }).await;
        if let Some(note) = &checked.note {
            let (method, path) = checked.asked.as_ref().unwrap_or(&of_the_check);
            let record = Record {
                request_id: &id,
                door: Some(&self.door),
                method,
                path: logged(path),
                status: checked.status,
                took: began.elapsed(),
                note,
            };
            self.figures.count(&record);
            self.log.note(&record, now);
        }
        checked.response.map(Full::new)
    }
}
