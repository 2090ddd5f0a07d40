//! The public side: each request to the login endpoints or through the gateway, and a note of what came of it.

use std::time::Duration;

use bytes::Bytes;
use countersign_edge::{
    AllowedOrigin, Answer, Cors, Field, Fields, Head, Inbound, Note, Problem, REQUEST_ID, Record, RequestId,
};
use countersign_framing::Refusal;
use countersign_gateway::{Attending, ClientBody, Pools, Received, Reply};
use countersign_lines::Answered;
use countersign_model::Clock as _;
use countersign_verify::Arrival;
use http::{Method, Response};
use hyper::body::Body as _;
use tokio::time::Instant;

use super::ledger::{Ledger, Noting};
use super::refusals::Keeping;
use super::site::Site;
use super::sites::{Here, Sites};
use crate::listen::{Client, Handle, RefusedHead};
use crate::world::{NameEntropy, OsEntropy, SystemClock};

/// How much of a path stands in the log, in bytes.
const LOGGED_PATH_BYTES: usize = 2048;

/// Answers requests to the public side, on one thread.
pub(super) struct PublicSide {
    site: Here,
    pools: Pools,
    ledger: Ledger,
}

impl PublicSide {
    pub(super) fn new(sites: &Sites, noting: Noting) -> Self {
        Self { site: Here::new(sites), pools: Pools::default(), ledger: Ledger::new(noting, None) }
    }
}

impl Handle for PublicSide {
    type Body = Reply;

    async fn handle(&self, head: &Head<'_>, body: Received, client: &Client) -> Answered<Reply> {
        let began = Instant::now();
        // The one time of this request.
        let now = SystemClock.now();
        let site = self.site.get();
        let fields = Fields::of(head.headers);
        let named = if fields.has(Field::RequestId) { head.headers.get(REQUEST_ID.as_str()) } else { None };
        let id = RequestId::choose(named, &NameEntropy);
        let from = site.trusted_proxies.provenance(client.peer, client.scheme.as_str(), head.headers);
        let (entropy, pools, timer) = (&NameEntropy, &self.pools, &*client.timer);
        let attending = Attending { id: &id, now, entropy, from, pools, timer };
        let origin = site.cors.as_ref().and_then(|cors| cors.origin(head.headers));
        let (mut answered, mut note) = site.answer(head, fields, body, origin.as_ref(), &attending).await;
        // That, rather than that the client broke off.
        if let Some(why) = client.watch.refused_body()
            && note.reason == "body"
        {
            answered = answer(Problem::Framing(why).into(), &id);
            note = note.not_passed_on(why.code(), why.to_string());
        }
        if let Some(cors) = &site.cors {
            cors.vary(&mut answered.head);
        }
        if let Some(origin) = &origin {
            origin.mark(&mut answered.head);
        }
        let record = Record {
            request_id: &id,
            method: head.method.as_str(),
            path: logged(head.path()),
            status: answered.head.status(),
            took: began.elapsed(),
            note: &note,
        };
        self.ledger.note(&record, now);
        answered
    }

    fn refuse(&self, refused: &RefusedHead, _: &Client) -> Answered<Reply> {
        let now = SystemClock.now();
        let id = RequestId::random(&NameEntropy);
        let answered = answer(Problem::Framing(refused.why).into(), &id);
        let record = Record {
            request_id: &id,
            method: &refused.method,
            path: logged(&refused.path),
            status: answered.head.status(),
            took: Duration::ZERO,
            note: &Note::answered(refused.why.code(), refused.why.to_string()),
        };
        self.ledger.note(&record, now);
        answered
    }
}

/// An answer of ours.
fn answer(answer: Answer, id: &RequestId) -> Answered<Reply> {
    answer.answered(id).map(Reply::answer)
}

/// What is logged of a path. Lines wait in memory for a slow reader, and strangers choose how long a path is.
pub(super) fn logged(path: &str) -> &str {
    path.get(..path.floor_char_boundary(LOGGED_PATH_BYTES)).unwrap_or(path)
}

impl Site {
    async fn answer(
        &self,
        head: &Head<'_>,
        fields: Fields,
        body: Received,
        origin: Option<&AllowedOrigin>,
        attending: &Attending<'_>,
    ) -> (Answered<Reply>, Note) {
        let inbound = match Inbound::of(head, fields, attending.from.scheme, attending.from.client) {
            Ok(inbound) => inbound,
            Err(why) => {
                let answered = answer(Problem::BadRequest(why).into(), attending.id);
                return (answered, Note::answered(why.code(), why.to_string()));
            }
        };
        // HTTP/1 tells of a body by its head, and is refused before.
        if matches!(*head.method, Method::GET | Method::HEAD) && !body.is_end_stream() {
            let why = Refusal::BodyOfGet;
            let answered = answer(Problem::Framing(why).into(), attending.id);
            return (answered, Note::answered(why.code(), why.to_string()));
        }
        if let Some(permission) = self.permission(&inbound, origin, attending) {
            return (Answered::from(permission).map(Reply::answer), Note::answered("", String::new()));
        }
        if let Some(login) = &self.login
            && let Some(endpoint) = login.endpoint(&inbound.path)
        {
            let mut body = ClientBody::new(body, &self.login_bodies);
            let Attending { id, now, .. } = *attending;
            let arrival = Arrival { at: now, from: self.guard.client(&inbound) };
            let answer = login.answer(endpoint, &inbound, &mut body, id, arrival, &OsEntropy).await;
            let note = Note::answered(answer.reason, answer.detail);
            let note = match answer.limit {
                Some(limit) => note.over(limit),
                None => note,
            };
            return (Answered::from(answer.response).map(Reply::answer), note);
        }
        let mut body = ClientBody::new(body, &self.signed_bodies);
        match self.gateway.admit(&inbound, &mut body, attending).await {
            Ok(passage) => self.gateway.forward(&inbound, &mut body, passage, attending).await,
            Err(refused) => {
                let answered = answer(refused.answer, attending.id);
                let (keeping, what) = (Keeping::of(&self.limits), (&refused.note, answered.head.status()));
                let of = (attending.id, attending.now);
                self.refusals.keep(keeping, &inbound, body.held(), what, of);
                (answered, refused.note)
            }
        }
    }

    /// The answer to a browser that asks whether a page of another origin may make a call, where the call would have a
    /// route. A route that names OPTIONS leaves the question to its upstream.
    fn permission(
        &self,
        inbound: &Inbound<'_>,
        origin: Option<&AllowedOrigin>,
        attending: &Attending<'_>,
    ) -> Option<Response<Bytes>> {
        let (cors, origin) = (self.cors.as_ref()?, origin?);
        let asked = Cors::asked(inbound.method, inbound.headers)?;
        let route = |method| self.guard.routes.find(method, &inbound.path);
        if route(inbound.method).is_some_and(|route| route.methods.contains(inbound.method)) {
            return None;
        }
        let is_login = self.login.as_ref().is_some_and(|login| login.endpoint(&inbound.path).is_some());
        if !is_login && route(&asked).is_none() {
            return None;
        }
        Some(cors.permission(origin, &asked, inbound.headers, attending.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen::task_bytes;
    use crate::serve::check::CheckSide;

    /// What a connection without TLS keeps beside what it has read and is about to write, in bytes.
    const MOST_TASK_BYTES: usize = 6 * 1024;

    #[test]
    fn the_task_of_a_connection_takes_six_kilobytes_at_most() {
        let (proxied, checked) = (task_bytes::<PublicSide>(), task_bytes::<CheckSide>());
        assert!(proxied.max(checked) <= MOST_TASK_BYTES, "{proxied} {checked}");
    }

    #[test]
    fn a_stranger_does_not_choose_how_long_a_line_of_the_log_is() {
        let long = format!("/{}é", "a".repeat(LOGGED_PATH_BYTES - 2));
        assert_eq!(logged(&long), &long[..LOGGED_PATH_BYTES - 1]);
        assert_eq!(logged("/v1/items"), "/v1/items");
    }
}
