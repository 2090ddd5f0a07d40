//! Forward-auth: another proxy asks about each request before it passes it on itself.
//!
//! What the proxy says of a request is believed only from its own address, and only where it is said in the one place where
//! this kind of proxy says it: a header that another kind uses may be the client's own.

mod ask;
mod reply;
mod restored;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use countersign_edge::{
    Admitted, BadRequest, Bodies, DoorName, FrontProxy, Guard, Head, Note, Pass, Problem, Refused, Relayed,
    RequestId, TrustedPeers, irremovable,
};
use countersign_framing::Refusal;
use countersign_lines::Answered;
use countersign_model::UnixTime;
use countersign_verify::{Begun, BodyFailure, BodySource, Caller, NoBody};
use http::StatusCode;

use crate::ClientBody;

/// Where a proxy asks about requests.
pub const CHECK_PATH: &str = "/check";

/// Where nginx fetches the refusal that it was told of: it makes answers of its own otherwise.
pub const REFUSAL_PATH: &str = "/refusal";

/// A door at which one proxy, or several of one kind, ask about requests.
pub struct ForwardAuth {
    /// What decides.
    pub guard: Arc<Guard>,
    /// What this door is called.
    pub name: DoorName,
    /// The kind of proxy.
    pub proxy: FrontProxy,
    /// Whether the proxy sends bodies along.
    pub bodies: Bodies,
    /// The addresses of the proxies.
    pub trusted: TrustedPeers,
    /// Paths that the public side answers itself: the proxy must send them there, and they pass nowhere else.
    pub own_paths: Vec<String>,
}

/// What a check comes with besides its head and body.
pub struct Asking<'a> {
    /// The name of the request.
    pub id: &'a RequestId,
    /// Its one time.
    pub now: UnixTime,
    /// Who asks.
    pub peer: SocketAddr,
}

/// What was answered to a check.
pub struct Checked {
    /// The answer to the proxy.
    pub response: Answered<Bytes>,
    /// The status that the client gets; where the request passes, 200.
    pub status: StatusCode,
    /// What came of it; nothing where an answer was fetched that was given before.
    pub note: Option<Note>,
    /// The request that was asked about, where that could be read.
    pub asked: Option<Relayed>,
    /// Its body, where the proxy sent it and it was read and held in memory.
    pub body: Option<Bytes>,
}

impl Checked {
    fn answered(response: Answered<Bytes>, note: Option<Note>) -> Self {
        Self { status: response.head.status(), response, note, asked: None, body: None }
    }
}

impl ForwardAuth {
    /// Answers a check. `body` is read only if a check needs it and the proxy sends bodies.
    pub async fn answer(&self, head: &Head<'_>, body: ClientBody<'_>, asking: &Asking<'_>) -> Checked {
        let Asking { id, peer, .. } = *asking;
        if !self.trusted.contains(peer.ip()) {
            let detail = format!("{} is not among the proxies of the door `{}`", peer.ip(), self.name);
            let refused = Refused::answered(Problem::UntrustedPeer, "untrusted_peer", detail);
            // What is carried in headers for a proxy is for that proxy alone.
            return Checked::answered(refused.answer.answered(id), Some(refused.note));
        }
        if self.proxy == FrontProxy::Nginx && head.path() == REFUSAL_PATH {
            return Checked::answered(restored::restore(head.headers, id), None);
        }
        let relayed = match ask::relayed(self.proxy, self.bodies, head, peer) {
            Ok(relayed) => relayed,
            Err(refused) => return self.refuse(*refused, None, None, id),
        };
        let mut body = match self.bodies {
            Bodies::Unseen => Sight::Unseen(NoBody),
            Bodies::Forwarded => Sight::Forwarded(body.for_checking()),
        };
        match self.decide(&relayed, &mut body, asking).await {
            Ok((admitted, pass)) => {
                let response = reply::yes(self.proxy, &admitted, &pass, id);
                let (note, asked) = (Some(admitted.into_note()), Some(relayed));
                Checked { status: response.head.status(), response, note, asked, body: None }
            }
            Err(refused) => self.refuse(*refused, Some(relayed), body.held(), id),
        }
    }

    /// Answers a check whose head cannot be read in one way.
    pub fn unreadable(&self, why: Refusal, id: &RequestId) -> Checked {
        let problem = Problem::Framing(why);
        self.refuse(*Refused::answered(problem, why.code(), why.to_string()), None, None, id)
    }

    async fn decide(
        &self,
        relayed: &Relayed,
        body: &mut Sight<'_>,
        asking: &Asking<'_>,
    ) -> Result<(Admitted, Pass), Box<Refused>> {
        let inbound = relayed.inbound().map_err(bad_request)?;
        if self.own_paths.iter().any(|path| *path == inbound.path) {
            let detail = "the public side answers this path itself: have the proxy send it there".to_owned();
            return Err(Refused::answered(Problem::NoRoute, "own_path", detail));
        }
        let removes = removes(self.proxy);
        if removes == Removes::WhatItKnows
            && let Some(name) = irremovable(&inbound).first()
        {
            return Err(forged(name.as_str()));
        }
        let admitted = self.guard.admit(&inbound, body, &self.name, asking.now).await?;
        let pass = self.guard.pass(&admitted, &inbound);
        // The proxy removes secrets under their own names; another spelling would look to an upstream as if it were checked.
        if removes == Removes::WhatItKnows
            && let Some(odd) = pass.credentials.iter().find(|name| !is_plain(name.as_str()))
        {
            return Err(forged(odd.as_str()));
        }
        Ok((admitted, pass))
    }

    fn refuse(
        &self,
        refused: Refused,
        asked: Option<Relayed>,
        body: Option<Bytes>,
        id: &RequestId,
    ) -> Checked {
        let answer = refused.answer.answered(id);
        let status = answer.head.status();
        Checked { response: reply::no(self.proxy, answer), status, note: Some(refused.note), asked, body }
    }
}

/// What a proxy can remove from a request that it passes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Removes {
    /// Every header that we name.
    WhatWeName,
    /// Those that its own configuration names.
    WhatItKnows,
}

const fn removes(proxy: FrontProxy) -> Removes {
    match proxy {
        FrontProxy::Envoy => Removes::WhatWeName,
        FrontProxy::Nginx | FrontProxy::Traefik | FrontProxy::Caddy => Removes::WhatItKnows,
    }
}

fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn bad_request(why: BadRequest) -> Box<Refused> {
    Refused::answered(Problem::BadRequest(why), why.code(), why.to_string())
}

fn forged(name: &str) -> Box<Refused> {
    let why = BadRequest::Forged;
    Refused::answered(Problem::BadRequest(why), why.code(), format!("{why}: `{name}`"))
}

/// The body, as far as this door sees it.
enum Sight<'l> {
    Unseen(NoBody),
    Forwarded(ClientBody<'l>),
}

impl Sight<'_> {
    /// All of it, where it was read and held in memory.
    fn held(&self) -> Option<Bytes> {
        match self {
            Self::Unseen(_) => None,
            Self::Forwarded(body) => body.held(),
        }
    }
}

impl BodySource for Sight<'_> {
    async fn read(&mut self) -> Result<Bytes, BodyFailure> {
        match self {
            Self::Unseen(body) => body.read().await,
            Self::Forwarded(body) => body.read().await,
        }
    }

    async fn begin(&mut self) -> Result<Begun, BodyFailure> {
        match self {
            Self::Unseen(body) => body.begin().await,
            Self::Forwarded(body) => body.begin().await,
        }
    }

    async fn pass(
        &mut self,
        caller: Option<&Caller>,
        take: &mut (dyn FnMut(&[u8]) + Send),
    ) -> Result<(), BodyFailure> {
        match self {
            Self::Unseen(body) => body.pass(caller, take).await,
            Self::Forwarded(body) => body.pass(caller, take).await,
        }
    }
}
