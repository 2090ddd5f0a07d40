//! The way through every door: the route, the decision, and what is told of it.

use std::sync::Arc;

use countersign_lines::{AnswerHead, AnswerHeaders};
use countersign_model::UnixTime;
use countersign_verify::{Arrival, BodySource, Caller, Client, Verified, Verifier};
use http::{HeaderMap, HeaderName};

use crate::answer::{Answer, Problem, refusal};
use crate::door::DoorName;
use crate::identity::Secrets;
use crate::inbound::Inbound;
use crate::peers::TrustedPeers;
use crate::record::Note;
use crate::routes::{Route, Routes};
use crate::{REQUEST_ID, RequestId, identity, rate_limit};

/// What decides at every door, under one configuration.
pub struct Guard {
    /// The routes.
    pub routes: Routes,
    /// What decides.
    pub verifier: Arc<Verifier>,
    /// Where an API key stands, so that it goes no further.
    pub api_key_header: HeaderName,
    /// The proxies whose word about the address of a client is believed.
    pub proxies: TrustedPeers,
}

/// A request that may pass. Only [`Guard::admit`] makes one.
#[derive(Debug)]
pub struct Admitted {
    route: Arc<Route>,
    verified: Verified,
}

/// A request that may not pass.
#[derive(Debug)]
pub struct Refused {
    /// What its sender is told.
    pub answer: Answer,
    /// What operators are told.
    pub note: Note,
}

impl Refused {
    /// A refusal that no decision was needed for; `reason` is a stable word for the log, `detail` a sentence.
    pub fn answered(problem: Problem, reason: &'static str, detail: String) -> Box<Self> {
        Box::new(Self { answer: Answer::from(problem), note: Note::answered(reason, detail) })
    }
}

impl Guard {
    /// Decides on a request that came to `door` at `now`. Its body is read only if a check needs it.
    pub async fn admit<B: BodySource>(
        &self,
        inbound: &Inbound<'_>,
        body: &mut B,
        door: &DoorName,
        now: UnixTime,
    ) -> Result<Admitted, Box<Refused>> {
        let route = self.route(inbound, door)?;
        self.decide(route, inbound, body, now).await
    }

    /// The route of a request that came to `door`.
    pub fn route(&self, inbound: &Inbound<'_>, door: &DoorName) -> Result<Arc<Route>, Box<Refused>> {
        let Some(route) = self.routes.of(inbound).cloned() else {
            return Err(Refused::answered(Problem::NoRoute, "no_route", String::new()));
        };
        // No looser route is looked for: at this door, these requests pass by none.
        if !route.doors.include(door) {
            let detail = format!("the route {} is not at the door `{door}`", route.pattern);
            return Err(Refused::answered(Problem::NoRoute, "other_door", detail));
        }
        Ok(route)
    }

    /// Decides on a request that takes `route`, as [`Guard::admit`] does.
    pub async fn decide<B: BodySource>(
        &self,
        route: Arc<Route>,
        inbound: &Inbound<'_>,
        body: &mut B,
        now: UnixTime,
    ) -> Result<Admitted, Box<Refused>> {
        let arrival = Arrival { at: now, from: self.client(inbound) };
        let verdict = self.verifier.decide(inbound.request(), body, &route.requirement, arrival).await;
        match verdict {
            Ok(verified) => Ok(Admitted { route, verified }),
            Err(failure) => {
                let answer = refusal(&failure, &route.requirement, &self.api_key_header);
                Err(Box::new(Refused { answer, note: Note::refused(route, &failure) }))
            }
        }
    }

    /// Where a request comes from.
    pub fn client(&self, inbound: &Inbound<'_>) -> Client {
        Client::of(self.proxies.client(inbound.peer.ip(), inbound.headers))
    }

    /// Makes the headers of an admitted request those that the upstream sees: what was checked and what was forged is gone,
    /// who is calling stands there. For doors that hold the request in their hands; [`Guard::pass`] is for the others.
    pub fn introduce(&self, admitted: &Admitted, headers: &mut HeaderMap) {
        self.introduce_caller(&admitted.route, admitted.verified.caller(), headers);
    }

    /// The headers in which secrets stand that a route checks.
    pub fn secrets<'a>(&'a self, route: &'a Route) -> Secrets<'a> {
        Secrets::of(&route.requirement, &self.api_key_header, &route.credentials)
    }

    /// The same for a request whose end is held back until it was found to be `caller`'s.
    pub fn introduce_caller(&self, route: &Route, caller: &Caller, headers: &mut HeaderMap) {
        self.secrets(route).remove(headers);
        identity::remove_forged(headers);
        identity::set(headers, caller);
    }
}

impl Admitted {
    /// The route it takes.
    pub fn route(&self) -> &Arc<Route> {
        &self.route
    }

    /// Who sent it.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }

    /// Who sent it, for a door that keeps it.
    pub fn into_verified(self) -> Verified {
        self.verified
    }

    /// Adds what stands in the request when it goes on, in place of whatever its client wrote there: who is calling, every header of
    /// it, and the request's name. For a proxy that passes the request on itself.
    pub fn put_onward(&self, id: &RequestId, answer: &mut AnswerHead) {
        answer.put(&identity::HEADERS, |lines| identity::put(lines, self.verified.caller()));
        answer.add(&REQUEST_ID, id.as_bytes());
    }

    /// Says what [`put_onward`](Self::put_onward) adds, one header after the other.
    pub fn tell_onward(&self, id: &RequestId, mut says: impl FnMut(&HeaderName, &[u8])) {
        identity::tell(self.verified.caller(), |name, value| says(&name, value.as_bytes()));
        says(&REQUEST_ID, id.as_bytes());
    }

    /// Tells the caller how he stands with the limits, in the answer that he gets in the end.
    pub fn tell_limits(&self, headers: &mut impl AnswerHeaders) {
        rate_limit::tell(headers, self.verified.standings());
    }

    /// What operators are told.
    pub fn note(&self) -> Note {
        Note::allowed(Arc::clone(&self.route), self.verified.caller().clone())
    }

    /// The same, where nothing else is asked any more.
    pub fn into_note(self) -> Note {
        Note::allowed(self.route, self.verified.into_caller())
    }
}
