//! The doors at which other proxies ask: each check, and a note of what came of it.

use std::time::Duration;

use bytes::Bytes;
use countersign_edge::{Answer, DoorName, Head, Problem, REQUEST_ID, Record, RequestId};
use countersign_gateway::{Asking, Checked, ClientBody, Received};
use countersign_lines::Answered;
use countersign_model::Clock as _;
use http_body_util::Full;
use tokio::time::Instant;

use super::ledger::{Ledger, Noting};
use super::public::logged;
use super::refusals::Keeping;
use super::sites::{Here, Sites};
use crate::listen::{Client, Handle, RefusedHead};
use crate::world::{NameEntropy, SystemClock};

/// Answers the checks at one door, on one thread.
pub(super) struct CheckSide {
    door: DoorName,
    site: Here,
    ledger: Ledger,
}

impl CheckSide {
    pub(super) fn new(door: DoorName, sites: &Sites, noting: Noting) -> Self {
        let ledger = Ledger::new(noting, Some(door.clone()));
        Self { door, site: Here::new(sites), ledger }
    }
}

impl Handle for CheckSide {
    type Body = Full<Bytes>;

    async fn handle(&self, head: &Head<'_>, body: Received, client: &Client) -> Answered<Full<Bytes>> {
        let began = Instant::now();
        // The one time of this request.
        let now = SystemClock.now();
        let id = RequestId::choose(head.headers.get(REQUEST_ID.as_str()), &NameEntropy);
        let site = self.site.get();
        let Some(door) = site.forward_auth.get(&self.door) else { return self.no_door(&id) };

        let body = ClientBody::new(body, &site.signed_bodies);
        let asking = Asking { id: &id, now, peer: client.peer };
        let checked = door.answer(head, body, &asking).await;
        let (method, path) = match &checked.asked {
            Some(asked) => (asked.method(), asked.path()),
            None => (head.method, head.path()),
        };
        self.write_down(&checked, (method.as_str(), path), &asking, began.elapsed());
        if let Some(note) = &checked.note {
            let (keeping, what) = (Keeping::of(&site.limits), (note, checked.status));
            let (asked, body) = (checked.asked.as_ref(), checked.body.as_ref());
            site.refusals.keep_relayed(keeping, asked, body, what, (&id, now));
        }
        checked.response.map(Full::new)
    }

    fn refuse(&self, refused: &RefusedHead, client: &Client) -> Answered<Full<Bytes>> {
        let id = RequestId::random(&NameEntropy);
        let site = self.site.get();
        let Some(door) = site.forward_auth.get(&self.door) else { return self.no_door(&id) };
        let asking = Asking { id: &id, now: SystemClock.now(), peer: client.peer };
        let checked = door.unreadable(refused.why, &id);
        self.write_down(&checked, (&refused.method, &refused.path), &asking, Duration::ZERO);
        checked.response.map(Full::new)
    }
}

impl CheckSide {
    /// A reload keeps the doors that there are.
    fn no_door(&self, id: &RequestId) -> Answered<Full<Bytes>> {
        tracing::error!(door = %self.door, "the configuration lost a door");
        Answer::from(Problem::Internal).answered(id).map(Full::new)
    }

    fn write_down(
        &self,
        checked: &Checked,
        (method, path): (&str, &str),
        asking: &Asking<'_>,
        took: Duration,
    ) {
        let Some(note) = &checked.note else { return };
        let record =
            Record { request_id: asking.id, method, path: logged(path), status: checked.status, took, note };
        self.ledger.note(&record, asking.now);
    }
}
