//! One request through the layer: decided on before the service sees it, or while it does.

use std::future::{Future as _, pending, poll_fn};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use countersign_bodies::{Along, ClientBody, Departure, RelayLimits};
use countersign_edge::{
    Admitted, Guard, Head, Inbound, LongBodies, Problem, REQUEST_ID, Refused, RequestId, Route,
};
use countersign_model::HeaderList;
use countersign_verify::Caller as Proved;
use http::request::Parts;
use http::{Request, Uri};
use http_body::Body;
use tower_service::Service;

use crate::body::RequestBody;
use crate::caller::Caller;
use crate::layer::{Peer, Shared};

/// A request that may pass.
pub(crate) struct Passage<B, A> {
    pub(crate) admitted: Admitted,
    pub(crate) onward: Onward<B, A>,
}

/// What is left to do with it.
pub(crate) enum Onward<B, A> {
    /// The service does not know of it yet.
    Request(Box<Request<RequestBody<B>>>),
    /// It went on while it was checked, and this is what the service said.
    Answered(A),
}

/// What the service makes of a request.
type AnswerOf<S, B> =
    Result<<S as Service<Request<RequestBody<B>>>>::Response, <S as Service<Request<RequestBody<B>>>>::Error>;

/// Decides on a request. Where its route wants that and its body is long, `service`, which is ready, is called with it meanwhile.
pub(crate) async fn admit<S, B>(
    shared: &Shared,
    service: &mut S,
    request: Request<B>,
    id: &RequestId,
) -> Result<Passage<B, AnswerOf<S, B>>, Box<Refused>>
where
    S: Service<Request<RequestBody<B>>>,
    B: Body<Data = Bytes> + Send + Unpin,
{
    let (mut head, body) = request.into_parts();
    let mut body = ClientBody::new(body, &shared.limits.reading);
    let guard = shared.guard.load_full();
    // What the client asked for is what it signed; the service goes on with what is left of it.
    let nested = original_target(&head).map(|original| std::mem::replace(&mut head.uri, original));
    let admitted = {
        let lines: HeaderList = head.headers.iter().collect();
        let seen = Head::of(&head, lines.view());
        let inbound = Inbound::read(&seen, shared.wire.scheme(), peer(&head))
            .map_err(|why| Refused::answered(Problem::BadRequest(why), why.code(), why.to_string()))?;
        let route = guard.route(&inbound, &shared.door)?;
        let asked = Asked { guard: &guard, head: &head, inbound: &inbound, nested: nested.as_ref(), id };
        match route.long_bodies {
            LongBodies::SpoolFirst => guard.decide(route, &inbound, &mut body, shared.clock.now()).await?,
            LongBodies::HoldLast => match asked.along(shared, service, route, &mut body).await? {
                (admitted, None) => admitted,
                (admitted, Some(answer)) => {
                    return Ok(Passage { admitted, onward: Onward::Answered(answer) });
                }
            },
        }
    };
    // A body that failed while it was read failed the check that asked for it.
    let body =
        body.take_checked().map_err(|why| Refused::answered(Problem::Body(why), "body", why.to_string()))?;
    introduce(&guard, admitted.route(), admitted.verified().caller(), &mut head, nested, id);
    let request = Box::new(Request::from_parts(head, RequestBody::checked(body)));
    Ok(Passage { admitted, onward: Onward::Request(request) })
}

/// A request that is decided on while it goes on.
struct Asked<'a> {
    guard: &'a Guard,
    head: &'a Parts,
    inbound: &'a Inbound<'a>,
    nested: Option<&'a Uri>,
    id: &'a RequestId,
}

impl Asked<'_> {
    /// Decides on it, and calls the service meanwhile if the body is long. It answers before the end of the body at will; nobody hears
    /// of that before the decision, and nobody ever does if the request is refused.
    async fn along<S, B>(
        &self,
        shared: &Shared,
        service: &mut S,
        route: Arc<Route>,
        body: &mut ClientBody<'_, B>,
    ) -> Result<(Admitted, Option<AnswerOf<S, B>>), Box<Refused>>
    where
        S: Service<Request<RequestBody<B>>>,
        B: Body<Data = Bytes> + Send + Unpin,
    {
        let relaying = shared.limits.relaying;
        let max_bytes = route.body_limit.unwrap_or(relaying.max_bytes);
        let (begun, relayed) = body.relay(RelayLimits { max_bytes, ..relaying });
        let calling = async {
            // Nothing goes on of a short body, or one that is refused all the same.
            let Ok(Departure { caller, length }) = begun.await else { return pending().await };
            let mut head = self.head.clone();
            introduce(self.guard, &route, &caller, &mut head, self.nested.cloned(), self.id);
            let body = RequestBody::relayed(relayed.with_length(length));
            service.call(Request::from_parts(head, body)).await
        };
        let deciding = async {
            let now = shared.clock.now();
            let admitted = self.guard.decide(Arc::clone(&route), self.inbound, body, now).await?;
            Ok::<_, Box<Refused>>((admitted, body.release().await))
        };
        let (mut calling, mut deciding) = (pin!(calling), pin!(deciding));
        let mut answer = None;
        let verdict = poll_fn(|cx| {
            if answer.is_none()
                && let Poll::Ready(answered) = calling.as_mut().poll(cx)
            {
                answer = Some(answered);
            }
            deciding.as_mut().poll(cx)
        })
        .await;
        // A refusal drops what the service is doing, as a client that goes away does.
        Ok(match (verdict?, answer) {
            ((admitted, Along::NotSent), _) => (admitted, None),
            ((admitted, Along::Sent), Some(answer)) => (admitted, Some(answer)),
            ((admitted, Along::Sent), None) => (admitted, Some(calling.await)),
        })
    }
}

/// Makes the head what the service sees.
fn introduce(
    guard: &Guard,
    route: &Route,
    caller: &Proved,
    head: &mut Parts,
    nested: Option<Uri>,
    id: &RequestId,
) {
    if let Some(nested) = nested {
        head.uri = nested;
    }
    guard.introduce_caller(route, caller, &mut head.headers);
    head.headers.insert(REQUEST_ID, id.to_header());
    head.extensions.insert(Caller::new(caller));
}

/// What the client asked for, where a router has cut it since.
#[cfg(feature = "axum")]
fn original_target(head: &Parts) -> Option<Uri> {
    head.extensions.get::<axum::extract::OriginalUri>().map(|original| original.0.clone())
}

/// Nothing cuts a target that says what it was before.
#[cfg(not(feature = "axum"))]
fn original_target(_: &Parts) -> Option<Uri> {
    None
}

fn peer(head: &Parts) -> SocketAddr {
    let told = head.extensions.get::<Peer>().map(|peer| peer.0);
    #[cfg(feature = "axum")]
    let told = told.or_else(|| {
        head.extensions.get::<axum::extract::ConnectInfo<SocketAddr>>().map(|connected| connected.0)
    });
    told.unwrap_or(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0))
}
