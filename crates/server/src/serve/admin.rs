//! The admin side: health and metrics.

use bytes::Bytes;
use countersign_api::Admin;
use countersign_edge::{Answer, Problem, RequestId};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::listen::{Client, Handle, RefusedHead};
use crate::world::NameEntropy;

/// Answers requests to the admin side.
pub(super) struct AdminSide(Admin);

impl AdminSide {
    pub(super) fn new(admin: Admin) -> Self {
        Self(admin)
    }
}

impl Handle for AdminSide {
    type Body = Full<Bytes>;

    async fn handle(&self, request: Request<Incoming>, _: &Client) -> Response<Full<Bytes>> {
        self.0.answer(request.method(), request.uri().path()).await.map(Full::new)
    }

    fn refuse(&self, refused: &RefusedHead, _: &Client) -> Response<Full<Bytes>> {
        let id = RequestId::random(&NameEntropy);
        Answer::from(Problem::Framing(refused.why)).into_response(&id).map(Full::new)
    }
}
