//! The layer and its service.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use bytes::Bytes;
use countersign_edge::{Answer, DoorName, Guard, Note, REQUEST_ID, RequestId};
use countersign_model::{Clock, Entropy};
use http::{HeaderValue, Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::admit::{Onward, Passage, admit};
use crate::body::{BodyLimits, RequestBody, ResponseBody};

/// Who is at the other end of a request's connection: put it into the request's extensions where axum's `ConnectInfo` is not
/// there. A request without either comes from nowhere: it is `0.0.0.0:0`.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// How requests reach the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wire {
    /// Without TLS.
    #[default]
    Http,
    /// With TLS, here or at a proxy that is trusted to have ended it.
    Https,
}

/// Lets requests pass that prove who sent them, and answers the others.
#[derive(Clone)]
pub struct CountersignLayer(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) guard: Arc<ArcSwap<Guard>>,
    pub(crate) clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pub(crate) door: DoorName,
    pub(crate) wire: Wire,
    pub(crate) limits: BodyLimits,
}

/// A service behind a [`CountersignLayer`].
#[derive(Clone)]
pub struct Countersign<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl CountersignLayer {
    /// A layer that decides by the guard that is in `guard` when a request comes. `clock` tells each request's one time; `entropy` names
    /// requests that have no name.
    pub fn new(guard: Arc<ArcSwap<Guard>>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self(Arc::new(Shared {
            guard,
            clock,
            entropy,
            door: DoorName::new(DoorName::TOWER),
            wire: Wire::default(),
            limits: BodyLimits::default(),
        }))
    }

    /// The same layer for requests that come over `wire`. Dialects may sign the scheme.
    #[must_use]
    pub fn over(&self, wire: Wire) -> Self {
        Self(Arc::new(Shared { wire, ..self.0.as_they_are() }))
    }

    /// The same layer with other limits on bodies that it checks.
    #[must_use]
    pub fn with_limits(&self, limits: BodyLimits) -> Self {
        Self(Arc::new(Shared { limits, ..self.0.as_they_are() }))
    }
}

impl Shared {
    fn as_they_are(&self) -> Self {
        Self {
            guard: Arc::clone(&self.guard),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            door: self.door.clone(),
            wire: self.wire,
            limits: self.limits.clone(),
        }
    }
}

impl Wire {
    pub(crate) const fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl<S> Layer<S> for CountersignLayer {
    type Service = Countersign<S>;

    fn layer(&self, inner: S) -> Countersign<S> {
        Countersign { inner, shared: Arc::clone(&self.0) }
    }
}

impl<S, B, R> Service<Request<B>> for Countersign<S>
where
    S: Service<Request<RequestBody<B>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    R: Send,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was found ready is the one to call; its clone may not be ready yet.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let id = RequestId::choose(
                request.headers().get(REQUEST_ID).map(HeaderValue::as_bytes),
                &*shared.entropy,
            );
            match admit(&shared, &mut inner, request, &id).await {
                Ok(Passage { admitted, onward }) => {
                    tell(&id, &admitted.note());
                    let answer = match onward {
                        Onward::Request(request) => inner.call(*request).await,
                        Onward::Answered(answer) => answer,
                    };
                    let mut response = answer?.map(ResponseBody::OfService);
                    admitted.tell_limits(response.headers_mut());
                    response.headers_mut().insert(REQUEST_ID, id.to_header());
                    Ok(response)
                }
                Err(refused) => {
                    tell(&id, &refused.note);
                    let answer: Answer = refused.answer;
                    Ok(answer.into_response(&id).map(ResponseBody::OfLayer))
                }
            }
        })
    }
}

/// A line for operators: the verdict with its reason, never with a secret.
fn tell(id: &RequestId, note: &Note) {
    tracing::info!(
        target: "countersign",
        request_id = id.as_str(),
        verdict = note.outcome.as_str(),
        reason = note.reason,
        detail = note.detail(),
        route = note.route.as_ref().map(|route| &*route.pattern),
        consumer = note.app.as_ref().map(|app| app.name().as_str()),
        key_id = note.credential().map(countersign_model::KeyId::as_str),
        wallet = note.user.map(|address| address.to_string()),
        "request"
    );
}
